"""The whole data set of Online Retail against checked figures."""

from collections import Counter
from decimal import Decimal

import pytest

from tests.system.e2e.conftest import NewShop
from tests.system.e2e.shop import Row, Shop
from tests.system.e2e.test_online_retail import CONFIGS, DAY, VARIABLE
from usertags.store.filters import rows_where

from .conftest import real_data

OCTANTS = {"111": 689, "110": 358, "101": 117, "100": 1750, "011": 27, "010": 40, "001": 38, "000": 1319}


@pytest.fixture(scope="module")
def whole(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE, real_data("online_retail"))
    shop.run(DAY)
    return shop


def figures(rows: list[Row]) -> tuple[int, int, Decimal]:
    revenue = sum(Decimal(str(row["monetary"])).quantize(Decimal("0.001")) for row in rows)
    return len(rows), sum(row["frequency"] for row in rows), revenue


def octants(rows: list[Row]) -> Counter[str]:
    return Counter(row["octant"] for row in rows)


def test_the_whole_data_set(whole: Shop) -> None:
    assert whole.line("clean", "order_lines") == {
        "read": 541_909,
        "kept": 397_884,
        "superseded": 0,
        "repeats": 0,
        "quarantined": 144_025,
    }
    assert whole.count("clean.order_lines") == 397_884
    assert whole.count("ops.quarantine", rows_where(reason="missing_user")) == 135_080
    rows = whole.published("rfm", DAY)
    assert figures(rows) == (4_338, 18_532, Decimal("8911407.904"))
    assert octants(rows) == OCTANTS


def test_the_whole_data_set_without_its_repeated_lines(whole: Shop) -> None:
    whole.edit("sources/order_lines.yml", lambda source: source.update(repeats="drop"))
    whole.run(DAY)
    assert whole.line("clean", "order_lines") == {
        "read": 541_909,
        "kept": 392_692,
        "superseded": 0,
        "repeats": 397_884 - 392_692,
        "quarantined": 144_025,
    }
    rows = whole.published("rfm", DAY)
    assert figures(rows) == (4_338, 18_532, Decimal("8887208.894"))
    assert octants(rows) == OCTANTS


def test_another_engine_computes_the_same(whole: Shop) -> None:
    assert whole.differences(DAY) == ()
