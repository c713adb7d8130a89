"""Numbers as a person reads them, by the unit of a result."""

from collections.abc import Callable, Mapping

from usertags.language import Language, Words
from usertags.quality.kinds import Unit

_MINUTES = Words("{number:.0f} min", "{number:.0f} 分钟")
_HOURS = Words("{number:.1f} h", "{number:.1f} 小时")


def number(value: float | None) -> str:
    """A count, rounded to a whole number; a dash for none."""
    return "–" if value is None else f"{value:,.0f}"


def percent(value: float | None, *, signed: bool = False) -> str:
    """A share as per cent; never a rounded 100 % or 0 % for what is neither."""
    if value is None:
        return "–"
    digits = 1 if abs(value) >= 0.001 or value == 0 else 3
    if round(abs(value) * 100, digits) == 100 and abs(value) < 1:
        return "> 99.9 %"
    text = f"{value * 100:{'+' if signed else ''}.{digits}f}"
    return f"{text.removesuffix('.0')} %"


_BY_UNIT: Mapping[Unit, Callable[[float], str]] = {
    "share": percent,
    "index": lambda value: f"{value:.3f}",
    "number": lambda value: f"{value:,.6g}",
    "characters": lambda value: f"{value:.2f}",
}


def in_unit(value: float | None, unit: Unit | None, language: Language = "en") -> str:
    """A value of a result; a dash where it has none. Counts are whole numbers."""
    if value is None:
        return "–"
    if unit == "minutes":
        hours = value >= 120
        return (_HOURS if hours else _MINUTES).filled(language, number=value / 60 if hours else value)
    return _BY_UNIT.get(unit or "rows", number)(value)
