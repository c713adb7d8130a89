"""Branches of a table in files: when main may move to one, and that no commit is lost by it."""

import pyarrow as pa
import pytest
from pyiceberg.table import Table

from usertags.errors import InfrastructureError, UsageError
from usertags.store.lake import Lake
from usertags.store.tables import can_fast_forward, drop_branch, ensure_table, fast_forward

SCHEMA = pa.schema([("n", pa.int64())])


@pytest.fixture
def table(lake_in_files: Lake) -> Table:
    """Row 1 on main, and rows 1 and 2 on the branch `run`."""
    table = ensure_table(lake_in_files, "ops.rows", SCHEMA)
    add(table, 1)
    main = table.current_snapshot()
    assert main is not None
    table.manage_snapshots().create_branch(snapshot_id=main.snapshot_id, branch_name="run").commit()
    add(table, 2, "run")
    return table


def add(table: Table, number: int, branch: str = "main") -> None:
    table.append(pa.table({"n": [number]}), branch=branch)


def rows(table: Table, branch: str = "main") -> list[int]:
    table.refresh()
    return sorted(table.scan().use_ref(branch).to_arrow()["n"].to_pylist())


def test_main_moves_to_a_branch_that_has_all_of_it(table: Table) -> None:
    assert can_fast_forward(table, "run")
    fast_forward(table, "run")
    assert rows(table) == [1, 2]
    # The same again changes nothing.
    fast_forward(table, "run")
    assert rows(table) == [1, 2]


def test_main_does_not_move_to_a_branch_that_was_overtaken(table: Table) -> None:
    """Another process has written row 3 since: moving main to the branch would lose it."""
    add(table, 3)
    assert not can_fast_forward(table, "run")
    with pytest.raises(InfrastructureError, match=r"ops\.rows was written by somebody else"):
        fast_forward(table, "run")
    assert rows(table) == [1, 3]
    assert rows(table, "run") == [1, 2]


def test_a_branch_that_is_not_there_moves_nothing(table: Table) -> None:
    drop_branch(table, "run")
    drop_branch(table, "run")
    assert not can_fast_forward(table, "run")
    with pytest.raises(UsageError, match=r"ops\.rows has no branch run"):
        fast_forward(table, "run")
    assert rows(table) == [1]
