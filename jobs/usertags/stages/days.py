"""Data days and their start and end times in the project's time zone."""

import os
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from usertags.errors import UsageError


def parse_day(text: str) -> date:
    """Parse a data day in the format YYYY-MM-DD; raises UsageError for anything else."""
    with suppress(ValueError):
        data_day = date.fromisoformat(text)
        if data_day.isoformat() == text:
            return data_day
    raise UsageError(f"invalid date {text!r}, expected YYYY-MM-DD", next_step="write it like 2026-11-01")


def end_of(data_day: date, timezone: str) -> datetime:
    """The end of the data day in a time zone: midnight at the start of the next day."""
    return datetime.combine(data_day + timedelta(days=1), time(), ZoneInfo(timezone))


def expected_day(timezone: str, now: datetime | None = None) -> date:
    """The newest data day that should be published: yesterday, or the last day set in the environment."""
    zone = ZoneInfo(timezone)
    yesterday = (now.astimezone(zone) if now else datetime.now(zone)).date() - timedelta(days=1)
    last = os.environ.get("USERTAGS_LAST_DAY")
    return min(yesterday, date.fromisoformat(last)) if last else yesterday


def days_between(first: date, last: date) -> list[date]:
    """The days of a range with both ends, in order. Raises UsageError if it ends before it begins."""
    if last < first:
        raise UsageError(f"{first} is after {last}", next_step="set --from to the earlier day")
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
