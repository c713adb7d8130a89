"""tag: the measures, RFM and tags of every user for a data day, on a branch named after the run.

Readers of `main` do not see it before publish.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from usertags.errors import DataError, UsageError
from usertags.project.model import DerivedColumns, Project, Tag
from usertags.published import (
    PUBLISHED,
    TAG_CATALOGUE,
    USER_TAGS,
)
from usertags.quality.register import Publication, RunRecord
from usertags.stages.batch_register import landed, registered
from usertags.stages.identity import (
    Earlier,
    Tables,
    at_snapshots,
    blocked_ids,
    input_name,
    joined_ids,
    joined_since,
    log_whole,
    snapshots_of,
)
from usertags.stages.identity_before import Start, identity_version, start_from
from usertags.stages.left_out import left_out_lines, without_events_lines
from usertags.stages.releases import require_clean_batch
from usertags.stages.report import Line, StageReport
from usertags.stages.runs import (
    publication_of,
    publications,
    record_run,
    require_counted,
    require_no_blocked_day,
    run_branch,
)
from usertags.stages.source_tables import tables_of
from usertags.stages.user_measures import require_population, user_measures
from usertags.store.lake import Lake
from usertags.store.schemas import DRAFTS, IDENTITIES, REFUSED_LINKS, USER_MEASURES, TableSpec
from usertags.store.spark import spark_table
from usertags.store.tables import ensure_table, find_table
from usertags.transform import carry
from usertags.transform.derived import all_computed
from usertags.transform.identity import moved_users
from usertags.transform.identity_changes import Joined
from usertags.transform.population import HAS_EVENTS
from usertags.transform.table_columns import fitted, whole_schema
from usertags.transform.tags import evaluated


@dataclass(frozen=True)
class Run:
    """One run of a data day: the context of the tag stage."""

    spark: SparkSession
    project: Project
    lake: Lake
    data_day: date
    run_id: str

    @property
    def branch(self) -> str:
        """The branch of the tag tables that the run is written on."""
        return run_branch(self.run_id)

    def write(self, spec: TableSpec, rows: DataFrame, *, branch: bool = True) -> int:
        """Replace the rows of this run in a table, on the run's branch or on main, in one commit; returns
        their count. Grain: that of the table. In: its columns without dt and run_id, in any order; missing
        ones are written as null, further ones are added to the table. Raises UsageError if a column would
        change its type."""
        stamped = rows.withColumns({"dt": F.lit(self.data_day), "run_id": F.lit(self.run_id)})
        schema = whole_schema(spec.schema, to_arrow_schema(stamped.schema))
        table = ensure_table(self.lake, spec.name, schema, spec.partition)
        target = spark_table(spec.name, self.branch if branch else None)
        if branch:
            self.spark.sql(f"ALTER TABLE {spark_table(spec.name)} CREATE OR REPLACE BRANCH {self.branch}")
        fields = self.spark.table(spark_table(spec.name)).schema.fields
        same = (F.col("dt") == F.lit(self.data_day)) & (F.col("run_id") == F.lit(self.run_id))
        fitted(stamped, fields).writeTo(target).overwrite(same)
        return _written(table, self.branch if branch else "main")

    def read(self, spec: TableSpec, *, branch: bool = True) -> DataFrame:
        """The rows of this run in a table, on the run's branch or on main. Grain: that of the table. Out: all
        its columns."""
        rows = self.spark.table(spark_table(spec.name, self.branch if branch else None))
        return rows.where((F.col("dt") == F.lit(self.data_day)) & (F.col("run_id") == F.lit(self.run_id)))


def _written(table: object, branch: str) -> int:
    """The rows that the newest commit of a branch added, from its summary."""
    table.refresh()  # type: ignore[attr-defined]
    snapshot = table.snapshot_by_name(branch)  # type: ignore[attr-defined]
    return int(snapshot.summary.additional_properties.get("added-records", 0)) if snapshot else 0


def tag(spark: SparkSession, project: Project, lake: Lake, data_day: date, run_id: str) -> StageReport:
    """Compute all tables of a run on its branch.

    Raises DataError when an earlier day is blocked, when the day was never extracted or cleaned or its batch
    was refused, or if the population is empty; UsageError if the run is already published, a column would
    change its type, or the state of an earlier version is not migrated; ConfigError if a blocked id is
    missing in the environment.
    """
    started = time.monotonic()
    require_counted(lake)
    require_no_blocked_day(lake, data_day)
    require_clean_batch(lake, data_day)
    published = publication_of(lake, data_day)
    if published is not None and published.run_id == run_id:
        raise UsageError(
            f"run {run_id} of {data_day} is already published",
            safe="its tables are unchanged",
            next_step="start a new run to compute the day again",
        )
    run = Run(spark, project, lake, data_day, run_id)
    # From here on only these snapshots are read, so that what is written meanwhile does not count.
    inputs = _inputs(run)
    snapshots = snapshots_of(inputs)
    before = day_before(lake, data_day)
    counts: dict[str, int] = {}
    tables = at_snapshots(spark, snapshots, data_day)
    version, users = _identities(run, before, inputs, tables, counts)
    without_events = _measures(run, tables, users, counts)
    _carried(run, before, counts)
    record_run(
        lake,
        RunRecord(
            data_day,
            run_id,
            "tag",
            "built",
            previous_day=before.data_day if before else None,
            previous_run=before.run_id if before else None,
            catalogue_version=project.version,
            inputs={name: str(snapshot) for name, snapshot in snapshots.items()},
            row_counts=counts,
            identity_version=version,
        ),
    )
    lines = [Line(name, written=count) for name, count in counts.items()]
    known = run.read(USER_MEASURES, branch=False).select("user_id")
    lines += left_out_lines(spark, project, lake, data_day, users, known)
    lines += without_events_lines(project, data_day, without_events)
    return StageReport("tag", data_day, run_id, time.monotonic() - started, tuple(lines))


def recompute_carry(run: Run, built: RunRecord) -> None:
    """Recompute the tables that compare with the day before, from the saved measures and scores of the run,
    and record the day that they are now compared with."""
    before = day_before(run.lake, run.data_day)
    counts = dict(built.row_counts)
    _carried(run, before, counts)
    data_day, run_id = (before.data_day, before.run_id) if before else (None, None)
    record_run(run.lake, replace(built, previous_day=data_day, previous_run=run_id, row_counts=counts))


def _measures(run: Run, tables: Tables, users: DataFrame | None, counts: dict[str, int]) -> int:
    """Write the measures, what is derived of them, and the tables that do not carry; returns how many users
    have no event. What is derived needs the measures of everybody: merged once, they are read several
    times."""
    merged = user_measures(tables, run.project, run.data_day, users).persist()
    derived = run.project.derived
    whole, learned = all_computed(derived, merged.drop(HAS_EVENTS), run.data_day)
    apart = [name for item in derived if item.table is not None for name in item.columns]
    counts[USER_MEASURES.name] = run.write(USER_MEASURES, whole.drop(*apart), branch=False)
    require_population(counts[USER_MEASURES.name], run.data_day)
    filling = RunFilling(run, None, counts, whole, learned)
    for table in PUBLISHED:
        if not table.carries:
            counts[table.name] = run.write(table, table.fill(filling))
    without_events = merged.where(F.col(HAS_EVENTS).isNull()).count()
    merged.unpersist()
    return without_events


def _carried(run: Run, before: Publication | None, counts: dict[str, int]) -> None:
    """Write the tables that carry, from the measures and scores that the run has written, and the drafts."""
    filling = RunFilling(run, before, counts)
    filling.state.persist()
    for table in PUBLISHED:
        if table.carries:
            counts[table.name] = run.write(table, table.fill(filling))
    filling.state.unpersist()
    drafts = [item for item in run.project.tags.values() if item.status == "draft"]
    if drafts:
        state, nothing = _state(run, drafts, None), _published(run, USER_TAGS, None)
        rows = carry.user_tags(state, nothing, drafts, run.project.levels, run.data_day)
        run.write(DRAFTS, rows, branch=False)


@dataclass(frozen=True)
class RunFilling:
    """What a run has to fill its tables from: `Filling` of usertags/published.py says what each member is.
    `previous` is the day that it is compared with; `measures` and `learned` are there for tables that do not
    carry."""

    run: Run
    previous: Publication | None
    counts: Mapping[str, int]
    measures: DataFrame | None = None
    learned: Mapping[type[DerivedColumns], Sequence[Any]] = field(default_factory=dict)

    @property
    def spark(self) -> SparkSession:
        """The session of the run."""
        return self.run.spark

    @property
    def project(self) -> Project:
        """The configuration of the run."""
        return self.run.project

    @property
    def data_day(self) -> date:
        """The data day of the run."""
        return self.run.data_day

    @property
    def users(self) -> DataFrame:
        """Grain: user. Out: user_id, measures, profile columns and derived columns."""
        assert self.measures is not None, "a table that carries reads the state"
        return self.measures

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags that readers see."""
        return self.run.project.published_tags()

    @cached_property
    def state(self) -> DataFrame:
        """Grain: user of either day. Out: see `carried` (usertags/transform/carry.py)."""
        return _state(self.run, self.tags, self.previous)

    @cached_property
    def tag_catalogue_before(self) -> list[dict[str, Any]]:
        """The rows of `tag_catalogue` of the day before: tag_id, definition_version, kept_out_of."""
        rows = self.before(TAG_CATALOGUE).select("tag_id", "definition_version", "kept_out_of")
        return [row.asDict() for row in rows.collect()]

    @property
    def moved(self) -> DataFrame | None:
        """Grain: user_id merged or split since the day before; None where ids are not linked or there is no
        such day."""
        if self.previous is None or find_table(self.run.lake, IDENTITIES.name) is None:
            return None
        today = self.run.read(IDENTITIES, branch=False)
        return moved_users(today, self.before(IDENTITIES), self.previous.data_day)

    def read(self, table: TableSpec) -> DataFrame:
        """The rows of the run in a table that is filled already. Grain: that of the table."""
        return self.run.read(table)

    def before(self, table: TableSpec) -> DataFrame:
        """The rows of a table as published on the day before, none without such a day. Grain: that of the
        table."""
        return _published(self.run, table, self.previous)

    def rows(self, table: TableSpec) -> int:
        """How many rows the run has written into a table."""
        return self.counts[table.name]


def _inputs(run: Run) -> dict[str, Table]:
    """The tables used as input of the day, as they are now. Raises DataError for a missing batch."""
    inputs = {}
    sources = run.project.sources
    tables = {name: tables_of(run.lake, name) for name in sources}
    records = registered(run.lake, tables.values())
    for source in sources.values():
        name = input_name(source)
        table = find_table(run.lake, name) if source.kind == "events" else tables[source.name].clean
        if run.data_day not in landed(records[source.name]) or table is None:
            raise DataError(
                f"{run.data_day} was never extracted and cleaned for source {source.name}",
                safe="nothing was published",
                next_step=f"run `usertags run --day {run.data_day}`",
            )
        inputs[name] = table
    return inputs


def _identities(
    run: Run,
    before: Publication | None,
    inputs: Mapping[str, Table],
    tables: Tables,
    counts: dict[str, int],
) -> tuple[str | None, DataFrame | None]:
    """Write the identities and refused links: the version of their rules, and the identities; None if there
    is no source of links."""
    project = run.project
    if project.identity is None:
        return None, None
    blocked = blocked_ids(project, project.identity)
    version = identity_version(project, project.identity, blocked)
    start = start_from(run.lake, project, before, inputs, version)
    found = _joined(run, start, inputs, tables, blocked)
    counts[REFUSED_LINKS.name] = run.write(REFUSED_LINKS, found.refused, branch=False)
    counts[IDENTITIES.name] = run.write(IDENTITIES, found.identities, branch=False)
    return version, run.read(IDENTITIES, branch=False)


def _joined(
    run: Run, start: Start | str, inputs: Mapping[str, Table], tables: Tables, blocked: Sequence[str]
) -> Joined:
    """The users of the day: started from the day before, or of all links."""
    if isinstance(start, Start):
        base = replace(run, data_day=start.data_day, run_id=start.run_id)
        of_base = [base.read(spec, branch=False).drop("dt", "run_id") for spec in (IDENTITIES, REFUSED_LINKS)]
        earlier = Earlier(start, at_snapshots(run.spark, start.snapshots, start.data_day), Joined(*of_base))
        found = joined_since(earlier, inputs, tables, run.project, blocked, run.data_day)
        if found is not None:
            return found
    else:
        log_whole(run.data_day, start)
    return joined_ids(tables, run.project, blocked, run.data_day)


def day_before(lake: Lake, data_day: date) -> Publication | None:
    """The latest published day before a day, with which its tags are compared."""
    earlier = publications(lake, before=data_day)
    return earlier[-1] if earlier else None


def _state(run: Run, tags: Sequence[Tag], before: Publication | None) -> DataFrame:
    """The values of tags of every user, and what is remembered of the day before."""
    inputs = run.read(USER_MEASURES, branch=False).drop("dt", "run_id")
    for item in run.project.derived:
        if item.table is not None:
            apart = run.read(next(table for table in PUBLISHED if table.name == item.table))
            inputs = inputs.join(apart.select("user_id", *item.columns), "user_id", "left")
    today = evaluated(inputs, tags, run.data_day)
    return carry.carried(today, _published(run, USER_TAGS, before), tags, run.data_day)


def _published(run: Run, spec: TableSpec, before: Publication | None) -> DataFrame:
    """The published rows of a table on the day before; empty if there is no such day."""
    ensure_table(run.lake, spec.name, spec.schema, spec.partition)
    rows = run.spark.table(spark_table(spec.name))
    if before is None:
        return rows.limit(0)
    return rows.where((F.col("dt") == F.lit(before.data_day)) & (F.col("run_id") == F.lit(before.run_id)))
