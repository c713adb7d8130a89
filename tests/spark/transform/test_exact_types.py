"""A value has one outcome in a declared type, whichever reader delivers it: the value, or `type_<column>`.

Each value of the table is in the types in which a reader has it: in a text file as programs write it, in
Parquet in types of its own. For tables of PostgreSQL see tests/system/sources.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from tests.support.exact_types import DAY, NO, TYPES, VALUES, Build, outcomes, source_of
from usertags.project.model import Source
from usertags.sources.files import FileFormat, list_files, read_files

# A program that writes texts says of a whole number in a double that it is one. A column of texts keeps that.
DOUBLES: list[tuple[str, pa.Scalar, tuple[Any, ...]]] = [
    ("10001.0", pa.scalar(10001.0), (10001, 10001, Decimal("10001.00"), 10001.0, "10001", NO)),
    ("1.3800138E10", pa.scalar(13800138000.0), (NO, 13800138000, NO, 13800138000.0, "13800138000", NO)),
    ("13800138000.0", pa.scalar(13800138000.0), (NO, 13800138000, NO, 13800138000.0, "13800138000", NO)),
    ("12345678.5", pa.scalar(12345678.5), (NO, NO, Decimal("12345678.50"), 12345678.5, "12345678.5", NO)),
    ("10001.00", pa.scalar(Decimal("10001.00")), (10001, 10001, Decimal("10001.00"), 10001.0, "10001", NO)),
]


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
