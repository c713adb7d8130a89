"""Who is one person on a data day: the links of all sources of links, at the snapshots of the run."""

from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from jobs.catalogue.model import Catalogue, Identity
from jobs.errors import ConfigError, ConfigProblem
from jobs.sources.pii import hash_value
from jobs.stages.aggregate import rollup_name
from jobs.stages.clean import clean_name
from jobs.stages.extract import pii_salt
from jobs.store.connections import from_environment
from jobs.store.spark import spark_table
from jobs.transform.first_seen import first_seen, seen_in_links, seen_in_profile, seen_in_rollup
from jobs.transform.identity import identities, pairs, people, refused_links, sightings


@dataclass(frozen=True)
class Joined:
    """The rows of `ops.identities` and `ops.refused_links`, but for the columns of the run."""

    identities: DataFrame
    refused: DataFrame


def joined_ids(
    spark: SparkSession, catalogue: Catalogue, identity: Identity, day: date, snapshots: dict[str, int]
) -> Joined:
    """The users with more than one id, and the links that were refused.

    Raises ConfigError for ids to block that the environment does not hold.
    """
    seen = _sightings(spark, catalogue, day, snapshots)
    most = max(len(source.ids) for source in catalogue.links())
    found = people(pairs(seen, most), blocked_ids(catalogue, identity), identity.limits)
    refused = refused_links(found.refused)
    return Joined(identities(found.members, _first_seen(spark, catalogue, day, snapshots)), refused)


def linked_ids(spark: SparkSession, catalogue: Catalogue, day: date, snapshots: dict[str, int]) -> DataFrame:
    """Grain: id of a row of links, any number of times. Out: id_kind, id."""
    return seen_in_links(_sightings(spark, catalogue, day, snapshots)).select("id_kind", "id")


def _sightings(spark: SparkSession, catalogue: Catalogue, day: date, snapshots: dict[str, int]) -> DataFrame:
    rows = [
        sightings(at_snapshot(spark, clean_name(source), snapshots), source, day)
        for source in catalogue.links()
    ]
    return reduce(DataFrame.unionByName, rows)


def _first_seen(spark: SparkSession, catalogue: Catalogue, day: date, snapshots: dict[str, int]) -> DataFrame:
    """Grain: id and source. Out: id_kind, id, first_seen: its first day, null without a time."""
    frames = [seen_in_links(_sightings(spark, catalogue, day, snapshots))]
    for source in catalogue.sources.values():
        if source.kind == "events":
            frames.append(seen_in_rollup(at_snapshot(spark, rollup_name(source), snapshots), day))
        elif source.kind == "profile":
            frames.append(seen_in_profile(at_snapshot(spark, clean_name(source), snapshots), source, day))
    return first_seen(frames)


def at_snapshot(spark: SparkSession, name: str, snapshots: dict[str, int]) -> DataFrame:
    """A table as the run reads it."""
    reader = spark.read.option("versionAsOf", str(snapshots[name]))
    return reader.table(spark_table(name))


def blocked_ids(catalogue: Catalogue, identity: Identity) -> list[str]:
    """The ids that join nobody, as `kind:id` in the form that sources hold them: hashed where theirs are.

    Raises ConfigError when the environment does not hold one of them.
    """
    salt = pii_salt(catalogue) if any(kind in identity.hashed for kind, _ in identity.block) else ""
    found, problems = [], []
    for kind, text in identity.block:
        try:
            value = from_environment(text, catalogue, "project.yml")
        except ConfigError as error:
            problems += error.problems
            continue
        known = hash_value(value, salt) if kind in identity.hashed else value
        if known is None or not value.strip():
            message = f"`block` of {kind} has an id that is empty"
            problems.append(ConfigProblem(str(catalogue.folder / "project.yml"), 0, message))
            continue
        found.append(f"{kind}:{known}")
    if problems:
        raise ConfigError(problems)
    return found
