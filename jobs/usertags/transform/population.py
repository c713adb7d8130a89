"""All users of a data day: the measures and profile columns of all sources in one row per user."""

from collections.abc import Collection, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.project.model import Measure
from usertags.transform.rollup import merge
from usertags.transform.windows import ID

# Whether a user has an event in any source; null: none.
HAS_EVENTS = "_has_events"


def population(
    rollups: Sequence[DataFrame], profiles: Sequence[DataFrame], measures: Collection[Measure], data_day: date
) -> DataFrame:
    """Grain: user; all users in any frame on or before the day. In: day roll-ups of the sources of
    events, and frames with one row per id (id_kind, id and any columns); at least one of either.

    Out: user_id (`kind:id`), one column per measure in its type, and the columns of the profiles, null if
    the user is not in them, and `_has_events`, null for a user without any event. Counts and sums are 0 for a
    user without a row in the source.
    """
    seen = [merge(rollups, measures, data_day).withColumn(HAS_EVENTS, F.lit(True))] if rollups else []
    joined = reduce(lambda left, right: left.join(right, list(ID), "full_outer"), [*seen, *profiles])
    columns = [F.col(name) for frame in profiles for name in frame.columns if name not in ID]
    return joined.select(
        F.concat_ws(":", *ID).alias("user_id"),
        *[_value(measure) for measure in measures],
        *columns,
        F.col(HAS_EVENTS) if rollups else F.lit(None).cast("boolean").alias(HAS_EVENTS),
    )


def _value(measure: Measure) -> Column:
    """Counts and sums are 0 for a user without a row in the source."""
    column = F.col(measure.id)
    if measure.by is None and measure.aggregate.counted:
        column = F.coalesce(column, F.lit(0).cast(measure.type))
    return column.alias(measure.id)
