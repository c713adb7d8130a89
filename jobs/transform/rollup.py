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
# A row of a roll-up that is of one value of a column names both; in the rows of all values they are null.
BY = ("by", "by_value")
# Measures of the days on which something happened, from a count of it a day.
_OF_DAYS = {"distinct_days": distinct_days, "gap_mean": gap_mean, "gap_stddev": gap_stddev}


def day_rollup(clean: DataFrame, source: Source, partials: Sequence[Partial]) -> DataFrame:
    """Grain: day, id, and of partials `by` a column each of its values as well. In: clean rows of whole
    days. Out: day, id_kind, id, one column a partial; by and by_value where a partial is `by` a column."""
    dimensions = sorted({partial.by for partial in partials if partial.by is not None})
    rows = _by_each(clean, dimensions) if dimensions else clean
    aggregates = [
        _aggregate(partial, source, split=bool(dimensions)).alias(partial.id) for partial in partials
    ]
    grouped = rows.groupBy(
        F.col("event_day").alias("day"),
        F.lit(source.id_kind).alias("id_kind"),
        F.col(source.user).cast("string").alias("id"),
        *[F.col(f"_{name}").alias(name) for name in BY if dimensions],
    )
    return grouped.agg(*aggregates) if aggregates else grouped.agg(F.count("*").alias("_n")).drop("_n")


def _by_each(clean: DataFrame, dimensions: Sequence[str]) -> DataFrame:
    """Each row once for itself, and once for each column in which it has a value."""
    whole = F.struct(F.lit(None).cast("string").alias("_by"), F.lit(None).cast("string").alias("_by_value"))
    parts = [F.struct(F.lit(name).alias("_by"), F.col(name).alias("_by_value")) for name in dimensions]
    has_value = F.col("_by").isNull() | (F.trim("_by_value") != "")
    return clean.select("*", F.inline(F.array(whole, *parts))).where(has_value)


def _aggregate(partial: Partial, source: Source, *, split: bool) -> Column:
    argument = F.expr(partial.argument) if partial.argument else F.lit(1)
    where = F.coalesce(F.expr(partial.where), F.lit(False)) if partial.where else F.lit(True)
    if split:
        where &= F.col("_by").isNull() if partial.by is None else F.col("_by").eqNullSafe(F.lit(partial.by))
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
    one aggregation: the columns of a roll-up are its own, and null in the rows of the others. A measure `by`
    a column is a map from its values to what is not zero.
    """
    known = [rows.where(F.col("day") <= F.lit(day)) for rows in rollups]
    together = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), known)
    wanted = list(measures)
    columns = [_measure(measure, day).alias(measure.id) for measure in wanted]
    if not columns:
        return together.groupBy(*ID).agg(F.count("*").alias("_n")).drop("_n")
    if not set(BY) <= set(together.columns):
        return together.groupBy(*ID).agg(*columns)
    parts = together.groupBy(*ID, *BY).agg(*columns)
    return parts.groupBy(*ID).agg(*[_of_parts(measure).alias(measure.id) for measure in wanted])


def _of_parts(measure: Measure) -> Column:
    """One value a user of the values that its parts have."""
    value = F.col(measure.id)
    if measure.by is None:
        return F.max(F.when(F.col("by").isNull(), value))
    said = value.isNotNull() if measure.function == "last" else value != 0
    entry = F.struct(F.col("by_value").alias("key"), value.alias("value"))
    mine = F.col("by").eqNullSafe(F.lit(measure.by)) & said
    return F.map_from_entries(F.sort_array(F.collect_list(F.when(mine, entry))))


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
    if measure.by is not None and measure.function != "last":
        return _weighted_sum(measure, day, inside)
    if measure.function in COUNTED:
        return F.coalesce(merged[0], F.lit(0)).cast(measure.type)
    return merged[0] if measure.by is not None else merged[0].cast(measure.type)


def _weighted_sum(measure: Measure, day: date, inside: Column) -> Column:
    """The sum of the days' parts, each weighed by its age. Summed as exact numbers, so that the order of the
    days makes no difference."""
    part = F.when(inside, F.col(measure.partials[0].id).cast("double"))
    if measure.half_life is not None:
        part = part * F.pow(F.lit(0.5), F.datediff(F.lit(day), F.col("day")) / F.lit(measure.half_life))
    return F.sum(part.try_cast("decimal(38,9)")).try_cast("double")


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
