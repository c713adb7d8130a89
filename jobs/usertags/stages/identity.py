"""Links ids to users on a data day: the links of all sources of links, at the snapshots of the run.

Where it can, a day starts from the users of the day before, see usertags/transform/identity_changes.py.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyiceberg.table import Table
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from usertags.errors import ConfigError, ConfigProblem
from usertags.project.model import GONE, Identity, Project, Source
from usertags.sources.personal_ids import ANY_FORM
from usertags.sources.pii import hash_value
from usertags.stages.extract import pii_salt
from usertags.stages.identity_before import Start
from usertags.stages.source_tables import clean_name, rollup_name
from usertags.store.connections import from_environment
from usertags.store.snapshots import changed_days
from usertags.store.spark import spark_table
from usertags.transform.first_seen import first_seen, seen_in_links, seen_in_profile, seen_in_rollup
from usertags.transform.identity import identities, pairs, people, refused_links, sightings
from usertags.transform.identity_changes import (
    Joined,
    affected,
    changed_ids,
    changed_links,
    renewed,
    touched,
)
from usertags.transform.presence import present

_logger = logging.getLogger(__name__)

# Reads a table by its name, at the snapshot and the data day of the run.
Tables = Callable[[str], DataFrame]


def joined_ids(tables: Tables, project: Project, blocked: Sequence[str], data_day: date) -> Joined:
    """The users with more than one id, and the links that were refused, on a data day: links count from the
    day of their time on (project time zone). `blocked`: see `blocked_ids`."""
    assert project.identity is not None
    seen = _sightings(tables, project, data_day)
    found = people(pairs(seen, _most(project)), blocked, project.identity.limits)
    days = first_seen(_seen(tables, project, data_day))
    return Joined(identities(found.members, days), refused_links(found.refused))


@dataclass(frozen=True)
class Earlier:
    """The day before to start from: its run, its inputs, its users and refused links."""

    start: Start
    tables: Tables
    joined: Joined


def joined_since(
    earlier: Earlier,
    current: Mapping[str, Table],
    tables: Tables,
    project: Project,
    blocked: Sequence[str],
    data_day: date,
) -> Joined | None:
    """The same as `joined_ids`, started from the day before; None if too much has changed since. `current`
    are the inputs of the day by name, `tables` reads them."""
    assert project.identity is not None
    start, most = earlier.start, _most(project)
    today = _sightings(tables, project, data_day)
    links = changed_links(
        today,
        _sightings(earlier.tables, project, start.data_day),
        most,
        [source.name for source in project.links()],
    )
    found = touched(links, _moved_ids(earlier, current, tables, project))
    if found.links + found.ids == 0:
        _logger.info("identity of %s: nothing has changed since %s", data_day, start.data_day)
        return earlier.joined
    if start.too_many(found.links + found.ids):
        changed = f"{found.links:,} links and the first day of {found.ids:,} ids have changed"
        log_whole(data_day, f"{changed} since {start.data_day}")
        return None
    around = affected(found, earlier.joined, start.refused, blocked)
    _logger.info(
        "identity of %s: %s links are new, withdrawn or changed since %s, as are the first days of %s ids: "
        "%s ids (%s users of that day) are joined again, of %s",
        *(data_day, f"{found.links:,}", start.data_day, f"{found.ids:,}"),
        *(f"{around.ids:,}", f"{around.users:,}", f"{start.identities:,}"),
    )
    seen = reduce(DataFrame.unionByName, _seen(tables, project, data_day))
    return renewed(around, earlier.joined, today, most, seen, blocked, project.identity.limits)


def log_whole(data_day: date, reason: str) -> None:
    """Log why all links of a day are joined."""
    _logger.info("identity of %s: all links are joined, because %s", data_day, reason)


def linked_ids(tables: Tables, project: Project, data_day: date) -> DataFrame:
    """Grain: id in a row of links, with duplicates. Out: id_kind, id."""
    return seen_in_links(_sightings(tables, project, data_day)).select("id_kind", "id")


def _most(project: Project) -> int:
    """The highest number of ids in a row of links."""
    return max(len(source.ids) for source in project.links())


def _sightings(tables: Tables, project: Project, data_day: date) -> DataFrame:
    rows = [sightings(tables(clean_name(source)), source, data_day) for source in project.links()]
    return reduce(DataFrame.unionByName, rows)


def _seen(tables: Tables, project: Project, data_day: date) -> list[DataFrame]:
    """The days on which ids were seen, by source: id_kind, id, first_seen, any number of rows per id."""
    elsewhere = _seen_elsewhere(tables, project, data_day)
    return [seen_in_links(_sightings(tables, project, data_day)), *elsewhere.values()]


def _seen_elsewhere(tables: Tables, project: Project, data_day: date) -> dict[str, DataFrame]:
    """Of the sources without links, by the table that says so."""
    found = {}
    for source in project.sources.values():
        name = input_name(source)
        if source.kind == "events":
            found[name] = seen_in_rollup(tables(name), data_day)
        elif source.kind == "profile":
            found[name] = seen_in_profile(tables(name), source, data_day)
    return found


def input_name(source: Source) -> str:
    """The table of a source that the tag stage reads."""
    return rollup_name(source) if source.kind == "events" else clean_name(source)


def _moved_ids(earlier: Earlier, current: Mapping[str, Table], tables: Tables, project: Project) -> DataFrame:
    """Grain: id of a user whose first day may have changed. Out: node. `tables` reads the inputs of the day,
    `current`.

    Days after the day before are nobody's new first day. Of a roll-up only the days are read whose files have
    changed, of the links only rows of one id: of all others two links have changed as well.
    """
    start = earlier.start
    snapshots = snapshots_of(current)
    today, before = (
        reduce(
            DataFrame.unionByName,
            [_alone(read(clean_name(source)), source, start.data_day) for source in project.links()],
        )
        for read in (tables, earlier.tables)
    )
    now, then = (_seen_elsewhere(read, project, start.data_day) for read in (tables, earlier.tables))
    for name in now:
        changed = _changed_rows(current[name], start.snapshots[name], snapshots[name], start.data_day)
        if changed is not None:
            today = today.unionByName(now[name].where(changed))
            before = before.unionByName(then[name].where(changed))
    return changed_ids(today, before, earlier.joined.identities)


def _changed_rows(table: Table, before: int, after: int, until: date) -> Column | None:
    """Which rows (first_seen) of a table may differ between two snapshots, up to a day; None if there are
    none. Of a table whose rows can be gone, any: the two days may have other rows of the same snapshot."""
    if GONE in table.schema().column_names:
        return F.lit(True)
    if before == after:
        return None
    days = changed_days(table, "day", before, after)
    if days is None:
        return F.lit(True)
    within = [day for day in days if day <= until]
    return F.col("first_seen").isin(*within) if within else None


def _alone(clean: DataFrame, source: Source, data_day: date) -> DataFrame:
    """Grain: row of a source of links with one id. Out: id_kind, id, first_seen."""
    return seen_in_links(sightings(clean, source, data_day).where(F.size("nodes") == 1))


def snapshots_of(tables: Mapping[str, Table]) -> dict[str, int]:
    """The newest snapshot of each table, as loaded."""
    snapshots = {}
    for name, table in tables.items():
        current = table.current_snapshot()
        assert current is not None, "every table is created with a snapshot"
        snapshots[name] = current.snapshot_id
    return snapshots


def at_snapshots(spark: SparkSession, snapshots: Mapping[str, int], data_day: date) -> Tables:
    """The tables of a run at the snapshots that it names, with the rows that the data day has."""

    def read(name: str) -> DataFrame:
        rows = spark.read.option("versionAsOf", str(snapshots[name])).table(spark_table(name))
        return present(rows, data_day)

    return read


def blocked_ids(project: Project, identity: Identity) -> list[str]:
    """The blocked ids as `kind:id`, in the form used by the sources: hashed if theirs are hashed.

    Raises ConfigError if one of them is missing in the environment.
    """
    salt = pii_salt(project) if any(kind in identity.hashed for kind, _ in identity.block) else ""
    found, problems = [], []
    for kind, text in identity.block:
        try:
            value = from_environment(text, project, "project.yml")
        except ConfigError as error:
            problems += error.problems
            continue
        if not value.strip():
            message = f"`block` of {kind} has an empty id"
            problems.append(ConfigProblem(str(project.folder / "project.yml"), 0, message))
            continue
        form = identity.forms.get(kind, ANY_FORM)
        known = hash_value(value, salt, form) if kind in identity.hashed else value
        # What is no id, such as a number of zeros, joins nobody without being blocked.
        found += [f"{kind}:{known}"] if known is not None else []
    if problems:
        raise ConfigError(problems)
    return found
