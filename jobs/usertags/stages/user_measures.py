"""All measures and used profile columns of every user for a data day, stored in `ops.user_measures`."""

from datetime import date

from pyspark.sql import DataFrame

from usertags.errors import DataError
from usertags.project.model import Project
from usertags.stages.identity import Tables, linked_ids
from usertags.stages.source_tables import clean_name, rollup_name
from usertags.transform.identity import of_users
from usertags.transform.population import population
from usertags.transform.profile_sources import profile_columns, profile_inputs


def user_measures(
    tables: Tables,
    project: Project,
    data_day: date,
    users: DataFrame | None = None,
) -> DataFrame:
    """Grain: user. In: day roll-ups and clean profiles, read by `tables`; `identities` of the run, None if
    ids are not linked. Out: user_id, one column per measure in its type and unit, `source__column` for each
    used profile column, `_has_events` (`population`).

    Percentiles are not included: they are computed from these (usertags/transform/percentiles.py).

    The population is every id first seen on or before the data day in any source. `tables` gives the
    roll-ups and clean tables at the snapshots of the run, so that the result depends only on them. `users`
    are the `identities` of the run: roll-ups and profiles of an id are read as those of its user.
    """
    sources = project.sources.values()
    rollups = [tables(rollup_name(source)).drop("partials") for source in sources if source.kind == "events"]
    profiles = [
        profile_columns(
            tables(clean_name(source)),
            source,
            profile_inputs(project, source),
            data_day,
            users,
        )
        for source in sources
        if source.kind == "profile"
    ]
    if users is not None:
        rollups = [of_users(rows, users) for rows in rollups]
        profiles.append(of_users(linked_ids(tables, project, data_day), users).distinct())
    return population(rollups, profiles, project.measures.values(), data_day)


def require_population(rows: int, data_day: date) -> None:
    """Raises DataError if the population of a day has no user."""
    if rows == 0:
        raise DataError(
            f"no source has any user on or before {data_day}",
            safe="nothing was published",
            next_step="check the day, and that its batch was extracted and cleaned",
        )
