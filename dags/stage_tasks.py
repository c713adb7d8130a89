"""Runs a stage in Airflow: as a Spark application or in the task itself, with different handling of errors.

A data or configuration error fails the task immediately; only infrastructure errors are retried.
"""

import re
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from airflow.configuration import conf
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Asset, BaseOperatorLink
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.monitoring import measure
from dags.settings import CONFIGS, ROOT
from usertags.errors import ConfigError, DataError, UsageError, UsertagsError
from usertags.project.build import load_project
from usertags.published import PUBLISHED
from usertags.store.jars import jar_paths

# The stages with checks, which may refuse the day.
CHECKING = ("clean", "audit")
ASSETS = [Asset(name=table.name, uri=table.asset) for table in PUBLISHED]
NO_RETRY = (ConfigError.exit_code, DataError.exit_code)

T = TypeVar("T")


def guarded(work: Callable[[], T]) -> T:
    """Run a stage in the task: an error that a retry cannot fix fails the task without retry."""
    try:
        return work()
    except UsertagsError as error:
        if isinstance(error, (ConfigError, UsageError, DataError)):
            raise AirflowFailException(str(error)) from error
        raise


def run_stage(stage: str, planned: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Run a stage of the planned run in the task; returns the report's line of each source or table."""
    from usertags.pipeline import Pipeline

    def work() -> dict[str, Any]:
        lines: dict[str, Any] = {}
        day = date.fromisoformat(planned["day"])
        with closing(Pipeline(load_project(Path(CONFIGS)), print)) as pipeline:
            for report in pipeline.stage(stage, day, planned["run_id"], **options):
                for line in report.lines:
                    print(line)
                    lines[line.name] = line
        return lines

    try:
        return guarded(work)
    finally:
        measure(stage, lambda: planned, source=options.get("source"))


def quality_page() -> str:
    """The URL of the plugin's pages in Airflow."""
    served = conf.get("api", "base_url", fallback="/").rstrip("/")
    return f"{served}/plugin/data-quality{urlsplit(served).path}/usertags/quality"


class QualityLink(BaseOperatorLink):
    """A link from a task to its checks on the plugin's pages."""

    name = "Data quality"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        query = urlencode({"dag_id": ti_key.dag_id, "run_id": ti_key.run_id, "task_id": ti_key.task_id})
        return f"{quality_page()}/of?{query}"


def run_release(day: str, by: str, reason: str) -> None:
    """Release a blocked day in the task."""
    from usertags.pipeline import Pipeline
    from usertags.release import release

    def work() -> None:
        with closing(Pipeline(load_project(Path(CONFIGS)), print)) as pipeline:
            for report in release(pipeline, date.fromisoformat(day), by=by, reason=reason):
                for line in report.lines:
                    print(line)

    guarded(work)


def publish_with_events(planned: dict[str, Any], outlet_events: Any) -> None:
    """Publish the run for its day, and emit the asset events of the tables."""
    lines = run_stage("publish", planned)
    for asset in ASSETS:
        outlet_events[asset].extra = {
            "day": planned["day"],
            "run_id": planned["run_id"],
            "rows": lines[asset.name].written,
        }


class UsertagsSparkOperator(SparkSubmitOperator):
    """A command of `usertags` that needs Spark, run as set in configs/spark/session.yml: in a
    session of a running server, or by spark-submit on the connection `spark_default`.

    Exit codes 2 and 3 of the application fail the task without retry, other errors are retried.
    """

    def __init__(self, *, command: str, arguments: list[str], **kwargs: Any) -> None:
        self.command = command
        super().__init__(
            application=str(ROOT / "jobs" / "usertags" / "entry" / "submit.py"),
            application_args=["--configs", CONFIGS, command, *arguments],
            conn_id="spark_default",
            name=f"usertags {command}",
            spark_binary=str(Path(sys.executable).parent / "spark-submit"),
            env_vars={"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"},
            **kwargs,
        )

    def in_session(self, context: Any) -> None:
        """Run the command in the task, with a server session."""
        raise NotImplementedError

    def planned(self, context: Any) -> dict[str, Any]:
        """The day and the run of the command."""
        raise NotImplementedError

    def execute(self, context: Any) -> None:
        spark = guarded(lambda: load_project(Path(CONFIGS))).spark
        if spark.remote:
            self.in_session(context)
            return
        self.conf = spark.texts()
        self.jars = ",".join(str(path) for path in jar_paths())
        try:
            super().execute(context)
        except AirflowException as error:
            code = re.search(r"Error code is: (\d+)", str(error))
            if code and int(code[1]) in NO_RETRY:
                raise AirflowFailException(str(error)) from error
            raise
        finally:
            measure(self.command, lambda: self.planned(context))


class SparkStageOperator(UsertagsSparkOperator):
    """One Spark stage of the run that `plan` has named."""

    def __init__(self, *, stage: str, **kwargs: Any) -> None:
        self.stage = stage
        arguments = [
            "--day",
            "{{ ti.xcom_pull(task_ids='plan')['day'] }}",
            "--run-id",
            "{{ ti.xcom_pull(task_ids='plan')['run_id'] }}",
        ]
        super().__init__(command=stage, arguments=arguments, **kwargs)

    @property
    def operator_extra_links(self) -> tuple[BaseOperatorLink, ...]:
        return (QualityLink(),) if self.stage in CHECKING else ()

    def planned(self, context: Any) -> dict[str, Any]:
        return dict(context["ti"].xcom_pull(task_ids="plan"))

    def in_session(self, context: Any) -> None:
        run_stage(self.stage, self.planned(context))


class SparkReleaseOperator(UsertagsSparkOperator):
    """Releases the blocked day found by `blocked`, with the name of the person who answered `approve`."""

    template_fields = (*UsertagsSparkOperator.template_fields, "release")

    def __init__(self, **kwargs: Any) -> None:
        self.release = {
            "day": "{{ ti.xcom_pull(task_ids='blocked')['day'] }}",
            "by": "{{ ti.xcom_pull(task_ids='approve')['responded_by_user']['name'] }}",
            "reason": "{{ params.reason }}",
        }
        arguments = [text for name, value in self.release.items() for text in (f"--{name}", value)]
        super().__init__(command="release", arguments=arguments, **kwargs)

    def planned(self, context: Any) -> dict[str, Any]:
        return dict(context["ti"].xcom_pull(task_ids="blocked"))

    def in_session(self, context: Any) -> None:
        try:
            run_release(**self.release)
        finally:
            measure("release", lambda: self.planned(context))
