"""Links ids to users on a data day: the links of all sources of links, at the snapshots of the run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from usertags.errors import ConfigError, ConfigProblem
from usertags.project.model import Identity, Project
from usertags.sources.personal_ids import ANY_FORM
from usertags.sources.pii import hash_value
from usertags.stages.extract import pii_salt
from usertags.stages.source_tables import clean_name, rollup_name
from usertags.store.connections import from_environment
from usertags.store.spark import spark_table
from usertags.transform.first_seen import first_seen, seen_in_links, seen_in_profile, seen_in_rollup
from usertags.transform.identity import identities, pairs, people, refused_links, sightings

# Reads a table by its name, at the snapshot of the run.
Tables = Callable[[str], DataFrame]


@dataclass(frozen=True)
class Joined:
    """The rows of `ops.identities` and `ops.refused_links`, without the run columns."""

    identities: DataFrame
    refused: DataFrame


def joined_ids(tables: Tables, project: Project, identity: Identity, data_day: date) -> Joined:
    """The users with more than one id, and the links that were refused, on a data day: links count from the
    day of their time on (project time zone).

    Raises ConfigError for blocked ids that are missing in the environment.
    """
    seen = _sightings(tables, project, data_day)
    most = max(len(source.ids) for source in project.links())
    found = people(pairs(seen, most), blocked_ids(project, identity), identity.limits)
    refused = refused_links(found.refused)
    return Joined(identities(found.members, _first_seen(tables, project, data_day)), refused)


def linked_ids(tables: Tables, project: Project, data_day: date) -> DataFrame:
    """Grain: id in a row of links, with duplicates. Out: id_kind, id."""
    return seen_in_links(_sightings(tables, project, data_day)).select("id_kind", "id")


def _sightings(tables: Tables, project: Project, data_day: date) -> DataFrame:
    rows = [sightings(tables(clean_name(source)), source, data_day) for source in project.links()]
    return reduce(DataFrame.unionByName, rows)


def _first_seen(tables: Tables, project: Project, data_day: date) -> DataFrame:
    """Grain: id and source. Out: id_kind, id, first_seen: its first day, null without a time."""
    frames = [seen_in_links(_sightings(tables, project, data_day))]
    for source in project.sources.values():
        if source.kind == "events":
            frames.append(seen_in_rollup(tables(rollup_name(source)), data_day))
        elif source.kind == "profile":
            frames.append(seen_in_profile(tables(clean_name(source)), source, data_day))
    return first_seen(frames)


def at_snapshots(spark: SparkSession, snapshots: Mapping[str, int]) -> Tables:
    """The tables of a run at the snapshots that it names."""

    def read(name: str) -> DataFrame:
        return spark.read.option("versionAsOf", str(snapshots[name])).table(spark_table(name))

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
