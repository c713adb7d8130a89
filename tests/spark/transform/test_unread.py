"""What the expression of a source cannot read sets its row aside, and is never null or 0 in silence."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.support.frames import frame, rows
from usertags.project.model import Project
from usertags.transform.typed import typed

Build = Callable[..., Project]
DAY = date(2024, 7, 2)
UNREAD = "type_x"


def outcomes(
    spark: SparkSession, build: Build, column: dict[str, Any], values: Sequence[tuple[str | None, ...]]
) -> list[Any]:
    """What the raw columns a and b become in the column x of a CSV file, or the reason."""
    columns = {
        "customer": {"from": "customer", "type": "string"},
        "at": {"from": "at", "type": "timestamp"},
        "x": column,
    }
    entry = {
        "kind": "events",
        "read": {"connection": "files", "files": "*.csv", "format": "csv"},
        "columns": columns,
        "repeats": "keep",
        "user": {"customer": "customer"},
        "time": "at",
    }
    source = build(sources={"events": entry}).sources["events"]
    raw = [("u1", "2024-07-02 12:00:00", *(*value, None)[:2], DAY) for value in values]
    landed = frame(spark, "customer string, at string, a string, b string, batch date", raw)
    return [row["_reason"] or row["x"] for row in rows(typed(landed, source, "UTC"))]


AMOUNT = "cast(a as int) * cast(b as decimal(18,3))"


def test_an_amount_that_cannot_be_read_sets_its_row_aside(spark: SparkSession, build: Build) -> None:
    values = [
        ("2", "1.50"),
        ("3.0", "1.50"),
        ("1,000", "1.50"),
        ("2", "￥1.50"),
        ("2", "1.234,50"),
        ("abc", "1.50"),
        ("２ ", "1.50"),
        ("(2)", "1.50"),
        ("2000000", "9999999999.99"),
        ("", "1.50"),
        (" ", "1.50"),
        (None, "1.50"),
    ]
    found = outcomes(spark, build, {"expr": AMOUNT, "type": "decimal(18,3)"}, values)
    assert found == [Decimal("3.000"), *[UNREAD] * 8, None, None, None]


@pytest.mark.parametrize(
    ("expr", "kind", "value", "expected"),
    [
        ("to_date(a, 'dd.MM.yyyy')", "date", "05.10.2026", date(2026, 10, 5)),
        ("to_date(a, 'dd.MM.yyyy')", "date", "2026/10/05", UNREAD),
        ("cast(a as date)", "date", "5 October", UNREAD),
        ("cast(a as date)", "date", "2026-02-30", UNREAD),
        ("cast(a as date)", "date", "2026-02-28", date(2026, 2, 28)),
        ("cast(timestamp_seconds(cast(a as bigint)) as date)", "date", "86400", date(1970, 1, 2)),
        ("cast(timestamp_seconds(cast(a as bigint)) as date)", "date", "soon", UNREAD),
        ("hour(cast(a as timestamp))", "int", "noon", UNREAD),
        ("coalesce(cast(a as int), 0)", "int", "abc", UNREAD),
        ("coalesce(cast(a as int), 0)", "int", "", 0),
        ("coalesce(cast(a as int), length(a))", "int", "abc", UNREAD),
        ("coalesce(cast(a as date), to_date(a, 'dd.MM.yyyy'))", "date", "05.10.2026", date(2026, 10, 5)),
        ("coalesce(cast(a as date), to_date(a, 'dd.MM.yyyy'))", "date", "5/10", UNREAD),
        ("case when a like 'x%' then 1 else cast(a as int) end", "int", "x5", 1),
        ("case when a like 'x%' then 1 else cast(a as int) end", "int", "y5", UNREAD),
        ("case when cast(a as int) > 5 then 'many' else 'few' end", "string", "abc", UNREAD),
        ("if(cast(a as int) is null, -1, cast(a as int))", "int", "abc", -1),
        ("cast(a as int) in (1, 2)", "boolean", "abc", UNREAD),
        ("not (cast(a as int) between 1 and 2)", "boolean", "abc", UNREAD),
        ("cast(a as int) > 1 or a = 'abc'", "boolean", "abc", UNREAD),
        ("cast(a as int) + 2147483647", "int", "1", UNREAD),
        ("cast(a as int) / 0", "double", "1", None),
        ("nullif(cast(a as int), 0)", "int", "0", None),
        ("upper(a)", "string", "abc", "ABC"),
        ("lower(cast(a as string))", "string", "ABC", "abc"),
    ],
)
def test_a_conversion_counts_where_it_decides_the_value(
    spark: SparkSession, build: Build, expr: str, kind: str, value: str, expected: Any
) -> None:
    assert outcomes(spark, build, {"expr": expr, "type": kind}, [(value,)]) == [expected]


def test_null_is_right_where_the_column_says_so(spark: SparkSession, build: Build) -> None:
    column = {"expr": "try_cast(a as int)", "type": "int", "null_when": "a in ('面议', 'n/a')"}
    values = [("5",), ("面议",), ("n/a",), ("abc",), (None,)]
    assert outcomes(spark, build, column, values) == [5, None, None, UNREAD, None]


NUMBERS: list[tuple[str, dict[str, str]]] = [
    (
        "en",
        {
            "1,234.50": "1234.5",
            "1,234,567": "1234567",
            "$1,234.50": "1234.5",
            "1234.5 USD": "1234.5",
            "￥1,099.90": "1099.9",
            "(2)": "-2",
            "($1,234.50)": "-1234.5",
            "-3": "-3",
            "3-": "-3",
            "\u22123": "-3",
            "+3": "3",
            "２": "2",
            "（１２．５０）": "-12.5",
            "\u00a07\u3000": "7",
            "1.123456": "1.123456",
        },
    ),
    ("de", {"1.234,50": "1234.5", "1.234": "1234", "12,5 €": "12.5", "-1.234.567,00": "-1234567"}),
    ("fr", {"1 234,50": "1234.5", "1\u202f234,5 €": "1234.5", "12,5": "12.5"}),
    ("ch", {"CHF 1'234.50": "1234.5", "1\u2019234.50": "1234.5"}),
    ("in", {"₹12,34,567.89": "1234567.89", "1,000": "1000"}),
    ("zh", {"1,099.90元": "1099.9", "¥１，０９９．９０": "1099.9"}),
]
NO_NUMBERS = [
    (
        "en",
        ["abc", "1.234,50", "1,23", "1,2345", "12,34,567", "--1", "(1", "1e3", "1.2.3", "5%", "1.1234567"],
    ),
    ("de", ["1,234.50", "1.23", "1.2345,0", "12.34.567"]),
    ("fr", ["1.234,50", "1 23"]),
    ("in", ["1,234,567"]),
]


@pytest.mark.parametrize(("writing", "numbers"), NUMBERS, ids=[each[0] for each in NUMBERS])
def test_numbers_are_read_as_people_write_them(
    spark: SparkSession, build: Build, writing: str, numbers: dict[str, str]
) -> None:
    column = {"expr": f"number(a, '{writing}')", "type": "decimal(18,6)"}
    found = outcomes(spark, build, column, [(text,) for text in numbers])
    assert dict(zip(numbers, found, strict=True)) == {
        text: Decimal(number) for text, number in numbers.items()
    }


@pytest.mark.parametrize(("writing", "texts"), NO_NUMBERS, ids=[each[0] for each in NO_NUMBERS])
def test_what_is_written_in_another_way_is_set_aside(
    spark: SparkSession, build: Build, writing: str, texts: list[str]
) -> None:
    column = {"expr": f"number(a, '{writing}')", "type": "decimal(18,6)"}
    found = outcomes(spark, build, column, [(text,) for text in texts])
    assert dict(zip(texts, found, strict=True)) == dict.fromkeys(texts, UNREAD)
