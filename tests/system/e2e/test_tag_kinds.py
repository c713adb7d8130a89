"""Preferences, tags that people set and tags that follow another, through every stage of three days."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
import yaml

from jobs.explain import explain
from tests.support.places import TINY_SHOP

from .conftest import NewShop
from .expected import D1, D2, D3
from .shop import Row, Shop

NOTES: dict[str, Any] = {
    "source": "notes",
    "kind": "events",
    "may_be_empty": True,
    "read": {"connection": "landing", "files": "notes/dt={day}/*.csv", "format": "csv"},
    "columns": {
        "customer": {"from": "customer", "type": "string"},
        "tag": {"from": "tag", "type": "string"},
        "value": {"from": "value", "type": "string"},
        "action": {"from": "action", "type": "string"},
        "who": {"from": "who", "type": "string"},
        "why": {"from": "why", "type": "string"},
        "until": {"from": "until", "type": "date"},
        "at": {"from": "at", "type": "timestamp"},
    },
    "key": ["customer", "tag", "at"],
    "user": {"customer": "customer"},
    "time": "at",
    "explicit": {
        "tag": "tag",
        "value": "value",
        "set_by": "who",
        "reason": "why",
        "until": "until",
        "withdrawn": "action = 'withdraw'",
    },
}
MEASURES = {
    "paid_by_status": {"source": "orders", "value": "sum(amount)", "by": "status", "half_life": "30d"},
    "orders_by_status": {"source": "orders", "value": "count(*)", "by": "status"},
}
TAGS: dict[str, Any] = {
    "usual_status": {
        "kind": "preference",
        "prefer": {"measure": "orders_by_status", "top": 2, "support": "orders_by_status", "min_support": 1},
    },
    "status_by_amount": {"kind": "preference", "prefer": {"measure": "paid_by_status"}, "status": "draft"},
    "quiet": {"kind": "manual", "set": {"source": "notes", "tag": "quiet"}},
    "care": {"kind": "manual", "set": {"source": "notes", "tag": "care"}, "values": ["diet", "rest"]},
    "stage": {
        "kind": "rule",
        "cases": [
            {"value": "one", "when": "orders_lifetime = 1"},
            {"value": "more", "when": "orders_lifetime > 1"},
        ],
        "values": ["one", "more"],
    },
    "days_in_stage": {"kind": "fact", "follows": {"tag": "stage", "what": "days"}},
    "stage_before": {"kind": "fact", "follows": {"tag": "stage", "what": "value_before"}},
}
USUAL = {
    "title": "A tag",
    "path": ["生命周期", "阶段", "近期"],
    "description": "a tag of a test",
    "validity": "dynamic",
    "owner": "data",
    "status": "active",
}


@dataclass(frozen=True)
class ThreeDays:
    """The shop after three days; on the last, one preference is retired."""

    shop: Shop
    days: tuple[date, ...] = (D1, D2, D3)


def order(number: str, user: str, day: date, status: str = "paid", amount: float = 10.0) -> Row:
    at = f"{day} 10:00:00"
    return {
        "order_id": number,
        "customer": user,
        "status": status,
        "amount": amount,
        "ordered_at": at,
        "updated_at": at,
    }


def write_notes(shop: Shop, day: date, lines: list[str]) -> None:
    path = shop.landing / "notes" / f"dt={day}" / "notes.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(["customer,tag,value,action,who,why,until,at", *lines]) + "\n")


@pytest.fixture(scope="module")
def three_days(new_shop: NewShop) -> ThreeDays:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    (shop.folder / "sources" / "notes.yml").write_text(yaml.safe_dump(NOTES))
    shop.edit("measures/all.yml", lambda data: data["measures"].update(MEASURES))
    added = {name: {"name": name} | USUAL | entry for name, entry in TAGS.items()}
    shop.edit("tags/tags.yml", lambda data: data["tags"].update(added))
    shop.write_orders(
        str(D1), [order("1", "u1", D1), order("2", "u1", D1, "done"), order("3", "u2", D1, "pending")]
    )
    write_notes(
        shop,
        D1,
        [f"u1,quiet,,set,nurse,asked,{D2},{D1} 09:00:00", f"u2,care,diet,set,doctor,weight,,{D1} 09:00:00"],
    )
    shop.run(D1)
    shop.write_orders(
        str(D2), [order("4", "u1", D2, "done"), order("5", "u1", D2, "done"), order("6", "u2", D2)]
    )
    write_notes(shop, D2, [f"u2,care,,withdraw,doctor,better,,{D2} 09:00:00"])
    shop.run(D2)
    shop.write_orders(str(D3), [order("7", "u2", D3)])
    shop.edit("tags/tags.yml", lambda data: data["tags"]["usual_status"].update(status="retired"))
    shop.run(D3)
    return ThreeDays(shop)


def usual(shop: Shop, day: date, user: str) -> list[tuple[int, str, float, float, date]]:
    rows = [
        row
        for row in shop.published("user_tags", day)
        if (row["user_id"], row["tag_id"]) == (f"customer:{user}", "usual_status")
    ]
    return sorted(
        (row["rank"], row["tag_value"], row["tag_number"], row["share"], row["valid_from"]) for row in rows
    )


def test_a_preference_has_a_row_a_rank_and_the_profile_its_first(three_days: ThreeDays) -> None:
    shop = three_days.shop
    assert usual(shop, D1, "u1") == [(1, "done", 1.0, 0.5, D1), (2, "paid", 1.0, 0.5, D1)]
    assert usual(shop, D2, "u1") == [(1, "done", 3.0, 0.75, D1), (2, "paid", 1.0, 0.25, D1)]
    assert usual(shop, D2, "u2") == [(1, "paid", 1.0, 0.5, D2), (2, "pending", 1.0, 0.5, D1)]
    assert shop.profile(D2)["u1"]["usual_status"] == "done"
    assert shop.profile(D2)["u2"]["usual_status"] == "paid"


def test_a_draft_preference_is_computed_apart(three_days: ThreeDays) -> None:
    shop = three_days.shop
    drafts = {row["user_id"]: row for row in shop.rows("ops.drafts", f"dt = '{D1}'")}
    assert drafts["customer:u1"]["tag_id"] in ("status_by_amount", "big_spender")
    assert not [row for row in shop.published("user_tags", D1) if row["tag_id"] == "status_by_amount"]


def test_what_people_set_goes_when_it_ends_or_is_withdrawn(three_days: ThreeDays) -> None:
    shop = three_days.shop
    quiet = shop.tags(D2, "quiet")["u1"]
    assert (quiet["source"], quiet["set_by"], quiet["reason"], quiet["valid_until"]) == (
        "explicit",
        "nurse",
        "asked",
        D2,
    )
    assert shop.tags(D3, "quiet") == {}
    assert shop.tags(D1, "care")["u2"]["tag_value"] == "diet"
    assert shop.tags(D2, "care") == {}
    assert ("u2", "care", "removed", "diet", None, "data") in shop.changes(D2)


def test_days_in_a_stage_and_the_stage_before(three_days: ThreeDays) -> None:
    profile = {day: three_days.shop.profile(day) for day in three_days.days}
    assert [profile[day]["u2"].get("stage") for day in three_days.days] == [None, "one", "more"]
    assert [profile[day]["u2"].get("days_in_stage") for day in three_days.days] == [None, 1, 1]
    assert [profile[day]["u2"].get("stage_before") for day in three_days.days] == [None, None, "one"]
    assert [profile[day]["u1"].get("days_in_stage") for day in three_days.days] == [1, 2, 3]


def snapshot(shop: Shop, day: date) -> dict[tuple[str, str], str]:
    """The value of each user's tags, several in the order of their ranks."""
    values: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for row in shop.published("user_tags", day):
        values[row["user_id"], row["tag_id"]].append((row["rank"], row["tag_value"]))
    return {key: "|".join(value for _, value in sorted(found)) for key, found in values.items()}


@pytest.mark.parametrize(("before", "day"), [(D1, D2), (D2, D3)])
def test_the_changes_are_exactly_the_difference_of_the_two_days(
    three_days: ThreeDays, before: date, day: date
) -> None:
    old, new = snapshot(three_days.shop, before), snapshot(three_days.shop, day)
    expected = {(key, old.get(key), new.get(key)) for key in old | new if old.get(key) != new.get(key)}
    rows = three_days.shop.published("user_tag_changes", day)
    assert {((row["user_id"], row["tag_id"]), row["old_value"], row["new_value"]) for row in rows} == expected
    assert len(rows) == len(expected)


def test_a_preference_that_is_retired_goes_with_all_its_values(three_days: ThreeDays) -> None:
    change = ("u1", "usual_status", "removed", "done|paid", None, "retired")
    assert change in three_days.shop.changes(D3)


def test_explain_says_who_set_a_tag_and_how_a_preference_came_about(three_days: ThreeDays) -> None:
    shop = three_days.shop
    found = {item.tag_id: item for item in explain(shop.pipeline.catalogue, shop.lake, "u1", D2)}
    assert found["quiet"].set_by == f"nurse: asked, until {D2}"
    assert found["quiet"].inputs is not None
    assert found["quiet"].inputs["set__notes"]["reason"] == "asked"
    assert found["usual_status"].value == "done (75%), paid (25%)"
    assert found["usual_status"].inputs == {"orders_by_status": {"done": 3.0, "paid": 1.0}}
