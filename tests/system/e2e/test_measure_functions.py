"""Days, gaps, distinct values, percentiles, dictionaries and groups, from files to published tags."""

import hashlib
from datetime import date
from typing import Any

import pytest

from jobs.explain import explain
from tests.support.places import TINY_SHOP

from .conftest import NewShop
from .expected import D1, D2
from .shop import Shop

PAID = {"source": "orders", "where": "status in ('paid', 'done')", "window": "365d"}
MEASURES: dict[str, Any] = {
    "order_days": PAID | {"value": "count(distinct event_day)"},
    "gap": PAID | {"value": "gap_mean(event_day)"},
    "gap_spread": PAID | {"value": "gap_stddev(event_day)"},
    "statuses": PAID | {"value": "count(distinct status)", "distinct_within": "window"},
    "orders_about": {"source": "orders", "value": "count(distinct order_id)", "distinct_within": "approx"},
    "tiers_bought": PAID | {"value": "max(lookup('points', status))"},
    "spend_percentile": {"percentile_of": "paid_365d", "where": "paid_365d > 0"},
}
DICTIONARIES = {"tiers": {"上海": "一线", "北京": "一线", "成都": "新一线"}, "points": {"paid": 1, "done": 2}}
GROUP = "if(hash_bucket(concat(user_id, ':welcome'), 2) = 0, 'A', 'B')"
TAGS = {
    "top_spender": {"when": "spend_percentile >= 75"},
    "city_tier": {"value": "lookup('tiers', users.city)", "kind": "fact"},
    "group": {"value": GROUP, "kind": "fact"},
    "silence": {"when": "gap > 60"},
}
# u1 paid on 2025-12-01, 2026-01-10 (done) and 2026-03-02, u2 on 2025-09-03, 2026-02-01 and 2026-03-01; u8
# paid before the window. They spent 210 and 620, u5 80 and u7 40.
EXPECTED = {
    "u1": (3, 45.5, pytest.approx(11 / 2**0.5), 2, 3, 2, 75),
    "u2": (3, 89.5, pytest.approx(123 / 2**0.5), 1, 3, 1, 100),
    "u3": (0, None, None, 0, 0, None, None),
    "u4": (0, None, None, 0, 0, None, None),
    "u5": (1, None, None, 1, 1, 1, 50),
    "u7": (1, None, None, 1, 1, 1, 25),
    "u8": (0, None, None, 0, 1, None, None),
}


def _tag(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    usual = {"name": name, "title": name, "path": ["消费属性", "客户价值", "消费能力"], "kind": "rule"}
    usual |= {"description": name, "validity": "dynamic", "owner": "data", "status": "active"}
    return usual | entry


@pytest.fixture(scope="module")
def shop(new_shop: NewShop) -> Shop:
    """The tiny shop after two days; the measures are new on the second and build their history themselves."""
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    shop.land(TINY_SHOP / "landing", str(D1))
    shop.run(D1)
    (measures,) = sorted((shop.folder / "measures").glob("*.yml"))
    (tags,) = sorted((shop.folder / "tags").glob("*.yml"))
    (shop.folder / "dictionaries").mkdir()
    (shop.folder / "dictionaries" / "all.yml").write_text("dictionaries: {placeholder: {a: b}}\n")
    shop.edit("dictionaries/all.yml", lambda data: data.update(dictionaries=DICTIONARIES))
    shop.edit(f"measures/{measures.name}", lambda data: data["measures"].update(MEASURES))
    new = {name: _tag(name, entry) for name, entry in TAGS.items()}
    shop.edit(f"tags/{tags.name}", lambda data: data["tags"].update(new))
    shop.land(TINY_SHOP / "landing", str(D2))
    shop.run(D2)
    return shop


def measured(shop: Shop, day: date) -> dict[str, tuple[Any, ...]]:
    rows = shop.measures(day, shop.run_id)
    return {row["user_id"].removeprefix("customer:"): tuple(row[name] for name in MEASURES) for row in rows}


def test_the_measures_are_those_counted_by_hand(shop: Shop) -> None:
    assert measured(shop, D2) == EXPECTED


def test_tags_read_percentiles_dictionaries_and_the_user(shop: Shop) -> None:
    assert set(shop.tags(D2, "top_spender")) == {"u1", "u2"}
    assert set(shop.tags(D2, "silence")) == {"u2"}
    tiers = {user: row["tag_value"] for user, row in shop.tags(D2, "city_tier").items()}
    assert tiers == {"u1": "一线", "u2": "一线", "u3": "一线", "u5": "新一线", "u7": "一线"}
    groups = {user: row["tag_value"] for user, row in shop.tags(D2, "group").items()}
    digits = {user: hashlib.md5(f"customer:{user}:welcome".encode()).hexdigest()[:8] for user in EXPECTED}
    assert groups == {user: "AB"[int(first, 16) % 2] for user, first in digits.items()}


def test_explain_shows_the_percentile_and_the_user(shop: Shop) -> None:
    catalogue = shop.pipeline.catalogue
    found = {item.tag_id: item.inputs for item in explain(catalogue, shop.lake, "u1", D2)}
    assert found["top_spender"] == {"spend_percentile": 75}
    assert found["group"] == {"user_id": "customer:u1"}


def test_the_day_again_is_the_same_day(shop: Shop) -> None:
    before = {table: shop.published(table, D2) for table in ("user_tags", "user_profile")}
    shop.run(D2)
    assert measured(shop, D2) == EXPECTED
    assert {table: shop.published(table, D2) for table in before} == before
