"""Durations, days and times of day: how they are read, and that they are shown as they were written."""

import re
from datetime import date, time, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from usertags.config.durations import DayOfYear, Days, Duration, TimeOfDay, Validity, Written


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (Days, "180d", Days(180)),
        (Duration, "0s", Duration(0, "s")),
        (Duration, "90m", Duration(90, "m")),
        (Validity, "static", Validity("static")),
        (Validity, "30d", Validity("period", 30)),
        (DayOfYear, "02-28", DayOfYear(2, 28)),
        (TimeOfDay, "08:05", time(8, 5)),
    ],
)
def test_a_value_is_read_and_shown_as_it_was_written(type_: type[Written], text: str, value: object) -> None:
    adapter = TypeAdapter(type_)
    read = adapter.validate_python(text)
    assert (read, type(read)) == (value, type_)
    assert str(read) == text == adapter.dump_python(read)
    assert adapter.validate_python(read) is read


@pytest.mark.parametrize(
    ("type_", "texts"),
    [
        (Days, ["0d", "05d", "1.5d", "30", "30 d", "30d\n", "-1d", "100000d"]),
        (Duration, ["m", "15", "15 m", "15min", "05m", "-1h", "1h30m", "1000000s"]),
        (Validity, ["", "Static", "dynamic ", "0d", "30"]),
        (DayOfYear, ["02-29", "13-01", "1-1", "11-31", "2026-11-11"]),
        (TimeOfDay, ["8:00", "24:00", "08:00:00", "08.00"]),
    ],
)
def test_anything_else_is_refused_with_what_is_expected(type_: type[Written], texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(ValidationError, match=re.escape(f"{text!r} is not {type_.expected}")):
            TypeAdapter(type_).validate_python(text)
    with pytest.raises(ValidationError, match=re.escape(f"must be {type_.expected}")):
        TypeAdapter(type_).validate_python(30)


def test_what_they_mean() -> None:
    assert [Duration(2, unit).delta for unit in ("s", "m", "h", "d")] == [
        timedelta(seconds=2),
        timedelta(minutes=2),
        timedelta(hours=2),
        timedelta(days=2),
    ]
    assert (Validity("static").static, Validity("static").dynamic) == (True, False)
    assert DayOfYear(11, 11).in_year(2026) == date(2026, 11, 11)
    assert DayOfYear(2, 1) < DayOfYear(10, 20)
