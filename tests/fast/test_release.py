"""Who may release a day: literal records, tables in files."""

from collections.abc import Callable
from datetime import date

import pytest

from usertags.errors import UsageError
from usertags.pipeline import Pipeline
from usertags.project.model import Project
from usertags.quality.register import RunRecord
from usertags.release import release
from usertags.stages.runs import record_run, run_records
from usertags.store.lake import Lake

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("by", "reason", "missing"),
    [
        ("", "a sale", "name"),
        (" \t", "a sale", "name"),
        ("Wang Fang", "", "reason"),
        ("Wang Fang", "  ", "reason"),
    ],
)
def test_a_release_needs_a_name_and_a_reason(
    build: Callable[..., Project], lake_in_files: Lake, by: str, reason: str, missing: str
) -> None:
    """Without them nothing is decided; the day stays blocked."""
    record_run(lake_in_files, RunRecord(DAY, "r1", "audit", "refused"))
    pipeline = Pipeline(build())
    pipeline.lake = lake_in_files
    with pytest.raises(UsageError, match=f"a release needs a {missing}"):
        list(release(pipeline, DAY, by=by, reason=reason))
    assert [record.stage for record in run_records(lake_in_files)] == ["audit"]
