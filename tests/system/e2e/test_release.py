"""A person releases a day that a check refused, its batch or its tags; or it is put right at the source."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from .bad_days import (
    CANNOT_BE,
    CLERK,
    REQUIRED_OPTIONS,
    SEEN,
    WHO,
    WHY,
    Backfilled,
    BatchReleased,
    Extended,
    Held,
    Moved,
    PutRight,
    Refused,
    TagsReleased,
)
from .expected import D3, D4, D5, LONG_AGO, MOVED, NEVER, carries, people
from .shop import Row, ordered

pytestmark = pytest.mark.shared("bad_days")

# What was true by D5 before D4 was put right: G1 was set aside, A4 had its huge amount, G3 its first one.
HELD: dict[str, dict[str, Any]] = {
    "u1": carries("champions", "5000210.00", "has_ordered", "important_customer", "just_bought"),
    "u2": carries("champions", "670.00", "has_ordered", "important_customer", "just_bought"),
    # Two referrals and no order.
    "u3": NEVER | {"important_customer": True},
    "u4": NEVER,
    # Two tags of one exclusive path.
    "u5": carries(
        "champions",
        "2000110.00",
        "has_ordered",
        "no_order_yet",
        "important_customer",
        "bought_today",
        "just_bought",
    ),
    "u6": NEVER | {"important_customer": True},
    "u7": carries("fresh", "30.00", "has_ordered", "just_bought"),
    "u8": LONG_AGO,
}


# ---- a batch that the clean checks refused -------------------------------------------------------------


def test_nothing_is_built_on_a_batch_that_was_refused(refused: Refused) -> None:
    """Also when the stages after it are started one by one, or a task is marked as done by hand. A release
    that broke off before it took the batch over opens nothing."""
    assert len(refused.not_built) == 2
    for error in refused.not_built:
        assert f"the batch of {D4} was refused by its clean checks" in str(error)


def test_a_refused_run_leaves_its_summary(refused: Refused) -> None:
    """G1 has a status that the source does not know, and the amount of A4 is outside its range."""
    found = refused.summary
    assert (found["verdict"], found["refused_by"], found["day"]) == ("refused", "clean", str(D4))
    assert found["rows"]["sources"]["orders"] == {
        "read": 4, "kept": 3, "superseded": 0, "repeats": 0, "quarantined": 1
    }  # fmt: skip
    failure = next(item for item in found["failed"] if item["severity"] == "critical")
    assert (failure["id"], failure["runbook"]) == ("clean.orders.amount_in_its_range", "in-its-range")
    assert found["checks"]["failed"]["critical"] == 1
    assert found["readers_get"]["day"] == str(D3)
    assert {item["stage"] for item in found["stages"]} == {"extract", "clean"}
    assert refused.report == 0


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("published", r"2026-03-01 is not blocked: run r\w+ of it is published \(passed\)"),
        ("unknown", "2026-03-05 has no run"),
        ("by nobody", "a release needs a name.*nothing was released.*--by"),
        ("for no reason", "a release needs a reason.*--reason"),
        ("no day", "invalid date 'second'"),
    ],
)
def test_a_release_that_cannot_be_is_a_usage_error(refused: Refused, case: str, text: str) -> None:
    result, blocked = refused.cannot_be[case]
    assert result.code == 2
    assert re.search(text, result.text)
    assert blocked == [D4]


@pytest.mark.parametrize("option", ["--by", "--reason", "--day"])
def test_who_why_and_which_day_must_be_said(refused: Refused, option: str) -> None:
    result, blocked = refused.incomplete[option]
    assert result.code == 2
    assert f"Missing option '{option}'" in result.text
    assert blocked == [D4]


def test_every_command_that_cannot_be_was_given(refused: Refused) -> None:
    assert list(refused.cannot_be) == list(CANNOT_BE)
    assert list(refused.incomplete) == list(REQUIRED_OPTIONS)


def test_a_release_that_broke_off_lets_no_later_day_go_on(batch_released: BatchReleased) -> None:
    assert f"{D5} waits: {D4} was refused" in str(batch_released.waiting)


def test_the_held_batch_is_taken_over_in_every_source(
    refused: Refused, batch_released: BatchReleased
) -> None:
    assert batch_released.code == 0
    assert batch_released.main == refused.branch
    assert batch_released.amounts == {"A4": Decimal(5_000_000), "G2": Decimal(30), "G3": Decimal(20)}
    assert batch_released.branches == {name: {"main"} for name in refused.branch}


def test_the_day_is_run_on_and_says_who_released_it_and_why(batch_released: BatchReleased) -> None:
    row = batch_released.publication
    assert (row["verdict"], row["released_by"], row["release_reason"]) == ("released", WHO, WHY)
    assert row["run_id"] == batch_released.run_id
    (warning,) = json.loads(row["warnings"])
    assert warning.startswith("clean.orders: amount in its range (observed 1 failing rows")
    assert batch_released.profile["u1"]["yearly_spend"] == Decimal(5_000_210)
    assert "release" in batch_released.stages and batch_released.stages[-1] == "publish"


def test_the_summary_says_who_released_it_and_what_was_built(batch_released: BatchReleased) -> None:
    found = batch_released.summary
    assert (found["verdict"], found["released_by"], found["release_reason"]) == ("released", WHO, WHY)
    assert found["rows"]["tables"] == json.loads(batch_released.publication["row_counts"])
    assert found["definition_version"] == batch_released.publication["catalogue_version"]
    assert found["readers_get"] == {"day": str(D4), "run_id": batch_released.run_id}
    assert found["failed"][0]["id"] == "clean.orders.amount_in_its_range"


def test_a_view_marks_the_rows_of_a_released_day(batch_released: BatchReleased) -> None:
    assert batch_released.shown == [("released",)]


def test_releasing_once_more_changes_nothing_and_another_person_gets_an_error(
    batch_released: BatchReleased,
) -> None:
    assert batch_released.again.code == 0
    for table, (before, after) in batch_released.moved.items():
        assert before == after, table
    result = batch_released.by_another
    assert result.code == 2
    assert re.search(
        rf"is not blocked: run r\w+ of it is published \(released, released by {WHO}\)", result.text
    )


def test_the_waiting_day_goes_on(extended: Extended) -> None:
    row = extended.publication
    assert (row["verdict"], row["released_by"]) == ("passed", None)


def test_another_run_on_the_released_batch_says_so_too(
    batch_released: BatchReleased, batch_again: Row
) -> None:
    assert batch_again["replaces"] == batch_released.run_id
    assert (batch_again["verdict"], batch_again["released_by"]) == ("released", WHO)


def test_a_day_that_is_put_right_is_released_no_more(put_right: PutRight) -> None:
    assert put_right.publication["verdict"] == "passed"
    assert put_right.publication["released_by"] is None
    assert json.loads(put_right.publication["warnings"]) == []


def test_what_was_set_aside_is_taken_in_again_without_any_clean_up(put_right: PutRight) -> None:
    assert put_right.amounts["G1"] == Decimal(70)
    assert put_right.profile["u6"]["yearly_spend"] == Decimal(70)


# ---- a batch that is not what it was when it was refused -----------------------------------------------


def test_a_batch_that_another_definition_would_make_is_not_released(moved: Moved) -> None:
    assert f"the batch of {D5} has changed since it was refused: orders" in str(moved.error)
    assert f"usertags run --day {D5}" in str(moved.error)


def test_a_batch_is_cleaned_again_where_other_batches_came_since(
    moved: Moved, tags_released: TagsReleased
) -> None:
    again = "cleaned again on the current table"
    assert moved.notes == {"orders": again, "referrals": again, "users": again}
    assert {name: moved.orders[name] for name in ("L1", "K1", "K2")} == {"L1": D3, "K1": D5, "K2": D5}
    assert tags_released.publication["verdict"] == "released"
    assert tags_released.publication["released_by"].split(", ")[0] == CLERK


# ---- tags that the audit refused -----------------------------------------------------------------------


def test_held_rows_come_onto_todays_main_as_they_are(held: Held, backfilled: Backfilled) -> None:
    """A day before the day before is published since: main has moved, but what D5 compares with has not."""
    assert set(backfilled.first.values()) == {"held rows copied onto the current main"}
    assert backfilled.rows == held.rows
    assert set(backfilled.second.values()) == {"held rows unchanged"}
    assert backfilled.branches == {name: {"main", f"run_{held.run_id}"} for name in held.rows}


def test_rows_that_other_rules_would_make_are_not_computed_again(tags_released: TagsReleased) -> None:
    assert "was rerun after" in str(tags_released.error)
    assert "the rules have changed" in str(tags_released.error)
    assert f"usertags run --day {D5}" in str(tags_released.error)


def test_what_compares_with_the_day_before_is_computed_again_and_audited(
    tags_released: TagsReleased,
) -> None:
    again = "recomputed: the day before was published again"
    copied = "held rows copied onto the current main"
    assert tags_released.notes == {
        "tags.user_tags": again,
        "tags.user_profile": again,
        "tags.user_tag_changes": again,
        "tags.tag_statistics": again,
        "tags.tag_coverage": again,
        "tags.rfm": copied,
        "tags.rfm_thresholds": copied,
        "tags.tag_catalogue": copied,
    }
    assert tags_released.stages == ["release", "publish"]


def test_a_released_run_shows_its_own_day_and_the_day_before_as_it_is_now(
    held: Held, tags_released: TagsReleased
) -> None:
    expected = people(HELD, MOVED)
    # The correction of G1 is no part of the held run; what D4 remembers of it is.
    expected["u6"]["just_bought"] = True
    assert tags_released.profile == expected
    assert str(tags_released.kept["u6"]["valid_from"]) == str(D4)
    assert str(tags_released.kept["u5"]["valid_from"]) == str(D5)
    of_u6 = {change[1:] for change in tags_released.changes if change[0] == "u6"}
    assert {change for change in of_u6 if change[0] != "rfm_segment"} == {
        ("has_ordered", "removed", "true", None, "data"),
        ("no_order_yet", "added", None, "true", "data"),
        ("important_customer", "added", None, "true", "data"),
        ("bought_today", "removed", "true", None, "data"),
        ("yearly_spend", "changed", "70", "0", "data"),
    }
    spent = {change for change in tags_released.changes if change[1] == "yearly_spend"}
    assert {change[0]: change[3:5] for change in spent if change[0] != "u6"} == {
        "u1": ("260", "5000210"),
        "u2": ("690", "670"),
        "u5": ("90", "2000110"),
    }
    counts = {row["tag_id"]: (row["users"], row["users_before"]) for row in tags_released.statistics}
    assert counts["has_ordered"] == (5, 6)
    assert counts["just_bought"] == (5, 4)
    names = {"dt", "run_id"}
    rows = [{name: row[name] for name in row if name not in names} for row in held.rows["rfm"]]
    assert tags_released.rfm == ordered(rows)


def test_its_publication_says_who_released_what_and_why(
    held: Held, put_right: PutRight, tags_released: TagsReleased
) -> None:
    """One person has released its batch, another one its tags."""
    row = tags_released.publication
    assert (row["run_id"], row["verdict"]) == (held.run_id, "released")
    assert (row["released_by"], row["release_reason"]) == (f"{CLERK}, {WHO}", f"{SEEN}; {WHY}")
    warnings = json.loads(row["warnings"])
    assert any("exactly one tag of 生命周期/阶段/下单" in text for text in warnings)
    assert any("amount in its range" in text for text in warnings)
    assert put_right.publication["verdict"] == "passed"
    assert tags_released.previous_run == put_right.publication["run_id"]
    assert tags_released.branches == {name: {"main"} for name in held.rows}


def test_the_day_after_a_released_one_goes_on_from_it(extended: Extended) -> None:
    assert extended.publication["verdict"] == "passed"
    of_u5 = {change[1:5] for change in extended.changes if change[0] == "u5"}
    assert ("no_order_yet", "removed", "true", None) in of_u5


def test_what_was_released_is_what_the_clean_tables_say(tags_released: TagsReleased) -> None:
    assert tags_released.differences == ()
