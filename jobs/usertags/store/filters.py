"""Row filters of PyIceberg: values are literals, so a quote in one is a character as any other."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import reduce
from operator import and_

from pyiceberg.expressions import (
    BooleanExpression,
    EqualTo,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    NotEqualTo,
    NotNull,
    Reference,
)
from pyiceberg.expressions.literals import literal

Value = date | str | int


def rows_where(**equal: Value) -> BooleanExpression:
    """`column = value` for each argument, of which there is at least one; all of them hold."""
    equals: list[BooleanExpression] = [
        EqualTo(term=Reference(column), value=literal(value)) for column, value in equal.items()
    ]
    return reduce(and_, equals)


def rows_among(column: str, values: Iterable[Value]) -> BooleanExpression:
    """`column in (…)`: the rows with one of the values; no rows where there is none."""
    return In(term=Reference(column), values={literal(value) for value in values})


def rows_but(column: str, value: Value) -> BooleanExpression:
    """`column <> value`."""
    return NotEqualTo(term=Reference(column), value=literal(value))


def rows_with(column: str) -> BooleanExpression:
    """`column is not null`."""
    return NotNull(term=Reference(column))


def rows_before(column: str, value: Value) -> BooleanExpression:
    """`column < value`."""
    return LessThan(term=Reference(column), value=literal(value))


def rows_since(column: str, value: Value) -> BooleanExpression:
    """`column >= value`."""
    return GreaterThanOrEqual(term=Reference(column), value=literal(value))


def rows_there(since: str, gone: str, day: date) -> BooleanExpression:
    """`since <= day < gone`; a null is no limit."""
    next_day = day + timedelta(days=1)
    begun = rows_without(since) | rows_before(since, next_day)
    return begun & (rows_without(gone) | rows_since(gone, next_day))


def rows_without(column: str) -> BooleanExpression:
    """`column is null`."""
    return IsNull(term=Reference(column))
