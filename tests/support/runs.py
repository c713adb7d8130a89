"""Runs in a lake of files, as the tag stage leaves them, without Spark."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from usertags.published import PUBLISHED
from usertags.quality.register import RunRecord
from usertags.stages.runs import run_branch
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS
from usertags.store.tables import LightTransaction, ensure_table


def built_on_branch(lake: Lake, day: date, run_id: str, **more: Any) -> RunRecord:
    """Write a row of a run on its branch of each published table; returns the record of its tag stage."""
    for spec in PUBLISHED:
        table = ensure_table(lake, spec.name, spec.schema, spec.partition)
        main = table.current_snapshot()
        assert main is not None
        branch = run_branch(run_id)
        table.manage_snapshots().create_branch(snapshot_id=main.snapshot_id, branch_name=branch).commit()
        row = pa.Table.from_pylist([{"dt": day, "run_id": run_id}], schema=table.schema().as_arrow())
        with LightTransaction(table) as transaction:
            transaction.append(row, branch=branch)
    return RunRecord(day, run_id, "tag", "built", **more)


def publish_rows(lake: Lake, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into `tags.publications`."""
    table = ensure_table(lake, PUBLICATIONS.name, PUBLICATIONS.schema, PUBLICATIONS.partition)
    table.append(pa.Table.from_pylist(list(rows), schema=PUBLICATIONS.schema))
