"""Data days in a time zone."""

from datetime import UTC, date, datetime

import pytest

from usertags.stages.days import end_of


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
