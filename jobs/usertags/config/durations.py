"""Durations, days and times of day: configuration writes them as texts such as 15m, 30d, 11-11 and 08:00.

Each is a type with one way to be read. Its text is what is shown, hashed and dumped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from usertags.config.forms import refused

_DAYS = re.compile(r"[1-9]\d{0,4}d")
_DURATION = re.compile(r"(0|[1-9]\d{0,5})([smhd])")
_HOUR_AND_MINUTE = re.compile(r"(\d\d):(\d\d)")
_MONTH_AND_DAY = re.compile(r"(\d\d)-(\d\d)")


class Written:
    """A value that configuration writes as a text. `expected` says in messages what such a text is like."""

    expected: ClassVar[str]

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The value that a text says; None for any other text."""
        raise NotImplementedError

    @classmethod
    def validated(cls, value: object) -> Self:
        """The value of an entry; raises the error whose message is shown as it is."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise refused(f"must be {cls.expected}")
        found = cls.read(value)
        if found is None:
            raise refused(f"{value!r} is not {cls.expected}")
        return found

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.validated,
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema()
            ),
        )


class Days(int, Written):
    """How many days."""

    expected = "a number of days such as 180d"

    @classmethod
    def read(cls, text: str) -> Self | None:
        return cls(text.removesuffix("d")) if _DAYS.fullmatch(text) else None

    def __str__(self) -> str:
        return f"{int(self)}d"


@dataclass(frozen=True)
class Duration(Written):
    """How long: a number of seconds, minutes, hours or days."""

    number: int
    unit: Literal["s", "m", "h", "d"]

    expected: ClassVar[str] = "a duration such as 30m, 1h or 2d"

    @classmethod
    def read(cls, text: str) -> Self | None:
        found = _DURATION.fullmatch(text)
        return cls(int(found[1]), cast(Literal["s", "m", "h", "d"], found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.number}{self.unit}"

    @property
    def delta(self) -> timedelta:
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[self.unit]
        return timedelta(**{unit: self.number})


@dataclass(frozen=True)
class Validity(Written):
    """How a tag behaves over time: `static` keeps its first value, `dynamic` follows each day; with a number
    of days it stays for that long after its rule last held."""

    form: Literal["static", "dynamic", "period"]
    days: int | None = None

    expected: ClassVar[str] = "static, dynamic or a number of days such as 30d"

    @classmethod
    def read(cls, text: str) -> Self | None:
        if text in ("static", "dynamic"):
            return cls(cast(Literal["static", "dynamic"], text))
        days = Days.read(text)
        return cls("period", int(days)) if days is not None else None

    def __str__(self) -> str:
        return self.form if self.days is None else f"{self.days}d"

    @property
    def static(self) -> bool:
        return self.form == "static"

    @property
    def dynamic(self) -> bool:
        return self.form == "dynamic"


@dataclass(frozen=True, order=True)
class DayOfYear(Written):
    """A day that every year has."""

    month: int
    day: int

    expected: ClassVar[str] = "a day of every year as MM-DD, such as 11-11 (not 02-29)"

    @classmethod
    def read(cls, text: str) -> Self | None:
        found = _MONTH_AND_DAY.fullmatch(text)
        if found is None:
            return None
        try:
            # Not a leap year.
            day = date(2001, int(found[1]), int(found[2]))
        except ValueError:
            return None
        return cls.of(day)

    @classmethod
    def of(cls, day: date) -> Self:
        return cls(day.month, day.day)

    def __str__(self) -> str:
        return f"{self.month:02}-{self.day:02}"

    def in_year(self, year: int) -> date:
        return date(year, self.month, self.day)


class TimeOfDay(time, Written):
    """A time of day, to the minute."""

    expected = "a time of day such as 08:00"

    @classmethod
    def read(cls, text: str) -> Self | None:
        found = _HOUR_AND_MINUTE.fullmatch(text)
        try:
            return cls(int(found[1]), int(found[2])) if found else None
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self:%H:%M}"
