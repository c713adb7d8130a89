"""Who may read the pages, as Airflow decides it."""

import pytest


def test_the_dag_is_never_taken_from_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's own dependency would let in whoever may read any DAG that the address names."""
    from airflow.api_fastapi.core_api import security as airflow_security

    from plugins.usertags_quality import security

    asked: list[object] = []
    monkeypatch.setattr(
        airflow_security, "requires_access_dag", lambda *args, **named: asked.append((args, named))
    )
    security.reader()
    ((arguments, named),) = asked  # type: ignore[misc]
    assert arguments[0] == "GET" and named == {"param_dag_id": "user_tags_daily"}
