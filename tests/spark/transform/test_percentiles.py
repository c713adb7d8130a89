"""Where a user's measure stands among all users, against counting them."""

import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests.support.frames import FEW, frame, rows
from usertags.project.model import Project
from usertags.transform.percentiles import with_percentiles

Build = Callable[..., Project]
DAY = date(2024, 2, 29)
MEASURES: dict[str, Any] = {
    "paid": {"source": "orders", "value": "sum(amount)"},
    "orders": {"source": "orders", "value": "count(*)"},
    "rated": {"source": "orders", "value": "avg(rating)"},
    "last_order_at": {"source": "orders", "value": "max(ordered_at)"},
}
SCHEMA = "user_id string, paid decimal(38,2), orders bigint, rated double, last_order_at timestamp"
User = tuple[Decimal | None, int | None, float | None, datetime | None]


def user(paid: Any = None, orders: int | None = 0, rated: float | None = None, days_ago: int = 0) -> User:
    at = datetime(2024, 2, 29, 12, tzinfo=ZoneInfo("Asia/Shanghai")) - timedelta(days=days_ago)
    return (None if paid is None else Decimal(paid), orders, rated, at)


def percentiles(
    spark: SparkSession, build: Build, users: Sequence[User], **entries: dict[str, Any]
) -> list[tuple[Any, ...]]:
    """The percentiles of each user in turn."""
    project = build(measures=MEASURES | entries)
    given = frame(spark, SCHEMA, [(f"{number:06}", *item) for number, item in enumerate(users)])
    found = with_percentiles(given, list(project.percentiles.values()), DAY)
    assert found.columns == [*given.columns, *entries]
    table = sorted(rows(found), key=lambda row: row["user_id"])
    assert [tuple(row.values())[1:5] for row in table] == list(users)
    return [tuple(row[name] for name in entries) for row in table]


def of_paid(where: str | None = None) -> dict[str, Any]:
    return {"percentile_of": "paid"} | ({"where": where} if where else {})


def test_a_percentile_is_the_share_at_or_below(spark: SparkSession, build: Build) -> None:
    users = [user(amount) for amount in (10, 30, 20, 40)]
    assert percentiles(spark, build, users, p=of_paid()) == [(25,), (75,), (50,), (100,)]


def test_ties_have_one_percentile_and_the_whole_percents_only_count(
    spark: SparkSession, build: Build
) -> None:
    users = [user(amount) for amount in (1, 1, 5, 5, 5, 9, 9)]
    found = percentiles(spark, build, users, p=of_paid())
    assert found == [(28,), (28,), (71,), (71,), (71,), (100,), (100,)]
    assert percentiles(spark, build, [user(7)] * 3, p=of_paid()) == [(100,)] * 3


def test_users_outside_the_population_have_no_percentile_and_do_not_count(
    spark: SparkSession, build: Build
) -> None:
    users = [user(10, 1), user(None, 1), user(20, 1), user(30, None), user(40, 0)]
    found = percentiles(spark, build, users, of_all=of_paid(), of_buyers=of_paid("orders > 0"))
    assert found == [(25, 50), (None, None), (50, 100), (75, None), (100, None)]


def test_nobody_in_the_population_is_no_percentile(spark: SparkSession, build: Build) -> None:
    found = percentiles(spark, build, [user(10), user(20)], p=of_paid("orders > 0"), q=of_paid())
    assert found == [(None, 50), (None, 100)]


def test_a_condition_reads_the_data_day(spark: SparkSession, build: Build) -> None:
    where = "datediff(data_day, cast(last_order_at as date)) < 30"
    found = percentiles(spark, build, [user(10, days_ago=29), user(20, days_ago=30)], p=of_paid(where))
    assert found == [(100,), (None,)]


def test_binary_noise_makes_no_difference_between_equal_values(spark: SparkSession, build: Build) -> None:
    users = [user(rated=value) for value in (0.1 + 0.2, 0.3, 0.1 + 0.2, 1e300)]
    found = percentiles(spark, build, users, p={"percentile_of": "rated"})
    assert found == [(75,), (75,), (75,), (100,)]


def test_negative_values_and_percentiles_of_counts(spark: SparkSession, build: Build) -> None:
    users = [user("-5.5", 3), user("0.01", 2), user("-5.51", 3), user(0, 9)]
    found = percentiles(spark, build, users, p=of_paid(), q={"percentile_of": "orders"})
    assert found == [(50, 75), (100, 25), (25, 75), (75, 100)]


@pytest.mark.parametrize("users", [1, 2, 3, 7, 99, 100, 101, 200, 700, 1000])
def test_every_size_of_population_is_counted_exactly(spark: SparkSession, build: Build, users: int) -> None:
    """A share of 7 % of 100 users is more than 7 of them in binary fractions."""
    amounts = list(range(users))
    random.Random(users).shuffle(amounts)
    found = percentiles(spark, build, [user(amount) for amount in amounts], p=of_paid())
    assert found == [(100 * (amount + 1) // users,) for amount in amounts]


@FEW
@given(
    seed=st.integers(0, 2**32),
    users=st.integers(1, 400),
    spread=st.sampled_from([2, 20, 10_000]),
)
def test_percentiles_are_what_counting_says(
    spark: SparkSession, build: Build, seed: int, users: int, spread: int
) -> None:
    draw = random.Random(seed)
    drawn = [
        user(
            draw.choice([None, Decimal(draw.randrange(-spread, spread)).scaleb(-2)]),
            draw.choice([None, 0, 1, 2]),
            draw.choice([None, draw.randrange(spread) / 8]),
        )
        for _ in range(users)
    ]
    rated = {"percentile_of": "rated", "where": "paid > 0 or orders = 1"}
    found = percentiles(spark, build, drawn, p=of_paid("orders > 0"), q=rated)
    buyers = [paid if orders and paid is not None else None for paid, orders, _, _ in drawn]
    raters = [
        rating if (paid is not None and paid > 0) or orders == 1 else None
        for paid, orders, rating, _ in drawn
    ]
    assert found == list(zip(counted(buyers), counted(raters), strict=True))


def counted(values: Sequence[Any]) -> list[int | None]:
    population = [value for value in values if value is not None]
    return [
        None if value is None else 100 * sum(other <= value for other in population) // len(population)
        for value in values
    ]
