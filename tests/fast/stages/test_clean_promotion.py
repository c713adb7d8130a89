"""Batches on their branches become what the clean tables hold, and the register says so, wherever a process
dies. Tables in files, without Spark: rows are written to branches by PyIceberg."""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from tests.support.lakes import expire_all_snapshots
from tests.support.sources import orders
from usertags.stages import clean_promotion
from usertags.stages.batch_register import BatchRecord, not_rolled_up, register, registered, uuid_of
from usertags.stages.clean_batch import Batch
from usertags.stages.clean_promotion import held, promote
from usertags.stages.source_tables import tables_of
from usertags.store.lake import Lake
from usertags.store.tables import branch_snapshot, ensure_table

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
NAMES = ("orders", "visits")
ROWS = pa.schema([("id", pa.int64())])


def records(lake: Lake, name: str) -> list[BatchRecord]:
    return registered(lake, [tables_of(lake, name)])[name]


def batch(lake: Lake, name: str, day: date = D1, fingerprint: str = "f") -> Batch:
    return Batch(orders(name=name), day, "d", fingerprint, 0, None, tuple(records(lake, name)))


def on_branch(lake: Lake, name: str, number: int, day: date = D1, fingerprint: str = "f") -> BatchRecord:
    """Write a row on the branch of a batch."""
    table = ensure_table(lake, f"clean.{name}", ROWS)
    branch = batch(lake, name, day).branch
    main = table.current_snapshot()
    assert main is not None
    if branch not in table.metadata.refs:
        table.manage_snapshots().create_branch(snapshot_id=main.snapshot_id, branch_name=branch).commit()
    table.append(pa.table({"id": [number]}), branch=branch)
    head = branch_snapshot(table, branch)
    assert head is not None
    return BatchRecord(
        name,
        day,
        "clean",
        0,
        "clean",
        uuid_of(table),
        clean_snapshot=head.snapshot_id,
        definition_version="d",
        input_fingerprint=fingerprint,
        event_days=(day,),
    )


def main_rows(lake: Lake) -> dict[str, list[int]]:
    tables = {name: lake.catalog.load_table(f"clean.{name}") for name in NAMES}
    return {name: sorted(table.scan().to_arrow()["id"].to_pylist()) for name, table in tables.items()}


def statuses(lake: Lake) -> dict[str, list[str]]:
    return {name: [record.status for record in records(lake, name)] for name in NAMES}


def branches(lake: Lake) -> set[str]:
    found = {ref for name in NAMES for ref in lake.catalog.load_table(f"clean.{name}").metadata.refs}
    return found - {"main"}


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    return lake_in_files


def test_every_batch_is_taken_over(lake: Lake) -> None:
    written = [on_branch(lake, name, number) for number, name in enumerate(NAMES)]
    promote(lake, [batch(lake, name) for name in NAMES], written)
    assert main_rows(lake) == {"orders": [0], "visits": [1]}
    assert statuses(lake) == {"orders": ["clean"], "visits": ["clean"]}
    assert branches(lake) == set()


def test_the_branch_of_a_refused_try_is_dropped_with_its_record(lake: Lake) -> None:
    promote(lake, [batch(lake, "orders")], [on_branch(lake, "orders", 1)])
    ensure_table(lake, "clean.visits", ROWS)
    refused = replace(on_branch(lake, "orders", 9, fingerprint="other"), status="held")
    register(lake, [refused])
    promote(lake, [batch(lake, "orders")], [])
    assert main_rows(lake)["orders"] == [1]
    assert statuses(lake)["orders"] == ["clean"]
    assert branches(lake) == set()


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_promotion_that_dies_is_finished_by_the_next(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """After none, one or both of the tables have moved; the next run writes what is not there again."""
    written = [on_branch(lake, name, number) for number, name in enumerate(NAMES)]
    settle = clean_promotion._settle
    done: list[str] = []

    def until_then(lake: Lake, batch: Batch, *, taken: bool) -> None:
        if len(done) == moved:
            raise KeyboardInterrupt
        settle(lake, batch, taken=taken)
        done.append(batch.source.name)

    def not_afterwards(lake: Lake, records: list[BatchRecord]) -> None:
        if len(done) == moved == len(NAMES):
            raise KeyboardInterrupt
        register(lake, records)

    monkeypatch.setattr(clean_promotion, "_settle", until_then)
    monkeypatch.setattr(clean_promotion, "register", not_afterwards)
    with pytest.raises(KeyboardInterrupt):
        promote(lake, [batch(lake, name) for name in NAMES], written)
    monkeypatch.undo()
    again = [each for each in (batch(lake, name) for name in NAMES) if not each.clean_already]
    assert [each.source.name for each in again] == list(NAMES[moved:])
    # The roll-up builds the days of those that are there in any case.
    assert {record.source for name in NAMES for record in not_rolled_up(records(lake, name))} == {*NAMES}
    promote(
        lake,
        [batch(lake, name) for name in NAMES],
        [each for each in written if each.source in NAMES[moved:]],
    )
    assert main_rows(lake) == {"orders": [0], "visits": [1]}
    assert statuses(lake) == {"orders": ["clean"], "visits": ["clean"]}


def test_a_held_batch_is_taken_as_it_stands_while_main_leads_to_it(lake: Lake) -> None:
    record = replace(on_branch(lake, "orders", 1), status="held")
    register(lake, [record])
    assert held(lake, batch(lake, "orders")) == record
    assert held(lake, batch(lake, "orders", fingerprint="another")) is None
    expire_all_snapshots(lake)
    assert held(lake, batch(lake, "orders")) == record
    lake.catalog.load_table("clean.orders").append(pa.table({"id": [7]}))
    assert held(lake, batch(lake, "orders")) is None


def test_a_branch_that_was_written_again_is_not_the_one_that_was_refused(lake: Lake) -> None:
    register(lake, [replace(on_branch(lake, "orders", 1), status="held")])
    on_branch(lake, "orders", 2)
    assert held(lake, batch(lake, "orders")) is None
