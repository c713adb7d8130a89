"""The command that a release is submitted by, and what its end becomes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FOUND = {
    "day": "2026-11-04",
    "run_id": "r20261105_020000_000",
    "stage": "clean",
    "failed": ["clean.payments: amount in its range (observed 72 failing rows, expected -50000 to 50000)"],
    "readers_see": "2026-11-03, the newest published day",
}
ANSWER = {"chosen_options": ["Approve"], "responded_by_user": {"id": "7", "name": "Wang Fang"}}
REASON = 'known: "cents", see {{ ticket }} $(7)'


class FakeTaskInstance:
    """A fake of a task instance: what `blocked` and `approve` have left."""

    def xcom_pull(self, task_ids: str) -> dict[str, Any]:
        return {"blocked": FOUND, "approve": ANSWER}[task_ids]


def context() -> dict[str, Any]:
    return {"ti": FakeTaskInstance(), "params": {"day": "2026-11-04", "reason": REASON}}


def test_the_name_and_the_reason_become_arguments_as_they_are(
    submit: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert _released(submit)[-10:-2] == [
        "<configs>", "release", "--day", "2026-11-04", "--by", "Wang Fang", "--reason", REASON,
    ]  # fmt: skip


def _released(submit: Callable[..., list[str]], code: int = 0) -> list[str]:
    from dags.stage_tasks import SparkReleaseOperator

    return submit("release", code, SparkReleaseOperator(task_id="release"), context())


@pytest.mark.parametrize(("code", "for_good"), [(2, True), (3, True), (1, False), (4, False)])
def test_an_end_that_no_retry_can_mend_fails_for_good(
    submit: Callable[..., list[str]], code: int, for_good: bool
) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    with pytest.raises(AirflowException) as caught:
        _released(submit, code)
    assert isinstance(caught.value, AirflowFailException) == for_good
