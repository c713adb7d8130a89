"""Promotion of batches: main of the clean tables moves to their branches, and this is registered."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from usertags.stages.batch_register import BatchRecord, forget_held, held_batch, register
from usertags.stages.clean_batch import Batch
from usertags.store.lake import Lake
from usertags.store.tables import branch_snapshot, can_fast_forward, drop_branch, fast_forward


def promote(lake: Lake, batches: Iterable[Batch], records: Sequence[BatchRecord]) -> None:
    """Promote the branches of the batches with a record; a branch that an earlier, refused attempt of
    another batch left is dropped.

    Registered before and after: if the process dies between, `registered` finds which of them are on main.
    """
    taken = {record.source for record in records}
    register(lake, [replace(record, status="promoting") for record in records])
    for batch in batches:
        _settle(lake, batch, taken=batch.source.name in taken)
    now = datetime.now(UTC)
    register(lake, [replace(record, status="clean", recorded_at=now) for record in records])
    left = [record for batch in batches for record in batch.records if record.data_day == batch.data_day]
    forget_held(lake, [record for record in left if record.source not in taken])


def _settle(lake: Lake, batch: Batch, *, taken: bool) -> None:
    table = lake.catalog.load_table(batch.table)
    if batch.branch in table.metadata.refs:
        if taken:
            fast_forward(table, batch.branch)
        drop_branch(table, batch.branch)


def held(lake: Lake, batch: Batch) -> BatchRecord | None:
    """The record of the batch if the branch of a refused attempt has it and main can be moved to it."""
    record = held_batch(batch.records, batch.data_day)
    if record is None or record.input_fingerprint != batch.fingerprint:
        return None
    table = lake.catalog.load_table(batch.table)
    snapshot = branch_snapshot(table, batch.branch)
    same = snapshot is not None and snapshot.snapshot_id == record.clean_snapshot
    return record if same and can_fast_forward(table, batch.branch) else None
