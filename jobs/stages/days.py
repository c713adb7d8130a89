"""Data days and the instants they begin and end at, in the project's time zone."""

import os
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobs.errors import UsageError


def parse_day(text: str) -> date:
    """A data day as YYYY-MM-DD; raises UsageError for anything else."""
    with suppress(ValueError):
        day = date.fromisoformat(text)
        if day.isoformat() == text:
            return day
    raise UsageError(f"{text!r} is no day", next_step="write it as 2026-11-01")


def end_of(day: date, timezone: str) -> datetime:
    """The instant that the data day ends at: midnight that begins the next day."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(timezone))


def expected_day(timezone: str, now: datetime | None = None) -> date:
    """The newest data day that should be there: yesterday, or the last one that the environment names."""
    zone = ZoneInfo(timezone)
    yesterday = (now.astimezone(zone) if now else datetime.now(zone)).date() - timedelta(days=1)
    last = os.environ.get("USERTAGS_LAST_DAY")
    return min(yesterday, date.fromisoformat(last)) if last else yesterday


def days_between(first: date, last: date) -> list[date]:
    if last < first:
        raise UsageError(f"{first} comes after {last}", next_step="give --from the earlier day")
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
