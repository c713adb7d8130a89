"""Which checks of a batch are asked."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.sources import orders
from usertags.project.source_entry import Read
from usertags.quality.clean_checks import declared_checks, every_file_read
from usertags.quality.kinds import CheckKind
from usertags.stages.batch_register import BatchRecord
from usertags.stages.clean_batch import Batch, ends_at
from usertags.stages.clean_checking import has_nothing_new, needs_news
from usertags.stages.clean_writing import Written

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
NIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "end"), [(None, NIGHT), (NIGHT, NIGHT), (NOON, NOON), (NIGHT + timedelta(hours=1), NIGHT)]
)
def test_a_batch_ends_with_its_day_or_when_a_day_was_read_that_was_not_over(
    until: datetime | None, end: datetime
) -> None:
    day = date(2026, 3, 1)
    record = BatchRecord("orders", day, "extract", 0, "landed", "raw", cursor_to=until)
    found = ends_at(Batch(orders(), day, "d", "f", 0, records=(record,)), "Asia/Shanghai")
    assert (found, found.utcoffset()) == (end, timedelta(hours=8))
    assert ends_at(Batch(orders(), day, "d", "f", 0), "Asia/Shanghai") == NIGHT


WHOLE = Read(connection="shop", table="orders")
CURSOR = Read(connection="shop", table="orders", cursor="updated_at")
FILES = Read(connection="landing", files="orders.csv", format="csv")
DELIVERIES = FILES.model_copy(update={"whole": "replace"})


@pytest.mark.parametrize(
    ("read", "kept", "repeats", "left_out"),
    [
        # A whole table that has not changed.
        (WHOLE, 0, 7, [CheckKind.ROWS_CHECKED]),
        (WHOLE, 1, 7, []),
        # It is empty, or all its rows are set aside.
        (WHOLE, 0, 0, []),
        (CURSOR, 0, 7, []),
        (FILES, 0, 7, []),
        (DELIVERIES, 0, 7, [CheckKind.ROWS_CHECKED]),
        (DELIVERIES, 0, 0, []),
    ],
)
def test_of_a_whole_table_that_has_not_changed_no_new_row_is_wanted(
    read: Read, kept: int, repeats: int, left_out: list[CheckKind]
) -> None:
    source = orders(read=read)
    written = Written("table", 1, {"kept": kept, "repeats": repeats}, [], [])
    checks = declared_checks(source)
    assert CheckKind.ROWS_CHECKED in {check.kind for check in checks}
    assert [check.kind for check in checks if needs_news(check, source, written)] == left_out


@pytest.mark.parametrize(
    ("read", "kept", "repeats", "nothing_new"),
    [
        (WHOLE, 0, 7, True),
        # Rows with an empty cursor are read with every batch.
        (CURSOR, 0, 7, True),
        (CURSOR, 1, 7, False),
        (CURSOR, 0, 0, False),
        # The rows of a file were delivered again.
        (FILES, 0, 7, False),
        (DELIVERIES, 0, 7, True),
    ],
)
def test_rows_of_a_table_that_are_all_known_are_nothing_new(
    read: Read, kept: int, repeats: int, nothing_new: bool
) -> None:
    written = Written("table", 1, {"kept": kept, "repeats": repeats}, [], [])
    assert has_nothing_new(orders(read=read), written) is nothing_new


def test_files_that_were_left_out_are_a_warning() -> None:
    day, keep = date(2026, 3, 1), orders(read=FILES, key=(), repeats="keep")
    left_out = ["b.csv = a.csv (2026-02-28)", ".c.csv"]
    (result,) = every_file_read(keep, day, left_out)
    assert (result.severity, result.success, result.value) == ("warning", False, 2)
    assert result.details == {"files": "b.csv = a.csv (2026-02-28), .c.csv", "day": "2026-03-01"}
    assert [each.success for each in every_file_read(keep, day, [])] == [True]
    # Where rows count once, only hidden files are named.
    assert [each.success for each in every_file_read(orders(read=FILES), day, [".c.csv"])] == [False]
    assert every_file_read(orders(read=FILES), day, []) == every_file_read(orders(), day, []) == []
