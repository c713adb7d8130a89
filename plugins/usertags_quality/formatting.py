"""Differences, durations and moments in words."""

from datetime import datetime
from zoneinfo import ZoneInfo


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
