"""Row filters for PyIceberg, as text."""

from datetime import date


def rows_where(**equal: date | str) -> str:
    """`column = value` for each argument, all of them to hold."""
    return " and ".join(f"{column} = '{value}'" for column, value in equal.items())
