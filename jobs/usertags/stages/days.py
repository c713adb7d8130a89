"""Data days and their start and end times in the project's time zone."""

import os
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
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


def clock() -> datetime:
    """The current time. Only commands and the first task of a DAG ask it, and tests set it; a stage gets
    what it needs of it as an argument."""
    return datetime.now(UTC)


def reading_until(
    data_day: date, timezone: str, *, partial: bool = False, now: datetime | None = None
) -> datetime | None:
    """Until when the data day can be read: None for a day that is over, the current time for one that is
    not, which `partial` allows. Raises UsageError for any other day that is not over in the time zone.

    A day that has not begun is refused in any case: it has no data, and readers would take it for the newest.
    """
    moment = (now or clock()).astimezone(ZoneInfo(timezone))
    if moment >= end_of(data_day, timezone):
        return None
    if data_day > moment.date():
        raise UsageError(
            f"{data_day} is in the future: today is {moment.date()} in {timezone}",
            safe="nothing was read or written",
            next_step="correct the day",
        )
    if not partial:
        raise UsageError(
            f"{data_day} is not over: it is {moment:%H:%M} in {timezone}",
            safe="nothing was read or written",
            next_step="run it after midnight, or with `--partial` (in Airflow: the parameter `partial`) to "
            "publish what there is until now; run it again when the day is over",
        )
    return moment


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
