"""Days, gaps, distinct values, percentiles, dictionaries and groups, from files to published tags."""

import hashlib
from typing import Any

import pytest

from usertags.explain import explain

from .conftest import GoodDays
from .expected import D2, D3
from .shop import Row

pytestmark = pytest.mark.shared("good_days")

MEASURES = ["order_days", "gap", "gap_spread", "statuses", "orders_about", "tiers_bought", "spend_percentile"]
# u1 paid on 2025-12-01, 2026-01-10 (done) and 2026-03-02, u2 on 2025-09-03, 2026-02-01 and 2026-03-01; u8
# paid before the window. They spent 210 and 620, u5 80 and u7 40; nobody else paid.
EXPECTED: dict[str, tuple[Any, ...]] = {
    "u1": (3, 45.5, pytest.approx(11 / 2**0.5), 2, 3, 2, 75),
    "u2": (3, 89.5, pytest.approx(123 / 2**0.5), 1, 3, 1, 100),
    "u3": (0, None, None, 0, 0, None, None),
    "u4": (0, None, None, 0, 0, None, None),
    "u5": (1, None, None, 1, 1, 1, 50),
    "u7": (1, None, None, 1, 1, 1, 25),
    "u8": (0, None, None, 0, 1, None, None),
}
# On D3 u2 paid again, after gaps of 151, 28 and 2 days: their squares about the mean 181/3 add up to 38006/3.
# The order of u7 is cancelled, so three have paid, 90, 210 and 650: whole percents.
ON_D3 = EXPECTED | {
    "u1": (*EXPECTED["u1"][:-1], 66),
    "u2": (4, pytest.approx(181 / 3), pytest.approx((38006 / 3 / 2) ** 0.5), 1, 4, 1, 100),
    "u5": (1, None, None, 1, 1, 1, 33),
    "u6": (0, None, None, 0, 0, None, None),
    "u7": (0, None, None, 0, 1, None, None),
}


def measured(rows: list[Row]) -> dict[str, tuple[Any, ...]]:
    """The measures of u1 … u8."""
    users = {row["user_id"].removeprefix("customer:"): row for row in rows}
    return {
        user: tuple(row[name] for name in MEASURES) for user, row in users.items() if user.startswith("u")
    }


def test_the_measures_are_those_counted_by_hand(good_days: GoodDays) -> None:
    assert measured(good_days.shop.measures(D2, good_days.newest(D2))) == EXPECTED


def test_tags_read_percentiles_dictionaries_and_the_user(good_days: GoodDays) -> None:
    shop = good_days.shop
    assert set(shop.tags(D2, "top_spender")) == {"u1", "u2"}
    assert set(shop.tags(D2, "silence")) == {"u2"}
    tiers = {user: row["tag_value"] for user, row in shop.tags(D2, "city_tier").items()}
    assert tiers == {"u1": "一线", "u2": "一线", "u3": "一线", "u5": "新一线", "u7": "一线"}
    groups = {row["user_id"]: row["tag_value"] for row in shop.tags(D2, "group").values()}
    everybody = [row["user_id"] for row in shop.measures(D2, good_days.newest(D2))]
    digits = {user: hashlib.md5(f"{user}:welcome".encode()).hexdigest()[:8] for user in everybody}
    assert groups == {user: "AB"[int(first, 16) % 2] for user, first in digits.items()}


def test_explain_shows_the_percentile_and_the_user(good_days: GoodDays) -> None:
    shop = good_days.shop
    found = {item.tag_id: item.inputs for item in explain(shop.pipeline.project, shop.lake, "u1", D2)}
    assert found["top_spender"] == {"spend_percentile": 75}
    assert found["group"] == {"user_id": "customer:u1"}


def test_the_day_again_is_the_same_day(good_days: GoodDays) -> None:
    shop, before = good_days.shop, good_days.seen[D3]
    assert measured(before["user_measures"]) == ON_D3
    assert measured(shop.measures(D3, good_days.newest(D3))) == ON_D3
    for table in ("user_tags", "user_profile"):
        assert shop.published(table, D3) == before[table]
