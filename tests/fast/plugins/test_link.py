"""The link from a task that checks to its checks."""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class FakeKey:
    """A fake of a task instance's key."""

    dag_id: str
    run_id: str
    task_id: str


@pytest.mark.parametrize(
    ("served", "page"),
    [
        ("http://airflow.example:8080", "http://airflow.example:8080/plugin/data-quality/usertags/quality/of"),
        ("https://shop.example/airflow/", "https://shop.example/airflow/plugin/data-quality/airflow/usertags/quality/of"),
    ],
)  # fmt: skip
def test_the_link_names_the_run_and_the_task(monkeypatch: pytest.MonkeyPatch, served: str, page: str) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", served)
    from dags.stage_tasks import QualityLink, SparkStageOperator

    key = FakeKey("user_tags_daily", "manual__2026-03-02T00:00:00+00:00", "audit")
    query = "dag_id=user_tags_daily&run_id=manual__2026-03-02T00%3A00%3A00%2B00%3A00&task_id=audit"
    assert QualityLink().get_link(None, ti_key=key) == f"{page}?{query}"
    stages = {
        stage: SparkStageOperator(task_id=stage, stage=stage)
        for stage in ("clean", "aggregate", "tag", "audit")
    }
    linked = [stage for stage, operator in stages.items() if operator.operator_extra_links]
    assert linked == ["clean", "audit"]
