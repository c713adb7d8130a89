"""The register made of the snapshots that versions before it wrote: literal commits in tables of files."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.table import Table

from tests.support.lakes import expire_all_snapshots
from tests.support.sources import orders
from usertags.migrations.batches import OldBatches, old_batches
from usertags.project.model import Source
from usertags.project.source_entry import Read
from usertags.sources.files import SourceFile
from usertags.stages.deliveries import DeliveredFile
from usertags.stages.source_tables import SourceTables
from usertags.store.lake import Lake
from usertags.store.tables import ensure_table

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
END = datetime(2026, 3, 1, 16, tzinfo=UTC)
RAW = pa.schema([("batch", pa.date32())])
CLEAN = pa.schema([("id", pa.int64())])


TABLE = orders(read=Read(connection="shop", table="orders", cursor="at"))
FILES = orders(read=Read(connection="files", files="*.csv", format="csv"))


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    return lake_in_files


def commit(table: Table, written: list[dict[str, Any]], branch: str = "main", **values: str) -> int:
    """A commit as earlier versions made it; returns its id."""
    schema = table.schema().as_arrow()
    properties = {f"usertags.{name}": value for name, value in values.items()}
    table.append(pa.Table.from_pylist(written, schema=schema), snapshot_properties=properties, branch=branch)
    head = table.metadata.refs[branch]
    return head.snapshot_id


def migrated(lake: Lake, of: Source, rollup: Table | None = None) -> OldBatches:
    catalog = lake.catalog
    clean = catalog.load_table("clean.orders") if catalog.table_exists("clean.orders") else None
    tables = SourceTables("orders", catalog.load_table("raw.orders"), clean)
    return old_batches(of, tables, rollup, "Asia/Shanghai")


def test_the_bounds_of_a_reading_are_those_of_its_newest_commit(lake: Lake) -> None:
    raw = ensure_table(lake, "raw.orders", RAW, ["batch"])
    commit(raw, [{"batch": D1}], batch=str(D1), rows="1", until=END.isoformat(), reading="0")
    again = commit(
        raw, [{"batch": D1}], batch=str(D1), rows="2", until=END.isoformat(), after=str(END), reading="1"
    )
    whole = commit(raw, [{"batch": D2}], batch=str(D2), rows="1")
    first, second = sorted(migrated(lake, TABLE).records, key=lambda record: record.data_day)
    assert (first.attempt, first.status, first.rows_read, first.raw_snapshot) == (1, "landed", 2, again)
    assert (first.cursor_from, first.cursor_to) == (END, END)
    assert (second.attempt, second.raw_snapshot, second.cursor_to) == (0, whole, None)


def test_files_and_their_fingerprints(lake: Lake) -> None:
    raw = ensure_table(lake, "raw.orders", RAW, ["batch"])
    commit(raw, [{"batch": D1}], batch=str(D1), files=json.dumps({"/a.csv": "v1", "/b.csv": "v2"}))
    commit(raw, [], batch=str(D2), files="{}")
    found = migrated(lake, FILES)
    assert found.lost == []
    assert found.files == {
        (D1, 0): [
            DeliveredFile(SourceFile("/a.csv", "", 0, "v1", None), "read"),
            DeliveredFile(SourceFile("/b.csv", "", 0, "v2", None), "read"),
        ],
        (D2, 0): [],
    }


def test_a_reading_whose_snapshot_is_expired(lake: Lake) -> None:
    raw = ensure_table(lake, "raw.orders", RAW, ["batch"])
    commit(raw, [{"batch": D1}] * 3, batch=str(D1), until=END.isoformat())
    commit(raw, [{"batch": D2}], batch=str(D2), files="{}")
    expire_all_snapshots(lake)
    by_day = {record.data_day: record for record in migrated(lake, TABLE).records}
    assert (by_day[D1].cursor_to, by_day[D1].rows_read) == (END, 3)
    # The rule for the end of a cursor does not say which files there were.
    assert migrated(lake, FILES).lost == [D1]


def test_how_batches_stand_in_clean(lake: Lake) -> None:
    ensure_table(lake, "raw.orders", RAW, ["batch"])
    clean = ensure_table(lake, "clean.orders", CLEAN)
    rollup = ensure_table(lake, "rollup.orders", CLEAN)
    values = {
        "definition": "d",
        "read": "4",
        "kept": "2",
        "superseded": "1",
        "repeats": "1",
        "quarantined": "0",
    }
    commit(clean, [{"id": 1}], batch=str(D1), stamp="s1", days=f"{D1}", **values)
    seen = commit(clean, [{"id": 2}], batch=str(D2), stamp="s2", days=f"{D2}", **values)
    commit(rollup, [], clean=str(seen))
    newest = commit(clean, [{"id": 1}], batch=str(D1), stamp="s3", days=f"{D1},{D2}", **values)
    clean.manage_snapshots().create_branch(snapshot_id=newest, branch_name="batch_20260302").commit()
    held = commit(
        clean, [{"id": 9}], branch="batch_20260302", batch=str(D2), stamp="s4", days="all", **values
    )
    found = {(record.data_day, record.status): record for record in migrated(lake, TABLE, rollup).records}
    first, second, refused = found[D1, "clean"], found[D2, "clean"], found[D2, "held"]
    assert (first.input_fingerprint, first.event_days, first.rolled_up) == ("s3", (D1, D2), False)
    assert (second.input_fingerprint, second.event_days, second.rolled_up) == ("s2", (D2,), True)
    assert (refused.input_fingerprint, refused.clean_snapshot, refused.event_days) == ("s4", held, ())
    counts = ("rows_read", "rows_kept", "rows_superseded", "rows_repeated", "rows_quarantined")
    assert [getattr(first, name) for name in counts] == [4, 2, 1, 1, 0]


def test_without_a_rollup_every_batch_waits_for_one(lake: Lake) -> None:
    ensure_table(lake, "raw.orders", RAW, ["batch"])
    clean = ensure_table(lake, "clean.orders", CLEAN)
    commit(clean, [{"id": 1}], batch=str(D1), stamp="s1", days=f"{D1}")
    (record,) = migrated(lake, TABLE).records
    assert not record.rolled_up
    # Nobody counted then.
    assert record.rows_kept is None
