"""aggregate: day roll-ups of every source of events, only for changed days and missing measures.

Grain of `rollup.<source>`: day, id_kind, id, and one column per partial aggregate. The column `partials` of a
row has the version of the set of partials it was built with, so that a new measure only builds its own
missing history next to the existing rows.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import DataType

from usertags.errors import DataError
from usertags.project.model import Partial, Project, Source
from usertags.project.versions import version_of
from usertags.stages.batch_register import BatchRecord, mark_rolled_up, not_rolled_up, registered
from usertags.stages.report import Line, StageReport
from usertags.stages.source_tables import clean_name, rollup_name, tables_of
from usertags.store.lake import Lake
from usertags.store.spark import one_file_at_a_time, spark_table
from usertags.store.tables import document, ensure_table
from usertags.transform.rollup import day_rollup

_PROPERTY = "usertags.partials."


@dataclass(frozen=True)
class Build:
    """Days to build with a set of partials. With `replace` all rows of these days are replaced."""

    days: tuple[date, ...]
    partials: tuple[Partial, ...]
    replace: bool

    @property
    def version(self) -> str:
        return version_of(sorted(partial.id for partial in self.partials))


def aggregate(spark: SparkSession, project: Project, lake: Lake, day: date, run_id: str) -> StageReport:
    """Update the roll-ups of every source of events from its clean table; current rows are not changed."""
    started = time.monotonic()
    sources = [source for source in project.sources.values() if source.kind == "events"]
    tables = {source.name: tables_of(lake, source.name) for source in sources}
    records = registered(lake, tables.values())
    waiting = {name: not_rolled_up(of_source) for name, of_source in records.items()}
    lines = tuple(
        _aggregate(spark, project, lake, source, tables[source.name].clean, waiting[source.name])
        for source in sources
    )
    mark_rolled_up(lake, [record for of_source in waiting.values() for record in of_source])
    return StageReport("aggregate", day, run_id, time.monotonic() - started, lines)


def partials_of(project: Project, source: Source) -> tuple[Partial, ...]:
    """The distinct partials that the measures of a source need."""
    found = {p.id: p for measure in project.measures_of(source.name) for p in measure.partials}
    return tuple(found[name] for name in sorted(found))


def _aggregate(
    spark: SparkSession,
    project: Project,
    lake: Lake,
    source: Source,
    clean_table: Table | None,
    waiting: Sequence[BatchRecord],
) -> Line:
    if clean_table is None:
        raise DataError(
            f"source {source.name} has no clean table",
            safe="nothing was written",
            next_step="run `usertags clean` for the day first",
        )
    partials = partials_of(project, source)
    clean = spark.table(spark_table(clean_name(source)))
    table = _rollup_table(lake, source, day_rollup(clean, source, partials), partials)
    touched = {day for record in waiting for day in record.event_days}
    planned = builds(_days_of(clean_table, "event_day"), touched, _built(table), partials)
    for build in planned:
        _write(table, clean, source, build)
    days = {day for build in planned for day in build.days}
    note = f"{len(days)} days" + (f", {len(partials)} partials" if partials else "")
    return Line(source.name, note=note if days else "nothing changed")


def _rollup_table(lake: Lake, source: Source, rollup: DataFrame, partials: Sequence[Partial]) -> Table:
    schema = to_arrow_schema(rollup.withColumn("partials", F.lit("")).schema)
    table = ensure_table(lake, rollup_name(source), schema, ("day", "partials"))
    document(table, {partial.id: partial.described for partial in partials})
    return table


def builds(
    clean_days: Set[date],
    touched: Set[date],
    built: Mapping[date, frozenset[str]],
    partials: Sequence[Partial],
) -> list[Build]:
    """All partials of the days changed by clean, in one build; for other days the missing partials, one
    build per set of partials.

    In: the event days with rows in clean, the rewritten days that the roll-up does not include yet,
    the ids of the partials that each day of the roll-up has, and those wanted.
    """
    found = [Build(tuple(sorted(touched)), tuple(partials), replace=True)] if touched else []
    missing: dict[frozenset[str], list[date]] = defaultdict(list)
    wanted = frozenset(partial.id for partial in partials)
    for day in sorted(clean_days - touched):
        lacking = wanted - built.get(day, frozenset())
        if lacking or day not in built:
            missing[lacking].append(day)
    by_id = {partial.id: partial for partial in partials}
    for lacking, days in missing.items():
        found.append(Build(tuple(days), tuple(by_id[name] for name in sorted(lacking)), replace=False))
    return found


def _days_of(table: Table, column: str) -> set[date]:
    """The days with rows in a table, from its metadata."""
    partitions = table.inspect.partitions().to_pylist()
    return {part["partition"][column] for part in partitions if part["record_count"] > 0}


def _built(table: Table) -> dict[date, frozenset[str]]:
    """The partials of each day of the roll-up."""
    found: dict[date, frozenset[str]] = defaultdict(frozenset)
    for part in table.inspect.partitions().to_pylist():
        values = part["partition"]
        names = table.properties.get(_PROPERTY + values["partials"], "")
        found[values["day"]] |= frozenset(name for name in names.split(",") if name)
    return dict(found)


def _write(table: Table, clean: DataFrame, source: Source, build: Build) -> None:
    """One commit per build. The version of the set is recorded in the table's properties first."""
    names = ",".join(partial.id for partial in build.partials)
    with table.transaction() as transaction:
        transaction.set_properties({_PROPERTY + build.version: names})
    days = list(build.days)
    rows = day_rollup(clean.where(F.col("event_day").isin(days)), source, build.partials)
    stamped = rows.withColumn("partials", F.lit(build.version))
    columns = [
        F.lit(None).cast(kind).alias(name) if name not in stamped.columns else F.col(name)
        for name, kind in _columns(table, clean)
    ]
    where = F.col("day").isin(days)
    if not build.replace:
        where &= F.col("partials") == F.lit(build.version)
    writer = one_file_at_a_time(stamped.select(*columns).writeTo(spark_table(rollup_name(source))))
    writer.overwrite(where)


def _columns(table: Table, clean: DataFrame) -> list[tuple[str, DataType]]:
    name = ".".join(table.name()[-2:])
    fields = clean.sparkSession.table(spark_table(name)).schema.fields
    return [(field.name, field.dataType) for field in fields]
