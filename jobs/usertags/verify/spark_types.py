"""Spark's types in DuckDB, and the types that Spark gives to calculations with decimals.

The results of decimals are rounded to a scale that follows from their types, so whoever calculates with
another engine needs Spark's rules: https://spark.apache.org/docs/latest/sql-ref-ansi-compliance.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAMES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "null": "INTEGER",
}
_DIGITS = 38
# Of a fraction that does not fit whole, so many digits are kept.
_LEAST_SCALE = 6


@dataclass(frozen=True)
class Decimal:
    """A decimal type: digits in all, and those after the point."""

    precision: int
    scale: int

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})"


def duckdb_type(spark_type: str) -> str:
    """The DuckDB type that holds the same values."""
    if spark_type.startswith("decimal"):
        return spark_type.upper()
    if spark_type.startswith("array<"):
        return f"{duckdb_type(spark_type[6:-1])}[]"
    return _NAMES[spark_type]


def is_decimal(spark_type: str) -> bool:
    return spark_type.startswith("decimal")


def is_whole(spark_type: str) -> bool:
    return spark_type in ("int", "bigint")


def decimal_of(spark_type: str) -> Decimal:
    """A number's type as a decimal type, as Spark widens whole numbers."""
    if is_whole(spark_type):
        return Decimal(10, 0) if spark_type == "int" else Decimal(20, 0)
    precision, scale = map(int, re.findall(r"\d+", spark_type))
    return Decimal(precision, scale)


def of_literal(number: int) -> Decimal:
    """The type of a whole literal next to a decimal: no more digits than it has."""
    return Decimal(len(str(abs(number))), 0)


def calculated(operator: str, left: Decimal, right: Decimal) -> Decimal:
    """The type of the result of two decimals."""
    scale = max(left.scale, right.scale)
    whole = left.precision - left.scale, right.precision - right.scale
    if operator in "+-":
        return _fitted(max(whole) + scale + 1, scale)
    if operator == "*":
        return _fitted(left.precision + right.precision + 1, left.scale + right.scale)
    if operator == "/":
        scale = max(_LEAST_SCALE, left.scale + right.precision + 1)
        return _fitted(whole[0] + right.scale + scale, scale)
    return _fitted(min(whole) + scale, scale)


def _fitted(precision: int, scale: int) -> Decimal:
    """With more than 38 digits in all the fraction gives way, down to six digits."""
    if precision <= _DIGITS:
        return Decimal(precision, scale)
    return Decimal(_DIGITS, max(_DIGITS - (precision - scale), min(scale, _LEAST_SCALE)))


def common(types: Iterable[str]) -> str:
    """The type that values of these types share; null fits everywhere."""
    found = [each for each in dict.fromkeys(types) if each != "null"]
    if not found:
        return "null"
    if len(found) == 1:
        return found[0]
    if "double" in found or "float" in found:
        return "double"
    if any(map(is_decimal, found)):
        each = [decimal_of(one) for one in found]
        scale = max(one.scale for one in each)
        return str(Decimal(min(_DIGITS, max(one.precision - one.scale for one in each) + scale), scale))
    if set(found) == {"int", "bigint"}:
        return "bigint"
    if set(found) == {"date", "timestamp"}:
        return "timestamp"
    raise TypeError(f"values of {' and '.join(found)} share no type")
