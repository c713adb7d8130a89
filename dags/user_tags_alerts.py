"""### A day that is not published in time

Runs every day at the time set by `alerts: by` in project.yml (project time zone): sends an alert if the
day before is not published, and sends all other messages that are still due. This DAG does not
exist if project.yml has no `alerts`.

It checks the tables, not a run: a day that was never started is late as well. Therefore it is not a deadline
of `user_tags_daily`, which Airflow would evaluate only for existing runs, and only once.

**If `tell` fails**, a receiver did not accept a message, or the tables did not respond, which the first try
reports: it is retried for about three hours, then in the next run. The log names the channel. Running
it again at any time sends nothing twice.
"""

from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow.sdk import dag, get_current_context, task

from dags.monitoring import measure_age, send_all, send_unknown
from dags.settings import CONFIGS, OWNER
from usertags.config.alert_models import deadline_of


def alerts_dag(by: time, timezone: str) -> None:
    """Create the DAG that runs at this time every day."""

    @dag(
        dag_id="user_tags_alerts",
        schedule=f"{by.minute} {by.hour} * * *",
        start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo(timezone)),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        doc_md=__doc__,
        tags=["usertags"],
        default_args={"owner": OWNER},
        dagrun_timeout=timedelta(hours=8),
    )
    def user_tags_alerts() -> None:
        @task(
            retries=8,
            retry_delay=timedelta(minutes=1),
            retry_exponential_backoff=True,
            max_retry_delay=timedelta(hours=1),
            execution_timeout=timedelta(minutes=15),
        )
        def tell() -> None:
            """Send due messages; fails if a receiver does not accept one. If the tables do not respond, the
            first try reports this."""
            from usertags.alerts import require_sent

            measure_age()
            try:
                deliveries = send_all()
            except Exception:
                if get_current_context()["ti"].try_number == 1:
                    send_unknown()
                raise
            require_sent(deliveries)

        tell()

    user_tags_alerts()


_deadline = deadline_of(Path(CONFIGS))
if _deadline is not None:
    alerts_dag(*_deadline)
