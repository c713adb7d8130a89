"""Row filters for PyIceberg, as text."""

from collections.abc import Iterable
from datetime import date


def rows_where(**equal: date | str) -> str:
    """`column = value` for each argument, all of them to hold."""
    return " and ".join(f"{column} = '{value}'" for column, value in equal.items())


def rows_among(column: str, values: Iterable[date | str]) -> str:
    """`column in (…)`: the rows with one of the values, of which there is at least one."""
    among = ", ".join(f"'{value}'" for value in sorted(map(str, values)))
    return f"{column} in ({among})"
