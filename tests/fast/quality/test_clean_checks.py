"""Checks of a clean batch that need no rows: literal counts."""

import pytest

from tests.support.sources import orders
from usertags.quality.clean_checks import reconciliation

COUNTS = {"read": 100, "kept": 90, "superseded": 5, "repeats": 2, "quarantined": 3}


def test_every_row_that_was_read_is_somewhere() -> None:
    found = reconciliation(orders(), COUNTS)
    assert (found.success, found.value, found.rows, found.unexpected) == (True, 100, 100, 0)
    assert (found.table, found.severity) == ("clean.orders", "critical")
    assert found.details == {"kept": 90, "superseded": 5, "repeats": 2, "quarantined": 3}


@pytest.mark.parametrize("part", ["kept", "superseded", "repeats", "quarantined"])
@pytest.mark.parametrize("more", [-2, 1])
def test_a_row_that_is_nowhere_or_twice_is_reported(part: str, more: int) -> None:
    found = reconciliation(orders(), COUNTS | {part: COUNTS[part] + more})
    assert (found.success, found.unexpected) == (False, abs(more))
