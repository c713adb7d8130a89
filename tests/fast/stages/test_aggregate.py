"""Which day roll-ups are built: literal days."""

from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from usertags.config.expression_tree import Constant, Infix, Name
from usertags.project.model import Partial
from usertags.project.versions import version_of
from usertags.stages.aggregate import Build, builds
from usertags.store.lake import Lake
from usertags.store.tables import document, ensure_table

D1, D2, D3, D4 = (date(2024, 7, day) for day in (1, 2, 3, 4))

A, B, C = (Partial(name, "count", None, None) for name in "abc")
AB = frozenset({"a", "b"})


def planned(
    clean_days: set[date],
    touched: set[date],
    built: Mapping[date, frozenset[str]],
    *partials: Partial,
) -> list[tuple[tuple[date, ...], str, bool]]:
    """Each build as its days, the ids of its partials, and whether it replaces the days whole."""
    found = builds(clean_days, touched, built, partials or (A, B))
    return [(item.days, "".join(part.id for part in item.partials), item.replace) for item in found]


def test_what_is_current_is_left_alone() -> None:
    assert planned({D1, D2}, set(), {D1: AB, D2: AB}) == []


def test_without_a_rollup_all_days_are_built_at_once_in_order() -> None:
    assert planned({D3, D1, D2}, {D3, D1, D2}, {}) == [((D1, D2, D3), "ab", True)]
    # The roll-up was dropped: no batch waits, but no day is built.
    assert planned({D3, D1, D2}, set(), {}) == [((D1, D2, D3), "ab", False)]
    assert planned(set(), set(), {}) == []


def test_touched_days_are_built_whole_and_the_others_are_left() -> None:
    assert planned({D1, D2, D3}, {D3, D2}, {D1: AB, D2: AB}) == [((D2, D3), "ab", True)]


def test_a_touched_day_that_has_no_row_left_is_built_too_and_so_emptied() -> None:
    assert planned({D2}, {D1}, {D1: AB, D2: AB}) == [((D1,), "ab", True)]


def test_a_new_partial_is_built_for_the_days_that_lack_it_alone() -> None:
    built = {D1: AB, D2: AB | {"c"}}
    assert planned({D1, D2, D3}, {D3}, built, A, B, C) == [((D3,), "abc", True), ((D1,), "c", False)]


def test_days_that_lack_the_same_are_one_build() -> None:
    built = {D1: AB, D2: frozenset({"a"}), D3: AB, D4: frozenset({"a"})}
    assert planned({D1, D2, D3, D4}, set(), built, A, B, C) == [
        ((D1, D3), "c", False),
        ((D2, D4), "bc", False),
    ]


def test_a_day_that_was_never_built_is_built_though_no_commit_names_it() -> None:
    assert planned({D1, D2}, set(), {D1: AB}) == [((D2,), "ab", False)]


def test_a_source_without_measures_still_has_its_days() -> None:
    """Who was there counts, whatever is measured; a day is built once, with no partial."""
    assert builds({D1, D2}, set(), {D1: frozenset()}, ()) == [Build((D2,), (), replace=False)]


def test_a_partial_that_is_no_longer_wanted_is_no_reason_to_build() -> None:
    assert planned({D1}, set(), {D1: AB | {"c"}}) == []


def test_a_set_of_partials_has_one_version_in_any_order() -> None:
    assert Build((D1,), (B, A), replace=True).version == Build((D2,), (A, B), replace=False).version
    assert Build((D1,), (A,), replace=True).version == version_of(["a"])


def test_the_columns_of_a_rollup_say_what_they_hold(lake_in_files: Lake) -> None:
    schema = pa.schema([("day", pa.date32()), ("a1b2", pa.int64()), ("c3d4", pa.float64())])
    table = ensure_table(lake_in_files, "rollup.orders", schema)
    before = table.metadata.last_updated_ms
    paid = Partial("a1b2", "count", None, Infix(Name("status"), "=", Constant("paid")))
    spent = Partial("c3d4", "sum", Name("amount"), None, by="category")
    docs = {partial.id: partial.described for partial in (paid, spent)}
    document(table, docs)
    found = {
        field.name: field.doc for field in lake_in_files.catalog.load_table("rollup.orders").schema().fields
    }
    assert found == {"day": None, "a1b2": "count where status = 'paid'", "c3d4": "sum of amount by category"}
    changed = table.metadata.last_updated_ms
    document(table, docs)
    assert table.metadata.last_updated_ms == changed > before
