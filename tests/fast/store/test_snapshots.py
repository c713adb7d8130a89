"""Which days of a table differ between two snapshots: small tables in files."""

from datetime import date

import pyarrow as pa
import pytest
from pyiceberg.expressions import EqualTo
from pyiceberg.table import Table

from usertags.store.lake import Lake
from usertags.store.snapshots import changed_days
from usertags.store.tables import ensure_table

SCHEMA = pa.schema([("day", pa.date32()), ("part", pa.string()), ("n", pa.int64())])
D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))


def rows(*days: date) -> pa.Table:
    return pa.Table.from_pylist([{"day": day, "part": "a", "n": 1} for day in days], schema=SCHEMA)


def newest(table: Table) -> int:
    current = table.current_snapshot()
    assert current is not None
    return current.snapshot_id


@pytest.fixture
def table(lake_in_files: Lake) -> Table:
    """Partitioned by another column first; two days in it."""
    table = ensure_table(lake_in_files, "rollup.rows", SCHEMA, ("part", "day"))
    table.append(rows(D1, D2))
    return table


def test_days_with_new_replaced_or_deleted_rows_differ(table: Table) -> None:
    start = newest(table)
    assert changed_days(table, "day", start, start) == frozenset()
    table.append(rows(D3))
    added = newest(table)
    assert changed_days(table, "day", start, added) == {D3}
    table.overwrite(rows(D2), EqualTo("day", D2.isoformat()))
    assert changed_days(table, "day", added, newest(table)) == {D2}
    assert changed_days(table, "day", start, newest(table)) == {D2, D3}
    table.delete(EqualTo("day", D1.isoformat()))
    assert changed_days(table, "day", start, newest(table)) == {D1, D2, D3}


def test_a_table_by_another_column_does_not_say(lake_in_files: Lake, table: Table) -> None:
    start = newest(table)
    table.append(rows(D3))
    assert changed_days(table, "n", start, newest(table)) is None
    plain = ensure_table(lake_in_files, "rollup.plain", SCHEMA)
    start = newest(plain)
    plain.append(rows(D1))
    assert changed_days(plain, "day", start, newest(plain)) is None
