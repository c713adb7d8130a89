"""tag: the measures, RFM and tags of every user for a data day, on a branch named after the run.

Readers of `main` see nothing of it until publish.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.catalogue.model import RFM_COLUMNS, Catalogue, Tag, hidden, visible
from jobs.errors import DataError, UsageError
from jobs.stages.aggregate import rollup_name
from jobs.stages.clean import clean_name
from jobs.stages.extract import known_batches, raw_name
from jobs.stages.identity import joined_ids
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
from jobs.transform import carry, rfm
from jobs.transform.identity import moved_users, with_reason_identity
from jobs.transform.percentiles import with_percentiles
from jobs.transform.tags import evaluated, first_value, level_ids


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
        schema = pa.unify_schemas([spec.schema, _plain(to_arrow_schema(stamped.schema), spec.schema)])
        table = ensure_table(self.lake, spec.name, schema, spec.partition)
        target = spark_table(spec.name, self.branch if branch else None)
        if branch:
            self.spark.sql(f"ALTER TABLE {spark_table(spec.name)} CREATE OR REPLACE BRANCH {self.branch}")
        known = {field.name: field for field in self.spark.table(spark_table(spec.name)).schema.fields}
        columns = [
            F.col(f"`{name}`").cast(field.dataType).alias(name)
            if name in stamped.columns
            else F.lit(None).cast(field.dataType).alias(name)
            for name, field in known.items()
        ]
        same = (F.col("dt") == F.lit(self.day)) & (F.col("run_id") == F.lit(self.run_id))
        stamped.select(*columns).writeTo(target).overwrite(same)
        return _written(table, self.branch if branch else "main")

    def read(self, spec: TableSpec, *, branch: bool = True) -> DataFrame:
        rows = self.spark.table(spark_table(spec.name, self.branch if branch else None))
        return rows.where((F.col("dt") == F.lit(self.day)) & (F.col("run_id") == F.lit(self.run_id)))


def _plain(schema: pa.Schema, wanted: pa.Schema) -> pa.Schema:
    """The columns that the table's own schema does not speak of."""
    return pa.schema([field for field in schema if field.name not in wanted.names])


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
    users = _identities(run, snapshots, counts)
    counts[USER_MEASURES.name] = _measures(run, snapshots, users)
    require_population(counts[USER_MEASURES.name], day)
    _rfm(run, counts)
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


def _measures(run: Run, snapshots: dict[str, int], users: DataFrame | None) -> int:
    """Percentiles need the measures of everybody: merged once, they are read twice."""
    merged = user_measures(run.spark, run.catalogue, run.day, snapshots, users)
    percentiles = list(run.catalogue.percentiles.values())
    if percentiles:
        merged = merged.persist()
    count = run.write(USER_MEASURES, with_percentiles(merged, percentiles, run.day), branch=False)
    if percentiles:
        merged.unpersist()
    return count


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


def _identities(run: Run, snapshots: dict[str, int], counts: dict[str, int]) -> DataFrame | None:
    """Write who has several ids, and the links refused; None where no source says who is one person."""
    if run.catalogue.identity is None:
        return None
    found = joined_ids(run.spark, run.catalogue, run.catalogue.identity, run.day, snapshots)
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


def _rfm(run: Run, counts: dict[str, int]) -> None:
    settings = run.catalogue.rfm
    if settings is None:
        empty = run.spark.createDataFrame([], "user_id string")
        counts[RFM.name] = run.write(RFM, empty)
        counts[RFM_THRESHOLDS.name] = run.write(
            RFM_THRESHOLDS, run.spark.createDataFrame([], "dimension string")
        )
        return
    based = rfm.basis(run.read(USER_MEASURES, branch=False), settings, run.day).persist()
    found = rfm.thresholds(based, settings)
    counts[RFM.name] = run.write(RFM, rfm.scored(based, found, settings))
    based.unpersist()
    rows = [
        (t.dimension, t.scoring, list(t.edges), list(t.portrait_edges), t.mean, t.population) for t in found
    ]
    schema = (
        "dimension string, scoring string, edges array<double>, portrait_edges array<double>, "
        "mean double, population long"
    )
    counts[RFM_THRESHOLDS.name] = run.write(RFM_THRESHOLDS, run.spark.createDataFrame(rows, schema))


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
    counts[USER_PROFILE.name] = run.write(USER_PROFILE, _profile(state, visible(tags, "user_profile")))
    counts[USER_TAG_CHANGES.name] = run.write(USER_TAG_CHANGES, _changes(run, before, state, tags))
    state.unpersist()
    counts[TAG_STATISTICS.name] = run.write(
        TAG_STATISTICS, _statistics(run, before, counts[USER_PROFILE.name])
    )
    if drafts:
        state = _state(run, inputs, drafts, None)
        run.write(DRAFTS, carry.user_tags(state, drafts, catalogue.levels, run.day), branch=False)


def _profile(state: DataFrame, tags: Sequence[Tag]) -> DataFrame:
    columns = [first_value(item, F.col(item.id)).alias(item.id) for item in tags]
    return state.where("_in_population").select("user_id", *columns)


def _changes(run: Run, before: Publication | None, state: DataFrame, tags: Sequence[Tag]) -> DataFrame:
    """The changes that may be told; those of users that were merged or split say so."""
    changed = carry.changes(state, tags, _previous_versions(run, before))
    told = changed.where(~F.col("tag_id").isin(_left_out(run, before, "user_tag_changes")))
    moved = _moved(run, before)
    return told if moved is None else with_reason_identity(told, moved)


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


def _previous_versions(run: Run, before: Publication | None) -> Mapping[str, str]:
    """The definition_version of each tag that user_tags of the day before could hold: others are new."""
    catalogue = _published(run, TAG_CATALOGUE, before)
    rows = catalogue.select("tag_id", "definition_version", "kept_out_of").collect()
    seen = [row for row in rows if "user_tags" not in (row["kept_out_of"] or ())]
    return {row["tag_id"]: row["definition_version"] for row in seen}


def _left_out(run: Run, before: Publication | None, table: str) -> list[str]:
    """The ids of the tags that a table is not to hold; of tags that are gone, as the day before had it."""
    today = run.catalogue.tags
    rows = _published(run, TAG_CATALOGUE, before).select("tag_id", "kept_out_of").collect()
    gone = [
        row["tag_id"] for row in rows if row["tag_id"] not in today and table in (row["kept_out_of"] or ())
    ]
    return [*hidden(today.values(), table), *gone]


def _statistics(run: Run, before: Publication | None, population: int) -> DataFrame:
    """Grain: tag, tag_value. `share` is of the population, `change` against the day before."""
    left_out = _left_out(run, before, "tag_statistics")

    def counted(rows: DataFrame, name: str) -> DataFrame:
        shown = rows.where(~F.col("tag_id").isin(left_out))
        return shown.groupBy("tag_id", "tag_value").agg(F.count("*").alias(name))

    earlier = counted(_published(run, USER_TAGS, before), "users_before")
    both = counted(run.read(USER_TAGS), "users").join(earlier, ["tag_id", "tag_value"], "full_outer")
    users, users_before = F.coalesce("users", F.lit(0)), F.coalesce("users_before", F.lit(0))
    return both.select(
        "tag_id",
        "tag_value",
        users.alias("users"),
        F.try_divide(users.cast("double"), F.lit(float(population))).alias("share"),
        users_before.alias("users_before"),
        (users - users_before).alias("change"),
    )


def _catalogue(run: Run, counts: dict[str, int]) -> None:
    rows = [_catalogue_row(item, run.catalogue) for item in run.catalogue.tags.values()]
    frame = run.spark.createDataFrame(rows, _CATALOGUE_SCHEMA)
    counts[TAG_CATALOGUE.name] = run.write(TAG_CATALOGUE, frame)


_CATALOGUE_SCHEMA = (
    "tag_id string, name_zh string, name_en string, level1 string, level2 string, level3 string, "
    "level1_zh string, level2_zh string, level3_zh string, kind string, type string, "
    "values array<string>, definition string, description string, owner string, validity string, "
    "sensitivity string, kept_out_of array<string>, status string, definition_version string"
)


def _catalogue_row(item: Tag, catalogue: Catalogue) -> tuple[object, ...]:
    values = [str(value) for value in item.values] if item.values is not None else None
    return (
        item.id,
        item.name,
        item.title,
        *level_ids(item, catalogue.levels),
        *item.path,
        item.kind,
        item.type,
        values,
        item.definition,
        item.description,
        item.owner,
        item.validity,
        item.sensitivity,
        sorted(item.kept_out_of),
        item.status,
        item.definition_version,
    )
