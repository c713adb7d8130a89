"""Numbers, moments and bounds in words."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

_VALUES = 12


def number(value: float | None) -> str:
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


def points(value: float) -> str:
    """The difference of two shares in percentage points."""
    return f"{value * 100:+.1f} pts" if abs(value) >= 0.0005 else "0"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def moment(value: datetime, zone: ZoneInfo) -> str:
    return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def wanted(bounds: str) -> str:
    """Bounds in words where they are those of an expectation, else as they are."""
    try:
        given = json.loads(bounds)
    except ValueError:
        return _graded(bounds)
    return ", ".join(_bounds(given)) or bounds if isinstance(given, dict) else bounds


def _graded(bounds: str) -> str:
    """Bounds that warn and that block: `rise warning 0.1, critical 0.3`."""
    bounds = re.sub(r"\bbelow (?=warning|critical)", "", bounds)
    bounds = re.sub(r"\bwarning (?=[\d.])", "warns from ", bounds)
    return re.sub(r"\bcritical (?=[\d.])", "blocks from ", bounds)


def _bounds(given: Mapping[str, Any]) -> list[str]:
    words = _between(given.get("min_value"), given.get("max_value"))
    if "value_set" in given:
        values = [str(value) for value in given["value_set"]]
        more = f" and {len(values) - _VALUES} more" if len(values) > _VALUES else ""
        words.append(f"one of {', '.join(values[:_VALUES])}{more}")
    if "column_list" in given:
        words.append(f"{', '.join(given['column_list'])} together once")
    if "value" in given:
        words.append(f"exactly {given['value']}")
    if "regex" in given:
        words.append(f"the form {given['regex']}")
    if "mostly" in given:
        words.append(f"in at least {percent(given['mostly'])} of the rows")
    return words


def _between(low: object, high: object) -> list[str]:
    if low is not None and high is not None:
        return [f"{low} to {high}"]
    return [f"at least {low}"] if low is not None else [f"at most {high}"] if high is not None else []
