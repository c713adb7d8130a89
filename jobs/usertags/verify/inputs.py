"""What a published day is verified from, read with PyIceberg into a DuckDB database.

Schemas of the database: `clean` with the clean tables as the run read them, `published` with the rows of the
run, and `before` with those of the latest published day before it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import takewhile
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.table import Table
from pyiceberg.types import MapType

from usertags.errors import DataError, UsageError
from usertags.project.model import GONE, SINCE, Project, Source
from usertags.published import PUBLISHED, TAG_CATALOGUE, USER_TAGS
from usertags.quality.register import Publication, RunRecord
from usertags.stages.batch_register import uuid_of
from usertags.stages.runs import publications, stage_record
from usertags.stages.source_tables import clean_name, rollup_name
from usertags.store.filters import rows_there, rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import BATCHES, IDENTITIES, PUBLICATIONS, REFUSED_LINKS, USER_MEASURES, TableSpec
from usertags.store.tables import find_table
from usertags.verify.macros import teach
from usertags.verify.pieces import name, text_literal

SCHEMAS = ("clean", "published", "before")
# Of a run beside what readers see: its measures and its identities.
_OF_RUN = (USER_MEASURES, IDENTITIES, REFUSED_LINKS)
_BEFORE = (USER_TAGS, TAG_CATALOGUE, IDENTITIES)


@dataclass(frozen=True)
class PublishedDay:
    """A published day and the day that it is compared with; `notes` are for people."""

    data_day: date
    run_id: str
    before: date | None
    notes: tuple[str, ...] = ()


@contextmanager
def database(timezone: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in the project's time zone; what does not fit into memory lies in a folder of its
    own."""
    with TemporaryDirectory(prefix="usertags_verify_") as folder, duckdb.connect(":memory:") as connection:
        connection.execute(f"SET temp_directory = {text_literal(folder)}")
        connection.execute(f"SET TimeZone = '{timezone}'")
        connection.execute("SET enable_progress_bar = false")
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA {schema}")
        teach(connection)
        yield connection


def has(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    sql = "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
    found = connection.execute(sql, [schema, table]).fetchone()
    return bool(found and found[0])


def load(connection: duckdb.DuckDBPyConnection, project: Project, lake: Lake, data_day: date) -> PublishedDay:
    """Fill the database. Raises UsageError if the day is not published or was published with another
    configuration, DataError if what it was computed from has been removed since."""
    published, run = _published_run(project, lake, data_day)
    before = _day_before(lake, data_day)
    for source in project.sources.values():
        _load_clean(connection, project, lake, source, run)
    for spec in (*PUBLISHED, *_OF_RUN):
        _load_rows(connection, lake, spec, "published", published.data_day, published.run_id)
    _load_publication(connection, lake, published)
    if before is not None:
        for spec in _BEFORE:
            _load_rows(connection, lake, spec, "before", before.data_day, before.run_id)
    return PublishedDay(
        data_day, published.run_id, before.data_day if before else None, _replaced(run, before)
    )


def _published_run(project: Project, lake: Lake, data_day: date) -> tuple[Publication, RunRecord]:
    found = {item.data_day: item for item in publications(lake)}
    if data_day not in found:
        raise UsageError(
            f"{data_day} is not published",
            next_step='`usertags query "select dt from publications order by dt"` lists the days',
        )
    run = stage_record(lake, data_day, found[data_day].run_id, "tag")
    if run is None:
        raise DataError(f"ops.runs has no record of the run {found[data_day].run_id} of {data_day}")
    if run.catalogue_version != project.version:
        raise UsageError(
            f"{data_day} was published with version {run.catalogue_version} of the configuration, "
            f"and this is {project.version}",
            next_step="give the configuration of that day with `--configs`, or run the day again",
        )
    return found[data_day], run


def _day_before(lake: Lake, data_day: date) -> Publication | None:
    earlier = publications(lake, before=data_day)
    return earlier[-1] if earlier else None


def _replaced(run: RunRecord, before: Publication | None) -> tuple[str, ...]:
    now = (before.data_day, before.run_id) if before else (None, None)
    if (run.previous_day, run.previous_run) == now:
        return ()
    return (
        f"the day was computed after run {run.previous_run} of {run.previous_day}; "
        f"published before it is now run {now[1]} of {now[0]}, with which it is compared here",
    )


# ---- clean tables ----------------------------------------------------------------------------


def used_columns(project: Project, source: Source) -> list[str]:
    """The clean columns of a source from which users, measures and tags are made."""
    names = [column for _, column in source.ids]
    names += [*([source.time] if source.time else []), *source.order_by]
    if source.kind == "events":
        for measure in project.measures_of(source.name):
            names += [*sorted(measure.uses), *([measure.by] if measure.by else [])]
    elif source.kind == "profile":
        names += [source.version] if source.version else []
        names += profile_inputs(project, source)
    known = {column.name for column in source.kept_columns}
    return [column for column in dict.fromkeys(names) if column in known]


def profile_inputs(project: Project, source: Source) -> list[str]:
    """The columns of a profile that tags read."""
    read = {column for tag in project.tags.values() for column in tag.inputs}
    return [column.name for column in source.kept_columns if f"{source.name}.{column.name}" in read]


def _load_clean(
    connection: duckdb.DuckDBPyConnection, project: Project, lake: Lake, source: Source, run: RunRecord
) -> None:
    table = find_table(lake, clean_name(source))
    if table is None:
        raise DataError(f"source {source.name} has no clean table")
    snapshot = _snapshot(lake, table, source, run)
    columns = used_columns(project, source)
    there = rows_of_day(table, snapshot, run.data_day)
    _load(connection, table, f"clean.{name(source.name)}", columns, there, snapshot)


def rows_of_day(table: Table, snapshot: int | None, data_day: date) -> BooleanExpression:
    """The rows that a data day has: those of earlier data days may be gone at the source since."""
    read = table.metadata.snapshot_by_id(snapshot) if snapshot is not None else None
    schemas = {schema.schema_id: schema for schema in table.metadata.schemas}
    schema = schemas[read.schema_id] if read and read.schema_id is not None else table.schema()
    if GONE not in schema.column_names:
        return AlwaysTrue()
    return rows_there(SINCE, GONE, data_day)


def _snapshot(lake: Lake, table: Table, source: Source, run: RunRecord) -> int | None:
    """A snapshot of a clean table with the rows from which the run was computed; None: what it holds now."""
    named = None if source.kind == "events" else int(run.inputs[clean_name(source)])
    if named is not None and table.metadata.snapshot_by_id(named) is not None:
        return named
    same = _with_the_same_rows(_cleaned(lake, table, source), lake, source, run)
    found = next((each for each in same if table.metadata.snapshot_by_id(each.snapshot) is not None), None)
    if found is not None:
        return found.snapshot
    if any(each.newest for each in same):
        # Maintenance expired it, and kept its rows, because nothing was written since.
        return None
    raise DataError(
        f"{clean_name(source)} was written since, and the snapshot that the run of {run.data_day} read "
        "is expired",
        safe="nothing was written",
        next_step="verify a day before its snapshots are expired, or run the day again and verify that run",
    )


@dataclass(frozen=True)
class _Cleaned:
    """A batch that was cleaned: when, the snapshot that it left, whether it rewrote an event day, and whether
    it was the last one."""

    at: datetime
    snapshot: int
    rewrote: bool
    newest: bool


def _cleaned(lake: Lake, table: Table, source: Source) -> list[_Cleaned]:
    """The batches of a source, the earliest first."""
    register = lake.catalog.load_table(BATCHES.name)
    same = rows_where(source=source.name, stage="clean", status="clean", table_uuid=uuid_of(table))
    columns = ("recorded_at", "clean_snapshot", "event_days")
    rows = register.scan(row_filter=same, selected_fields=columns).to_arrow().to_pylist()
    ordered = sorted(rows, key=lambda row: row["recorded_at"])
    return [
        _Cleaned(row["recorded_at"], row["clean_snapshot"], bool(row["event_days"]), row is ordered[-1])
        for row in ordered
    ]


def _with_the_same_rows(
    cleaned: Sequence[_Cleaned], lake: Lake, source: Source, run: RunRecord
) -> list[_Cleaned]:
    """The batches after which a clean table held what the run read. Of profiles and links the run names the
    snapshot. Of events it names that of the roll-up, which was written after the last batch before it; a
    batch that rewrote no day after that changed nothing."""
    if source.kind != "events":
        return [each for each in cleaned if each.snapshot == int(run.inputs[clean_name(source)])]
    written = _written(lake, source, run)
    place = sum(each.at <= written for each in cleaned)
    later = takewhile(lambda each: not each.rewrote, cleaned[place:])
    return [*cleaned[max(place - 1, 0) : place], *later]


def _written(lake: Lake, source: Source, run: RunRecord) -> datetime:
    """When the roll-up that the run read was written; if that is not known any more, when the run was."""
    rollup = lake.catalog.load_table(rollup_name(source))
    snapshot = rollup.metadata.snapshot_by_id(int(run.inputs[rollup_name(source)]))
    assert run.recorded_at is not None, "a record that was read says when it was made"
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else run.recorded_at


# ---- rows of a run -----------------------------------------------------------------------------


def _load_rows(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    spec: TableSpec,
    schema: str,
    data_day: date,
    run_id: str,
) -> None:
    table = find_table(lake, spec.name)
    if table is None:
        return
    columns = [field.name for field in table.schema().fields if field.name not in ("dt", "run_id")]
    target = f"{schema}.{spec.name.partition('.')[2]}"
    _load(connection, table, target, columns, rows_where(dt=data_day, run_id=run_id))


def _load_publication(connection: duckdb.DuckDBPyConnection, lake: Lake, published: Publication) -> None:
    """The number of rows that the publication says each table has."""
    table = lake.catalog.load_table(PUBLICATIONS.name)
    (row,) = table.scan(row_filter=rows_where(dt=published.data_day)).to_arrow().to_pylist()
    counts: dict[str, Any] = json.loads(row["row_counts"])
    insert_rows(connection, "published.row_counts", "table_name VARCHAR, row_count BIGINT", counts.items())


def _load(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    target: str,
    columns: Sequence[str],
    where: BooleanExpression,
    snapshot: int | None = None,
) -> None:
    """Batch by batch, so that no table is held twice. PyIceberg reads a map that is null as an empty one, and
    none that is empty is written."""
    scan = table.scan(row_filter=where, selected_fields=tuple(columns), snapshot_id=snapshot)
    reader = scan.to_arrow_batch_reader()
    maps = {field.name for field in table.schema().fields if isinstance(field.field_type, MapType)}
    selected = [
        f"CASE WHEN cardinality({name(column)}) > 0 THEN {name(column)} END AS {name(column)}"
        if column in maps
        else name(column)
        for column in columns
    ]
    connection.register("incoming", reader)
    connection.execute(f"CREATE TABLE {target} AS SELECT {', '.join(selected)} FROM incoming")
    connection.unregister("incoming")


def insert_rows(
    connection: duckdb.DuckDBPyConnection, target: str, columns: str, rows: Iterable[Sequence[Any]]
) -> None:
    """A new table of rows of Python."""
    connection.execute(f"CREATE OR REPLACE TABLE {target} ({columns})")
    names = [row[0] for row in connection.execute(f"DESCRIBE {target}").fetchall()]
    listed = [dict(zip(names, row, strict=True)) for row in rows]
    if listed:
        schema = connection.execute(f"SELECT * FROM {target}").arrow().schema
        connection.register("incoming", pa.Table.from_pylist(listed, schema=schema))
        connection.execute(f"INSERT INTO {target} SELECT * FROM incoming")
        connection.unregister("incoming")
