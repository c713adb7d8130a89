"""Expressions mean in DuckDB what they mean in Spark: on good rows, on empty ones and on hostile ones."""

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from pyspark.sql import SparkSession

from tests.spark.config.test_expressions_spark import (
    COLUMNS,
    DIFFERENT,
    FAITHFUL,
    GOOD_ROWS,
    SCHEMA,
)
from usertags.config.expressions import parse_scalar
from usertags.verify.expressions import translated
from usertags.verify.macros import teach
from usertags.verify.pieces import NotTranslated, Piece
from usertags.verify.spark_types import duckdb_type

ZONE = "Asia/Shanghai"
TYPES = {name.replace(".", "__"): type_ for name, type_ in COLUMNS.items()}
# Whose meaning is Java's own: what uses them is reported as not verified.
NOT_TRANSLATED = {
    "crc32",
    "date_format",
    "from_unixtime",
    "from_utc_timestamp",
    "get_json_object",
    "sha2",
    "to_utc_timestamp",
    "try_to_date",
    "try_to_timestamp",
    "unix_timestamp",
    "xxhash64",
}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = '{ZONE}'")
        teach(connection)
        columns = ", ".join(f'"{name}" {duckdb_type(type_)}' for name, type_ in TYPES.items())
        connection.execute(f"CREATE TABLE good (n_ INTEGER, {columns})")
        for number, row in enumerate(GOOD_ROWS):
            values = [_value(value) for value in row]
            connection.execute(f"INSERT INTO good VALUES (?{', ?' * len(row)})", [number, *values])
        yield connection


def _value(value: Any) -> Any:
    """Spark's client reads a time without a zone as one of this process."""
    return value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value


def _pieces() -> tuple[dict[str, tuple[str, Piece]], dict[str, str]]:
    """Of each expression its Spark SQL and the piece of DuckDB; and those that are not translated."""
    pieces, refused = {}, {}
    for text in [*FAITHFUL, *DIFFERENT]:
        sql = str(parse_scalar(text, columns=COLUMNS).tree)
        try:
            pieces[text] = sql, translated(sql, TYPES, ZONE)
        except NotTranslated as error:
            refused[text] = error.message
    return pieces, refused


def test_the_values_are_those_of_spark(spark: SparkSession, connection: duckdb.DuckDBPyConnection) -> None:
    pieces, _ = _pieces()
    frame = spark.createDataFrame(GOOD_ROWS, SCHEMA).coalesce(1)
    selected = frame.selectExpr(*[f"{sql} AS c{i}" for i, (sql, _) in enumerate(pieces.values())])
    types = {
        text: field.dataType.simpleString()
        for text, field in zip(pieces, selected.schema.fields, strict=True)
    }
    found = selected.collect()
    different: dict[str, Any] = {}
    for i, (text, (_, piece)) in enumerate(pieces.items()):
        try:
            made = [
                row[0] for row in connection.execute(f"SELECT {piece.sql} FROM good ORDER BY n_").fetchall()
            ]
        except duckdb.Error as error:
            different[text] = (str(error).splitlines()[0], piece.sql)
            continue
        expected = [row[i] for row in found]
        if not all(map(_same, expected, made)):
            different[text] = (expected, made)
        elif piece.type != types[text]:
            different[text] = (types[text], piece.type)
    assert different == {}


def test_what_is_not_translated_is_refused_by_its_name() -> None:
    _, refused = _pieces()
    expected = {f"the function {name}()" for name in NOT_TRANSLATED} | {"split() with a limit"}
    assert set(refused.values()) == expected


def _same(expected: Any, made: Any) -> bool:
    if isinstance(expected, float) and isinstance(made, float):
        return math.isclose(expected, made, rel_tol=1e-12) or expected == made
    if isinstance(made, dt.datetime):
        made = made.astimezone().replace(tzinfo=None)
    if isinstance(expected, Decimal) and isinstance(made, Decimal):
        return expected == made
    return type(expected) is type(made) and expected == made
