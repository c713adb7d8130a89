"""Days that wait for a blocked one: literal records in tables of files."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from tests.support.quality_rows import publication
from usertags.errors import DataError, UsageError
from usertags.project.model import Project
from usertags.published import TAG_COVERAGE
from usertags.quality.register import RunRecord
from usertags.stages.clean import clean
from usertags.stages.runs import blocked_days, record_run, require_counted, require_no_blocked_day
from usertags.stages.tag import tag
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS
from usertags.store.tables import ensure_table

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    """The 2nd was refused."""
    record_run(lake_in_files, RunRecord(D2, "r1", "clean", "refused"))
    return lake_in_files


@pytest.mark.parametrize("stage", [clean, tag])
def test_a_later_day_is_neither_cleaned_nor_tagged(
    lake: Lake, build: Callable[..., Project], stage: Callable[..., Any]
) -> None:
    """It is refused before anything is read: no batch was extracted, and there is no Spark."""
    with pytest.raises(DataError, match="2026-03-03 waits: 2026-03-02 was refused by its clean checks"):
        stage(None, build(), lake, D3, "r2")


def test_the_blocked_day_itself_and_earlier_days_do_not_wait(lake: Lake) -> None:
    """Running it again is how it is put right."""
    require_no_blocked_day(lake, D2)
    require_no_blocked_day(lake, D1)
    assert blocked_days(lake, before=D2) == []
    assert [record.data_day for record in blocked_days(lake)] == [D2]


def test_later_days_go_on_when_the_blocked_one_passes(lake: Lake) -> None:
    record_run(lake, RunRecord(D2, "r2", "clean", "passed"))
    require_no_blocked_day(lake, D3)


def test_a_day_cannot_be_compared_with_days_whose_tags_were_never_counted(
    lake_in_files: Lake, build: Callable[..., Project]
) -> None:
    """An earlier version published them; a lake without a published day needs no migration."""
    require_counted(lake_in_files)
    ensure_table(lake_in_files, PUBLICATIONS.name, PUBLICATIONS.schema).append(
        pa.Table.from_pylist([publication(D1)], schema=PUBLICATIONS.schema)
    )
    with pytest.raises(UsageError, match=r"tags\.tag_coverage does not exist") as refused:
        tag(None, build(), lake_in_files, D2, "r2")  # type: ignore[arg-type]
    assert "usertags migrate --apply" in refused.value.next_step
    ensure_table(lake_in_files, TAG_COVERAGE.name, TAG_COVERAGE.schema, TAG_COVERAGE.partition)
    require_counted(lake_in_files)
