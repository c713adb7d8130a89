"""extract: lands the new rows of a source for a data day, unchanged, in one commit.

Reads the cursor range `(from, to]` of the source, or the files that no earlier batch has read, as a stream of
Arrow batches, and writes `raw.<source>`, partition `batch` = data day. The reading is registered
before that commit and the batch after it, so that the cursor cannot advance without the rows.
"""

import os
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.table import Table

from usertags.config.durations import Duration
from usertags.errors import ConfigError, ConfigProblem, DataError, InfrastructureError
from usertags.language import Language
from usertags.project.model import RAW_DATA_DAY, Project, Source
from usertags.project.source_entry import Read
from usertags.quality import texts
from usertags.sources.content import content_of
from usertags.sources.files import list_all, read_files
from usertags.sources.pii import hash_pii
from usertags.sources.reading import READING
from usertags.sources.sql import read_table
from usertags.stages.batch_register import (
    BatchRecord,
    files_known,
    is_interrupted,
    landed,
    register,
    register_files,
    registered,
    uuid_of,
)
from usertags.stages.days import end_of
from usertags.stages.deliveries import DeliveredFile, deliveries, described, with_content
from usertags.stages.raw_types import landed_as, landing
from usertags.stages.report import Line, StageReport
from usertags.stages.source_tables import raw_name, tables_of
from usertags.store.connections import files_root, sql_url
from usertags.store.filters import rows_where
from usertags.store.lake import Lake, files_access
from usertags.store.tables import LightTransaction, ensure_table, find_table

ROWS_A_FILE = 2_000_000
SALT = "USERTAGS_PII_SALT"


@dataclass(frozen=True)
class Bounds:
    """The input of a reading: rows after `after` and up to `until` of a cursor (instants), or files. A whole
    table has neither."""

    after: datetime | None = None
    until: datetime | None = None
    files: tuple[DeliveredFile, ...] | None = None


def extract(
    project: Project,
    lake: Lake,
    source: Source,
    data_day: date,
    run_id: str,
    *,
    re_extract: bool = False,
    read_until: datetime | None = None,
    accept_files: bool = False,
) -> StageReport:
    """Extract one source for one data day; an existing batch is skipped, unless it was read before the day
    was over. `read_until`: the time up to which a day that is not over is read; None reads the whole day.
    `accept_files`: files are read though their content was read under another name, or has changed.

    Raises DataError for a table, file or column that is missing or cannot be read, ConfigError if a secret is
    not in the environment, UsageError if batches are not registered (`registered`) or a column would change
    its type, and InfrastructureError when a server does not answer. Nothing is committed then.
    """
    started = time.monotonic()
    records = registered(lake, [tables_of(lake, source.name)])[source.name]
    batches = landed(records)
    existing = batches.get(data_day)
    complete = existing is not None and not read_early(existing, project.timezone)
    if existing and complete and not re_extract and not is_interrupted(records, data_day):
        line = Line(
            source.name,
            read=existing.rows_read,
            written=0,
            note=texts.BATCH_EXISTS.of(project.quality.language),
        )
    else:
        line = _take_in(project, lake, source, data_day, batches, run_id, read_until, accept_files)
    return StageReport("extract", data_day, run_id, time.monotonic() - started, (line,), part=source.name)


def _take_in(
    project: Project,
    lake: Lake,
    source: Source,
    data_day: date,
    batches: Mapping[date, BatchRecord],
    run_id: str,
    read_until: datetime | None,
    accept_files: bool,
) -> Line:
    counted: list[int] = []
    if source.read.table:
        reading, bounds = _from_database(project, source, data_day, batches, read_until, counted)
    else:
        reading, bounds = _from_files(project, lake, source, data_day, batches, accept=accept_files)
    attempt = batches[data_day].attempt + 1 if data_day in batches else 0
    schema, stream = _prepared(project, source, reading, data_day, attempt)
    schema, stream = _landing(find_table(lake, raw_name(source)), schema, stream)
    table = ensure_table(lake, raw_name(source), schema, partition=[RAW_DATA_DAY])
    record = BatchRecord(
        source.name,
        data_day,
        "extract",
        attempt,
        "reading",
        uuid_of(table),
        cursor_from=bounds.after,
        # Of files and whole tables it is only known of a day that was not over.
        cursor_to=bounds.until or read_until,
        run_id=run_id,
    )
    replace_landed = replaces(source, read_before=data_day in batches)
    written = _write_files(table, schema, stream, data_day)
    rows = _land(lake, table, written, record, bounds, replace_landed, counted)
    return Line(source.name, read=rows, written=rows, note=_note(bounds, project.quality.language))


def _note(bounds: Bounds, language: Language) -> str:
    if bounds.files is not None:
        return _files_note(bounds.files, language)
    if bounds.until is None:
        return texts.WHOLE_TABLE.of(language)
    return texts.READ_TO.filled(language, until=bounds.until.isoformat())


def _files_note(files: Sequence[DeliveredFile], language: Language) -> str:
    read = texts.FILES.filled(language, count=sum(each.state == "read" for each in files))
    left = [described(each) for each in files if each.state != "read"]
    return texts.FILES_LEFT_OUT.filled(language, files=read, left=", ".join(left)) if left else read


def _from_database(
    project: Project,
    source: Source,
    data_day: date,
    batches: Mapping[date, BatchRecord],
    read_until: datetime | None,
    counted: list[int],
) -> tuple[pa.RecordBatchReader, Bounds]:
    """`counted` is given the rows that the database counts while it is read."""
    read = source.read
    assert read.table is not None
    bounds = cursor_bounds(read, batches, data_day, project.timezone, read_until)
    reading = read_table(
        sql_url(read.connection, project),
        table=read.table,
        columns=source.raw_columns,
        cursor=read.cursor,
        after=bounds.after,
        until=bounds.until,
        timezone=project.timezone,
        # Such rows are read with every batch; those without a key would count every time.
        refuse_empty_cursor=source.repeats == "keep",
        on_count=counted.append,
    )
    return reading, bounds


def _from_files(
    project: Project,
    lake: Lake,
    source: Source,
    data_day: date,
    batches: Mapping[date, BatchRecord],
    *,
    accept: bool,
) -> tuple[pa.RecordBatchReader, Bounds]:
    read = source.read
    assert read.files is not None and read.format is not None
    access = files_access(read.connection, project, lake)
    known = files_known(lake, source.name, batches)
    content = partial(
        content_of, format=read.format, header=read.format == "csv" and not read.header, s3=access
    )
    listed = list_all(files_root(read.connection, project), read.files, data_day=data_day, s3=access)
    found = deliveries(with_content(listed, known, content), known, data_day, source, accept=accept)
    reading = read_files(
        [each.file for each in found if each.state == "read"],
        columns=source.raw_columns,
        format=read.format,
        encoding=read.encoding,
        delimiter=read.delimiter,
        header=read.header if read.header else True,
        has_pii=bool(source.raw_pii),
        may_be_empty=source.may_be_empty,
        s3=access,
    )
    return reading, Bounds(files=tuple(found))


def read_early(batch: BatchRecord, timezone: str) -> bool:
    """Whether a batch was read before its day was over: what came later that day is not in it."""
    return batch.cursor_to is not None and batch.cursor_to < end_of(batch.data_day, timezone)


def cursor_bounds(
    read: Read,
    batches: Mapping[date, BatchRecord],
    data_day: date,
    timezone: str,
    read_until: datetime | None = None,
) -> Bounds:
    """The cursor range of a data day: from where the batches before it ended to the end of the day, or to
    `read_until` if that is earlier, so that the next batch begins there; a table without a cursor is read
    whole."""
    if not read.cursor:
        return Bounds()
    end = end_of(data_day, timezone)
    until = end if read_until is None else min(end, read_until)
    return Bounds(after=after_of(batches, data_day, read.lookback), until=until)


def after_of(batches: Mapping[date, BatchRecord], data_day: date, lookback: Duration) -> datetime | None:
    """The lower bound of the cursor of a data day: the end of the batches before it, minus the
    lookback. None if none of them has a cursor: then everything is read. Batches of the day
    itself and of later days are ignored, so that extracting a day again reads the same rows."""
    ends = [batch.cursor_to for other, batch in batches.items() if other < data_day and batch.cursor_to]
    return max(ends) - lookback.delta if ends else None


def replaces(source: Source, *, read_before: bool) -> bool:
    """Whether a reading replaces the rows already landed for its data day.

    Rows with a key are distinguished by version and reading, so reading again only adds rows; without a
    key the batch is replaced, because its rows would count twice.
    """
    return read_before and not source.key


def _prepared(
    project: Project, source: Source, reading: pa.RecordBatchReader, data_day: date, number: int
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The batches to write: personal data hashed or dropped, the data day and the number of the
    reading added."""
    personal = source.raw_pii
    salt = pii_salt(project) if personal else ""

    def prepare(batch: pa.RecordBatch) -> pa.RecordBatch:
        safe = hash_pii(batch, personal, salt, source.nulls, source.raw_forms) if personal else batch
        days = pa.array([data_day] * safe.num_rows, pa.date32())
        numbers = pa.array([number] * safe.num_rows, pa.int32())
        dated = safe.append_column(pa.field(RAW_DATA_DAY, pa.date32()), days)
        return dated.append_column(pa.field(READING, pa.int32()), numbers)

    return prepare(_empty(reading.schema)).schema, map(prepare, reading)


def _landing(
    table: Table | None, schema: pa.Schema, stream: Iterator[pa.RecordBatch]
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The batches in the columns and types in which the raw table has, or gets, their values."""
    landed_schema = landing(table.schema().as_arrow() if table else None, schema)
    return landed_schema, (landed_as(batch, landed_schema) for batch in stream)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def pii_salt(project: Project) -> str:
    """The salt for hashing personal data: from the environment; an embedded lake generates it once. It is a
    secret: never print it. Raises ConfigError if it is not set."""
    if SALT in os.environ:
        return os.environ[SALT]
    if not project.connections[project.lake].embedded:
        raise ConfigError(
            [
                ConfigProblem(
                    str(project.folder / "sources"),
                    0,
                    f"{SALT} is not set: columns with `pii: hash` need it",
                )
            ],
            next_step=f"set {SALT} to a long secret that never changes, so that hashes stay equal",
        )
    path = project.state / "pii_salt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def _land(
    lake: Lake,
    table: Table,
    written: tuple[list[str], int],
    record: BatchRecord,
    bounds: Bounds,
    replace_landed: bool,
    counted: Sequence[int],
) -> int:
    """Commit written files as the batch, in one commit to the raw table between two commits to the register.
    An interrupted reading is completed, or read again, by the next run (`registered`)."""
    paths, rows = written
    with _removed_on_failure(table, paths):
        require_all(record.source, rows, counted)
        if bounds.files is not None:
            register_files(lake, record.source, record.data_day, record.attempt, bounds.files)
        # A reading that changes no row can be repeated: nothing is lost without its record.
        if paths or replace_landed:
            register(lake, [record])
    with LightTransaction(table) as transaction:
        if replace_landed:
            transaction.delete(rows_where(**{RAW_DATA_DAY: record.data_day}))
        if paths:
            transaction.add_files(paths, check_duplicate_files=False)
    current = table.current_snapshot()
    assert current is not None
    landed = replace(
        record,
        status="landed",
        rows_read=rows,
        raw_snapshot=current.snapshot_id,
        recorded_at=datetime.now(UTC),
    )
    register(lake, [landed])
    return rows


def require_all(source: str, rows: int, counted: Sequence[int]) -> None:
    """Raises DataError if fewer rows were written than the database counted in the same transaction."""
    expected = sum(counted)
    if rows < expected:
        raise DataError(
            f"{rows} of the {expected} rows that the database counted for source {source} were read",
            safe="nothing of this batch was committed; published data is unchanged",
            next_step="run the same command again; if rows are missing again, report it: this is a defect of "
            "the pipeline",
        )


@contextmanager
def _removed_on_failure(table: Table, paths: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _remove(table, paths)
        raise


def _write_files(
    table: Table, schema: pa.Schema, stream: Iterator[pa.RecordBatch], data_day: date
) -> tuple[list[str], int]:
    """Write the stream into Parquet files that are not committed yet; they are removed on failure."""
    paths: list[str] = []
    rows = in_file = 0
    writer: Any = None
    # PyIceberg reads bounds as times of Python, which end with the year 9999. Nothing selects raw rows by
    # them.
    described = [field.name for field in schema if not _is_time_of_source(field)]
    # An open upload would prevent the process from exiting.
    with ExitStack() as uploads:
        try:
            for batch in stream:
                if batch.num_rows == 0:
                    continue
                if writer is None or in_file >= ROWS_A_FILE:
                    uploads.close()
                    paths.append(f"{table.location()}/data/{RAW_DATA_DAY}={data_day}/{uuid.uuid4()}.parquet")
                    sink = uploads.enter_context(table.io.new_output(paths[-1]).create())
                    writer = uploads.enter_context(
                        pq.ParquetWriter(sink, schema, compression="zstd", write_statistics=described)
                    )
                    in_file = 0
                writer.write_batch(batch)
                in_file += batch.num_rows
                rows += batch.num_rows
            uploads.close()
        except OSError as error:
            _abandon(table, uploads, paths)
            raise InfrastructureError(
                f"failed to write the rows of {data_day} to the store ({type(error).__name__})",
                safe="nothing was committed",
                next_step="see `usertags services status`, then run the same command again",
            ) from error
        except BaseException:
            _abandon(table, uploads, paths)
            raise
    return paths, rows


def _is_time_of_source(field: pa.Field) -> bool:
    is_time: bool = pa.types.is_timestamp(field.type) or pa.types.is_date(field.type)
    return field.name != RAW_DATA_DAY and is_time


def _abandon(table: Table, uploads: ExitStack, paths: list[str]) -> None:
    """Remove files that will not be committed. If the store does not respond they remain as orphans."""
    with suppress(OSError):
        uploads.close()
    _remove(table, paths)


def _remove(table: Table, paths: Sequence[str]) -> None:
    for path in paths:
        with suppress(OSError):
            table.io.delete(path)
