"""The DAG that releases a blocked day: what a person is asked, and what their answer becomes."""

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import Folder
from usertags.errors import DataError, InfrastructureError, UsageError
from usertags.release import question

ORDER = ["blocked", "approve", "release", "publish"]
FOUND = {
    "day": "2026-11-04",
    "run_id": "r20261105_020000_000",
    "stage": "clean",
    "failed": ["clean.payments: amount in its range (observed 72 failing rows, expected -50000 to 50000)"],
    "readers_see": "2026-11-03, the newest published day",
    "question": question(date(2026, 11, 4), "clean", "2026-11-03, the newest published day", "en"),
}
ANSWER = {"chosen_options": ["Approve"], "responded_by_user": {"id": "7", "name": "Wang Fang"}}
REASON = 'known: "cents", see {{ ticket }} $(7)'


@pytest.fixture(scope="module")
def release_dag(bag: Any) -> Any:
    return bag.dags["user_tags_release"]


def test_it_asks_before_it_releases_and_is_never_scheduled(release_dag: Any) -> None:
    assert release_dag.schedule is None
    assert release_dag.max_active_runs == 1
    assert release_dag.is_paused_upon_creation is False
    assert set(release_dag.task_dict) == set(ORDER)
    for before, after in pairwise(ORDER):
        assert after in release_dag.task_dict[before].downstream_task_ids
    assert type(release_dag.task_dict["approve"]).__name__ == "ApprovalOperator"


def test_every_task_has_an_owner_and_an_end(release_dag: Any) -> None:
    for task in release_dag.tasks:
        assert task.owner == "data engineering", task.task_id
        end = task.response_timeout if task.task_id == "approve" else task.execution_timeout
        assert end is not None and end < release_dag.dagrun_timeout, task.task_id


def test_it_announces_the_same_tables_as_the_daily_run(dag: Any, release_dag: Any) -> None:
    outlets = [{asset.name for asset in each.task_dict["publish"].outlets} for each in (dag, release_dag)]
    assert outlets[0] == outlets[1] and len(outlets[0]) == 8


def test_it_explains_itself(release_dag: Any) -> None:
    assert release_dag.doc_md.startswith("### Release of a blocked day")
    for word in ("Start it", "Approve or reject", "Later days"):
        assert word in release_dag.doc_md


@pytest.mark.parametrize(
    ("name", "value"),
    [("day", "tomorrow"), ("day", ""), ("day", None), ("reason", ""), ("reason", "   "), ("reason", None)],
)
def test_a_day_and_a_reason_have_to_be_given(release_dag: Any, name: str, value: object) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        release_dag.params[name] = value


class FakeTaskInstance:
    """A fake of a task instance: what `blocked` and `approve` have left."""

    def xcom_pull(self, task_ids: str) -> dict[str, Any]:
        return {"blocked": FOUND, "approve": ANSWER}[task_ids]


def context() -> dict[str, Any]:
    return {"ti": FakeTaskInstance(), "params": {"day": "2026-11-04", "reason": REASON}}


def test_whoever_is_asked_reads_the_reason_what_failed_and_what_readers_have(release_dag: Any) -> None:
    from dags.user_tags_release import BODY, SUBJECT

    environment = release_dag.get_template_env()
    subject, body = (environment.from_string(text).render(**context()) for text in (SUBJECT, BODY))
    assert subject == "Release 2026-11-04 although its clean checks failed?"
    assert body.startswith(f"**Reason given:** {REASON}\n\n**Failed, and released with your name:**\n")
    assert f"\n- {FOUND['failed'][0]}\n" in body
    assert "Readers keep 2026-11-03, the newest published day until then" in body
    assert "\n\n[All checks of 2026-11-04](" in body
    assert body.endswith("/usertags/quality/day/2026-11-04)")


def _released(submit: Callable[..., list[str]], code: int = 0) -> list[str]:
    from dags.stage_tasks import SparkReleaseOperator

    return submit("release", code, SparkReleaseOperator(task_id="release"), context())


def test_with_a_session_server_the_task_releases_the_day_itself(
    submit: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dags import stage_tasks

    Folder(tmp_path / "small").write("spark/session.yml", "remote: sc://spark.example:15002\n")
    done: list[dict[str, str]] = []
    monkeypatch.setattr(stage_tasks, "run_release", lambda **given: done.append(given))
    (tmp_path / "call.txt").write_text("")
    assert _released(submit) == []
    assert done == [{"day": "2026-11-04", "by": "Wang Fang", "reason": REASON}]


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (UsageError("2026-11-04 is not blocked"), False),
        (DataError("a check failed that had not failed before"), False),
        (InfrastructureError("the store is down"), True),
    ],
)
def test_a_day_that_is_not_blocked_fails_at_once(
    release_dag: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, retried: bool
) -> None:
    from airflow.sdk.exceptions import AirflowFailException
    from airflow.sdk.execution_time.context import set_current_context

    import usertags.release

    def refuse(project: Any, day: Any) -> dict[str, Any]:
        assert str(day) == "2026-11-04"
        raise error

    monkeypatch.setattr(usertags.release, "blocked_by", refuse)
    with (
        set_current_context({"params": {"day": "2026-11-04"}}),
        pytest.raises(type(error) if retried else AirflowFailException),
    ):
        release_dag.task_dict["blocked"].python_callable()
