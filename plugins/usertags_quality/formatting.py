"""Differences, durations, months and moments in words."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from plugins.usertags_quality import texts
from usertags.language import Language


def points(value: float, language: Language) -> str:
    """The difference of two shares in percentage points."""
    return texts.POINTS.filled(language, value=value * 100) if abs(value) >= 0.0005 else "0"


def duration(seconds: float | None, language: Language) -> str:
    if seconds is None:
        return "–"
    if seconds < 120:
        return texts.SECONDS.filled(language, seconds=seconds)
    minutes = round(seconds / 60)
    if minutes < 120:
        return texts.MINUTES.filled(language, minutes=minutes)
    return texts.HOURS.filled(language, hours=minutes // 60, minutes=minutes % 60)


def month(day: date, language: Language) -> str:
    return texts.MONTH.filled(language, name=f"{day:%B}", year=day.year, month=day.month)


def moment(value: datetime, zone: ZoneInfo) -> str:
    return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
