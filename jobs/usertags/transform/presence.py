"""Rows that are gone at their source: which rows a data day has, and from which data day on a row is gone.

A clean row of a source with `whole: replace` has two data days: it counts from `_since` on (null: always) and
up to the day before `_gone` (null: it is there). So a data day that is computed again still has the row. The
rows of a roll-up have the same two columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from usertags.project.model import CLEAN_DATA_DAY, GONE, SINCE, Source
from usertags.transform.versions import KEPT, key_columns


@dataclass(frozen=True)
class Departures:
    """Rows that the data day before had and a delivery does not: `gone` of `before` rows. `days` are the
    event days on which the delivery changes whether a row is gone; empty for a source without event days."""

    gone: int
    before: int
    days: frozenset[date] = frozenset()


def with_presence(rows: DataFrame) -> DataFrame:
    """Grain: as the input. Out: its columns, `_since` and `_gone`; where they are new, every row is there."""
    missing = [name for name in (SINCE, GONE) if name not in rows.columns]
    return rows.withColumns({name: F.lit(None).cast("date") for name in missing}) if missing else rows


def present(rows: DataFrame, data_day: date) -> DataFrame:
    """Grain: row that a data day has. In: rows of a clean table or a roll-up. Out: their columns without
    `_since` and `_gone`."""
    return of_day(rows, data_day).drop(SINCE, GONE)


def of_day(rows: DataFrame, data_day: date) -> DataFrame:
    """Grain: row that a data day has; every row, where none can be gone. Out: the columns of the input."""
    return rows.where(is_present(data_day)) if GONE in rows.columns else rows


def is_present(data_day: date) -> Column:
    """Whether a data day has the row."""
    since, gone, day = F.col(SINCE), F.col(GONE), F.lit(data_day)
    return (since.isNull() | (since <= day)) & (gone.isNull() | (gone > day))


def after_delivery(others: DataFrame, delivered: DataFrame, source: Source, data_day: date) -> DataFrame:
    """Say of the rows of other batches whether a delivery still has them.

    Grain: row of the clean table, of other batches. In: these rows with `_since` and `_gone`; all rows of the
    batch, also those set aside: their keys are not gone. Out: the same columns, `_gone` as it is after the
    batch, `_before` (the data day before had the row) and `_moved` (whether `_gone` has changed). Only the
    rows of earlier batches can be gone; what an earlier attempt of the batch said of them does not count.
    """
    key, day = key_columns(source), F.lit(data_day)
    there = delivered.select(*key).distinct().withColumn("_there", F.lit(True))
    known = F.when(F.col(GONE) != day, F.col(GONE))
    before = (
        (F.col(CLEAN_DATA_DAY) < day)
        & (F.col(SINCE).isNull() | (F.col(SINCE) < day))
        & (known.isNull() | (known > day))
    )
    gone = F.when(before & F.col("_there").isNull(), day).otherwise(known)
    joined = others.join(there, key, "left").withColumns({"_before": before, "_now": gone})
    moved = ~F.col("_now").eqNullSafe(F.col(GONE))
    kept = [F.col(name) if name != GONE else F.col("_now").alias(GONE) for name in others.columns]
    return joined.select(*kept, "_before", moved.alias("_moved"))


def departures(marked: DataFrame, source: Source, data_day: date) -> Departures:
    """What a delivery says of the rows before it. Grain of the input: row of `after_delivery`. Collects one
    row per event day."""
    event_day = F.col("event_day") if source.kind == "events" else F.lit(None).cast("date")
    gone = F.coalesce(F.col(GONE) == F.lit(data_day), F.lit(False))
    found = marked.groupBy(event_day.alias("day")).agg(
        F.count_if(gone).alias("gone"),
        F.count_if("_before").alias("before"),
        F.count_if("_moved").alias("moved"),
    )
    days = found.collect()
    return Departures(
        sum(row["gone"] for row in days),
        sum(row["before"] for row in days),
        frozenset(row["day"] for row in days if row["moved"] and row["day"] is not None),
    )


def dated(
    resolved: DataFrame,
    others: DataFrame,
    own: DataFrame,
    source: Source,
    data_day: date,
    *,
    first: bool,
) -> DataFrame:
    """Say of the kept rows of a batch from which data day on, and until when, they are there.

    Grain: row of `resolve`. In: these rows; the clean rows of other batches (`after_delivery`); those that an
    earlier attempt of the batch has written; whether the batch is the first of the source. Out: the same
    columns, with `_since` and `_gone` of the kept rows.

    A row that takes another's place is there since that one is; one that was gone and is back, since the data
    day. Without a key nothing takes another's place: a new row is there since its batch. A batch that is
    written again does not change what later batches said of its rows.
    """
    key, day = key_columns(source), F.lit(data_day)
    here = is_present(data_day)
    of_others = others.groupBy(*key).agg(
        F.max(here).alias("_here"),
        F.max(F.when(here, F.col(SINCE))).alias("_since_before"),
        F.max(F.coalesce(F.col(GONE) <= day, F.lit(False))).alias("_was_gone"),
    )
    of_own = own.groupBy(*key).agg(
        F.lit(True).alias("_own"), F.max(SINCE).alias("_own_since"), F.max(GONE).alias("_own_gone")
    )
    back = F.lit(True) if not source.key and not first else F.col("_was_gone")
    since = (
        F.when(F.col("_own"), F.col("_own_since"))
        .when(F.col("_here"), F.col("_since_before"))
        .when(back, day)
    )
    until = F.when(F.col("_own_gone") > day, F.col("_own_gone"))
    kept = F.col("_status") == KEPT
    joined = resolved.join(of_others, key, "left").join(of_own, key, "left")
    new = {
        SINCE: F.when(kept, since).otherwise(F.col(SINCE)),
        GONE: F.when(kept, until).otherwise(F.col(GONE)),
    }
    return joined.select(
        *[new[name].alias(name) if name in new else F.col(name) for name in resolved.columns]
    )


def by_presence(rows: DataFrame, of: Sequence[str]) -> DataFrame:
    """Grain: clean row and period in which the rows of its group stay the same, so that a period can be
    aggregated. In: clean rows; `of` are the columns of the group. Out: the same columns, `_since` and `_gone`
    those of the period.

    Most groups have one period, without bounds.
    """
    group = Window.partitionBy(*of)
    bounds = F.array_sort(
        F.array_union(F.collect_set(F.col(SINCE)).over(group), F.collect_set(F.col(GONE)).over(group))
    )
    never = F.array(F.lit(None).cast("date"))
    begins, ends = F.concat(never, F.col("_bounds")), F.concat(F.col("_bounds"), never)
    periods = F.zip_with(begins, ends, lambda begin, end: F.struct(begin.alias("begin"), end.alias("end")))
    inside = (F.col(SINCE).isNull() | (F.col("_period.begin") >= F.col(SINCE))) & (
        F.col(GONE).isNull() | (F.col("_period.end") <= F.col(GONE))
    )
    each = rows.withColumn("_bounds", bounds).withColumn("_period", F.explode(periods)).where(inside)
    return each.withColumns({SINCE: F.col("_period.begin"), GONE: F.col("_period.end")}).drop(
        "_bounds", "_period"
    )
