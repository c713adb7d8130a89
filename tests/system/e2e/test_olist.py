"""examples/olist: rows that name an order or a customer of one order become tags of a person, over links."""

import gzip
from collections import Counter, defaultdict
from datetime import date

import pytest

from tests.support.places import CASES, EXAMPLES
from usertags.store.filters import rows_where

from .shop import NewShop, Shop

DAY = date(2018, 10, 17)
CONFIGS, VARIABLE = EXAMPLES / "olist", "OLIST_DIR"

Tags = dict[str, dict[str, str]]


def tags_by_person(shop: Shop) -> Tags:
    """The tags of every person by `customer_unique_id`, each with its value."""
    found: Tags = defaultdict(dict)
    for row in shop.published("user_tags", DAY):
        found[row["user_id"].removeprefix("customer:")][row["tag_id"]] = row["tag_value"]
    return dict(found)


def quarantined(shop: Shop) -> Counter[tuple[str, str]]:
    return Counter((row["source"], row["reason"]) for row in shop.rows("ops.quarantine"))


@pytest.fixture(scope="module")
def small(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE)
    for file in (CASES / "olist").glob("*.csv"):
        (shop.landing / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    shop.run(DAY)
    return shop


def test_the_ids_of_a_person_are_one_user(small: Shop) -> None:
    assert {row["user_id"] for row in small.published("user_profile", DAY)} == {
        "customer:p1",
        "customer:p2",
        "customer:p3",
    }
    joined = {
        (row["id_kind"], row["id"]) for row in small.rows("ops.identities", rows_where(user_id="customer:p1"))
    }
    orders, customers = (
        {("order", "o1"), ("order", "o2")},
        {("order_customer", "c1"), ("order_customer", "c2")},
    )
    assert joined == {("customer", "p1")} | customers | orders


def test_tags_of_the_small_files(small: Shop) -> None:
    assert tags_by_person(small) == {
        # Two orders under two customer ids; the profile is that of the first of them.
        "p1": {
            "state": "SP",
            "city": "sao paulo",
            "region": "southeast",
            "valid_orders": "2",
            "repeat_customer": "true",
            "evening_buyer": "true",
            "late_delivery": "true",
            "delivery_speed": "usual",
            "total_spend": "215",
            "spending_level": "middle",
            "payment_method": "voucher",
            "installment_buyer": "true",
            "last_review": "4",
            "rfm_segment": "champions",
            "lifecycle_stage": "new",
        },
        # One order, which was cancelled.
        "p2": {
            "state": "RJ",
            "city": "rio de janeiro",
            "region": "southeast",
            "cancelled_order": "true",
            "total_spend": "77.5",
            "spending_level": "low",
            "payment_method": "boleto",
            "last_review": "1",
            "dissatisfied": "true",
            "rfm_segment": "never_ordered",
            "lifecycle_stage": "potential",
        },
        # Delivered on the promised day; the order of an unknown status is set aside.
        "p3": {
            "state": "PR",
            "city": "curitiba",
            "region": "south",
            "valid_orders": "1",
            "evening_buyer": "true",
            "delivery_speed": "slow",
            "total_spend": "55",
            "spending_level": "low",
            "freight_heavy": "true",
            "payment_method": "boleto",
            "rfm_segment": "one_time",
            "lifecycle_stage": "dormant",
            "black_friday_buyer": "true",
        },
    }


def test_rows_that_cannot_be_used_are_set_aside(small: Shop) -> None:
    assert quarantined(small) == {
        ("orders", "unknown_status"): 1,
        ("items", "shipped_after_the_files"): 1,
        ("payments", "method_not_defined"): 1,
    }


def test_the_words_of_a_review_are_not_landed(small: Shop) -> None:
    rows = small.rows("raw.reviews")
    assert len(rows) == 3
    assert not any("Chegou" in str(value) or "Nunca" in str(value) for row in rows for value in row.values())


def test_another_engine_computes_the_same(small: Shop) -> None:
    assert small.differences(DAY) == ()
