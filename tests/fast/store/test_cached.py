"""Cached reads of a table in files."""

import pyarrow as pa

from usertags.store.cached import CachedTable
from usertags.store.lake import Lake
from usertags.store.tables import ensure_table


def test_a_renamed_column_keeps_its_history(lake_in_files: Lake) -> None:
    """Files written before say the old name; one that takes the freed name later is another column."""
    old = pa.schema([("check", pa.string()), ("rows", pa.int64())])
    table = ensure_table(lake_in_files, "ops.checks", old)
    table.append(pa.table({"check": ["a"], "rows": [3]}, schema=old))
    with table.update_schema() as update:
        update.rename_column("rows", "rows_checked")
    with table.update_schema() as update:
        update.add_column("rows", table.schema().find_type("check"))
    new = pa.table({"check": ["b"], "rows_checked": [4], "rows": ["text"]})
    table.append(new.cast(table.schema().as_arrow()))
    cached = CachedTable("ops.checks", ("check", "rows_checked", "rows"))
    assert cached.refresh(lake_in_files.catalog)
    assert sorted(cached.rows, key=lambda row: str(row["check"])) == [
        {"check": "a", "rows_checked": 3, "rows": None},
        {"check": "b", "rows_checked": 4, "rows": "text"},
    ]
