"""Airflow with a home of its own: set before anything of Airflow is imported, and without a database."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.folders import SMALL

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def airflow_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Airflow reads from the environment, here and in processes that a test starts."""
    return {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW_CONN_SPARK_DEFAULT": '{"conn_type": "spark", "host": "local[*]"}',
        "USERTAGS_CONFIGS": str(SMALL),
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture(scope="package")
def airflow(airflow_environment: dict[str, str]) -> Iterator[None]:
    """The environment for this process, until the tests of this folder have ended."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in airflow_environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="package")
def bag(airflow: None) -> Any:
    """The DAG folder as Airflow's DAG processor reads it."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


@pytest.fixture(scope="package")
def dag(bag: Any) -> Any:
    return bag.dags["user_tags_daily"]


@pytest.fixture(scope="session")
def in_a_new_process(airflow_environment: dict[str, str]) -> dict[str, Any]:
    """How a test runs Python that has imported nothing yet."""
    environment = os.environ | airflow_environment | {"PYTHONWARNINGS": "ignore"}
    return {"cwd": ROOT, "env": environment, "executable": sys.executable}
