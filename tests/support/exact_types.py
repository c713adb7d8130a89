"""One table of values and declared types, and what a value is in each: the same for every reader."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from tests.support.frames import rows
from usertags.project.model import Project, Source
from usertags.transform.typed import typed

Build = Callable[..., Project]
DAY = date(2024, 7, 2)
NO = "set aside"

TYPES = ("int", "bigint", "decimal(12,2)", "double", "string", "id", "boolean")
# The value as a text, as JSON and in types of Parquet and of databases; what it is in each of the types.
VALUES: list[tuple[str, str, tuple[pa.Scalar, ...], tuple[Any, ...]]] = [
    (
        "12",
        "12",
        (pa.scalar(12, pa.int8()), pa.scalar(12, pa.int32()), pa.scalar(12, pa.int64())),
        (12, 12, Decimal("12.00"), 12.0, "12", "12", NO),
    ),
    (
        "1",
        "1",
        (pa.scalar(1, pa.int16()), pa.scalar(1, pa.int64())),
        (1, 1, Decimal("1.00"), 1.0, "1", "1", True),
    ),
    (
        "12.75",
        "12.75",
        (pa.scalar(12.75, pa.float64()), pa.scalar(12.75, pa.float32()), pa.scalar(Decimal("12.75"))),
        (NO, NO, Decimal("12.75"), 12.75, "12.75", "12.75", NO),
    ),
    (
        "19.99",
        "19.99",
        (pa.scalar(19.99, pa.float64()), pa.scalar(19.99, pa.float32()), pa.scalar(Decimal("19.99"))),
        (NO, NO, Decimal("19.99"), 19.99, "19.99", "19.99", NO),
    ),
    (
        "0.004",
        "0.004",
        (pa.scalar(0.004, pa.float64()), pa.scalar(Decimal("0.004"))),
        (NO, NO, NO, 0.004, "0.004", "0.004", NO),
    ),
    (
        "0.9",
        "0.9",
        (pa.scalar(0.9), pa.scalar(Decimal("0.9"))),
        (NO, NO, Decimal("0.90"), 0.9, "0.9", "0.9", NO),
    ),
    (
        "3000000000",
        "3000000000",
        (pa.scalar(3000000000, pa.int64()), pa.scalar(3e9), pa.scalar(Decimal("3000000000"))),
        (NO, 3000000000, Decimal("3000000000.00"), 3e9, "3000000000", "3000000000", NO),
    ),
    (
        "13800138000",
        "13800138000",
        (pa.scalar(13800138000, pa.int64()), pa.scalar(13800138000.0)),
        (NO, 13800138000, NO, 13800138000.0, "13800138000", "13800138000", NO),
    ),
    (
        "9007199254740993",
        "9007199254740993",
        (pa.scalar(9007199254740993, pa.int64()), pa.scalar(Decimal("9007199254740993"))),
        (NO, 9007199254740993, NO, NO, "9007199254740993", "9007199254740993", NO),
    ),
    (
        "9223372036854775808",
        "9223372036854775808",
        (pa.scalar(Decimal("9223372036854775808")),),
        (NO, NO, NO, NO, "9223372036854775808", "9223372036854775808", NO),
    ),
    ("NaN", '"NaN"', (pa.scalar(float("nan")),), (NO, NO, NO, NO, NO, NO, NO)),
    ("true", "true", (pa.scalar(True),), (NO, NO, NO, NO, "true", "true", True)),
    ("abc", '"abc"', (pa.scalar("abc"),), (NO, NO, NO, NO, "abc", "abc", NO)),
    ("1,000", '"1,000"', (pa.scalar("1,000"),), (NO, NO, NO, NO, "1,000", "1,000", NO)),
    ("１２", '"１２"', (pa.scalar("１２"),), (NO, NO, NO, NO, "１２", "１２", NO)),
    ("(2)", '"(2)"', (pa.scalar("(2)"),), (NO, NO, NO, NO, "(2)", "(2)", NO)),
    ("", "null", (pa.scalar(None, pa.int64()), pa.scalar(None, pa.float64())), (None,) * 7),
]


def source_of(build: Build, read: dict[str, Any], types: Sequence[str]) -> Source:
    columns: dict[str, Any] = {
        f"x{place}": {"from": "x", "type": "string" if type_ == "id" else type_}
        for place, type_ in enumerate(types)
    }
    columns["at"] = {"from": "at", "type": "timestamp"}
    entry = {
        "kind": "events",
        "read": read,
        "nulls": [],
        "columns": columns,
        "repeats": "keep",
        "user": {"customer": f"x{types.index('id')}"},
        "time": "at",
    }
    return build(sources={"events": entry}).sources["events"]


def outcomes(spark: SparkSession, source: Source, landed: pa.Table, types: Sequence[str]) -> list[Any]:
    """What the one row becomes in each type: `_c` is null and the value was not."""
    table = landed.append_column("batch", pa.array([DAY] * landed.num_rows, pa.date32()))
    (row,) = rows(typed(spark.createDataFrame(table), source, "UTC"))
    (came,) = landed.column("x").to_pylist()
    failed = [row[f"x{place}"] is None and came not in (None, "") for place in range(len(types))]
    first = next((place for place, each in enumerate(failed) if each), None)
    expected = None if first is None else f"type_x{first}"
    assert row["_reason"] == ("missing_user" if came in (None, "") else expected)
    return [NO if failed[place] else row[f"x{place}"] for place in range(len(types))]
