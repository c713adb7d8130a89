"""Which data day a run of the DAG was about: what its task `plan` said."""

from datetime import date

from plugins.usertags_quality.security import DAG_ID


def planned(airflow_run: str) -> tuple[date, str] | None:
    """Data day and run of the pipeline; None where the run of the DAG has not named them. Blocks."""
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
