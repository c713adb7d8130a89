"""What was told by which channel: rows of `ops.alerts`, which are only added.

Two who want to send the same message at once cannot: who claims it first makes a commit to the table as the
other has read it, and the other's commit fails.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table

from jobs.quality.alerting import Entry
from jobs.store.lake import Lake
from jobs.store.schemas import ALERTS
from jobs.store.tables import ensure_table

# PyIceberg tries a commit that met another one again, on top of that one; a claim must fail instead.
_NO_RETRY = {"commit.retry.num-retries": "0"}
_TRIES = 20


class Ledger:
    """`ops.alerts` as it is now: `entries` are what `claim` and `add` build on."""

    def __init__(self, lake: Lake) -> None:
        self._table = _table(lake)
        self.entries: list[Entry] = []
        self.refresh()

    def refresh(self) -> None:
        self._table.refresh()
        rows = self._table.scan().to_arrow().to_pylist()
        self.entries = sorted(map(_entry, rows), key=lambda entry: entry.number)

    def claim(self, entries: Sequence[Entry]) -> bool:
        """Add rows to the table as it was read. False where somebody else was faster: nothing is added then,
        and the ledger has to be refreshed."""
        first = max((entry.number for entry in self.entries), default=0) + 1
        added = [replace(entry, number=first + offset) for offset, entry in enumerate(entries)]
        rows = [_row(entry) for entry in added]
        try:
            self._table.append(pa.Table.from_pylist(rows, schema=ALERTS.schema))
        except CommitFailedException:
            return False
        self.entries += added
        return True

    def add(self, entry: Entry) -> None:
        """Add a row whatever others add meanwhile."""
        for _ in range(_TRIES):
            if self.claim([entry]):
                return
            self.refresh()
        raise CommitFailedException(f"{ALERTS.name} is written by too many at once")


def _table(lake: Lake) -> Table:
    table = ensure_table(lake, ALERTS.name, ALERTS.schema, ALERTS.partition)
    if not _NO_RETRY.items() <= table.properties.items():
        with table.transaction() as change:
            change.set_properties(_NO_RETRY)
    return table


def _row(entry: Entry) -> dict[str, Any]:
    row = asdict(entry)
    return {"dt": row.pop("day")} | row


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(day=row.pop("dt"), **row)
