"""A held run when the day before it has changed: tables in files; what computes rows with Spark is given."""

from datetime import date

import pytest

from tests.support.quality_rows import publication, run_of
from tests.support.runs import built_on_branch, publish_rows
from usertags.errors import UsageError
from usertags.published import PUBLISHED
from usertags.quality.register import RunRecord
from usertags.stages import rebase
from usertags.stages.rebase import rebase_run
from usertags.store.lake import Lake

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
UNCHANGED, RECOMPUTED = "held rows unchanged", "recomputed: the day before was published again"
CARRYING = {
    "tags.user_tags",
    "tags.user_profile",
    "tags.user_tag_changes",
    "tags.tag_statistics",
    "tags.tag_coverage",
}


def held(lake: Lake, previous_run: str | None) -> RunRecord:
    """A held run of the 2nd that was compared with a run of the 1st, which is published as another by now."""
    publish_rows(lake, [publication(D1)])
    day = D1 if previous_run else None
    return built_on_branch(
        lake, D2, "r2", catalogue_version="v1", previous_day=day, previous_run=previous_run
    )


@pytest.fixture
def recomputed(monkeypatch: pytest.MonkeyPatch) -> list[RunRecord]:
    """The runs whose tables that carry are computed again."""
    found: list[RunRecord] = []
    monkeypatch.setattr(rebase, "recompute_carry", lambda run, built: found.append(built))
    return found


def notes(lake: Lake, built: RunRecord, version: str = "v1") -> dict[str, str]:
    report = rebase_run(lambda: None, lake, built, version)  # type: ignore[arg-type, return-value]
    return {line.name: line.note for line in report.lines}


@pytest.mark.parametrize("previous_run", ["r0", None])
def test_what_compares_with_the_day_before_is_computed_again(
    lake_in_files: Lake, recomputed: list[RunRecord], previous_run: str | None
) -> None:
    """That day was published as another run since, or for the first time."""
    built = held(lake_in_files, previous_run)
    assert notes(lake_in_files, built) == {
        table.name: RECOMPUTED if table.name in CARRYING else UNCHANGED for table in PUBLISHED
    }
    assert recomputed == [built]


def test_held_rows_stay_while_the_day_before_does(lake_in_files: Lake, recomputed: list[RunRecord]) -> None:
    built = held(lake_in_files, run_of(D1))
    # Whatever the rules are now: no row is computed.
    assert notes(lake_in_files, built, "v2") == {table.name: UNCHANGED for table in PUBLISHED}
    assert recomputed == []


def test_rows_are_not_computed_again_by_other_rules(lake_in_files: Lake, recomputed: list[RunRecord]) -> None:
    built = held(lake_in_files, "r0")
    with pytest.raises(UsageError, match="the rules have changed"):
        notes(lake_in_files, built, "v2")
    assert recomputed == []
