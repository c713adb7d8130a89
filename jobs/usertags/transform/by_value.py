"""Merging measures with `by`: a map from the values of a column to numbers, or to the latest rows."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.project.model import Measure
from usertags.transform.windows import BY, ID, inside_window


def by_values(rollups: Sequence[DataFrame], measures: Sequence[Measure], data_day: date) -> list[DataFrame]:
    """Frames that together contain all the measures. Grain: id. In: day roll-ups with by and by_value. Out:
    id_kind, id, one map per measure, null for ids without an entry: from the value of the `by` column to a
    number (double, in the unit of the aggregate, 0 left out) or to the latest row.

    Numbers are summed per source and value before they are brought together: a row of a roll-up only meets
    the measures of its source.
    """
    numbers = [measure for measure in measures if measure.aggregate.by == "numbers"]
    frames = [
        _last_rows(rollups, measure, data_day) for measure in measures if measure.aggregate.by == "rows"
    ]
    return [*frames, *([_numbers(rollups, numbers, data_day)] if numbers else [])]


def own(rows: DataFrame, measures: Sequence[Measure]) -> list[Measure]:
    """The measures of the source of a roll-up. Grain of the input: any; it has the partials of these
    measures as columns."""
    return [measure for measure in measures if measure.partials[0].id in rows.columns]


def _numbers(rollups: Sequence[DataFrame], measures: Sequence[Measure], data_day: date) -> DataFrame:
    parts = [_summed(rows, own(rows, measures), data_day) for rows in rollups if own(rows, measures)]
    together = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), parts)
    maps = [_map(F.col(m.id) != 0, F.col(m.id).cast("double")).alias(m.id) for m in measures]
    return together.groupBy(*ID).agg(*maps)


def _summed(rows: DataFrame, measures: Sequence[Measure], data_day: date) -> DataFrame:
    """Grain: id, by, by_value. In: the day roll-up of one source. Out: id_kind, id, by_value, one number per
    measure, null in the rows of other columns."""
    numbers = [F.sum(_number(measure, data_day)).alias(measure.id) for measure in measures]
    return rows.where("by is not null").groupBy(*ID, *BY).agg(*numbers).drop(BY[0])


def _number(measure: Measure, data_day: date) -> Column:
    """The contribution of a roll-up row to the measure, weighted by its age; summed as exact numbers, so
    that the result does not depend on the order of the days."""
    mine = inside_window(measure, data_day) & (F.col("by") == F.lit(measure.by))
    part = F.when(mine, F.col(measure.partials[0].id).cast("double"))
    if measure.half_life is not None:
        part = part * F.pow(F.lit(0.5), F.datediff(F.lit(data_day), F.col("day")) / F.lit(measure.half_life))
    return part.try_cast("decimal(28,9)")


def _last_rows(rollups: Sequence[DataFrame], measure: Measure, data_day: date) -> DataFrame:
    (partial,) = measure.partials
    (rows,) = [rows for rows in rollups if partial.id in rows.columns]
    mine = rows.where(inside_window(measure, data_day) & (F.col("by") == F.lit(measure.by)))
    last = mine.groupBy(*ID, "by_value").agg(partial.part.merge(F.col(partial.id)).alias("row"))
    return last.groupBy(*ID).agg(_map(F.col("row").isNotNull(), F.col("row")).alias(measure.id))


def _map(condition: Column, value: Column) -> Column:
    """A map by `by_value` of the values that match the condition; null if there are none."""
    entry = F.struct(F.col("by_value").alias("key"), value.alias("value"))
    entries = F.collect_list(F.when(condition, entry))
    return F.when(F.size(entries) > 0, F.map_from_entries(F.sort_array(entries)))
