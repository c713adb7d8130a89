"""Row filters on tables of a lake in files: values are compared as they are, whatever is in them."""

from datetime import date

import pyarrow as pa
import pytest
from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import Table

from usertags.store.filters import rows_among, rows_where, rows_with
from usertags.store.lake import Lake
from usertags.store.tables import ensure_table

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))
PLAIN, QUOTED, QUERY = "customer:u1", "customer:O'Brien", "x' or 'a' = 'a"
SCHEMA = pa.schema([("n", pa.int32()), ("dt", pa.date32()), ("id", pa.string()), ("good", pa.bool_())])
ROWS = [
    {"n": 1, "dt": D1, "id": PLAIN, "good": True},
    {"n": 2, "dt": D1, "id": QUOTED, "good": False},
    {"n": 3, "dt": D1, "id": QUERY, "good": True},
    {"n": 4, "dt": D2, "id": QUOTED, "good": True},
    {"n": 5, "dt": D3, "id": None, "good": None},
]


@pytest.fixture
def table(lake_in_files: Lake) -> Table:
    table = ensure_table(lake_in_files, "ops.rows", SCHEMA, ["dt"])
    table.append(pa.Table.from_pylist(ROWS, schema=table.schema().as_arrow()))
    return table


def found(table: Table, where: BooleanExpression) -> list[int]:
    return sorted(table.scan(row_filter=where).to_arrow()["n"].to_pylist())


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (rows_where(id=QUOTED), [2, 4]),
        (rows_where(id=QUERY), [3]),
        (rows_where(dt=D1, id=QUOTED), [2]),
        (rows_with("id"), [1, 2, 3, 4]),
        (rows_where(dt="2026-03-01"), [1, 2, 3]),
        (rows_where(dt=D1, id=QUOTED, good=False), [2]),
        (rows_where(dt=D2, good=False), []),
        (rows_among("id", [QUERY, QUOTED]), [2, 3, 4]),
        (rows_among("id", [PLAIN]), [1]),
        (rows_among("dt", {D1, D3}), [1, 2, 3, 5]),
        (rows_among("dt", []), []),
    ],
    ids=str,
)
def test_the_rows_with_these_values_are_found(
    table: Table, where: BooleanExpression, numbers: list[int]
) -> None:
    assert found(table, where) == numbers


def test_rows_with_a_quote_in_their_key_are_deleted_and_replaced(table: Table) -> None:
    table.delete(rows_where(dt=D1, id=QUOTED))
    assert found(table, rows_among("dt", [D1, D2, D3])) == [1, 3, 4, 5]
    again = pa.Table.from_pylist([ROWS[3] | {"n": 6}], schema=table.schema().as_arrow())
    table.overwrite(again, overwrite_filter=rows_where(dt=D2) & rows_among("id", [QUOTED, QUERY]))
    assert found(table, rows_among("dt", [D1, D2, D3])) == [1, 3, 5, 6]
