"""### User tags of one data day

`plan → extract (one task per source) → clean → aggregate → tag → audit → publish`

**The data day** is the day before the run's logical date, in the project's time zone: the run of
2026-11-02 02:00 publishes 2026-11-01. A manual run without a logical date uses the day before it was
queued. The parameter `day` sets another day. A backfill over logical dates publishes the day before each.
A day that is not over in that time zone is refused by `plan`, unless the parameter `partial` is set; a day in
the future is always refused.

**The schedule** is 02:00 in Asia/Shanghai, or as set by `USERTAGS_SCHEDULE` (cron) and `USERTAGS_TIMEZONE`;
`USERTAGS_LAST_DAY` sets the last data day.

**When a task fails.** If `clean` or `audit` fails immediately, without retry, a critical check has
refused the data: readers keep the last good day, and later days wait until the day is fixed, or released by
the DAG `user_tags_release`. The log shows the check, the observed value and what to do. Other errors are
retried twice. Clearing the run from `plan` on computes the day again as a new run; this is always safe.

**Alerts.** If project.yml has `alerts`, its channels are notified once about a blocked day, a warning, and
when the day has recovered; the DAG `user_tags_alerts` reports a day that is not published in time.

**Where to look.** `usertags checks --day D` lists the checks, `usertags report --day D` the row counts.
"""

import os
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Param, dag, get_current_context, task

from dags.monitoring import DueAlertsNotifier
from dags.settings import OWNER
from dags.stage_tasks import (
    ASSETS,
    CHECKING,
    CONFIGS,
    SparkStageOperator,
    guarded,
    publish_with_events,
    run_stage,
)

SCHEDULE = os.environ.get("USERTAGS_SCHEDULE", "0 2 * * *")
TIMEZONE = ZoneInfo(os.environ.get("USERTAGS_TIMEZONE", "Asia/Shanghai"))


def end_date(last_day: str | None) -> datetime | None:
    """The end of the day on which the last run starts, if the environment sets the last data day."""
    if not last_day:
        return None
    after = date.fromisoformat(last_day) + timedelta(days=1)
    return datetime(after.year, after.month, after.day, 23, 59, tzinfo=TIMEZONE)


def data_day(logical_date: datetime | None, run_after: datetime, day: str | None, timezone: str) -> str:
    """The data day of a run: the requested day, otherwise the day before the run in the time zone."""
    if day:
        return day
    moment = (logical_date or run_after).astimezone(ZoneInfo(timezone))
    return (moment.date() - timedelta(days=1)).isoformat()


@dag(
    dag_id="user_tags_daily",
    schedule=SCHEDULE,
    start_date=datetime(2026, 1, 1, tzinfo=TIMEZONE),
    end_date=end_date(os.environ.get("USERTAGS_LAST_DAY")),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["usertags"],
    default_args={
        "owner": OWNER,
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=2),
    },
    dagrun_timeout=timedelta(hours=8),
    params={
        "day": Param(None, type=["null", "string"], format="date", description="Data day (YYYY-MM-DD)"),
        "re_extract": Param(False, type="boolean", description="Read the sources again for this day"),
        "partial": Param(
            False, type="boolean", description="Also run a day that is not over, with its data until now"
        ),
    },
)
def user_tags_daily() -> None:
    """Wire the stages; what they do is in the package `usertags`."""

    @task
    def plan() -> dict[str, Any]:
        """Determine the data day, a new run id, and the sources to extract; refuses a day that is not
        over."""
        from pathlib import Path

        from usertags.project.build import load_project
        from usertags.stages.days import parse_day, reading_until
        from usertags.stages.runs import new_run_id

        context = get_current_context()
        project = guarded(lambda: load_project(Path(CONFIGS)))
        run = context["dag_run"]
        day = data_day(run.logical_date, run.run_after, context["params"]["day"], project.timezone)
        partial = context["params"]["partial"]
        until = guarded(lambda: reading_until(parse_day(day), project.timezone, partial=partial))
        return {
            "day": day,
            "run_id": new_run_id(),
            "sources": list(project.sources),
            "read_until": until.isoformat() if until else None,
        }

    @task
    def sources(planned: dict[str, Any]) -> list[str]:
        """The sources, one mapped extract each."""
        return planned["sources"]

    @task(map_index_template="{{ source_name }}", max_active_tis_per_dagrun=2)
    def extract(source: str, planned: dict[str, Any]) -> int:
        """Land the new rows of one source; returns the number of rows read."""
        get_current_context()["source_name"] = source
        re_extract = get_current_context()["params"]["re_extract"]
        until = planned["read_until"]
        read_until = datetime.fromisoformat(until) if until else None
        lines = run_stage("extract", planned, source=source, re_extract=re_extract, read_until=read_until)
        return lines[source].read

    @task(outlets=ASSETS, on_success_callback=DueAlertsNotifier())
    def publish(planned: dict[str, Any], *, outlet_events: Any) -> None:
        """Publish the run for its day, and emit the asset events of the tables."""
        publish_with_events(planned, outlet_events)

    planned = plan()
    extracted = extract.partial(planned=planned).expand(source=sources(planned))
    spark_stages = [
        SparkStageOperator(
            task_id=name, stage=name, on_failure_callback=DueAlertsNotifier() if name in CHECKING else None
        )
        for name in ("clean", "aggregate", "tag", "audit")
    ]
    previous: Any = extracted
    for stage in spark_stages:
        previous >> stage
        previous = stage
    previous >> publish(planned)


user_tags_daily()
