"""Windows of measures: the roll-up days that they cover."""

from datetime import date, timedelta

from pyspark.sql import Column
from pyspark.sql import functions as F

from usertags.config.durations import DayOfYear
from usertags.project.model import CalendarPeriod, Measure

# The columns that identify a roll-up row.
ID = ("id_kind", "id")


def window_days(measure: Measure, data_day: date) -> tuple[date | None, date]:
    """First day (None: unbounded) and last day of the measure's window."""
    if measure.calendar is not None:
        return calendar_days(measure.calendar, data_day)
    last = data_day - timedelta(days=measure.offset)
    first = last - timedelta(days=measure.window - 1) if measure.window else None
    return first, last


def calendar_days(period: CalendarPeriod, data_day: date) -> tuple[date, date]:
    """First and last day of the latest occurrence that began on or before the day, or of the one some years
    earlier; never after the day."""
    year = data_day.year if DayOfYear.of(data_day) >= period.first else data_day.year - 1
    year -= period.years_ago
    first = period.first.in_year(year)
    last = period.last.in_year(year + (period.last < period.first))
    return first, min(last, data_day)


def inside_window(measure: Measure, data_day: date) -> Column:
    """Whether a row's day is in the measure's window."""
    first, last = window_days(measure, data_day)
    inside = F.col("day") <= F.lit(last)
    return inside if first is None else inside & (F.col("day") >= F.lit(first))
