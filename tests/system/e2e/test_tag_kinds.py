"""Preferences, tags that people set and tags that follow another, through every stage of three days.

k1 and k2 have orders that are held, collected or pending; a preference is retired on the fifth day.
"""

from collections import defaultdict
from datetime import date

import pytest

from usertags.explain import explain
from usertags.store.filters import rows_where

from .conftest import RESTRICTED, GoodDays
from .expected import D1, D2, D3, D4, D5, D6
from .shop import Shop

pytestmark = pytest.mark.shared("good_days")

DAYS = (D1, D2, D3)


def usual(shop: Shop, day: date, user: str) -> list[tuple[int, str, float, float, date]]:
    rows = [
        row
        for row in shop.published("user_tags", day)
        if (row["user_id"], row["tag_id"]) == (f"customer:{user}", "usual_status")
    ]
    return sorted(
        (row["rank"], row["tag_value"], row["tag_number"], row["share"], row["valid_from"]) for row in rows
    )


def test_a_preference_has_a_row_a_rank_and_the_profile_its_first(good_days: GoodDays) -> None:
    shop = good_days.shop
    assert usual(shop, D1, "k1") == [(1, "collected", 1.0, 0.5, D1), (2, "held", 1.0, 0.5, D1)]
    assert usual(shop, D2, "k1") == [(1, "collected", 3.0, 0.75, D1), (2, "held", 1.0, 0.25, D1)]
    assert usual(shop, D2, "k2") == [(1, "held", 1.0, 0.5, D2), (2, "pending", 1.0, 0.5, D1)]
    assert shop.profile(D2)["k1"]["usual_status"] == "collected"
    assert shop.profile(D2)["k2"]["usual_status"] == "held"


def test_a_draft_preference_is_computed_apart(good_days: GoodDays) -> None:
    shop = good_days.shop
    drafts = {row["user_id"]: row for row in shop.rows("ops.drafts", rows_where(dt=D1))}
    assert drafts["customer:k1"]["tag_id"] == "status_by_amount"
    assert not [row for row in shop.published("user_tags", D1) if row["tag_id"] == "status_by_amount"]


def test_what_people_set_goes_when_it_ends_or_is_withdrawn(good_days: GoodDays) -> None:
    shop = good_days.shop
    quiet = shop.tags(D2, "quiet")["k1"]
    assert (quiet["source"], quiet["set_by"], quiet["reason"], quiet["valid_until"]) == (
        "explicit",
        "nurse",
        "asked",
        D2,
    )
    assert shop.tags(D3, "quiet") == {}
    assert shop.tags(D1, "care")["k2"]["tag_value"] == "diet"
    assert shop.tags(D2, "care") == {}
    assert ("k2", "care", "removed", "diet", None, "data") in shop.changes(D2)


def test_days_in_a_stage_and_the_stage_before(good_days: GoodDays) -> None:
    profile = {day: good_days.shop.profile(day) for day in DAYS}
    assert [profile[day]["k2"].get("stage") for day in DAYS] == [None, "one", "more"]
    assert [profile[day]["k2"].get("days_in_stage") for day in DAYS] == [None, 1, 1]
    assert [profile[day]["k2"].get("stage_before") for day in DAYS] == [None, None, "one"]
    assert [profile[day]["k1"].get("days_in_stage") for day in DAYS] == [1, 2, 3]


def snapshot(shop: Shop, day: date) -> dict[tuple[str, str], str]:
    """The value of each user's tags, several in the order of their ranks."""
    values: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for row in shop.published("user_tags", day):
        values[row["user_id"], row["tag_id"]].append((row["rank"], row["tag_value"]))
    return {key: "|".join(value for _, value in sorted(found)) for key, found in values.items()}


@pytest.mark.parametrize(("before", "day"), [(D1, D2), (D2, D3), (D4, D5)])
def test_the_changes_are_exactly_the_difference_of_the_two_days(
    good_days: GoodDays, before: date, day: date
) -> None:
    """Of all that change: on D5 two tags are left out."""
    old, new = snapshot(good_days.shop, before), snapshot(good_days.shop, day)
    left_out = {tag for tag in RESTRICTED if tag != "gender"} if day == D5 else set()
    expected = {
        (key, old.get(key), new.get(key))
        for key in old | new
        if old.get(key) != new.get(key) and key[1] not in left_out
    }
    rows = good_days.shop.published("user_tag_changes", day)
    assert {((row["user_id"], row["tag_id"]), row["old_value"], row["new_value"]) for row in rows} == expected
    assert len(rows) == len(expected)


def test_a_preference_that_is_retired_goes_with_all_its_values(good_days: GoodDays) -> None:
    change = ("k1", "usual_status", "removed", "collected|held", None, "retired")
    assert change in good_days.shop.changes(D5)


def test_explain_says_who_set_a_tag_and_how_a_preference_came_about(good_days: GoodDays) -> None:
    project, lake = good_days.projects[D6], good_days.shop.lake
    found = {item.tag_id: item for item in explain(project, lake, "k1", D2)}
    assert found["quiet"].set_by == f"nurse: asked, until {D2}"
    assert found["quiet"].inputs is not None
    assert found["quiet"].inputs["set__notes"]["reason"] == "asked"
    assert found["usual_status"].value == "collected (75%), held (25%)"
    assert found["usual_status"].inputs == {"orders_by_status": {"collected": 3.0, "held": 1.0}}
