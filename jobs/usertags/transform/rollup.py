"""Partial aggregates per day, and their merge into measures over windows."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.config.aggregates import Days
from usertags.config.expression_tree import as_column, as_condition
from usertags.project.model import GONE, SINCE, Measure, Partial, Source
from usertags.transform.by_value import by_values
from usertags.transform.presence import by_presence
from usertags.transform.windows import ID, inside_window

# A roll-up row for one value of a column has both; in the rows for all values they are null.
BY = ("by", "by_value")


def day_rollup(clean: DataFrame, source: Source, partials: Sequence[Partial]) -> DataFrame:
    """Grain: day, id, and for partials with `by` also the value of that column. In: clean rows of complete
    days. Out: day, id_kind, id, one column per partial; by and by_value if a partial has `by`. Where rows can
    be gone the grain is finer: `_since` and `_gone` say which data days have the row (`present`)."""
    if GONE in clean.columns:
        clean = by_presence(clean, ["event_day", source.user])
    whole = _grouped(clean, source, [partial for partial in partials if partial.by is None])
    split = [partial for partial in partials if partial.by is not None]
    if not split:
        return whole
    by_value = _grouped(_by_each(clean, split), source, split, *BY)
    return whole.unionByName(by_value, allowMissingColumns=True)


def _grouped(rows: DataFrame, source: Source, partials: Sequence[Partial], *more: str) -> DataFrame:
    aggregates = [_aggregate(partial, source).alias(partial.id) for partial in partials]
    periods = [F.col(SINCE), F.col(GONE)] if GONE in rows.columns else []
    grouped = rows.groupBy(
        F.col("event_day").alias("day"),
        F.lit(source.id_kind).alias("id_kind"),
        F.col(source.user).cast("string").alias("id"),
        *[F.col(f"_{name}").alias(name) for name in more],
        *periods,
    )
    return grouped.agg(*aggregates) if aggregates else grouped.agg(F.count("*").alias("_n")).drop("_n")


def _by_each(clean: DataFrame, partials: Sequence[Partial]) -> DataFrame:
    """Each row once per column in which it has a value."""
    columns = sorted({partial.by for partial in partials if partial.by is not None})
    parts = [F.struct(F.lit(name).alias("_by"), F.col(name).alias("_by_value")) for name in columns]
    return clean.select("*", F.inline(F.array(*parts))).where(F.trim("_by_value") != "")


def _aggregate(partial: Partial, source: Source) -> Column:
    argument = as_column(partial.argument) if partial.argument else F.lit(1)
    where = as_condition(partial.where) if partial.where else F.lit(True)
    if partial.by is not None:
        where &= F.col("_by") == F.lit(partial.by)
    return partial.part.day(F.when(where, argument), _moment(source))


def _moment(source: Source) -> Column:
    """What orders the rows of a source: their time, then its `order_by`; a null comes before every value."""
    time = F.col(source.time or "")
    if not source.order_by:
        return time
    places = [
        field
        for number, name in enumerate(source.order_by)
        for field in (F.col(name).isNotNull().alias(f"given_{number}"), F.col(name).alias(f"by_{number}"))
    ]
    return F.struct(time.alias("time"), *places)


def merge(rollups: Sequence[DataFrame], measures: Iterable[Measure], data_day: date) -> DataFrame:
    """Grain: id. In: the day roll-ups of all sources. Out: id_kind, id, one column per measure.

    A window of n days covers the days D-n+1 … D, shifted back by the measure's offset. All sources are
    merged in one aggregation: each roll-up has its own columns, which are null in the rows of the others.
    A measure with `by` is a map from the values of that column to non-zero numbers (`by_value`).
    """
    wanted = list(measures)
    known = [rows.where(F.col("day") <= F.lit(data_day)) for rows in rollups]
    together = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), known)
    if BY[0] in together.columns:
        together = together.where(F.col(BY[0]).isNull())
    columns = [_measure(measure, data_day).alias(measure.id) for measure in wanted if measure.by is None]
    grouped = together.groupBy(*ID)
    merged = grouped.agg(*columns) if columns else grouped.agg(F.count("*").alias("_n")).drop("_n")
    maps = by_values(known, [measure for measure in wanted if measure.by is not None], data_day)
    return reduce(lambda left, right: left.join(right, list(ID), "left"), maps, merged)


def _measure(measure: Measure, data_day: date) -> Column:
    inside = inside_window(measure, data_day)
    kept = [F.when(inside, F.col(partial.id)) for partial in measure.partials]
    merged = measure.aggregate.merge(Days(measure.aggregate.parts, tuple(kept), F.col("day")))
    if measure.aggregate.counted:
        merged = F.coalesce(merged, F.lit(0))
    return merged.cast(measure.type)
