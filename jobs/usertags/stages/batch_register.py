"""The register of batches: what was read from each source for each data day, and its state in `clean`.

`ops.batches` and `ops.batch_files` hold the state of the pipeline. Nothing here depends on the snapshots of
other tables, which maintenance may expire at any time. A stage records what it is about to do before it
commits to its own table, and the result afterwards; `registered` detects and completes what was interrupted
between the two.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from functools import reduce
from operator import or_
from typing import Any, Literal

import pyarrow as pa
from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import Table

from usertags.errors import UsageError
from usertags.project.model import RAW_DATA_DAY
from usertags.sources.files import SourceFile
from usertags.sources.reading import READING
from usertags.stages.deliveries import DeliveredFile
from usertags.stages.source_tables import SourceTables
from usertags.store.filters import rows_among, rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import BATCH_FILES, BATCHES, TableSpec
from usertags.store.tables import ensure_table, find_table, replace_rows, row_count

Stage = Literal["extract", "clean"]
# extract: `reading` before the commit to the raw table, `landed` after it. clean: `held` on its branch
# because its checks failed; `promoting` before main moves to the branch, `clean` after it.
Status = Literal["reading", "landed", "held", "promoting", "clean"]

# The records of the same batch and stage that a new record replaces. A batch that is held, or about
# to be promoted, does not change main.
_REPLACES: dict[Status, tuple[Status, ...]] = {
    "held": ("held",),
    "promoting": ("promoting",),
    "clean": ("held", "promoting", "clean"),
}
# The column of each count of a stage's report.
_COUNTS = {
    "read": "rows_read",
    "kept": "rows_kept",
    "superseded": "rows_superseded",
    "repeats": "rows_repeated",
    "quarantined": "rows_quarantined",
}
# With more data files than this per source, they are merged into one: reading the register stays cheap.
_FILES_PER_SOURCE = 20


@dataclass(frozen=True)
class BatchRecord:
    """A row of `ops.batches`: one attempt of a stage at the batch of a source.

    Grain: source, data_day, stage, attempt, status. `attempt` counts the readings of the batch from 0.
    `table_uuid` is the raw or clean table that the record refers to: dropping a table also invalidates its
    records. The cursor of the rows read is in (`cursor_from`, `cursor_to`], instants in UTC; null for files
    and whole tables, whose `cursor_to` is only set when they were read before the day was over. Counts are in
    rows; those after `rows_read` are only set by clean. `input_fingerprint` identifies the input of a clean
    batch: the same fingerprint gives the same rows. `event_days` are the rewritten days, empty for a source
    without event days; `rolled_up` says whether the roll-up includes them.
    """

    source: str
    data_day: date
    stage: Stage
    attempt: int
    status: Status
    table_uuid: str
    cursor_from: datetime | None = None
    cursor_to: datetime | None = None
    rows_read: int = 0
    rows_kept: int | None = None
    rows_superseded: int | None = None
    rows_repeated: int | None = None
    rows_quarantined: int | None = None
    raw_snapshot: int | None = None
    clean_snapshot: int | None = None
    definition_version: str | None = None
    input_fingerprint: str | None = None
    event_days: tuple[date, ...] = ()
    rolled_up: bool = False
    run_id: str = ""
    recorded_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def counts(self) -> dict[str, int]:
        """The row counts of a clean batch by their names in reports; 0 where an earlier version had none."""
        return {name: getattr(self, column) or 0 for name, column in _COUNTS.items()}


def count_columns(counts: Mapping[str, int]) -> dict[str, Any]:
    """The fields of a record for row counts by their names in reports."""
    return {_COUNTS[name]: count for name, count in counts.items()}


_COLUMNS = tuple(each.name for each in fields(BatchRecord))


def uuid_of(table: Table) -> str:
    """The Iceberg UUID by which records refer to a table."""
    return str(table.metadata.table_uuid)


def registered(lake: Lake, sources: Iterable[SourceTables]) -> dict[str, list[BatchRecord]]:
    """The records of each source that refer to its current tables, in the order they were written; what
    was interrupted between a commit and its record is completed first.

    Raises UsageError if the raw table of a source has rows without a record.
    """
    tables = {each.source: each for each in sources}
    found = _read(lake, tables)
    for source, records in found.items():
        _require_registered(tables[source], records)
    finished = [
        done
        for source, records in found.items()
        for record in records
        if (done := _finished(record, tables[source])) is not None
    ]
    if finished:
        register(lake, finished)
        found = _read(lake, tables)
    return {
        source: sorted(records, key=lambda record: record.recorded_at) for source, records in found.items()
    }


def _read(lake: Lake, tables: Mapping[str, SourceTables]) -> dict[str, list[BatchRecord]]:
    table = find_table(lake, BATCHES.name)
    rows = (
        table.scan(row_filter=rows_among("source", tables)).to_arrow().to_pylist() if table and tables else []
    )
    found: dict[str, list[BatchRecord]] = {source: [] for source in tables}
    for record in map(_record, rows):
        if _is_about(record, tables[record.source]):
            found[record.source].append(record)
    return found


def _is_about(record: BatchRecord, tables: SourceTables) -> bool:
    table = tables.raw if record.stage == "extract" else tables.clean
    return table is not None and record.table_uuid == uuid_of(table)


def _require_registered(tables: SourceTables, records: Sequence[BatchRecord]) -> None:
    if _is_unregistered(tables, records):
        raise UsageError(
            f"the batches of source {tables.source} are not registered: an earlier version landed them",
            safe="nothing was read or written",
            next_step="run `usertags migrate` to see the steps and `usertags migrate --apply` to run them",
        )


def unregistered(lake: Lake, tables: SourceTables) -> bool:
    """Whether the rows of a source were landed by a version without the register."""
    return _is_unregistered(tables, _read(lake, {tables.source: tables})[tables.source])


def _is_unregistered(tables: SourceTables, records: Sequence[BatchRecord]) -> bool:
    landed_any = any(record.stage == "extract" for record in records)
    return not landed_any and tables.raw is not None and row_count(tables.raw) > 0


def _record(row: Mapping[str, Any]) -> BatchRecord:
    values = {name: row[name] for name in _COLUMNS}
    return BatchRecord(**values | {"event_days": tuple(row["event_days"] or ())})


def _finished(record: BatchRecord, tables: SourceTables) -> BatchRecord | None:
    """The record of a commit that was made but not registered; None if there is none."""
    now = datetime.now(UTC)
    if record.status == "reading" and tables.raw is not None:
        of_reading = rows_where(**{RAW_DATA_DAY: record.data_day}, **{READING: record.attempt})
        rows, current = tables.raw.scan(row_filter=of_reading).count(), tables.raw.current_snapshot()
        if rows and current is not None:
            return replace(
                record, status="landed", rows_read=rows, raw_snapshot=current.snapshot_id, recorded_at=now
            )
    if record.status == "promoting" and tables.clean is not None:
        current = tables.clean.current_snapshot()
        if current is not None and current.snapshot_id == record.clean_snapshot:
            return replace(record, status="clean", recorded_at=now)
    return None


def register(lake: Lake, records: Sequence[BatchRecord]) -> None:
    """Write records in one commit, each replacing the records that it makes obsolete (`_REPLACES`; for a
    reading, those of the same attempt)."""
    if records:
        _replace_rows(lake, BATCHES, [asdict(record) for record in records], _any(map(_replaced_by, records)))


def _replaced_by(record: BatchRecord) -> BooleanExpression:
    if record.stage == "extract":
        return _same_batch(record) & rows_where(attempt=record.attempt)
    return _same_batch(record) & rows_among("status", _REPLACES[record.status])


def _same_batch(record: BatchRecord) -> BooleanExpression:
    return rows_where(source=record.source, data_day=record.data_day, stage=record.stage)


def mark_rolled_up(lake: Lake, records: Sequence[BatchRecord]) -> None:
    """Record that the roll-ups include the event days of these batches, in one commit."""
    if records:
        rows = [asdict(replace(each, rolled_up=True)) for each in records]
        same = [_same_batch(each) & rows_where(status=each.status) for each in records]
        _replace_rows(lake, BATCHES, rows, _any(same))


def forget_held(lake: Lake, records: Sequence[BatchRecord]) -> None:
    """Remove the records of held batches whose branch no longer exists."""
    held = [record for record in records if record.status == "held"]
    if held:
        _replace_rows(lake, BATCHES, [], _any(map(_replaced_by, held)), of={record.source for record in held})


def register_files(
    lake: Lake, source: str, data_day: date, attempt: int, files: Sequence[DeliveredFile]
) -> None:
    """Record the files that a reading is about to read, and those that it leaves out. Grain of
    `ops.batch_files`: source, data_day, attempt, path; `size` is in bytes, `state` and the columns beside it
    are those of `DeliveredFile`."""
    rows = [
        {
            "source": source,
            "data_day": data_day,
            "attempt": attempt,
            "path": each.file.path,
            "size": each.file.size,
            "fingerprint": each.file.fingerprint,
            "name": each.file.name,
            "content": each.file.content,
            "state": each.state,
            "same_as": each.same_as,
        }
        for each in files
    ]
    same = rows_where(source=source, data_day=data_day, attempt=attempt)
    _replace_rows(lake, BATCH_FILES, rows, same, of={source})


def files_known(
    lake: Lake, source: str, batches: Mapping[date, BatchRecord]
) -> dict[date, list[DeliveredFile]]:
    """The files of the batches, by data day. In: the landed batches (`landed`)."""
    table = find_table(lake, BATCH_FILES.name)
    rows = table.scan(row_filter=rows_where(source=source)).to_arrow().to_pylist() if table else []
    found: dict[date, list[DeliveredFile]] = {data_day: [] for data_day in batches}
    for row in rows:
        data_day = row["data_day"]
        if data_day in batches and batches[data_day].attempt == row["attempt"]:
            found[data_day].append(_delivered(row))
    return found


def files_in_doubt(lake: Lake, source: str, data_day: date, attempt: int) -> list[DeliveredFile]:
    """The files that a reading left out though they may be deliveries."""
    table = find_table(lake, BATCH_FILES.name)
    where = rows_where(source=source, data_day=data_day, attempt=attempt)
    rows = table.scan(row_filter=where).to_arrow().to_pylist() if table else []
    return [each for each in map(_delivered, rows) if each.state in ("doubtful", "hidden")]


def _delivered(row: Mapping[str, Any]) -> DeliveredFile:
    """A file of the register; an earlier version knew neither name nor content, and read every file."""
    file = SourceFile(
        row["path"],
        row.get("name") or "",
        row["size"],
        row["fingerprint"],
        None,
        content=row.get("content") or "",
    )
    return DeliveredFile(file, row.get("state") or "read", row.get("same_as") or "")


def _replace_rows(
    lake: Lake,
    spec: TableSpec,
    rows: Sequence[Mapping[str, Any]],
    where: BooleanExpression,
    *,
    of: Iterable[str] = (),
) -> None:
    """Replace rows of some sources, in one commit."""
    table = ensure_table(lake, spec.name, spec.schema, spec.partition)
    new = pa.Table.from_pylist([dict(row) for row in rows], schema=spec.schema)
    sources = {row["source"] for row in rows} | set(of)
    theirs = rows_among("source", sources)
    if not rows and not any(True for _ in table.scan(row_filter=where).plan_files()):
        return
    if sum(1 for _ in table.scan(row_filter=theirs).plan_files()) > _FILES_PER_SOURCE * len(sources):
        kept = table.scan(row_filter=theirs & ~where).to_arrow().cast(spec.schema)
        new, where = pa.concat_tables([kept, new]), theirs
    replace_rows(table, new, where)


def _any(expressions: Iterable[BooleanExpression]) -> BooleanExpression:
    return reduce(or_, expressions)


# ---- queries on the records of one source, in the order they were written --------------------------------


def landed(records: Iterable[BatchRecord]) -> dict[date, BatchRecord]:
    """By data day, the valid reading of the batch: the last one that landed."""
    found: dict[date, BatchRecord] = {}
    for record in sorted(records, key=lambda record: record.attempt):
        if record.status == "landed":
            found[record.data_day] = record
    return found


def is_interrupted(records: Iterable[BatchRecord], data_day: date) -> bool:
    """Whether a reading of the batch has started but not ended: it has to be read again."""
    attempts = [each for each in records if each.stage == "extract" and each.data_day == data_day]
    return bool(attempts) and max(attempts, key=lambda record: record.attempt).status == "reading"


def read_in_order(records: Iterable[BatchRecord], data_day: date) -> bool:
    """Whether the batch of a day was first read before those of later days."""
    first: dict[date, datetime] = {}
    for record in records:
        if record.status == "landed":
            at = first.get(record.data_day, record.recorded_at)
            first[record.data_day] = min(at, record.recorded_at)
    return all(first[data_day] <= at for day, at in first.items() if data_day in first and day > data_day)


def on_main(records: Iterable[BatchRecord], data_day: date) -> BatchRecord | None:
    """The batch of a day on main of the clean table."""
    return next((each for each in records if each.status == "clean" and each.data_day == data_day), None)


def was_cleaned(records: Iterable[BatchRecord], data_day: date) -> bool:
    """Whether any attempt at the batch wrote to the clean table or to a branch of it."""
    return any(each.stage == "clean" and each.data_day == data_day for each in records)


def held_batch(records: Iterable[BatchRecord], data_day: date) -> BatchRecord | None:
    """The batch of a day that its checks refused and that is held on its branch, or was about to be
    promoted."""
    found = [each for each in records if each.status in ("held", "promoting") and each.data_day == data_day]
    return found[-1] if found else None


def other_definitions(records: Iterable[BatchRecord], data_day: date, definition: str) -> list[date]:
    """The data days, except this one, whose batch was built with another definition of the source, in order.
    Records of an earlier version without a definition are left out."""
    return sorted(
        each.data_day
        for each in records
        if each.status == "clean"
        and each.data_day != data_day
        and each.definition_version not in (None, definition)
    )


def earlier_days(records: Iterable[BatchRecord], data_day: date) -> set[date]:
    """The event days on which main has, or may have, rows of earlier attempts of a batch: they are
    replaced."""
    return {
        each for record in _taken_over(records) if record.data_day == data_day for each in record.event_days
    }


def not_rolled_up(records: Iterable[BatchRecord]) -> list[BatchRecord]:
    """The batches whose event days are not in the roll-up yet."""
    return [record for record in _taken_over(records) if not record.rolled_up]


def _taken_over(records: Iterable[BatchRecord]) -> list[BatchRecord]:
    """Batches on main. A batch that is still `promoting` may be on main, too: the process died around that
    commit, and other commits followed."""
    return [record for record in records if record.status in ("clean", "promoting")]
