"""A column whose type has changed at the source is one column for clean, with the values as they were."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.support.exact_types import Build
from tests.support.frames import frame, rows
from usertags.transform.raw_columns import one_column_each
from usertags.transform.typed import typed

DAY = date(2026, 11, 2)
SCHEMA = (
    "order_no int, order_no__2 string, paid decimal(10,2), paid__2 decimal(14,4), paid__3 double, "
    "at timestamp_ntz, at__2 timestamp, city string"
)
VERSIONS = {
    "order_no": ["order_no", "order_no__2"],
    "paid": ["paid", "paid__2", "paid__3"],
    "at": ["at", "at__2"],
    "city": ["city"],
}
LOCAL, INSTANT = datetime(2026, 11, 1, 10), datetime(2026, 11, 2, 2, 0, 0, 123456, tzinfo=UTC)
OLD = (1, None, Decimal("10.50"), None, None, LOCAL, None, "a")
NEW = (None, "3000000000", None, Decimal("10.1200"), None, None, INSTANT, "b")
FLOAT = (None, "A1", None, None, 0.1, None, INSTANT, "c")


@pytest.mark.parametrize(
    ("given", "types"),
    [
        ([OLD], {"order_no": "int", "paid": "decimal(10,2)", "at": "timestamp_ntz"}),
        ([NEW], {"order_no": "string", "paid": "decimal(14,4)", "at": "timestamp"}),
        ([NEW, FLOAT], {"order_no": "string", "paid": "string", "at": "timestamp"}),
        ([OLD, NEW, FLOAT], {"order_no": "string", "paid": "string", "at": "string"}),
        ([], {"order_no": "int", "paid": "decimal(10,2)", "at": "timestamp_ntz"}),
    ],
)
def test_a_batch_has_its_values_in_one_column(
    spark: SparkSession, given: list[tuple[Any, ...]], types: dict[str, str]
) -> None:
    found = one_column_each(frame(spark, SCHEMA, given), VERSIONS)
    assert {name: dict(found.dtypes)[name] for name in types} == types
    assert set(found.columns) == set(VERSIONS)
    assert found.where("order_no is null or paid is null or at is null").count() == 0


def test_without_further_columns_nothing_is_changed(spark: SparkSession) -> None:
    raw = frame(spark, SCHEMA, [OLD])
    assert one_column_each(raw, {name: [name] for name in VERSIONS}) is raw


def test_the_declared_type_decides_whatever_the_column_was(spark: SparkSession, build: Build) -> None:
    entry = {
        "kind": "events",
        "read": {"connection": "shop", "table": "orders"},
        "columns": {
            "order_no": {"from": "order_no", "type": "string"},
            "paid": {"from": "paid", "type": "decimal(12,2)"},
            "at": {"from": "at", "type": "timestamp"},
            "day": {"from": "at", "type": "date"},
        },
        "repeats": "keep",
        "user": {"customer": "order_no"},
        "time": "at",
    }
    source = build(sources={"orders": entry}).sources["orders"]
    raw = frame(spark, f"{SCHEMA}, batch date", [(*each, DAY) for each in (OLD, NEW, FLOAT)])
    found = typed(one_column_each(raw, VERSIONS), source, "Asia/Shanghai")
    shown = found.selectExpr("order_no", "paid", "unix_micros(at) as at", "day", "_reason")
    micros = int(INSTANT.timestamp()) * 10**6 + INSTANT.microsecond
    at_local = int(datetime(2026, 11, 1, 2, tzinfo=UTC).timestamp()) * 10**6
    assert [tuple(row.values()) for row in rows(shown.orderBy("order_no"))] == [
        ("1", Decimal("10.50"), at_local, date(2026, 11, 1), None),
        ("3000000000", Decimal("10.12"), micros, date(2026, 11, 2), None),
        ("A1", Decimal("0.10"), micros, date(2026, 11, 2), None),
    ]
