"""Checks of a clean batch that need no rows: literal counts."""

from dataclasses import replace

import pytest

from tests.support.sources import orders
from usertags.config.expression_tree import Name
from usertags.project.model import Column, Source
from usertags.quality.clean_checks import reconciliation, usable_ids
from usertags.quality.sentences import observed
from usertags.stages.clean_writing import counted_reasons

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


@pytest.fixture
def hashed() -> Source:
    source = orders()
    phone = Column("phone", "string", Name("Phone No"), frozenset({"Phone No"}), "hash")
    return replace(source, columns=(*source.columns, phone))


def test_reasons_are_counted_by_column(hashed: Source) -> None:
    """A raw column that is no longer hashed says nothing of the columns of today."""
    texts = ['{"Phone No": "form"}', '{"Phone No": "form", "gone": "masked"}', '{"Phone No": "masked"}']
    assert counted_reasons(hashed, texts) == {"phone": {"form": 2, "masked": 1}}
    assert counted_reasons(hashed, []) == {}


def test_few_values_that_are_no_ids_are_reported_and_many_are_a_warning(hashed: Source) -> None:
    (few,) = usable_ids(hashed, {"phone": {"placeholder": 1}}, 100)
    (many,) = usable_ids(hashed, {"phone": {"placeholder": 1, "shortened": 2}}, 100)
    assert [(few.success, few.severity), (many.success, many.severity)] == [
        (True, "warning"),
        (False, "warning"),
    ]
    assert observed(few, "en").startswith("1 of 100 rows, 1 %: 1 stand for nobody, 0 are masked")
    assert (many.value, many.unexpected, many.rows, many.column) == (0.03, 3, 100, "phone")
    (none,) = usable_ids(hashed, {}, 0)
    assert (none.success, none.value) == (True, 0.0)
    assert usable_ids(orders(), {}, 5) == []
