"""Measures over windows, merged from day roll-ups, against DuckDB on the same rows."""

import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import stdev
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.support.frames import FEW, ORDERS, frame, rows
from usertags.project.model import Project, Source
from usertags.transform.rollup import day_rollup, merge
from usertags.transform.typed import typed
from usertags.transform.windows import window_days

Build = Callable[..., Project]
Order = tuple[str | None, str, str | None, Decimal | None, int | None, float | None, datetime]

SHANGHAI = ZoneInfo("Asia/Shanghai")
SCHEMA = (
    "order_id string, customer string, status string, amount decimal(12,2), units int, rating double, "
    "ordered_at timestamp, event_day date"
)
LEAP_DAY = date(2024, 2, 29)


def clean(spark: SparkSession, orders: Sequence[Order]) -> DataFrame:
    return frame(spark, SCHEMA, [(*order, order[-1].date()) for order in orders])


def order(
    day: date, customer: str = "u1", *, hour: int = 12, order_id: str | None = "o1", **parts: Any
) -> Order:
    at = datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI)
    named = {"status": "paid", "amount": Decimal("1.00"), "units": 1, "rating": 1.0} | parts
    return (order_id, customer, named["status"], named["amount"], named["units"], named["rating"], at)


def measured(
    spark: SparkSession,
    project: Project,
    orders: Sequence[Order],
    day: date,
    frames: Callable[[DataFrame, Source], list[DataFrame]] | None = None,
) -> dict[str, dict[str, Any]]:
    """All measures by user, through roll-ups of days. `frames` may build the roll-ups in another way."""
    source = project.sources["orders"]
    source_rows = clean(spark, orders)
    rollups = frames(source_rows, source) if frames else [rollup(source_rows, project)]
    found = rows(merge(rollups, project.measures.values(), day))
    assert {row["id_kind"] for row in found} <= {"customer"}
    return {row["id"]: {name: row[name] for name in project.measures} for row in found}


def rollup(source_rows: DataFrame, project: Project, name: str = "orders") -> DataFrame:
    partials = {p.id: p for measure in project.measures_of(name) for p in measure.partials}
    return day_rollup(source_rows, project.sources[name], partials.values())


def measure(value: str, **parts: Any) -> dict[str, Any]:
    distinct = {"distinct_within": "day"} if "distinct" in value else {}
    return {"source": "orders", "value": value} | distinct | parts


def over_days(value: str, within: str | None = None, **parts: Any) -> dict[str, Any]:
    stated = {"distinct_within": within} if within else {}
    return {"source": "orders", "value": value} | stated | parts


def test_a_window_holds_its_first_and_its_last_day_over_a_leap_day(spark: SparkSession, build: Build) -> None:
    project = build(
        measures={
            "three": measure("count(*)", window="3d"),
            "three_before": measure("count(*)", window="3d", offset="3d"),
            "one": measure("count(*)", window="1d"),
            "ever": measure("count(*)"),
        }
    )
    day = date(2024, 3, 1)
    orders = [order(day + timedelta(days=n), f"day{n}") for n in range(-7, 2)]
    found = measured(spark, project, orders, day)
    counted = {name: {user for user in found if found[user][name]} for name in project.measures}
    assert counted["three"] == {"day-2", "day-1", "day0"}
    assert counted["three_before"] == {"day-5", "day-4", "day-3"}
    assert counted["one"] == {"day0"}
    assert counted["ever"] == {f"day{n}" for n in range(-7, 1)}
    assert window_days(project.measures["three"], day) == (date(2024, 2, 28), day)


def test_a_row_after_the_data_day_is_not_seen_and_its_user_not_there_yet(
    spark: SparkSession, build: Build
) -> None:
    project = build(measures={"ever": measure("count(*)")})
    orders = [order(LEAP_DAY), order(LEAP_DAY + timedelta(days=1)), order(date(2024, 3, 1), "later")]
    assert measured(spark, project, orders, LEAP_DAY) == {"u1": {"ever": 1}}


def test_an_event_counts_on_the_day_of_the_project_zone(spark: SparkSession, build: Build) -> None:
    """From raw text to measure: one minute before and after midnight in Shanghai are two days."""
    project = build(measures={"today": measure("count(*)", window="1d"), "ever": measure("count(*)")})
    texts = [
        "2024-02-28T23:59:59+08:00",
        "2024-02-28T16:00:00Z",
        "2024-02-29T15:59:59Z",
        "2024-02-29T16:00:00Z",
    ]
    raw = frame(
        spark,
        "order_id string, customer string, status string, amount string, units string, rating string, "
        "ordered_at string, batch date",
        [(f"o{n}", "u1", None, None, None, None, text, LEAP_DAY) for n, text in enumerate(texts)],
    )
    source = project.sources["orders"]
    days = rollup(typed(raw, source, project.timezone).where("_reason is null"), project)
    found = rows(merge([days], project.measures.values(), LEAP_DAY))
    assert [(row["today"], row["ever"]) for row in found] == [(2, 3)]


def test_lines_of_one_order_count_once(spark: SparkSession, build: Build) -> None:
    project = build(measures={"orders": measure("count(distinct order_id)")})
    lines = [order(LEAP_DAY, order_id=name) for name in ("o1", "o1", "o2", None)]
    lines.append(order(date(2024, 2, 1), order_id="o0"))
    assert measured(spark, project, lines, LEAP_DAY) == {"u1": {"orders": 3}}


def test_a_sum_of_decimals_is_exact(spark: SparkSession, build: Build) -> None:
    project = build(measures={"paid": measure("sum(amount)")})
    amounts = [Decimal("9999999999.99")] + [Decimal("0.10")] * 3 + [Decimal("-0.01")]
    orders = [order(LEAP_DAY - timedelta(days=n), amount=amount) for n, amount in enumerate(amounts)]
    found = measured(spark, project, orders, LEAP_DAY)["u1"]["paid"]
    assert found == sum(amounts) == Decimal("10000000000.28")


def test_a_user_with_nothing_in_the_window_has_zero_counts_and_no_extremes(
    spark: SparkSession, build: Build
) -> None:
    values = [
        "count(*)",
        "count(distinct order_id)",
        "sum(amount)",
        "min(amount)",
        "avg(amount)",
        "last(status)",
    ]
    project = build(measures={f"m{n}": measure(value, window="7d") for n, value in enumerate(values)})
    found = measured(spark, project, [order(date(2023, 1, 1))], LEAP_DAY)
    assert list(found["u1"].values()) == [0, 0, 0, None, None, None]


def test_a_condition_that_is_null_leaves_the_row_out(spark: SparkSession, build: Build) -> None:
    where = {"where": "status <> 'refunded'"}
    project = build(measures={"n": measure("count(*)", **where), "paid": measure("sum(amount)", **where)})
    orders = [order(LEAP_DAY, status=status) for status in ("paid", "refunded", None)]
    assert measured(spark, project, orders, LEAP_DAY)["u1"] == {"n": 1, "paid": 1}


def test_first_and_last_skip_nulls_and_decide_ties_by_the_value(spark: SparkSession, build: Build) -> None:
    project = build(measures={"first": measure("first(status)"), "last": measure("last(status)")})
    yesterday = LEAP_DAY - timedelta(days=1)
    orders = [
        order(yesterday, hour=8, status=None),
        order(yesterday, hour=9, status="b"),
        order(yesterday, hour=9, status="a"),
        order(LEAP_DAY, hour=9, status="c"),
        order(LEAP_DAY, hour=9, status="d"),
        order(LEAP_DAY, hour=10, status=None),
    ]
    for shown in (orders, orders[::-1]):
        assert measured(spark, project, shown, LEAP_DAY)["u1"] == {"first": "a", "last": "d"}


def test_order_by_decides_between_rows_of_one_time(spark: SparkSession, build: Build) -> None:
    """No value comes before every value; the next column decides where the first is equal."""
    project = build(
        sources={"orders": ORDERS | {"order_by": ["units", "order_id"]}},
        measures={"first": measure("first(status)"), "last": measure("last(status)")},
    )

    def at_one_time(*lines: tuple[int | None, str | None, str]) -> list[Order]:
        return [order(LEAP_DAY, units=units, order_id=name, status=status) for units, name, status in lines]

    for lines, first, last in [
        ([(1, "o1", "z"), (2, "o1", "a"), (10, "o1", "k")], "z", "k"),
        ([(1, "o1", "z"), (None, "o1", "m"), (2, "o1", "a")], "m", "a"),
        ([(1, "o1", "z"), (1, "o2", "a"), (1, None, "k")], "k", "a"),
        # Only where all of it is equal the value decides.
        ([(1, "o1", "b"), (1, "o1", "a")], "a", "b"),
    ]:
        for shown in (lines, lines[::-1]):
            found = measured(spark, project, at_one_time(*shown), LEAP_DAY)
            assert found["u1"] == {"first": first, "last": last}
    # The time comes before it.
    orders = [order(LEAP_DAY, hour=8, units=9, status="z"), order(LEAP_DAY, hour=9, units=1, status="a")]
    assert measured(spark, project, orders, LEAP_DAY)["u1"] == {"first": "z", "last": "a"}


def on_days(*numbers: int, **parts: Any) -> list[Order]:
    """An order on each of the days, counted from the first of January."""
    return [order(date(2024, 1, 1) + timedelta(days=number), **parts) for number in numbers]


GAPS = {
    "days": over_days("count(distinct event_day)", window="60d"),
    "mean": over_days("gap_mean(event_day)", window="60d"),
    "spread": over_days("gap_stddev(event_day)", window="60d"),
}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        # The 60 days that end with 29 February begin with 1 January, day 0.
        ([-1], (0, None, None)),
        ([5], (1, None, None)),
        ([5, 5, 5], (1, None, None)),
        ([-1, 5], (1, None, None)),
        ([0, 59], (2, 59.0, None)),
        ([10, 13, 16], (3, 3.0, 0.0)),
        ([16, 13, 10, 13], (3, 3.0, 0.0)),
        # Over the leap day: gaps of 1, 2 and 6.
        ([50, 51, 53, 59, 60], (4, 3.0, 7**0.5)),
    ],
)
def test_gaps_lie_between_the_days_of_the_window(
    spark: SparkSession, build: Build, numbers: list[int], expected: tuple[Any, ...]
) -> None:
    found = measured(spark, build(measures=GAPS), on_days(*numbers), LEAP_DAY)["u1"]
    assert tuple(found.values()) == expected


def test_a_gap_is_between_days_with_a_row_that_meets_the_condition(spark: SparkSession, build: Build) -> None:
    where = {"where": "status = 'paid'"}
    project = build(measures={name: entry | where for name, entry in GAPS.items()})
    orders = on_days(1, 7, 9) + on_days(2, 9, status="refunded") + on_days(4, status=None)
    found = measured(spark, project, orders, LEAP_DAY)
    assert found == {"u1": {"days": 3, "mean": 4.0, "spread": 8**0.5}}


def test_a_day_counts_once_though_it_stands_in_several_rows(spark: SparkSession, build: Build) -> None:
    """As do the days of a person with two ids."""

    def twice(source_rows: DataFrame, source: Source) -> list[DataFrame]:
        return [rollup(source_rows.where("units = 1"), project), rollup(source_rows, project)]

    project = build(measures=GAPS | {"statuses": over_days("count(distinct status)", "window", window="9d")})
    orders = on_days(53, 54) + on_days(54, 59, units=2)
    expected = {"days": 3, "mean": 3.0, "spread": 8**0.5, "statuses": 1}
    assert measured(spark, project, orders, LEAP_DAY, twice)["u1"] == expected


@pytest.mark.parametrize(
    ("by_day", "expected"),
    [
        ([], None),
        ([[4.0]], None),
        ([[None], [4.0, None]], None),
        ([[4.0, 4.0]], 0.0),
        ([[4.0], [4.0], [4.0]], 0.0),
        ([[0.1], [0.1], [0.1]], 0.0),
        ([[2.0, 4.0], [4.0, 4.0], [5.0, 5.0, 7.0, 9.0]], (32 / 7) ** 0.5),
        ([[1.0], [], [2.0, None], [4.0]], (7 / 3) ** 0.5),
        # The sum of their squares has no digit left for what they differ in.
        ([[1e9 + 4, 1e9 + 7], [1e9 + 13], [1e9 + 16]], 30**0.5),
    ],
)
def test_a_standard_deviation_of_literal_values(
    spark: SparkSession, build: Build, by_day: list[list[float | None]], expected: float | None
) -> None:
    project = build(measures={"spread": measure("stddev(rating)", window="30d"), "n": measure("count(*)")})
    orders = [
        order(LEAP_DAY - timedelta(days=day), rating=value)
        for day, values in enumerate(by_day)
        for value in values
    ]
    orders.append(order(LEAP_DAY - timedelta(days=30), rating=1e6))
    found = measured(spark, project, orders, LEAP_DAY)["u1"]["spread"]
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-12, abs=1e-15))


def test_a_standard_deviation_takes_what_meets_the_condition(spark: SparkSession, build: Build) -> None:
    project = build(measures={"spread": measure("stddev(units * 2)", where="status = 'paid'")})
    orders = on_days(1, 2, units=1) + on_days(2, 5, units=3) + on_days(7, status="refunded", units=90)
    assert measured(spark, project, orders, LEAP_DAY)["u1"]["spread"] == pytest.approx((16 / 3) ** 0.5)


@FEW
@given(
    days=st.lists(
        st.lists(st.none() | st.integers(-(10**6), 10**6), min_size=1, max_size=6), min_size=1, max_size=8
    ),
    far=st.sampled_from([0, 10**6, -(10**9)]),
)
def test_a_standard_deviation_is_what_duckdb_says(
    spark: SparkSession, build: Build, days: list[list[int | None]], far: int
) -> None:
    """And what exact fractions say: DuckDB is held to them as well."""
    project = build(measures={"spread": measure("stddev(rating)")})
    values = [[None if value is None else far + value / 1024 for value in of_day] for of_day in days]
    orders = [
        order(LEAP_DAY - timedelta(days=day), rating=value)
        for day, of_day in enumerate(values)
        for value in of_day
    ]
    found = measured(spark, project, orders, LEAP_DAY)["u1"]["spread"]
    column = pa.table({"rating": pa.array([item[5] for item in orders], pa.float64())})
    connection = duckdb.connect()
    connection.register("orders", column)
    (expected,) = connection.execute("select stddev_samp(rating) from orders").fetchone() or ()
    exact = [Fraction(value) for of_day in values for value in of_day if value is not None]
    assert (found is None) == (expected is None) == (len(exact) < 2)
    if expected is not None:
        close = pytest.approx(float(stdev(exact)), rel=1e-6, abs=1e-6)
        assert expected == close
        assert found == close


@pytest.mark.parametrize("within", ["window", "approx"])
def test_a_value_that_comes_back_on_another_day_counts_once(
    spark: SparkSession, build: Build, within: str
) -> None:
    values = ["status", "order_id", "rating", "units", "ordered_at", "amount > 1"]
    entries = [over_days(f"count(distinct {value})", within, window="60d") for value in values]
    project = build(measures={f"m{number}": entry for number, entry in enumerate(entries)})
    orders = on_days(1, 2, 3, status="", rating=0.0) + on_days(1, 4, status=None, rating=-0.0, units=None)
    orders += on_days(59, order_id=None, status="paid", amount=Decimal(2))
    found = measured(spark, project, orders, LEAP_DAY)["u1"]
    assert list(found.values()) == [2, 1, 2, 1, 5, 2]


def test_a_distinct_count_of_no_rows_is_zero(spark: SparkSession, build: Build) -> None:
    entries = {
        "values": over_days("count(distinct status)", "window", window="7d"),
        "sketch": over_days("count(distinct status)", "approx", window="7d"),
        "days": over_days("count(distinct event_day)", window="7d"),
    }
    found = measured(spark, build(measures=entries), on_days(1), LEAP_DAY)
    assert found == {"u1": dict.fromkeys(entries, 0)}


def test_a_sketch_counts_closely_and_the_same_in_any_order_of_rows(spark: SparkSession, build: Build) -> None:
    project = build(measures={"n": over_days("count(distinct order_id)", "approx")})
    numbers = {"few": 100, "some": 390, "more": 3_000, "many": 20_000}
    orders = [
        order(LEAP_DAY - timedelta(days=number % 40), user, order_id=f"o{number // 2}")
        for user, values in numbers.items()
        for number in range(2 * values)
    ]
    shuffled = orders.copy()
    random.Random(4).shuffle(shuffled)

    def in_parts(source_rows: DataFrame, source: Source) -> list[DataFrame]:
        """The roll-up from the last day to the first."""
        days = rollup(source_rows.repartition(3), project)
        return [days.coalesce(1).sortWithinPartitions(F.desc("day"))]

    found = measured(spark, project, orders, LEAP_DAY)
    assert found == measured(spark, project, shuffled, LEAP_DAY, in_parts)
    assert found["few"]["n"] == 100
    for user, values in numbers.items():
        assert found[user]["n"] == pytest.approx(values, rel=0.05)


def test_a_measure_built_later_stands_beside_the_rows_that_were_there(
    spark: SparkSession, build: Build
) -> None:
    """Roll-ups of one day in several rows, each with some of the partials, merge as one row would."""
    values = ["count(*)", "sum(amount)", "avg(rating)", "last(status)", "max(units)"]
    project = build(measures={f"m{n}": measure(value) for n, value in enumerate(values)})
    partials = [partial for item in project.measures.values() for partial in item.partials]

    def apart(source_rows: DataFrame, source: Source) -> list[DataFrame]:
        old, new = (day_rollup(source_rows, source, some) for some in (partials[:3], partials[3:]))
        return [old.unionByName(new, allowMissingColumns=True)]

    orders = [order(LEAP_DAY), order(LEAP_DAY, status="refunded", units=7, rating=0.5)]
    expected = measured(spark, project, orders, LEAP_DAY)
    assert expected["u1"] == {"m0": 2, "m1": 2, "m2": 0.75, "m3": "refunded", "m4": 7}
    assert measured(spark, project, orders, LEAP_DAY, apart) == expected


def test_sources_are_merged_by_id_and_do_not_mix(spark: SparkSession, build: Build) -> None:
    project = build(
        sources={"orders": ORDERS, "returns": ORDERS},
        measures={
            "orders": measure("count(*)"),
            "returns": measure("count(*)") | {"source": "returns"},
            "returned": measure("sum(amount)") | {"source": "returns"},
        },
    )
    orders = clean(spark, [order(LEAP_DAY, "both"), order(LEAP_DAY, "buyer"), order(LEAP_DAY, "buyer")])
    returns = clean(spark, [order(LEAP_DAY, "both"), order(LEAP_DAY, "returner", amount=Decimal("2.50"))])
    rollups = [rollup(orders, project), rollup(returns, project, "returns")]
    found = rows(merge(rollups, project.measures.values(), LEAP_DAY))
    assert {row["id"]: (row["orders"], row["returns"], row["returned"]) for row in found} == {
        "both": (1, 1, Decimal("1.00")),
        "buyer": (2, 0, Decimal("0")),
        "returner": (0, 1, Decimal("2.50")),
    }


def test_a_source_without_measures_still_says_who_was_seen(spark: SparkSession, build: Build) -> None:
    project = build()
    orders = [order(LEAP_DAY), order(LEAP_DAY, "u2"), order(date(2024, 3, 1), "later")]
    assert measured(spark, project, orders, LEAP_DAY) == {"u1": {}, "u2": {}}


VALUES = [
    "count(*)",
    "count(units)",
    "count(distinct order_id)",
    "sum(amount)",
    "sum(units)",
    "sum(rating)",
    "min(amount)",
    "max(rating)",
    "min(ordered_at)",
    "max(ordered_at)",
    "avg(amount)",
    "avg(units)",
    "first(status)",
    "last(status)",
    "first(amount)",
    "last(order_id)",
    "stddev(rating)",
    "stddev(amount)",
]
# What may come back on other days, and the days themselves: value, how it merges, whether only in a window.
OVER_DAYS = [
    ("count(distinct event_day)", None, False),
    ("gap_mean(event_day)", None, True),
    ("gap_stddev(event_day)", None, True),
    ("count(distinct status)", "window", True),
    ("count(distinct amount)", "window", True),
    ("count(distinct rating)", "window", True),
    ("count(distinct ordered_at)", "window", True),
    ("count(distinct status)", "approx", False),
    ("count(distinct amount)", "approx", False),
    ("count(distinct ordered_at)", "approx", False),
]


@st.composite
def windowed(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """One measure of each kind of aggregate, each over a window of its own."""
    found = {}
    entries = [(measure(value), bool(number % 2)) for number, value in enumerate(VALUES)]
    entries += [(over_days(value, within), bounded) for value, within, bounded in OVER_DAYS]
    for number, (entry, bounded) in enumerate(entries):
        if bounded or draw(st.booleans()):
            entry["window"] = f"{draw(st.integers(1, 70))}d"
            if draw(st.booleans()):
                entry["offset"] = f"{draw(st.integers(1, 40))}d"
        if draw(st.booleans()):
            entry["where"] = draw(st.sampled_from(["status = 'paid'", "units > 1", "status is null"]))
        found[f"m{number}"] = entry
    return found


def drawn(seed: int, day: date) -> list[Order]:
    """Orders around a data day: nulls, ties in time, users of one row and of many, days after it."""
    draw = random.Random(seed)
    orders: list[Order] = []
    for number in range(draw.randrange(1, 250)):
        on = day + timedelta(days=draw.randrange(-100, 3))
        orders.append(
            order(
                on,
                f"u{min(draw.randrange(12), draw.randrange(12))}" if number else "single",
                hour=draw.choice([0, 9, 9, 23]),
                # An order never comes back on another day: that is what `distinct_within: day` says.
                order_id=draw.choice([None, *(f"{on}/{n}" for n in range(4))]),
                status=draw.choice([None, "paid", "paid", "refunded"]),
                amount=draw.choice([None, Decimal(draw.randrange(-10_000, 100_000)).scaleb(-2)]),
                units=draw.choice([None, 1, 2, 3]),
                rating=draw.choice([None, draw.randrange(40) / 8]),
            )
        )
    return orders


def in_duckdb(entries: dict[str, Any], orders: Sequence[Order], day: date) -> dict[str, Any]:
    """The same measures from the rows themselves, without roll-ups."""
    fields = ["order_id", "customer", "status", "amount", "units", "rating", "ordered_at"]
    kinds = [pa.string()] * 3 + [pa.decimal128(12, 2), pa.int32(), pa.float64(), pa.timestamp("us")]
    local = [(*item[:-1], item[-1].replace(tzinfo=None)) for item in orders]
    columns = [pa.array(values, kind) for values, kind in zip(zip(*local, strict=True), kinds, strict=True)]
    connection = duckdb.connect()
    connection.register("orders", pa.table(columns, fields))
    selected = [
        _in_duckdb(entry["value"], entry.get("where"), *_window(entry, day)) for entry in entries.values()
    ]
    dated = "(select *, ordered_at::date as event_day from orders)"
    query = f"select customer, {', '.join(selected)} from {dated} where event_day <= '{day}' group by 1"
    return {row[0]: dict(zip(entries, row[1:], strict=True)) for row in connection.execute(query).fetchall()}


def _window(entry: dict[str, Any], day: date) -> tuple[date | None, date]:
    days, back = (int(entry.get(name, "0d").removesuffix("d")) for name in ("window", "offset"))
    last = day - timedelta(days=back)
    return (last + timedelta(days=1) - timedelta(days=days) if days else None), last


def _in_duckdb(value: str, where: str | None, first: date | None, last: date) -> str:
    function, argument = value.removesuffix(")").split("(")
    condition = f"ordered_at::date <= '{last}' and ({where or 'true'})"
    condition += f" and ordered_at::date >= '{first}'" if first else ""
    if function in ("first", "last"):
        down = "desc" if function == "last" else "asc"
        listed = f"list({argument} order by ordered_at {down}, {argument} {down})"
        return f"(({listed} filter (where {argument} is not null and {condition}))[1])"
    if function.startswith("gap_"):
        days = f"list_sort(list_distinct(list({argument}) filter (where {condition})))"
        gaps = f"list_transform(range(2, len({days}) + 1), n -> {days}[n] - {days}[n - 1])"
        return f"list_aggregate({gaps}, '{function.replace('gap_', '').replace('mean', 'avg')}')"
    aggregate = f"{value} filter (where {condition})"
    return f"coalesce({aggregate}, 0)" if function in ("count", "sum") else aggregate


def plain(value: Any) -> Any:
    """A value of either engine: instants as the local wall clock, means up to the last bits."""
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).replace(tzinfo=None) if value.tzinfo else value
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


@FEW
@given(
    entries=windowed(),
    seed=st.integers(0, 2**32),
    day=st.sampled_from([LEAP_DAY, date(2024, 3, 31), date(2024, 1, 1), date(2025, 2, 28)]),
)
def test_every_aggregate_over_any_window_is_what_duckdb_says(
    spark: SparkSession, build: Build, entries: dict[str, dict[str, Any]], seed: int, day: date
) -> None:
    project = build(measures=entries)
    orders = drawn(seed, day)
    expected = in_duckdb(entries, orders, day)
    found = measured(spark, project, orders, day)
    assert found.keys() == expected.keys()
    for user, values in expected.items():
        for name, value in values.items():
            assert plain(found[user][name]) == plain(value), (user, entries[name])
