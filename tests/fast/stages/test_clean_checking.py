"""Which checks of a batch are asked."""

import pytest

from tests.support.sources import orders
from usertags.project.source_entry import Read
from usertags.quality.clean_checks import declared_checks
from usertags.quality.kinds import CheckKind
from usertags.stages.clean_checking import needs_news
from usertags.stages.clean_writing import Written

WHOLE = Read(connection="shop", table="orders")
CURSOR = Read(connection="shop", table="orders", cursor="updated_at")
FILES = Read(connection="landing", files="orders.csv", format="csv")


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
