"""What the commits of a clean table say of its batches, and which roll-ups are built: literal commits."""

from collections.abc import Mapping
from datetime import date

import pytest

from jobs.catalogue.model import Partial
from jobs.catalogue.versions import version_of
from jobs.stages.aggregate import Build, builds
from jobs.stages.clean_commits import (
    Commit,
    commits,
    earlier_days,
    newest_of,
    other_definitions,
    touched_since,
)

D1, D2, D3, D4 = (date(2024, 7, day) for day in (1, 2, 3, 4))
# Newest first. The batch of the 2nd was cleaned again after that of the 3rd; the first commit is empty.
COMMITS = [
    Commit(15, "2024-07-02", "new", "2b", "2024-07-01,2024-07-02"),
    Commit(14, "2024-07-03", "new", "3a", "2024-07-03"),
    Commit(13, "2024-07-02", "old", "2a", "2024-07-02"),
    Commit(12, "2024-07-01", "old", "1a", ""),
    Commit(11),
]


def test_a_batch_stands_as_its_newest_commit() -> None:
    found = [newest_of(COMMITS, day) for day in (D1, D2, D3, D4)]
    assert [commit and commit.id for commit in found] == [12, 15, 14, None]


def test_a_table_that_is_not_there_has_no_commits() -> None:
    assert list(commits(None)) == []


def test_batches_that_stand_as_another_definition_made_them_are_told() -> None:
    assert other_definitions(COMMITS, D3, "new") == [D1]
    assert other_definitions(COMMITS, D3, "old") == [D2]
    # Of the batch itself nothing is said: it is made anew.
    assert other_definitions(COMMITS, D1, "new") == []
    assert other_definitions(COMMITS, D4, "third") == [D1, D2, D3]


def test_a_commit_of_an_older_program_that_names_no_definition_is_not_told() -> None:
    assert other_definitions([Commit(2, "2024-07-01", None), Commit(1, "2024-07-01", "old")], D2, "new") == []


def test_the_days_of_all_earlier_tries_of_a_batch_are_rewritten() -> None:
    assert earlier_days(COMMITS, D2) == {D1, D2}
    assert earlier_days(COMMITS, D3) == {D3}
    assert earlier_days(COMMITS, D1) == set()
    assert earlier_days(COMMITS, D4) == set()


def test_a_profile_has_no_days_of_earlier_tries() -> None:
    assert earlier_days([Commit(1, "2024-07-01", "v", "s", "all")], D1) == set()


@pytest.mark.parametrize(
    ("seen", "touched"),
    [
        ("15", set()),
        ("14", {D1, D2}),
        ("13", {D1, D2, D3}),
        ("11", {D1, D2, D3}),
        # Not a commit of the table, as of one that was made anew; or no roll-up yet.
        ("99", None),
        (None, None),
    ],
)
def test_days_touched_since_a_commit(seen: str | None, touched: set[date] | None) -> None:
    assert touched_since(COMMITS, seen) == touched


# ---- what is built of it -----------------------------------------------------------------------------

A, B, C = (Partial(name, "count", None, None) for name in "abc")
AB = frozenset({"a", "b"})


def planned(
    clean_days: set[date],
    touched: set[date] | None,
    built: Mapping[date, frozenset[str]],
    *partials: Partial,
) -> list[tuple[tuple[date, ...], str, bool]]:
    """Each build as its days, the ids of its partials, and whether it replaces the days whole."""
    found = builds(clean_days, touched, built, partials or (A, B))
    return [(item.days, "".join(part.id for part in item.partials), item.replace) for item in found]


def test_what_is_current_is_left_alone() -> None:
    assert planned({D1, D2}, set(), {D1: AB, D2: AB}) == []


def test_without_a_rollup_all_days_are_built_at_once_in_order() -> None:
    assert planned({D3, D1, D2}, None, {}) == [((D1, D2, D3), "ab", True)]
    assert planned(set(), None, {}) == []


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
