"""examples/taobao_behaviour: small files with every kind of dirt, and the published files against DuckDB."""

import gzip
import json
from collections import Counter, defaultdict
from datetime import date

import pytest

from tests.support.places import CASES, EXAMPLES
from usertags.store.filters import rows_where

from .shop import NewShop, Shop

DAY = date(2017, 12, 3)
CASE = CASES / "taobao_behaviour"
CONFIGS, VARIABLE = EXAMPLES / "taobao_behaviour", "TAOBAO_BEHAVIOUR_DIR"

Tags = dict[str, dict[str, str]]


def tags_by_user(shop: Shop) -> Tags:
    """The tags of every user by the bare id, each with its value; preferred values in order of rank."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(shop.published("user_tags", DAY), key=lambda row: row["rank"]):
        found[row["user_id"].removeprefix("customer:")][row["tag_id"]].append(row["tag_value"])
    return {user: {tag: ", ".join(values) for tag, values in tags.items()} for user, tags in found.items()}


def reasons(shop: Shop) -> Counter[str]:
    return Counter(row["reason"] for row in shop.rows("ops.quarantine"))


@pytest.fixture(scope="module")
def small(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE)
    for file in CASE.glob("UserBehavior_*.csv"):
        (shop.landing / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    shop.run(DAY)
    return shop


def test_every_row_is_kept_dropped_as_a_repeat_or_set_aside_for_one_reason(small: Shop) -> None:
    assert small.line("clean", "behaviour") == {
        "read": 45,
        "kept": 37,
        # One event stands in both files.
        "superseded": 0,
        "repeats": 1,
        "quarantined": 7,
    }
    # Of the days before and after, the second before the window and the first one after it.
    assert reasons(small) == {
        "outside_the_window": 3,
        "unknown_action": 1,
        "unreadable_time": 1,
        "missing_user": 1,
        "unparsable": 1,
    }


def test_the_row_that_breaks_off_names_its_line(small: Shop) -> None:
    (row,) = small.rows("ops.quarantine", rows_where(reason="unparsable"))
    raw = json.loads(row["raw"])
    assert (raw["landed_file"], raw["landed_line"]) == ("UserBehavior_some_users.csv.gz", 43)
    assert raw["landed_unparsed"] == "106,9008,7008,pv"


def test_tags_of_the_small_files(small: Shop) -> None:
    """User 107 has no row in the window, and so is nobody."""
    assert tags_by_user(small) == {
        # Ten views and two purchases of seven days, four of the twelve at night; the first day is long ago.
        "101": {
            "active_level": "low",
            "active_days": "3",
            "active_daypart": "evening",
            "night_owl": "true",
            "last_category": "7003",
            # 11 of 20 points, and 4; the 5 of 7003 are one event.
            "preferred_category": "7002, 7001",
            "interest_breadth": "focused",
            "buyer": "true",
            "repeat_buyer": "true",
            "direct_buyer": "true",
            "conversion_rate": "0.2",
            "conversion_level": "high",
            "lifecycle_stage": "active",
            "first_active_date": "2017-11-25",
        },
        # A view, and something that stays in the cart.
        "102": {
            "active_level": "low",
            "active_days": "2",
            "cart_abandoner": "true",
            "pending_cart": "true",
            "last_category": "7001",
            "double12_intent": "true",
            "lifecycle_stage": "potential",
            "first_active_date": "2017-11-26",
        },
        # Came yesterday, bought in the last second of the day.
        "103": {
            "active_level": "low",
            "active_days": "2",
            "last_category": "7004",
            "buyer": "true",
            "lifecycle_stage": "new",
            "first_active_date": "2017-12-02",
        },
        # Bought on the last day before the seven.
        "104": {
            "last_category": "7005",
            "buyer": "true",
            "lifecycle_stage": "dormant",
            "first_active_date": "2017-11-26",
        },
        # Bought both things of the cart, on one day.
        "105": {
            "active_level": "low",
            "active_days": "2",
            "last_category": "7006",
            "preferred_category": "7006",
            "buyer": "true",
            "lifecycle_stage": "active",
            "first_active_date": "2017-11-30",
        },
        # Eleven views, ten of them at the weekend.
        "106": {
            "active_level": "low",
            "active_days": "3",
            "activity_trend": "rising",
            "active_daypart": "morning",
            "weekend_user": "true",
            "last_category": "7008",
            "preferred_category": "7007, 7008",
            "interest_breadth": "focused",
            "conversion_rate": "0",
            "conversion_level": "none",
            "lifecycle_stage": "potential",
            "first_active_date": "2017-11-27",
        },
    }


def test_another_engine_computes_the_same(small: Shop) -> None:
    assert small.differences(DAY) == ()
