"""Which tasks send alerts, and the DAG that runs once a day; what a task hands to Airflow's metrics."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import PROJECT_YML, Folder
from tests.support.places import ROOT
from usertags.errors import InfrastructureError

ALERTS = """
alerts:
  by: "08:30"
  channels:
    chat: {kind: slack, connection: chat}
"""


@pytest.fixture
def folder(airflow: None, tmp_path: Path) -> Folder:
    folder = Folder.small(tmp_path)
    folder.write(PROJECT_YML, folder.read(PROJECT_YML) + ALERTS)
    return folder


@pytest.fixture
def alerts_dag(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    from dags import settings

    monkeypatch.setattr(settings, "CONFIGS", str(folder.path))
    bag = DagBag(str(ROOT / "dags" / "user_tags_alerts.py"))
    assert bag.import_errors == {}
    return bag.dags["user_tags_alerts"]


def test_it_looks_once_a_day_at_the_time_of_the_project(alerts_dag: Any) -> None:
    assert alerts_dag.timetable.expression == "30 8 * * *"
    assert str(alerts_dag.timezone) == "Asia/Shanghai"
    assert (alerts_dag.catchup, alerts_dag.max_active_runs) == (False, 1)
    assert alerts_dag.is_paused_upon_creation is False
    assert alerts_dag.doc_md.startswith("### A day that is not published in time")


def test_what_was_not_taken_is_tried_again_for_about_three_hours(alerts_dag: Any) -> None:
    (task,) = alerts_dag.tasks
    assert (task.task_id, task.retries, task.owner) == ("tell", 8, "data engineering")
    waits = [min(2**number * task.retry_delay, task.max_retry_delay) for number in range(task.retries)]
    assert timedelta(hours=2) < sum(waits, timedelta()) < timedelta(hours=4)
    assert task.execution_timeout < alerts_dag.dagrun_timeout


def test_without_alerts_there_is_no_such_dag(bag: Any) -> None:
    assert "user_tags_alerts" not in bag.dags and bag.import_errors == {}


def test_its_task_fails_where_a_message_was_not_sent(
    alerts_dag: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FakeDelivery:
        sent = False

        def __str__(self) -> str:
            return "chat: 2026-03-02 is blocked (not sent: answered 500)"

    tell = alerts_dag.task_dict["tell"].python_callable
    monkeypatch.setitem(tell.__globals__, "measure_age", lambda: None)
    monkeypatch.setitem(tell.__globals__, "send_all", lambda: [FakeDelivery()])
    with pytest.raises(InfrastructureError, match="answered 500"):
        tell()
    monkeypatch.setitem(tell.__globals__, "send_all", list)
    tell()


@pytest.mark.parametrize(("try_number", "times"), [(1, 1), (2, 0)])
def test_tables_that_do_not_answer_are_reported_by_the_first_try(
    alerts_dag: Any, monkeypatch: pytest.MonkeyPatch, try_number: int, times: int
) -> None:
    from types import SimpleNamespace

    reported: list[str] = []

    def down() -> None:
        raise InfrastructureError("the table catalog does not answer")

    tell = alerts_dag.task_dict["tell"].python_callable
    for name, value in {
        "measure_age": lambda: None,
        "send_all": down,
        "send_unknown": lambda: reported.append("unknown"),
        "get_current_context": lambda: {"ti": SimpleNamespace(try_number=try_number)},
    }.items():
        monkeypatch.setitem(tell.__globals__, name, value)
    with pytest.raises(InfrastructureError, match="does not answer"):
        tell()
    assert len(reported) == times


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user_tags_daily", {"clean": "failure", "audit": "failure", "publish": "success"}),
        ("user_tags_release", {"release": "failure", "publish": "success"}),
    ],
)
def test_the_tasks_after_which_somebody_may_have_to_know(
    bag: Any, name: str, expected: dict[str, str]
) -> None:
    from dags.monitoring import DueAlertsNotifier

    found = {}
    for task in bag.dags[name].tasks:
        for end in ("failure", "success", "retry"):
            callbacks = (getattr(task, f"on_{end}_callback", None) or []) if not task.is_mapped else []
            for callback in callbacks if isinstance(callbacks, list) else [callbacks]:
                assert isinstance(callback, DueAlertsNotifier)
                found[task.task_id] = end
    assert found == expected


def test_a_callback_never_fails_and_says_nothing_secret(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dags import monitoring

    def fails() -> None:
        raise RuntimeError("https://hooks.example/T/B/s3cret")

    monkeypatch.setattr(monitoring, "CONFIGS", str(folder.path))
    monkeypatch.setattr(monitoring, "send_all", fails)
    with caplog.at_level(logging.WARNING):
        monitoring.DueAlertsNotifier()({})
    assert "no alert was sent (RuntimeError)" in caplog.text and "s3cret" not in caplog.text


def test_a_callback_opens_nothing_where_there_are_no_alerts(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dags import monitoring

    folder.write(PROJECT_YML, folder.read(PROJECT_YML).replace(ALERTS, ""))
    monkeypatch.setattr(monitoring, "CONFIGS", str(folder.path))
    monkeypatch.setattr(monitoring, "send_all", lambda: pytest.fail("the lake was opened"))
    monitoring.DueAlertsNotifier()({})


# ---- metrics ---------------------------------------------------------------------------------------


def test_where_metrics_are_off_nothing_is_read(airflow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from dags import monitoring

    monkeypatch.setattr(monitoring, "_opened", lambda: pytest.fail("the lake was opened"))
    monitoring.measure("clean", lambda: pytest.fail("the run was asked for"))
    monitoring.measure_age()
