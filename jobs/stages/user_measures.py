"""All measures and used profile columns of every user for a data day, kept as `ops.user_measures`."""

from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.catalogue.model import COUNTED, Catalogue, Measure, Source
from jobs.errors import DataError
from jobs.stages.aggregate import rollup_name
from jobs.stages.clean import clean_name
from jobs.stages.identity import at_snapshot, linked_ids, profile_rows
from jobs.transform.identity import of_users, one_row_a_user
from jobs.transform.rollup import merge
from jobs.transform.windows import ID


def user_measures(
    spark: SparkSession,
    catalogue: Catalogue,
    day: date,
    snapshots: dict[str, int],
    users: DataFrame | None = None,
) -> DataFrame:
    """Grain: user. Out: user_id, one column a measure, `source__column` of each profile column in use.

    Percentiles are not among them: they come of these (jobs/transform/percentiles.py).

    The population is every id first seen on or before the data day in any source. `snapshots` names the
    roll-up and profile snapshots that are read, so that the result is a function of them. `users` are the
    `identities` of the run: roll-ups and profiles of an id are read as those of its user.
    Raises DataError when no source has a user on or before that day.
    """
    sources = catalogue.sources.values()
    rollups = [
        at_snapshot(spark, rollup_name(source), snapshots).drop("partials")
        for source in sources
        if source.kind == "events"
    ]
    profiles = [
        _profile(spark, catalogue, source, day, snapshots, users)
        for source in sources
        if source.kind == "profile"
    ]
    if users is not None:
        rollups = [of_users(rows, users) for rows in rollups]
        profiles.append(of_users(linked_ids(spark, catalogue, day, snapshots), users).distinct())
    seen = [merge(rollups, catalogue.measures.values(), day)] if rollups else []
    joined = reduce(lambda left, right: left.join(right, list(ID), "full_outer"), [*seen, *profiles])
    user_id = F.concat_ws(":", *ID).alias("user_id")
    measures = [_value(measure) for measure in catalogue.measures.values()]
    columns = [F.col(name) for frame in profiles for name in frame.columns if name not in ID]
    return joined.select(user_id, *measures, *columns)


def require_population(rows: int, day: date) -> None:
    if rows == 0:
        raise DataError(
            f"no source has a user on or before {day}",
            safe="nothing was published",
            next_step="check the day, and that its batch was extracted and cleaned",
        )


def _value(measure: Measure) -> Column:
    """A user without a row in the source has counted nothing and spent nothing."""
    column = F.col(measure.id)
    if measure.by is None and measure.function in COUNTED:
        column = F.coalesce(column, F.lit(0).cast(measure.type))
    return column.alias(measure.id)


def profile_inputs(catalogue: Catalogue, source: Source) -> list[str]:
    """The columns of a profile that some tag reads: no other leaves the clean table."""
    used = {name for tag in catalogue.tags.values() for name in tag.inputs}
    return [c.name for c in source.kept_columns if f"{source.name}.{c.name}" in used]


def _profile(
    spark: SparkSession,
    catalogue: Catalogue,
    source: Source,
    day: date,
    snapshots: dict[str, int],
    users: DataFrame | None,
) -> DataFrame:
    clean = profile_rows(at_snapshot(spark, clean_name(source), snapshots), source, day)
    version = [F.col(source.version).alias("_version")] if source.version and users is not None else []
    rows = clean.select(
        F.lit(source.id_kind).alias("id_kind"),
        F.col(source.user).cast("string").alias("id"),
        *version,
        *[F.col(name).alias(f"{source.name}__{name}") for name in profile_inputs(catalogue, source)],
    )
    return rows if users is None else one_row_a_user(rows, users, "_version" if version else None)
