"""Partial aggregates of a day, and merging them into measures over windows."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.catalogue.model import COUNTED, CalendarPeriod, Measure, Partial, Source
from jobs.transform.distinct import count_sketched, count_values, day_sketch, day_values
from jobs.transform.gaps import distinct_days, gap_mean, gap_stddev

ID = ("id_kind", "id")
# Measures of the days on which something happened, from a count of it a day.
_OF_DAYS = {"distinct_days": distinct_days, "gap_mean": gap_mean, "gap_stddev": gap_stddev}


def day_rollup(clean: DataFrame, source: Source, partials: Iterable[Partial]) -> DataFrame:
    """Grain: day and id. In: clean rows of whole days. Out: day, id_kind, id, one column a partial."""
    aggregates = [_aggregate(partial, source).alias(partial.id) for partial in partials]
    grouped = clean.groupBy(
        F.col("event_day").alias("day"),
        F.lit(source.id_kind).alias("id_kind"),
        F.col(source.user).cast("string").alias("id"),
    )
    return grouped.agg(*aggregates) if aggregates else grouped.agg(F.count("*").alias("_n")).drop("_n")


def _aggregate(partial: Partial, source: Source) -> Column:
    argument = F.expr(partial.argument) if partial.argument else F.lit(1)
    where = F.coalesce(F.expr(partial.where), F.lit(False)) if partial.where else F.lit(True)
    if partial.function in ("first", "last"):
        # The time stands first in the pair, so the smallest pair is the earliest value.
        pair = F.struct(F.col(source.time or "").alias("t"), argument.alias("v"))
        dated = F.when(where & argument.isNotNull(), pair)
        return F.min(dated) if partial.function == "first" else F.max(dated)
    values = F.when(where, argument)
    functions = {
        "count": F.count,
        "count_distinct": F.countDistinct,
        "sum": F.sum,
        "min": F.min,
        "max": F.max,
        "values": day_values,
        "sketch": day_sketch,
    }
    return functions[partial.function](values)


def merge(rollups: Sequence[DataFrame], measures: Iterable[Measure], day: date) -> DataFrame:
    """Grain: id. In: the day roll-ups of all sources. Out: id_kind, id, one column a measure.

    A window of n days is the days D-n+1 … D, moved back by the measure's offset. All sources are merged in
    one aggregation: the columns of a roll-up are its own, and null in the rows of the others.
    """
    known = [rows.where(F.col("day") <= F.lit(day)) for rows in rollups]
    together = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), known)
    columns = [_measure(measure, day).alias(measure.id) for measure in measures]
    grouped = together.groupBy(*ID)
    return grouped.agg(*columns) if columns else grouped.agg(F.count("*").alias("_n")).drop("_n")


def window_days(measure: Measure, day: date) -> tuple[date | None, date]:
    """First (None: no bound) and last day of the measure's window."""
    if measure.calendar is not None:
        return calendar_days(measure.calendar, day)
    last = day - timedelta(days=measure.offset)
    first = last - timedelta(days=measure.window - 1) if measure.window else None
    return first, last


def calendar_days(period: CalendarPeriod, day: date) -> tuple[date, date]:
    """First and last day of the occurrence that began last on or before the day, or of that some years
    earlier; never past the day."""
    year = day.year if (day.month, day.day) >= period.first else day.year - 1
    year -= period.years_ago
    first = date(year, *period.first)
    last = date(year + (period.last < period.first), *period.last)
    return first, min(last, day)


def _measure(measure: Measure, day: date) -> Column:
    first, last = window_days(measure, day)
    inside = F.col("day") <= F.lit(last)
    if first is not None:
        inside &= F.col("day") >= F.lit(first)
    if measure.function in _OF_DAYS:
        happened = inside & (F.col(measure.partials[0].id) > 0)
        return _OF_DAYS[measure.function](F.when(happened, F.col("day"))).cast(measure.type)
    merged = [_merge(partial, inside) for partial in measure.partials]
    if measure.function == "avg":
        total, count = merged
        # A sum of decimals divided keeps too few digits; a mean is a double.
        return F.try_divide(total.cast("double"), count.cast("double"))
    if measure.function in COUNTED:
        return F.coalesce(merged[0], F.lit(0)).cast(measure.type)
    return merged[0].cast(measure.type)


def _merge(partial: Partial, inside: Column) -> Column:
    value = F.when(inside, F.col(partial.id))
    if partial.function in ("min", "first"):
        merged = F.min(value)
    elif partial.function in ("max", "last"):
        merged = F.max(value)
    elif partial.function == "values":
        merged = count_values(value)
    elif partial.function == "sketch":
        merged = count_sketched(value)
    else:
        merged = F.sum(value)
    return merged.getField("v") if partial.function in ("first", "last") else merged
