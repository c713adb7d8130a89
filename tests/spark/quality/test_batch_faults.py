"""What goes wrong at a source, from the rows of a batch to what is said of it: literal days of a small shop.

Each fault is one batch after four good ones; tests/system/e2e/test_faults.py shows that such a batch is
blocked.
"""

import itertools
import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import SparkSession

from tests.support.frames import frame
from tests.support.sources import orders
from usertags.config.expression_tree import Name
from usertags.config.quality_models import Bounds, CheckEntry, CompareEntry, QualityEntry
from usertags.project.model import Column
from usertags.quality.checks import CheckResult
from usertags.quality.comparison import compared
from usertags.quality.freshness_references import freshness_checks
from usertags.quality.sentences import observed
from usertags.quality.statistics import Statistic, id_columns, statistics

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 3, 1)
GOOD = [FIRST + timedelta(days=number) for number in range(4)]
DAY = FIRST + timedelta(days=4)
ORDERS = 130

Order = dict[str, Any]
COLUMNS = {
    "order_id": "string",
    "customer": "string",
    "coupon": "string",
    "channel": "string",
    "amount": "decimal(12,2)",
    "ordered_at": "timestamp",
}
SCHEMA = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
SOURCE = orders(
    columns=tuple(Column(name, kind, Name(name), frozenset({name})) for name, kind in COLUMNS.items()),
    checks=(
        CheckEntry(
            column="coupon", references="coupons.code", severity="warning", owner="shop", action="ask"
        ),
        CheckEntry(fresh_within="2h", severity="warning", owner="shop", action="ask"),
    ),
    # An empty channel is a warning and does not refuse the day.
    compare=CompareEntry(empty=Bounds(warning=0.1)),
)


def orders_of(day: date) -> list[Order]:
    """The same day gives the same orders; a user has 8 digits, the last order comes at 23:15."""
    chance = random.Random(day.toordinal())
    found = []
    for number in range(ORDERS):
        hour, minute = (23, 15) if number == ORDERS - 1 else (chance.randrange(8, 22), chance.randrange(60))
        found.append(
            {
                "order_id": f"{day:%Y%m%d}{number:04}",
                "customer": str(10_000_000 + chance.randrange(300)),
                "coupon": f"C{chance.randrange(100, 1000)}",
                "channel": chance.choice(["app", "web", None]),
                "amount": Decimal(chance.randrange(1_000, 100_000)) / 100,
                "ordered_at": datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE),
            }
        )
    return found


def described(spark: SparkSession, orders: Sequence[Order], day: date, last: date | None) -> list[Statistic]:
    """What a batch of kept rows leaves behind."""
    given = [
        (*order.values(), order["ordered_at"].date(), repr(sorted(order.items())), "kept") for order in orders
    ]
    rows = frame(spark, f"{SCHEMA}, event_day date, _content string, _status string", given)
    return statistics(rows, SOURCE, day, last, end_of(day))


def end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(days=1)


@pytest.fixture(scope="module")
def before(spark: SparkSession) -> list[Statistic]:
    """Four weeks in the first batch, and three days after it."""
    history = [order for number in range(28) for order in orders_of(FIRST - timedelta(days=number))]
    found = described(spark, history, FIRST, None)
    for last, day in itertools.pairwise(GOOD):
        found += described(spark, orders_of(day), day, last)
    return found


def failed(
    spark: SparkSession, before: Sequence[Statistic], orders: Sequence[Order]
) -> dict[str, CheckResult]:
    """What is said of the orders as the batch of the day, of the checks that fail."""
    today = described(spark, orders, DAY, GOOD[-1])
    results = compared(SOURCE, DAY, today, before, QualityEntry())
    results += freshness_checks(SOURCE, today, end_of(DAY))
    return {item.check_id.removeprefix("clean.orders."): item for item in results if not item.success}


def severities(found: dict[str, CheckResult]) -> dict[str, str]:
    return {name: item.severity for name, item in found.items()}


def test_a_good_day_is_compared_in_every_way_and_nothing_is_said(
    spark: SparkSession, before: list[Statistic]
) -> None:
    assert failed(spark, before, orders_of(DAY)) == {}
    today = described(spark, orders_of(DAY), DAY, GOOD[-1])
    results = compared(SOURCE, DAY, today, before, QualityEntry())
    assert {item.check_id.removeprefix("clean.orders.") for item in results} == {
        "new_content",
        "rows_as_before",
        *(f"{name}_empty_as_before" for name in COLUMNS),
        "amount_scale_as_before",
        *(f"{name}_length_as_before" for name in ("order_id", "customer", "coupon")),
    }


def test_each_good_day_was_like_those_before_it(before: list[Statistic]) -> None:
    for day in GOOD:
        today = [item for item in before if item.data_day == day]
        earlier = [item for item in before if item.data_day < day]
        results = compared(SOURCE, day, today, earlier, QualityEntry())
        assert [item.check_id for item in results if not item.success] == []


def test_half_of_the_rows(spark: SparkSession, before: list[Statistic]) -> None:
    found = failed(spark, before, orders_of(DAY)[ORDERS // 2 :])
    assert severities(found) == {"rows_as_before": "critical"}
    rows = found["rows_as_before"]
    assert (rows.value, rows.usual, rows.low, rows.unit) == (65, 130, 91, "rows")
    assert observed(rows) == f"65 rows of {DAY}, usual 130 (the same weekday of 4 weeks)"


def test_a_column_of_nulls(spark: SparkSession, before: list[Statistic]) -> None:
    found = failed(spark, before, [order | {"channel": None} for order in orders_of(DAY)])
    assert severities(found) == {"channel_empty_as_before": "warning"}
    assert (found["channel_empty_as_before"].rows, found["channel_empty_as_before"].unexpected) == (130, 130)


@pytest.mark.parametrize("column", ["customer", "coupon"])
def test_ids_that_lose_two_digits(spark: SparkSession, before: list[Statistic], column: str) -> None:
    """Of the user, and of what refers to another source though it is no key."""
    cut = [order | {column: order[column][:-2]} for order in orders_of(DAY)]
    assert severities(failed(spark, before, cut)) == {f"{column}_length_as_before": "critical"}


def test_a_currency_in_cents(spark: SparkSession, before: list[Statistic]) -> None:
    cents = [order | {"amount": order["amount"] * 100} for order in orders_of(DAY)]
    assert severities(failed(spark, before, cents)) == {"amount_scale_as_before": "critical"}


@pytest.mark.parametrize("day", [GOOD[-1], GOOD[1]])
def test_the_rows_of_an_earlier_day(spark: SparkSession, before: list[Statistic], day: date) -> None:
    """Of an older file no row is of a day that the batch is described by; it is known by its content."""
    found = failed(spark, before, orders_of(day))
    assert found["new_content"].details == {"batch": str(day)}
    assert found["new_content"].severity == "critical"


def test_yesterday_again_with_one_row_more_is_other_content(
    spark: SparkSession, before: list[Statistic]
) -> None:
    assert "new_content" not in failed(spark, before, [*orders_of(GOOD[-1]), *orders_of(DAY)[:1]])


def test_no_row(spark: SparkSession, before: list[Statistic]) -> None:
    found = failed(spark, before, [])
    assert severities(found) == {"rows_as_before": "critical", "fresh": "warning"}


def test_an_export_that_ends_early(spark: SparkSession, before: list[Statistic]) -> None:
    early = [order for order in orders_of(DAY) if order["ordered_at"].hour < 20]
    assert severities(failed(spark, before, early)) == {"fresh": "warning"}


def test_texts_that_name_something_are_measured() -> None:
    assert id_columns(SOURCE) == {"order_id", "customer", "coupon"}
