"""Data days in a time zone."""

from datetime import UTC, date, datetime

import pytest

from usertags.errors import UsageError
from usertags.stages.days import end_of, reading_until


@pytest.mark.parametrize(
    ("timezone", "day", "end"),
    [
        ("Asia/Shanghai", date(2026, 3, 1), datetime(2026, 3, 1, 16, tzinfo=UTC)),
        ("UTC", date(2026, 2, 28), datetime(2026, 3, 1, tzinfo=UTC)),
        ("America/New_York", date(2026, 3, 1), datetime(2026, 3, 2, 5, tzinfo=UTC)),
        # The clocks go forward that night: the day has 23 hours.
        ("America/New_York", date(2026, 3, 8), datetime(2026, 3, 9, 4, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_of_the_project(timezone: str, day: date, end: datetime) -> None:
    assert end_of(day, timezone) == end


DAY = date(2026, 3, 8)


@pytest.mark.parametrize(
    ("timezone", "now"),
    [
        ("Asia/Shanghai", datetime(2026, 3, 8, 16, tzinfo=UTC)),
        ("UTC", datetime(2026, 3, 9, tzinfo=UTC)),
        # The day has 23 hours.
        ("America/New_York", datetime(2026, 3, 9, 4, tzinfo=UTC)),
        ("UTC", datetime(2031, 1, 1, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("partial", [False, True])
def test_a_day_that_is_over_is_read_whole(timezone: str, now: datetime, partial: bool) -> None:
    assert reading_until(DAY, timezone, partial=partial, now=now) is None


@pytest.mark.parametrize(
    ("timezone", "now", "shown"),
    [
        ("Asia/Shanghai", datetime(2026, 3, 8, 15, 59, 59, tzinfo=UTC), "23:59 in Asia/Shanghai"),
        # Still the 8th in New York, when it is the 9th in UTC.
        ("America/New_York", datetime(2026, 3, 9, 3, 30, tzinfo=UTC), "23:30 in America/New_York"),
        ("UTC", datetime(2026, 3, 8, tzinfo=UTC), "00:00 in UTC"),
    ],
)
def test_a_day_that_is_not_over_needs_partial(timezone: str, now: datetime, shown: str) -> None:
    assert reading_until(DAY, timezone, partial=True, now=now) == now
    with pytest.raises(UsageError) as refused:
        reading_until(DAY, timezone, now=now)
    assert refused.value.message == f"2026-03-08 is not over: it is {shown}"
    assert "--partial" in refused.value.next_step


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("day", [date(2026, 3, 9), date(2062, 3, 8)])
def test_a_day_in_the_future_is_always_refused(day: date, partial: bool) -> None:
    """In Shanghai the 9th has begun, in New York it has not."""
    now = datetime(2026, 3, 8, 17, tzinfo=UTC)
    with pytest.raises(UsageError, match=f"{day} is in the future: today is 2026-03-08 in America/New_York"):
        reading_until(day, "America/New_York", partial=partial, now=now)
