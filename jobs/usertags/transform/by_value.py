"""Merging measures with `by`: a map from the values of a column to numbers, or to the latest rows."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.project.model import Measure
from usertags.transform.windows import ID, inside_window


def by_values(rollups: Sequence[DataFrame], measures: Sequence[Measure], data_day: date) -> list[DataFrame]:
    """Frames that together contain all the measures. Grain: id. In: day roll-ups with by and by_value. Out:
    id_kind, id, one map per measure, null for ids without an entry: from the value of the `by` column to a
    number (double, in the unit of the aggregate, 0 left out) or to the latest row.

    Numbers are merged in rows of one value each, because a wide row would contain all measures of the
    project for each value of a user.
    """
    numbers = [measure for measure in measures if measure.aggregate.by == "numbers"]
    frames = [
        _last_rows(rollups, measure, data_day) for measure in measures if measure.aggregate.by == "rows"
    ]
    return [*frames, *([_numbers(rollups, numbers, data_day)] if numbers else [])]


def _numbers(rollups: Sequence[DataFrame], measures: Sequence[Measure], data_day: date) -> DataFrame:
    parts = []
    for rows in rollups:
        own = [measure for measure in measures if measure.partials[0].id in rows.columns]
        if own:
            # Computed before the generator: expressions inside a generator are interpreted, not compiled.
            numbers = [_number(measure, data_day).alias(measure.id) for measure in own]
            entries = [F.struct(F.lit(m.id).alias("measure"), F.col(m.id).alias("number")) for m in own]
            computed = rows.where("by is not null").select(*ID, "by_value", *numbers)
            parts.append(computed.select(*ID, "by_value", F.inline(F.array(*entries))))
    together = reduce(DataFrame.unionByName, parts).where("number is not null")
    summed = together.groupBy(*ID, "measure", "by_value").agg(F.sum("number").alias("number"))
    number = F.col("number").cast("double")
    maps = [_map(F.col("measure") == F.lit(m.id), number).alias(m.id) for m in measures]
    return summed.where("number != 0").groupBy(*ID).agg(*maps)


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
