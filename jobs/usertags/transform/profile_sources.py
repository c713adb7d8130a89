"""The rows of profile sources: those that exist on a day, and the columns that tags read."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from usertags.project.model import Project, Source
from usertags.transform.identity import one_row_a_user


def profile_rows(clean: DataFrame, source: Source, data_day: date) -> DataFrame:
    """Grain: row of a profile that exists on the day. In: its clean rows. Out: a subset of these, in their
    columns: a row exists from the day of its time on (project time zone), always without a time."""
    if not source.time:
        return clean
    since = F.to_date(F.col(source.time))
    return clean.where(since.isNull() | (since <= F.lit(data_day)))


def profile_inputs(project: Project, source: Source) -> list[str]:
    """The columns of a profile that any tag reads; only these leave the clean table."""
    used = {name for tag in project.tags.values() for name in tag.inputs}
    return [c.name for c in source.kept_columns if f"{source.name}.{c.name}" in used]


def profile_columns(
    clean: DataFrame, source: Source, names: Sequence[str], data_day: date, users: DataFrame | None
) -> DataFrame:
    """Grain: id; with `users` the id of the user_id. In: clean rows of a profile source,
    its requested columns, `identities` of the run (None if ids are not linked). Out: id_kind, id (as
    text), `source__column` of each of them in its own type; for several ids of a user the row used
    (`one_row_a_user`)."""
    version = [F.col(source.version).alias("_version")] if source.version and users is not None else []
    rows = profile_rows(clean, source, data_day).select(
        F.lit(source.id_kind).alias("id_kind"),
        F.col(source.user).cast("string").alias("id"),
        *version,
        *[F.col(name).alias(f"{source.name}__{name}") for name in names],
    )
    return rows if users is None else one_row_a_user(rows, users, "_version" if version else None)
