"""### Release of a blocked day

`blocked → approve → release → publish`

A critical check has refused a day: none of its data is published, and later days wait. If a person decides
that it may be published anyway, this DAG publishes it and records who decided and why.

**Start it** with the parameters `day` and `reason`. `blocked` finds what refused the day; it fails if
the day is not blocked.

**Approve or reject** under *Required Actions* of the task `approve`, which shows what failed and the reason.
The approver's name and the reason are recorded in `publications`, where readers see them; a rejection
releases nothing and skips the remaining tasks.

**What happens then.** Tags that the audit refused are published as they were built; if the day before was
rerun since then, the tables that compare with it are recomputed. A batch that the clean checks refused is
promoted, and the remaining stages run: the tags have to pass their audit. Clearing a task again is safe.

**Later days** that failed because they were waiting continue when they are cleared.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag, get_current_context, task

from dags.monitoring import DueAlertsNotifier
from dags.settings import OWNER
from dags.stage_tasks import (
    ASSETS,
    CONFIGS,
    SparkReleaseOperator,
    guarded,
    publish_with_events,
    quality_page,
)

# The question in the language of the project: `blocked` has its texts.
SUBJECT = "{{ ti.xcom_pull(task_ids='blocked')['question']['subject'] }}"
BODY = """\
{% set found = ti.xcom_pull(task_ids='blocked') %}{% set asked = found['question'] -%}
**{{ asked['reason'] }}** {{ params.reason }}

**{{ asked['failed'] }}**
{% for failure in found['failed'] %}
- {{ failure }}
{%- endfor %}

{{ asked['readers'] }}

"""
BODY += f"[{{{{ asked['page'] }}}}]({quality_page()}/day/{{{{ params.day }}}})"


@dag(
    dag_id="user_tags_release",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    doc_md=__doc__,
    tags=["usertags"],
    default_args={"owner": OWNER, "retries": 2, "retry_delay": timedelta(minutes=1)},
    dagrun_timeout=timedelta(days=8),
    params={
        "day": Param(type="string", format="date", description="The blocked data day (YYYY-MM-DD)"),
        "reason": Param(
            type="string", minLength=3, pattern="\\S", description="Why the day may be published"
        ),
    },
)
def user_tags_release() -> None:
    """Wire the release; what it does is in usertags/release.py."""

    @task(execution_timeout=timedelta(minutes=10))
    def blocked() -> dict[str, Any]:
        """Find what blocks the day: the run, the stage that refused it, and the checks that failed."""
        from datetime import date
        from pathlib import Path

        from usertags.project.build import load_project
        from usertags.release import blocked_by

        day = date.fromisoformat(get_current_context()["params"]["day"])
        return guarded(lambda: blocked_by(load_project(Path(CONFIGS)), day))

    @task(
        outlets=ASSETS,
        execution_timeout=timedelta(hours=2),
        on_success_callback=DueAlertsNotifier(),
    )
    def publish(planned: dict[str, Any], *, outlet_events: Any) -> None:
        """Complete the publication, and emit the asset events of the tables."""
        publish_with_events(planned, outlet_events)

    found = blocked()
    approve = ApprovalOperator(
        task_id="approve", subject=SUBJECT, body=BODY, response_timeout=timedelta(days=7)
    )
    release = SparkReleaseOperator(
        task_id="release", execution_timeout=timedelta(hours=2), on_failure_callback=DueAlertsNotifier()
    )
    found >> approve >> release >> publish(found)


user_tags_release()
