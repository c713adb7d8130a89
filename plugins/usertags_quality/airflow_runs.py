"""Airflow's information on a day: the data day of a run, and whether a release is waiting for approval."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from plugins.usertags_quality.security import DAG_ID

RELEASE_DAG_ID = "user_tags_release"


def planned(airflow_run: str) -> tuple[date, str] | None:
    """Data day and run id of a DAG run; None if they are not known yet. Blocking."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    query = XComModel.get_many(
        run_id=airflow_run, key="return_value", task_ids="plan", dag_ids=DAG_ID, limit=1
    )
    with create_session() as session:
        found = session.scalars(query).first()
        value = XComModel.deserialize_value(found) if found is not None else None
    try:
        return date.fromisoformat(value["day"]), str(value["run_id"])
    except (TypeError, KeyError, ValueError):
        return None


def asked_release(day: date) -> str | None:
    """The newest run of the release DAG that is waiting for approval of a day. Blocking."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import select

    query = (
        select(DagRun.run_id, DagRun.conf)
        .join(TaskInstance, (TaskInstance.dag_id == DagRun.dag_id) & (TaskInstance.run_id == DagRun.run_id))
        .where(DagRun.dag_id == RELEASE_DAG_ID, TaskInstance.state == TaskInstanceState.AWAITING_INPUT)
        .order_by(DagRun.id.desc())
    )
    with create_session() as session:
        rows = session.execute(query).all()
    return asking_about([(str(run), conf) for run, conf in rows], day)


def asking_about(runs: Iterable[tuple[str, Mapping[str, Any] | None]], day: date) -> str | None:
    """The first run whose configuration is about a day. In: the id of each run, and its configuration as
    Airflow keeps it; it is null for a run that was started without one."""
    return next((run for run, conf in runs if (conf or {}).get("day") == day.isoformat()), None)
