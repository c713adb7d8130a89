"""Windows of measures: the roll-up days that they cover."""

from datetime import date, timedelta

from pyspark.sql import Column
from pyspark.sql import functions as F

from usertags.project.model import CalendarPeriod, Measure

# The columns that identify a roll-up row.
ID = ("id_kind", "id")


def window_days(measure: Measure, day: date) -> tuple[date | None, date]:
    """First day (None: unbounded) and last day of the measure's window."""
    if measure.calendar is not None:
        return calendar_days(measure.calendar, day)
    last = day - timedelta(days=measure.offset)
    first = last - timedelta(days=measure.window - 1) if measure.window else None
    return first, last


def calendar_days(period: CalendarPeriod, day: date) -> tuple[date, date]:
    """First and last day of the latest occurrence that began on or before the day, or of the one some years
    earlier; never after the day."""
    year = day.year if (day.month, day.day) >= period.first else day.year - 1
    year -= period.years_ago
    first = date(year, *period.first)
    last = date(year + (period.last < period.first), *period.last)
    return first, min(last, day)


def inside_window(measure: Measure, day: date) -> Column:
    """Whether a row's day is in the measure's window."""
    first, last = window_days(measure, day)
    inside = F.col("day") <= F.lit(last)
    return inside if first is None else inside & (F.col("day") >= F.lit(first))
