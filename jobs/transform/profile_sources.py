"""The rows of sources of profiles: who stands in them on a day, and what tags read of them."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.catalogue.model import Catalogue, Source
from jobs.transform.identity import one_row_a_user


def profile_rows(clean: DataFrame, source: Source, day: date) -> DataFrame:
    """The rows of a profile that are there on a day: from the day of its time on, without a time always."""
    if not source.time:
        return clean
    since = F.to_date(F.col(source.time))
    return clean.where(since.isNull() | (since <= F.lit(day)))


def profile_inputs(catalogue: Catalogue, source: Source) -> list[str]:
    """The columns of a profile that some tag reads: no other leaves the clean table."""
    used = {name for tag in catalogue.tags.values() for name in tag.inputs}
    return [c.name for c in source.kept_columns if f"{source.name}.{c.name}" in used]


def profile_columns(
    clean: DataFrame, source: Source, names: Sequence[str], day: date, users: DataFrame | None
) -> DataFrame:
    """Grain: id; with `users` the id that the user_id is made of. In: clean rows of a source of profiles,
    the columns wanted of it, `identities` of the run (None where ids are not joined). Out: id_kind, id (as
    text), `source__column` of each of them in its own type; of several ids of a user the row that stands
    (`one_row_a_user`)."""
    version = [F.col(source.version).alias("_version")] if source.version and users is not None else []
    rows = profile_rows(clean, source, day).select(
        F.lit(source.id_kind).alias("id_kind"),
        F.col(source.user).cast("string").alias("id"),
        *version,
        *[F.col(name).alias(f"{source.name}__{name}") for name in names],
    )
    return rows if users is None else one_row_a_user(rows, users, "_version" if version else None)
