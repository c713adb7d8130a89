"""The day on which each id was first seen, in any source: event days of the project's time zone."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from usertags.project.model import Source
from usertags.transform.identity import id_of, kind_of
from usertags.transform.profile_sources import profile_rows


def seen_in_links(seen: DataFrame) -> DataFrame:
    """Grain: id in a row of links, with duplicates. In: `sightings`. Out: id_kind, id, first_seen."""
    nodes = seen.select(F.explode("nodes").alias("node"), "first_seen")
    return nodes.select(kind_of("node").alias("id_kind"), id_of("node").alias("id"), "first_seen")


def seen_in_rollup(rollup: DataFrame, data_day: date) -> DataFrame:
    """Grain: row of the roll-up on or before the day. Out: id_kind, id, first_seen (the day of the row)."""
    rows = rollup.where(F.col("day") <= F.lit(data_day))
    return rows.select("id_kind", "id", F.col("day").alias("first_seen"))


def seen_in_profile(clean: DataFrame, source: Source, data_day: date) -> DataFrame:
    """Grain: row of the profile that exists on the day (`profile_rows`). Out: id_kind, id (as text),
    first_seen: the day of its time, null in a row or source without one."""
    since = F.to_date(F.col(source.time)) if source.time else F.lit(None).cast("date")
    return profile_rows(clean, source, data_day).select(
        F.lit(source.id_kind).alias("id_kind"),
        F.col(source.user).cast("string").alias("id"),
        since.alias("first_seen"),
    )


def first_seen(sources: Sequence[DataFrame]) -> DataFrame:
    """Grain: id and source. In: per source id_kind, id, first_seen, any number of rows per id. Out: the
    same columns: its first day in the source, null if one of its rows has no day (it always existed).

    Each source is reduced to its ids first, so that the input of the join with the links is small.
    """
    return reduce(DataFrame.unionByName, [_earliest(rows) for rows in sources])


def _earliest(rows: DataFrame) -> DataFrame:
    """Grain: id. A row without a day means that the id always existed."""
    always = F.max(F.col("first_seen").isNull())
    return rows.groupBy("id_kind", "id").agg(F.when(~always, F.min("first_seen")).alias("first_seen"))
