"""tag: the measures, RFM and tags of every user for a data day, on a branch named after the run.

Readers of `main` see nothing of it until publish.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.catalogue.model import RFM_COLUMNS, Catalogue, Rfm, Tag, visible
from jobs.errors import DataError, UsageError
from jobs.stages.aggregate import rollup_name
from jobs.stages.clean import clean_name
from jobs.stages.extract import known_batches, raw_name
from jobs.stages.identity import Tables, at_snapshots, joined_ids
from jobs.stages.releases import require_clean_batch
from jobs.stages.report import Line, StageReport
from jobs.stages.runs import (
    Publication,
    RunRecord,
    publication_of,
    publications,
    record_run,
    require_no_blocked_day,
    run_branch,
)
from jobs.stages.user_measures import require_population, user_measures
from jobs.store.lake import Lake
from jobs.store.schemas import (
    DRAFTS,
    IDENTITIES,
    REFUSED_LINKS,
    RFM,
    RFM_THRESHOLDS,
    TAG_CATALOGUE,
    TAG_STATISTICS,
    USER_MEASURES,
    USER_PROFILE,
    USER_TAG_CHANGES,
    USER_TAGS,
    TableSpec,
)
from jobs.store.spark import spark_table
from jobs.store.tables import ensure_table, find_table
from jobs.transform import carry
from jobs.transform.derived import all_computed
from jobs.transform.identity import moved_users
from jobs.transform.rfm import THRESHOLD_SCHEMA, Threshold, threshold_rows
from jobs.transform.table_columns import fitted, whole_schema
from jobs.transform.tag_catalogue import CATALOGUE_SCHEMA, catalogue_rows, left_out, previous_versions
from jobs.transform.tag_changes import told_changes
from jobs.transform.tag_statistics import tag_statistics
from jobs.transform.tags import evaluated
from jobs.transform.user_profile import user_profile


@dataclass(frozen=True)
class Run:
    """One run of a data day: what the tag stage passes around."""

    spark: SparkSession
    catalogue: Catalogue
    lake: Lake
    day: date
    run_id: str

    @property
    def branch(self) -> str:
        return run_branch(self.run_id)

    def write(self, spec: TableSpec, rows: DataFrame, *, branch: bool = True) -> int:
        """Replace the rows of this run in a table, on the run's branch or on main; returns their count."""
        stamped = rows.withColumns({"dt": F.lit(self.day), "run_id": F.lit(self.run_id)})
        schema = whole_schema(spec.schema, to_arrow_schema(stamped.schema))
        table = ensure_table(self.lake, spec.name, schema, spec.partition)
        target = spark_table(spec.name, self.branch if branch else None)
        if branch:
            self.spark.sql(f"ALTER TABLE {spark_table(spec.name)} CREATE OR REPLACE BRANCH {self.branch}")
        fields = self.spark.table(spark_table(spec.name)).schema.fields
        same = (F.col("dt") == F.lit(self.day)) & (F.col("run_id") == F.lit(self.run_id))
        fitted(stamped, fields).writeTo(target).overwrite(same)
        return _written(table, self.branch if branch else "main")

    def read(self, spec: TableSpec, *, branch: bool = True) -> DataFrame:
        rows = self.spark.table(spark_table(spec.name, self.branch if branch else None))
        return rows.where((F.col("dt") == F.lit(self.day)) & (F.col("run_id") == F.lit(self.run_id)))


def _written(table: object, branch: str) -> int:
    """The rows that the newest commit of a branch added, from its summary."""
    table.refresh()  # type: ignore[attr-defined]
    snapshot = table.snapshot_by_name(branch)  # type: ignore[attr-defined]
    return int(snapshot.summary.additional_properties.get("added-records", 0)) if snapshot else 0


def tag(spark: SparkSession, catalogue: Catalogue, lake: Lake, day: date, run_id: str) -> StageReport:
    """Compute everything that a run publishes, on its branch.

    Raises DataError when an earlier day is blocked, when the day was never extracted or cleaned or its batch
    was refused, or when nobody is in the population; UsageError when the run is published already.
    """
    started = time.monotonic()
    require_no_blocked_day(lake, day)
    require_clean_batch(lake, day)
    published = publication_of(lake, day)
    if published is not None and published.run_id == run_id:
        raise UsageError(
            f"run {run_id} of {day} is published already",
            safe="its tables stand",
            next_step="start a new run to compute the day again",
        )
    run = Run(spark, catalogue, lake, day, run_id)
    snapshots = _inputs(run)
    before = day_before(lake, day)
    counts: dict[str, int] = {}
    tables = at_snapshots(spark, snapshots)
    users = _identities(run, tables, counts)
    _measures(run, tables, users, counts)
    _tags(run, before, counts)
    _catalogue(run, counts)
    record_run(
        lake,
        RunRecord(
            day,
            run_id,
            "tag",
            "built",
            previous_day=before.day if before else None,
            previous_run=before.run_id if before else None,
            catalogue_version=catalogue.version,
            inputs={name: str(snapshot) for name, snapshot in snapshots.items()},
            row_counts=counts,
        ),
    )
    lines = tuple(Line(name, written=count) for name, count in counts.items())
    return StageReport("tag", day, run_id, time.monotonic() - started, lines)


def carry_again(run: Run, built: RunRecord) -> None:
    """Compute again what compares with the day before, from the measures and scores that the run has kept,
    and record the day that it is compared with now."""
    before = day_before(run.lake, run.day)
    counts = dict(built.row_counts)
    _tags(run, before, counts)
    day, run_id = (before.day, before.run_id) if before else (None, None)
    record_run(run.lake, replace(built, previous_day=day, previous_run=run_id, row_counts=counts))


def _measures(run: Run, tables: Tables, users: DataFrame | None, counts: dict[str, int]) -> None:
    """Write the measures and what is derived of them. What is derived needs the measures of everybody: merged
    once, they are read several times."""
    merged = user_measures(tables, run.catalogue, run.day, users)
    derived = run.catalogue.derived
    merged = merged.persist() if derived else merged
    whole, learned = all_computed(derived, merged, run.day)
    apart = [name for item in derived if item.table is not None for name in item.columns]
    counts[USER_MEASURES.name] = run.write(USER_MEASURES, whole.drop(*apart), branch=False)
    require_population(counts[USER_MEASURES.name], run.day)
    _rfm(run, whole, learned.get(Rfm, ()), counts)
    if derived:
        merged.unpersist()


def _inputs(run: Run) -> dict[str, int]:
    """The snapshots that the day is computed from. Raises DataError for a batch that is not there yet."""
    snapshots = {}
    for source in run.catalogue.sources.values():
        raw = find_table(run.lake, raw_name(source))
        name = rollup_name(source) if source.kind == "events" else clean_name(source)
        table = find_table(run.lake, name)
        if raw is None or run.day not in known_batches(raw) or table is None:
            raise DataError(
                f"{run.day} was never extracted and cleaned for source {source.name}",
                safe="nothing was published",
                next_step=f"run `usertags run --day {run.day}`",
            )
        current = table.current_snapshot()
        assert current is not None
        snapshots[name] = current.snapshot_id
    return snapshots


def _identities(run: Run, tables: Tables, counts: dict[str, int]) -> DataFrame | None:
    """Write who has several ids, and the links refused; None where no source says who is one person."""
    if run.catalogue.identity is None:
        return None
    found = joined_ids(tables, run.catalogue, run.catalogue.identity, run.day)
    counts[REFUSED_LINKS.name] = run.write(REFUSED_LINKS, found.refused, branch=False)
    counts[IDENTITIES.name] = run.write(IDENTITIES, found.identities, branch=False)
    return run.read(IDENTITIES, branch=False)


def _moved(run: Run, before: Publication | None) -> DataFrame | None:
    """The users who were joined or parted since the day before; None where ids were never joined."""
    if before is None or find_table(run.lake, IDENTITIES.name) is None:
        return None
    return moved_users(run.read(IDENTITIES, branch=False), _published(run, IDENTITIES, before), before.day)


def day_before(lake: Lake, day: date) -> Publication | None:
    """The latest published day before a day: what its tags are compared with."""
    earlier = publications(lake, before=day)
    return earlier[-1] if earlier else None


def _rfm(run: Run, users: DataFrame, found: Sequence[Threshold], counts: dict[str, int]) -> None:
    scored = users.select("user_id", *([*RFM_COLUMNS] if run.catalogue.rfm else []))
    counts[RFM.name] = run.write(RFM, scored if run.catalogue.rfm else scored.limit(0))
    rows = run.spark.createDataFrame(threshold_rows(found), THRESHOLD_SCHEMA)
    counts[RFM_THRESHOLDS.name] = run.write(RFM_THRESHOLDS, rows)


def _tags(run: Run, before: Publication | None, counts: dict[str, int]) -> None:
    catalogue = run.catalogue
    inputs = run.read(USER_MEASURES, branch=False).drop("dt", "run_id")
    if catalogue.rfm is not None:
        inputs = inputs.join(run.read(RFM).select("user_id", *RFM_COLUMNS), "user_id", "left")
    tags = catalogue.published_tags()
    drafts = [item for item in catalogue.tags.values() if item.status == "draft"]
    state = _state(run, inputs, tags, before).persist()
    counts[USER_TAGS.name] = run.write(
        USER_TAGS, carry.user_tags(state, visible(tags, "user_tags"), catalogue.levels, run.day)
    )
    counts[USER_PROFILE.name] = run.write(USER_PROFILE, user_profile(state, visible(tags, "user_profile")))
    counts[USER_TAG_CHANGES.name] = run.write(USER_TAG_CHANGES, _changes(run, before, state, tags))
    state.unpersist()
    counts[TAG_STATISTICS.name] = run.write(
        TAG_STATISTICS, _statistics(run, before, counts[USER_PROFILE.name])
    )
    if drafts:
        state = _state(run, inputs, drafts, None)
        run.write(DRAFTS, carry.user_tags(state, drafts, catalogue.levels, run.day), branch=False)


def _changes(run: Run, before: Publication | None, state: DataFrame, tags: Sequence[Tag]) -> DataFrame:
    """The changes that may be told; those of users that were merged or split say so."""
    known = _catalogue_before(run, before)
    left = left_out(run.catalogue.tags, known, "user_tag_changes")
    return told_changes(state, tags, previous_versions(known), left, _moved(run, before))


def _state(run: Run, inputs: DataFrame, tags: Sequence[Tag], before: Publication | None) -> DataFrame:
    today = evaluated(inputs, tags, run.day)
    return carry.carried(today, _published(run, USER_TAGS, before), tags, run.day)


def _published(run: Run, spec: TableSpec, before: Publication | None) -> DataFrame:
    """The rows of a table as published on the day before; none where there is no such day."""
    ensure_table(run.lake, spec.name, spec.schema, spec.partition)
    rows = run.spark.table(spark_table(spec.name))
    if before is None:
        return rows.limit(0)
    return rows.where((F.col("dt") == F.lit(before.day)) & (F.col("run_id") == F.lit(before.run_id)))


def _catalogue_before(run: Run, before: Publication | None) -> list[dict[str, Any]]:
    """What `tag_catalogue` of the day before says of its tags, and of where they were not to stand."""
    rows = _published(run, TAG_CATALOGUE, before).select("tag_id", "definition_version", "kept_out_of")
    return [row.asDict() for row in rows.collect()]


def _statistics(run: Run, before: Publication | None, population: int) -> DataFrame:
    left = left_out(run.catalogue.tags, _catalogue_before(run, before), "tag_statistics")
    return tag_statistics(run.read(USER_TAGS), _published(run, USER_TAGS, before), left, population)


def _catalogue(run: Run, counts: dict[str, int]) -> None:
    frame = run.spark.createDataFrame(catalogue_rows(run.catalogue), CATALOGUE_SCHEMA)
    counts[TAG_CATALOGUE.name] = run.write(TAG_CATALOGUE, frame)
