"""The messages sent per channel: append-only rows of `ops.alerts`.

Two processes cannot send the same message at once: the first one to claim it commits to the table as the
other has read it, so the commit of the other fails.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table

from usertags.quality.alerting import Entry
from usertags.store.lake import Lake
from usertags.store.schemas import ALERTS
from usertags.store.tables import ensure_table, expire_old_snapshots

# PyIceberg retries a conflicting commit on top of the other one; a claim must fail instead.
_NO_RETRY = {"commit.retry.num-retries": "0"}
_TRIES = 20


class Ledger:
    """The current state of `ops.alerts`: `claim` and `add` are based on `entries`."""

    def __init__(self, lake: Lake) -> None:
        self._table = _table(lake)
        self.entries: list[Entry] = []
        self.refresh()

    def refresh(self) -> None:
        """Read `entries` from the table as it is now, in the order of their numbers."""
        self._table.refresh()
        rows = self._table.scan().to_arrow().to_pylist()
        self.entries = sorted(map(_entry, rows), key=lambda entry: entry.number)

    def claim(self, entries: Sequence[Entry]) -> bool:
        """Add rows to the table as it was read. False if another process was faster: then nothing is added,
        and the ledger has to be refreshed."""
        first = max((entry.number for entry in self.entries), default=0) + 1
        added = [replace(entry, number=first + offset) for offset, entry in enumerate(entries)]
        rows = [_row(entry) for entry in added]
        try:
            self._table.append(pa.Table.from_pylist(rows, schema=ALERTS.schema))
        except CommitFailedException:
            return False
        expire_old_snapshots(self._table)
        self.entries += added
        return True

    def add(self, entry: Entry) -> None:
        """Add a row, even if other processes add rows concurrently. Raises PyIceberg's CommitFailedException
        if that fails again and again."""
        for _ in range(_TRIES):
            if self.claim([entry]):
                return
            self.refresh()
        raise CommitFailedException(f"too many concurrent writes to {ALERTS.name}")


def _table(lake: Lake) -> Table:
    table = ensure_table(lake, ALERTS.name, ALERTS.schema, ALERTS.partition)
    if not _NO_RETRY.items() <= table.properties.items():
        with table.transaction() as change:
            change.set_properties(_NO_RETRY)
    return table


def _row(entry: Entry) -> dict[str, Any]:
    row = asdict(entry)
    return {"dt": row.pop("data_day")} | row


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(data_day=row.pop("dt"), **row)
