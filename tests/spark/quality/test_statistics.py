"""What a batch leaves behind, counted by hand; and the share of rows that another source knows."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.support.sources import orders
from usertags.config.expression_tree import Name
from usertags.config.quality_models import CheckEntry
from usertags.project.model import Column, Source
from usertags.quality.expectations import Sampling
from usertags.quality.freshness_references import reference_checks, referred
from usertags.quality.statistics import Statistic, statistics

D1, D2, D3 = date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3)
END = datetime(2026, 11, 3, tzinfo=ZoneInfo("Asia/Shanghai"))
SCHEMA = (
    "order_id string, customer string, phone string, amount decimal(12,2), ordered_at timestamp, "
    "event_day date, _content string, _status string"
)
ROWS = [
    ("O1", "u1", "x", "10", "2026-11-02 08:00", D2, "a", "kept"),
    ("O2", "u22", None, "-30", "2026-11-02 23:30", D2, "b", "kept"),
    ("O3", "u3", None, None, "2026-11-02 09:00", D2, "c", "kept"),
    ("O4", "u3", None, "0", "2026-11-02 09:00", D2, "d", "kept"),
    # Neither a row that another version beats nor one that came again describes the day.
    ("O5", "u9999", "y", "777", "2026-11-02 23:59", D2, "e", "superseded"),
    ("O6", "u9999", "y", "777", "2026-11-02 23:59", D2, "f", "repeat"),
    ("O7", "u4", "x", "50", "2026-11-01 10:00", D1, "g", "kept"),
    ("O8", "u5", "x", "90", "2026-10-01 10:00", date(2026, 10, 1), "h", "kept"),
    # A clock that is ahead makes nothing fresh.
    ("O9", "u6", "x", "70", "2026-11-03 05:00", D3, "i", "kept"),
]


def source(**parts: object) -> Source:
    columns = tuple(
        Column(name, type_, Name(name), frozenset({name}), pii)  # type: ignore[arg-type]
        for name, type_, pii in (
            ("order_id", "string", None),
            ("customer", "string", None),
            ("phone", "string", "hash"),
            ("amount", "decimal(12,2)", None),
            ("ordered_at", "timestamp", None),
        )
    )
    return orders(**{"columns": columns} | parts)


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    texts = SCHEMA.replace("decimal(12,2)", "string").replace("timestamp", "string")
    return spark.createDataFrame(ROWS, texts).selectExpr(
        "order_id",
        "customer",
        "phone",
        "cast(amount as decimal(12,2)) as amount",
        "cast(ordered_at as timestamp) as ordered_at",
        "event_day",
        "_content",
        "_status",
    )


def test_a_batch_is_described_by_day_and_column(rows: DataFrame) -> None:
    found = statistics(rows, source(), D2, D1, END)
    by_place = {(item.day, item.column): item for item in found}
    of_day = {column: item for (day, column), item in by_place.items() if day == D2}
    assert {column: (item.rows, item.empty) for column, item in of_day.items()} == {
        "": (4, 0),
        "order_id": (4, 0),
        "customer": (4, 0),
        "phone": (4, 3),
        "amount": (4, 1),
        "ordered_at": (4, 0),
    }
    assert of_day["amount"].median == 10
    assert of_day["customer"].mean_length == (2 + 3 + 2 + 2) / 4
    assert of_day["phone"].mean_length is None
    assert of_day[""].newest == datetime(2026, 11, 2, 15, 30, tzinfo=ZoneInfo("UTC"))
    # Days between the batch before and this one, and no other.
    assert {item.day for item in found} == {D1, D2}
    assert by_place[D1, ""] == Statistic("orders", D2, False, D1, "", 1)
    assert all(item.data_day == D2 and not item.first for item in found)


@pytest.mark.parametrize(
    ("amounts", "median"),
    [(["0", None], None), (["NaN", "0"], None), (["NaN", "-5", "2", "9"], 5), (["4", "8"], 4)],
)
def test_a_median_is_of_numbers_other_than_0(
    spark: SparkSession, amounts: list[str | None], median: float | None
) -> None:
    doubles = replace(source(), columns=(Column("amount", "double", Name("amount"), frozenset({"amount"})),))
    frame = spark.createDataFrame(
        [(amount, D2, str(place), "kept") for place, amount in enumerate(amounts)],
        "amount string, event_day date, _content string, _status string",
    ).withColumn("amount", F.col("amount").cast("double"))
    found = statistics(frame, replace(doubles, key=(), ids=(), time=None), D2, D1, END)
    assert [item.median for item in found if item.column == "amount"] == [median]


def test_a_first_batch_is_described_by_some_weeks(rows: DataFrame) -> None:
    found = statistics(rows, source(), D2, None, END)
    assert {item.day for item in found} == {date(2026, 10, 1), D1, D2}
    assert all(item.first for item in found)


def test_a_fingerprint_is_of_the_rows_in_any_order(spark: SparkSession, rows: DataFrame) -> None:
    def mark(of: DataFrame) -> str | None:
        return next(
            item.fingerprint
            for item in statistics(of, source(), D2, D1, END)
            if not item.column and item.day == D2
        )

    again = spark.createDataFrame(rows.collect()[::-1], rows.schema).repartition(3)
    assert mark(again) == mark(rows)
    assert mark(rows.where("order_id <> 'O8'")) != mark(rows)
    assert mark(rows.limit(0)) is None


def test_a_batch_without_rows_says_so(rows: DataFrame) -> None:
    assert statistics(rows.limit(0), source(), D2, D1, END) == [Statistic("orders", D2, False, D2, "", 0)]


def test_a_profile_is_described_as_a_whole(rows: DataFrame) -> None:
    found = statistics(rows.drop("event_day"), source(kind="profile"), D2, D1, END)
    assert {(item.day, item.column, item.rows) for item in found if item.column in ("", "amount")} == {
        (D2, "", 7),
        (D2, "amount", 7),
    }


@pytest.mark.parametrize(("mostly", "success"), [(0.5, True), (0.6, False), (1.0, False)])
def test_orders_of_users_that_nobody_knows(
    spark: SparkSession, rows: DataFrame, mostly: float, success: bool
) -> None:
    """Of six kept rows with a user three are known; a row without one is no matter of this check."""
    entry = CheckEntry(
        column="customer",
        references="users.number",
        mostly=mostly,
        severity="critical",
        owner="data",
        action="ask",
    )
    users = spark.createDataFrame([("u1",), ("u3",), ("u3",), ("u77",)], "number string")
    batch = (
        rows.where("_status = 'kept' and order_id <> 'O8'")
        .selectExpr("order_id", "if(order_id = 'O9', null, customer) as customer", "phone")
        .unionByName(
            spark.createDataFrame([("O0", "u0", "x")], "order_id string, customer string, phone string")
        )
    )
    checked = source(checks=(entry,))
    assert referred(checked) == {"users"}
    (result,) = reference_checks(
        checked, batch, {"users": users}, Sampling(("order_id", "phone"), frozenset({"phone"}))
    )
    assert (result.success, result.rows, result.unexpected, result.value) == (success, 6, 3, 0.5)
    assert result.check_id == "clean.orders.customer_is_known_in_users_number"
    if success:
        assert result.samples == ()
    else:
        sample = sorted(result.samples, key=lambda row: row["order_id"])
        assert sample == [
            {"order_id": "O0", "phone": "***", "customer": "u0"},
            {"order_id": "O2", "phone": None, "customer": "u22"},
            {"order_id": "O7", "phone": "***", "customer": "u4"},
        ]
