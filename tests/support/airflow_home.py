"""Airflow with a home of its own, without a database: set before anything of Airflow is imported.

The fixtures are those of the tests of `dags/`, in the layers that have some.
"""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .folders import Folder
from .layers import starting_what_is_shared
from .places import ROOT, SMALL

FAKE = Path(__file__).parent / "fake"


def use_own_home() -> None:
    """Airflow reads its home when it is imported, once per process: whichever test comes first."""
    home = tempfile.mkdtemp(prefix="airflow_home_")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"


@pytest.fixture(scope="session")
def airflow_environment() -> dict[str, str]:
    """What Airflow reads from the environment, here and in processes that a test starts."""
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW_CONN_SPARK_DEFAULT": '{"conn_type": "spark", "host": "local[*]"}',
        "USERTAGS_CONFIGS": str(SMALL),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'jobs'}",
    }


@pytest.fixture(scope="module")
def airflow(airflow_environment: dict[str, str]) -> Iterator[None]:
    """The environment for this process, until the tests of this module have ended.

    What `dags/` reads of the environment it reads when it is imported, so it is imported anew.
    """
    for name in [name for name in sys.modules if name == "dags" or name.startswith("dags.")]:
        del sys.modules[name]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in airflow_environment.items():
            patch.setenv(name, value)
        with starting_what_is_shared():
            # Its import asks the machine about itself by a process.
            import airflow.dag_processing.dagbag  # noqa: F401
        yield


@pytest.fixture(scope="module")
def bag(airflow: None) -> Any:
    """The DAG folder as Airflow's DAG processor reads it."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


@pytest.fixture(scope="module")
def dag(bag: Any) -> Any:
    return bag.dags["user_tags_daily"]


@pytest.fixture(scope="session")
def in_a_new_process(airflow_environment: dict[str, str]) -> dict[str, Any]:
    """How a test runs Python that has imported nothing yet."""
    environment = os.environ | airflow_environment | {"PYTHONWARNINGS": "ignore"}
    return {"cwd": ROOT, "env": environment, "executable": sys.executable}


class FakeTaskInstance:
    """A fake of a task instance: what `plan` has left for the stages."""

    def xcom_pull(self, task_ids: str) -> dict[str, Any]:
        assert task_ids == "plan"
        return {"day": "2026-11-01", "run_id": "20261102T020000_ab12", "sources": ["orders", "users"]}


@pytest.fixture
def submit(
    airflow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., list[str]]]:
    """Runs a stage's task with the fake spark-submit; returns how that was called."""
    from dags import stage_tasks

    folder = Folder.small(tmp_path)
    folder.write("spark/session.yml", "conf:\n  spark.driver.memory: 2g\n  spark.sql.shuffle.partitions: 4\n")
    call = tmp_path / "call.txt"
    monkeypatch.setattr(stage_tasks, "CONFIGS", str(folder.path))
    monkeypatch.setattr(sys, "executable", str(FAKE / "python"))
    monkeypatch.setattr(stage_tasks, "jar_paths", lambda: [Path("one.jar"), Path("two.jar")])
    monkeypatch.setenv("FAKE_SPARK_SUBMIT_CALL", str(call))

    def run(stage: str, code: int, operator: Any = None, context: Any = None) -> list[str]:
        monkeypatch.setenv("FAKE_SPARK_SUBMIT_CODE", str(code))
        context = context or {"ti": FakeTaskInstance()}
        operator = operator or stage_tasks.SparkStageOperator(task_id=stage, stage=stage)
        operator.render_template_fields(context)
        operator.execute(context)
        lines = call.read_text().splitlines()
        return [line.replace(str(folder.path), "<configs>").replace(str(ROOT), "<project>") for line in lines]

    yield run
