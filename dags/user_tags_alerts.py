"""### A day that is not published in time

Every day at the time that `alerts: by` of project.yml says, in the project's time zone: tells of the day
before where readers do not have it, and sends every other message that is due and could not be sent. There is
no such DAG where project.yml has no `alerts`.

It looks at the tables, not at a run: a day that nobody started is late as well. That is why it is no deadline
of `user_tags_daily`, which Airflow would keep only for runs that exist, and call once, whoever answers.

**When `tell` fails**, a receiver did not take a message, or the tables did not answer, which its first try
tells: it is tried again for about three hours, then on the next occasion. The log names the channel. Running
it again, at any time, sends nothing twice.
"""

from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow.sdk import dag, get_current_context, task

from dags.monitoring import measure_age, tell_all, tell_blind
from dags.settings import CONFIGS, OWNER
from jobs.config.alert_models import deadline_of


def alerts_dag(by: time, timezone: str) -> None:
    """Make the DAG that looks at that time of every day."""

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
            """Send what is due; fails where a receiver does not take it. Where the tables do not answer, the
            first try says so."""
            from jobs.alerts import require_sent

            measure_age()
            try:
                told = tell_all()
            except Exception:
                if get_current_context()["ti"].try_number == 1:
                    tell_blind()
                raise
            require_sent(told)

        tell()

    user_tags_alerts()


_deadline = deadline_of(Path(CONFIGS))
if _deadline is not None:
    alerts_dag(*_deadline)
