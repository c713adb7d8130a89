"""The commands that stages are submitted by, what their end becomes, and what a new process loads."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SPARK_STAGES = ["clean", "aggregate", "tag", "audit"]


def test_parsing_does_no_work(in_a_new_process: dict[str, Any]) -> None:
    """Airflow parses the file every half minute: no Spark, no stage and no configuration is loaded for it."""
    program = (
        "import sys, json\n"
        "import dags.user_tags_daily, dags.user_tags_release\n"
        "heavy = ('pyspark', 'py4j', 'pyiceberg', 'great_expectations', 'duckdb', 'usertags.pipeline',\n"
        "         'usertags.query', 'usertags.release', 'usertags.stages', 'usertags.services',\n"
        "         'usertags.sources',\n"
        "         'usertags.store.lake', 'usertags.store.spark')\n"
        "print(json.dumps([name for name in heavy if name in sys.modules]))\n"
    )
    run = dict(in_a_new_process)
    python = run.pop("executable")
    run["env"] = run["env"] | {"USERTAGS_CONFIGS": "no/such/folder"}
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False, **run)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_command_of_a_stage_stands_as_it_is(submit: Callable[..., list[str]]) -> None:
    golden = (Path(__file__).parent / "clean_command.txt").read_text().splitlines()
    assert submit("clean", 0) == golden


@pytest.mark.parametrize("stage", SPARK_STAGES)
def test_each_spark_stage_submits_its_own_command(
    dag: Any, submit: Callable[..., list[str]], stage: str
) -> None:
    golden = (Path(__file__).parent / "clean_command.txt").read_text()
    own = golden.replace("usertags clean", f"usertags {stage}").replace("\nclean\n", f"\n{stage}\n")
    assert submit(stage, 0) == own.splitlines()
    assert type(dag.task_dict[stage]).__name__ == "SparkStageOperator"
    assert dag.task_dict[stage].application_args[2] == stage


@pytest.mark.parametrize("code", [2, 3])
def test_configuration_and_data_errors_fail_the_task_for_good(
    submit: Callable[..., list[str]], code: int
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=f"Error code is: {code}"):
        submit("audit", code)


@pytest.mark.parametrize("code", [1, 4, 13, 30, 127, 137])
def test_any_other_end_is_retried(submit: Callable[..., list[str]], code: int) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    with pytest.raises(AirflowException, match=f"Error code is: {code}") as caught:
        submit("audit", code)
    assert not isinstance(caught.value, AirflowFailException)
