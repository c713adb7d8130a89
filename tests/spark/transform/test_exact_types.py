"""A value has one outcome in a declared type, whichever reader delivers it: the value, or `type_<column>`.

One table of values, readers and types. Each value is in the types in which a reader has it: in a text file
as programs write it, in Parquet and from databases in a type of their own.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from tests.support.frames import rows
from usertags.project.model import Project, Source
from usertags.sources.files import FileFormat, list_files, read_files
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
# A program that writes texts says of a whole number in a double that it is one. A column of texts keeps that.
DOUBLES: list[tuple[str, pa.Scalar, tuple[Any, ...]]] = [
    ("10001.0", pa.scalar(10001.0), (10001, 10001, Decimal("10001.00"), 10001.0, "10001", NO)),
    ("1.3800138E10", pa.scalar(13800138000.0), (NO, 13800138000, NO, 13800138000.0, "13800138000", NO)),
    ("13800138000.0", pa.scalar(13800138000.0), (NO, 13800138000, NO, 13800138000.0, "13800138000", NO)),
    ("12345678.5", pa.scalar(12345678.5), (NO, NO, Decimal("12345678.50"), 12345678.5, "12345678.5", NO)),
    ("10001.00", pa.scalar(Decimal("10001.00")), (10001, 10001, Decimal("10001.00"), 10001.0, "10001", NO)),
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


def through_file(folder: Path, format_: FileFormat, source: Source) -> pa.Table:
    files = list_files(str(folder), f"*.{format_}", data_day=DAY)
    return read_files(files, columns=source.raw_columns, format=format_, has_pii=False).read_all()


def text_file(
    spark: SparkSession, build: Build, folder: Path, format_: FileFormat, text: str, types: Sequence[str]
) -> list[Any]:
    at = "2024-07-02 12:00:00"
    written = f'x,at\n"{text}",{at}\n' if format_ == "csv" else f'{{"x": {text}, "at": "{at}"}}\n'
    (folder / f"rows.{format_}").write_text(written, encoding="utf-8")
    read = {"connection": "files", "files": f"*.{format_}", "format": format_}
    source = source_of(build, read, types)
    return outcomes(spark, source, through_file(folder, format_, source), types)


def native(
    spark: SparkSession, build: Build, folder: Path, value: pa.Scalar, types: Sequence[str]
) -> list[Any]:
    at = pa.array([datetime(2024, 7, 2, 12)], pa.timestamp("us"))
    table = pa.table({"x": pa.array([value.as_py()], value.type), "at": at})
    pq.write_table(table, folder / "rows.parquet")
    read = {"connection": "files", "files": "*.parquet", "format": "parquet"}
    source = source_of(build, read, types)
    return outcomes(spark, source, through_file(folder, "parquet", source), types)


@pytest.mark.parametrize(
    ("text", "as_json", "native_values", "expected"), VALUES, ids=[case[0] for case in VALUES]
)
def test_a_value_has_one_outcome_in_every_reader(
    spark: SparkSession,
    build: Build,
    tmp_path: Path,
    text: str,
    as_json: str,
    native_values: tuple[pa.Scalar, ...],
    expected: tuple[Any, ...],
) -> None:
    for number, value in enumerate(native_values):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert native(spark, build, folder, value, TYPES) == list(expected), value.type
    # Not a number is a text where there are only texts.
    wanted = [*expected[:4], "NaN", "NaN", NO] if text == "NaN" else list(expected)
    if text:
        assert text_file(spark, build, tmp_path, "csv", text, TYPES) == wanted
    assert text_file(spark, build, tmp_path / "0", "json", as_json, TYPES) == wanted


@pytest.mark.parametrize(("text", "value", "expected"), DOUBLES, ids=[case[0] for case in DOUBLES])
def test_a_whole_number_in_a_double_is_the_integer_in_an_id(
    spark: SparkSession, build: Build, tmp_path: Path, text: str, value: pa.Scalar, expected: tuple[Any, ...]
) -> None:
    types = tuple(type_ for type_ in TYPES if type_ != "string")
    (tmp_path / "native").mkdir()
    assert native(spark, build, tmp_path / "native", value, types) == list(expected)
    assert text_file(spark, build, tmp_path, "csv", text, types) == list(expected)
    (tmp_path / "rows.csv").unlink()
    assert text_file(spark, build, tmp_path, "json", text, types) == list(expected)
    (tmp_path / "rows.json").unlink()
    assert text_file(spark, build, tmp_path, "json", json.dumps(text), types) == list(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.3E4", "13000"),
        ("1.38E+10", NO),
        ("1E+10", NO),
        ("1.3800138000E+10", "13800138000"),
        ("1e4", "1e4"),
        ("12E4", "12E4"),
        ("1.0.0", "1.0.0"),
        ("-5.0", "-5"),
        ("00012", "00012"),
        ("\u3000\ufeff10001\u200b\u00a0\t", "10001"),
        ("a b", "a b"),
        ("1.5", "1.5"),
    ],
)
def test_an_id_in_a_text_loses_no_digits(
    spark: SparkSession, build: Build, tmp_path: Path, text: str, expected: str
) -> None:
    assert text_file(spark, build, tmp_path, "csv", text, ("id",)) == [expected]


def test_a_double_that_stands_for_its_neighbours_is_no_text(
    spark: SparkSession, build: Build, tmp_path: Path
) -> None:
    found = native(spark, build, tmp_path, pa.scalar(2.0**53), ("id", "string", "bigint"))
    assert found == [NO, NO, 2**53]


@pytest.mark.parametrize("text", ["\u300012.50\u00a0", "\ufeff12.50", "12.50\u200b", "\t12.50 "])
def test_white_space_of_any_kind_is_no_part_of_a_number(
    spark: SparkSession, build: Build, tmp_path: Path, text: str
) -> None:
    types = ("id", "decimal(12,2)", "double")
    assert text_file(spark, build, tmp_path, "csv", text, types)[1:] == [Decimal("12.50"), 12.5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-400", NO),
        ("1e999", NO),
        ("1e1000", NO),
        ("0e5", 0.0),
        ("0.30000000000000004", 0.30000000000000004),
        ("0.300000000000000041", NO),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("0.1", 0.1),
        ("0.00000000000000000000012", 1.2e-22),
    ],
)
def test_a_text_is_a_double_if_that_has_all_its_digits(
    spark: SparkSession, build: Build, tmp_path: Path, text: str, expected: Any
) -> None:
    assert text_file(spark, build, tmp_path, "csv", text, ("double", "id"))[0] == expected
