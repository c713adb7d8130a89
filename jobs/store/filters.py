"""Row filters of PyIceberg: values are literals, so a quote in one is a character as any other."""

from collections.abc import Iterable
from datetime import date
from functools import reduce
from operator import and_

from pyiceberg.expressions import BooleanExpression, EqualTo, In


def rows_where(**equal: date | str | bool) -> BooleanExpression:
    """`column = value` for each argument, of which there is at least one; all of them hold."""
    equals: list[BooleanExpression] = [EqualTo(column, value) for column, value in equal.items()]
    return reduce(and_, equals)


def rows_among(column: str, values: Iterable[date | str]) -> BooleanExpression:
    """`column in (…)`: the rows with one of the values; no rows where there is none."""
    return In(column, set(values))
