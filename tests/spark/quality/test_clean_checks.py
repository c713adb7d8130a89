"""Checks of a clean batch that are no expectations of the library."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from pyspark.sql import SparkSession

from tests.support.frames import frame
from usertags.project.model import Project, Source
from usertags.quality.clean_checks import distinct_within_day, frequent_id

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))


def test_a_value_that_comes_back_on_another_day_is_counted(
    spark: SparkSession, build: Callable[..., Project]
) -> None:
    """A1 is on two days of which one was touched; A2 on two that were not; A3 twice on one day."""
    within = {"source": "orders", "value": "count(distinct order_id)", "distinct_within": "day"}
    project = build(measures={"orders": within, "orders_30d": within | {"window": "30d"}})
    clean = frame(
        spark,
        "order_id string, event_day date",
        [("A1", D1), ("A1", D3), ("A2", D1), ("A2", D2), ("A3", D3), ("A3", D3), (None, D3)],
    )
    touched = frame(spark, "event_day date", [(D3,)])
    source = project.sources["orders"]
    (result,) = distinct_within_day(source, project.measures_of("orders"), clean, touched)
    assert (result.success, result.rows, result.unexpected) == (False, 2, 1)
    assert result.severity == "critical"
    fine = clean.where("order_id <> 'A1' or event_day = date '2026-03-03'")
    (result,) = distinct_within_day(source, project.measures_of("orders"), fine, touched)
    assert (result.success, result.rows, result.unexpected) == (True, 2, 0)


@pytest.fixture(scope="module")
def orders(build: Callable[..., Project]) -> Source:
    return build().sources["orders"]


@pytest.mark.parametrize(
    ("rows_of_guests", "others", "rows_of_each", "suspicious"),
    [
        (100, 900, 1, True),
        (50, 950, 1, True),
        (49, 951, 1, False),
        (900, 1, 100, False),
        (100, 18, 50, False),
    ],
    ids=["a tenth", "from 5 %", "below 5 %", "of two users", "of nineteen users"],
)
def test_an_id_with_suspiciously_many_rows_is_a_warning(
    spark: SparkSession, orders: Source, rows_of_guests: int, others: int, rows_of_each: int, suspicious: bool
) -> None:
    ids = ["guest"] * rows_of_guests + [f"u{number}" for number in range(others)] * rows_of_each
    (result,) = frequent_id(orders, frame(spark, "customer string", [(each,) for each in ids]), len(ids))
    assert (result.success, result.severity, result.column) == (not suspicious, "warning", "customer")
    assert result.value == max(rows_of_guests, rows_of_each) / len(ids)
    assert result.samples == (({"customer": "guest", "rows": rows_of_guests},) if suspicious else ())
    assert result.unexpected == (rows_of_guests if suspicious else None)


def test_a_personal_id_is_masked_in_the_warning(spark: SparkSession, orders: Source) -> None:
    columns = tuple(replace(each, pii="hash" if each.name == "customer" else None) for each in orders.columns)
    rows = frame(spark, "customer string", [("8f3a",)] * 500 + [(f"u{number}",) for number in range(500)])
    (result,) = frequent_id(replace(orders, columns=columns), rows, 1000)
    assert result.samples == ({"customer": "***", "rows": 500},)


def test_few_rows_and_rows_of_profiles_are_not_asked(spark: SparkSession, orders: Source) -> None:
    rows = frame(spark, "customer string", [("guest",)] * 3)
    assert frequent_id(orders, rows, 3) == []
    assert frequent_id(replace(orders, kind="profile"), rows, 3000) == []
