"""Migrates the register of batches from the snapshots of raw and clean tables of earlier versions.

These versions stored the bounds of a reading, its files, and the results of clean in properties `usertags.*`
of the commits.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import takewhile

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot, ancestors_of

from usertags.project.model import Source
from usertags.sources.files import SourceFile
from usertags.stages.batch_register import BatchRecord, Status, count_columns, uuid_of
from usertags.stages.days import end_of
from usertags.stages.deliveries import DeliveredFile
from usertags.stages.report import COUNTS
from usertags.stages.source_tables import SourceTables

_PREFIX = "usertags."


@dataclass(frozen=True)
class OldBatches:
    """The information in the snapshots of a source's tables. `files` are those of each reading, by data
    day and attempt; `lost` are the data days whose files are no longer known, because their snapshot has
    expired."""

    records: list[BatchRecord] = field(default_factory=list)
    files: dict[tuple[date, int], list[DeliveredFile]] = field(default_factory=dict)
    lost: list[date] = field(default_factory=list)


def old_batches(source: Source, tables: SourceTables, rollup: Table | None, timezone: str) -> OldBatches:
    """The records of a source's batches as written by versions without the register.

    A database batch with an expired snapshot was read up to the end of its data day: that was the rule.
    """
    assert tables.raw is not None
    newest = _newest(_commits(tables.raw))
    readings = {
        data_day: _reading(source, tables.raw, data_day, *found) for data_day, found in newest.items()
    }
    files = {
        (data_day, readings[data_day].attempt): _files(properties)
        for data_day, (_, properties) in newest.items()
        if "files" in properties
    }
    rows = _rows_of_days(tables.raw)
    lost = sorted(rows.keys() - readings.keys())
    if source.read.table:
        readings |= {
            data_day: _expired(source, tables.raw, data_day, rows[data_day], timezone) for data_day in lost
        }
        lost = []
    cleaned = _cleaned(source, tables.clean, rollup) if tables.clean is not None else []
    return OldBatches([*readings.values(), *cleaned], files, lost)


def _commits(table: Table) -> Iterator[tuple[Snapshot, dict[str, str]]]:
    """The commits of main with `usertags.*` properties, newest first, with these properties."""
    current = table.current_snapshot()
    for snapshot in ancestors_of(current, table.metadata) if current else ():
        if properties := _properties(snapshot):
            yield snapshot, properties


def _properties(snapshot: Snapshot) -> dict[str, str]:
    found = snapshot.summary.additional_properties if snapshot.summary else {}
    return {name.removeprefix(_PREFIX): value for name, value in found.items() if name.startswith(_PREFIX)}


def _newest(
    commits: Iterable[tuple[Snapshot, dict[str, str]]],
) -> dict[date, tuple[Snapshot, dict[str, str]]]:
    """The valid commit of each batch."""
    found: dict[date, tuple[Snapshot, dict[str, str]]] = {}
    for snapshot, properties in commits:
        if "batch" in properties:
            found.setdefault(date.fromisoformat(properties["batch"]), (snapshot, properties))
    return found


def _rows_of_days(raw: Table) -> Counter[date]:
    """The number of rows of each data day that has any."""
    rows: Counter[date] = Counter()
    for part in raw.inspect.partitions().to_pylist():
        rows[part["partition"]["batch"]] += part["record_count"]
    return +rows


def _reading(
    source: Source, raw: Table, data_day: date, snapshot: Snapshot, properties: Mapping[str, str]
) -> BatchRecord:
    return BatchRecord(
        source.name,
        data_day,
        "extract",
        int(properties.get("reading", 0)),
        "landed",
        uuid_of(raw),
        cursor_from=_moment(properties.get("after")),
        cursor_to=_moment(properties.get("until")),
        rows_read=int(properties.get("rows", 0)),
        raw_snapshot=snapshot.snapshot_id,
        run_id=properties.get("run", ""),
        recorded_at=_at(snapshot),
    )


def _expired(source: Source, raw: Table, data_day: date, rows: int, timezone: str) -> BatchRecord:
    current = raw.current_snapshot()
    assert current is not None
    return BatchRecord(
        source.name,
        data_day,
        "extract",
        0,
        "landed",
        uuid_of(raw),
        cursor_to=end_of(data_day, timezone) if source.read.cursor else None,
        rows_read=rows,
        raw_snapshot=current.snapshot_id,
        recorded_at=_at(current),
    )


def _files(properties: Mapping[str, str]) -> list[DeliveredFile]:
    files = json.loads(properties["files"])
    found = [SourceFile(path, "", 0, fingerprint, None) for path, fingerprint in files.items()]
    return [DeliveredFile(file, "read") for file in found]


def _cleaned(source: Source, clean: Table, rollup: Table | None) -> list[BatchRecord]:
    commits = list(_commits(clean))
    waiting = _not_rolled_up(commits, rollup)
    found = []
    for data_day, (snapshot, properties) in _newest(commits).items():
        tries = {
            each.snapshot_id: written
            for each, written in commits
            if written.get("batch") == data_day.isoformat()
        }
        days = {each for written in tries.values() for each in _days(written)}
        rolled_up = tries.keys().isdisjoint(waiting)
        found.append(_clean_record(source, clean, snapshot, properties, "clean", days, rolled_up))
    branches = [name for name in clean.metadata.refs if name.startswith("batch_")]
    heads = [clean.snapshot_by_id(clean.metadata.refs[name].snapshot_id) for name in branches]
    for head in heads:
        if head is not None and "batch" in (properties := _properties(head)):
            found.append(
                _clean_record(
                    source, clean, head, properties, "held", set(_days(properties)), rolled_up=False
                )
            )
    return found


def _not_rolled_up(commits: Iterable[tuple[Snapshot, dict[str, str]]], rollup: Table | None) -> set[int]:
    """The ids of the commits after the one that the roll-up was last updated to; all of them if that is not
    known."""
    seen = (
        next((written["clean"] for _, written in _commits(rollup) if "clean" in written), None)
        if rollup
        else None
    )
    ids = (snapshot.snapshot_id for snapshot, _ in commits)
    return set(takewhile(lambda snapshot_id: str(snapshot_id) != seen, ids))


def _clean_record(
    source: Source,
    clean: Table,
    snapshot: Snapshot,
    properties: Mapping[str, str],
    status: Status,
    days: set[date],
    rolled_up: bool,
) -> BatchRecord:
    counts = {name: int(properties[name]) for name in COUNTS if name in properties}
    return BatchRecord(
        source.name,
        date.fromisoformat(properties["batch"]),
        "clean",
        0,
        status,
        uuid_of(clean),
        clean_snapshot=snapshot.snapshot_id,
        definition_version=properties.get("definition"),
        input_fingerprint=properties.get("stamp"),
        event_days=tuple(sorted(days)),
        rolled_up=rolled_up,
        recorded_at=_at(snapshot),
        **count_columns(counts),
    )


def _days(properties: Mapping[str, str]) -> list[date]:
    """The event days that a commit rewrote: empty for a source without event days, whose commits have
    `all`."""
    text = properties.get("days", "")
    return [date.fromisoformat(each) for each in text.split(",") if each and each != "all"]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _at(snapshot: Snapshot) -> datetime:
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)
