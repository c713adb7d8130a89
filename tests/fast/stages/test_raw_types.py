"""Types that change at the source: in which column the next batch is landed; history stays as it is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from usertags.errors import UsageError
from usertags.stages.raw_types import landed_as, landing, versions_of
from usertags.store.lake import Lake
from usertags.store.tables import ensure_table, promotable

INSTANT, LOCAL, D = pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.decimal128
Types = Mapping[str, pa.DataType]


def landed(known: Types | None, delivered: Types) -> dict[str, pa.DataType]:
    schema = None if known is None else pa.schema(list(known.items()))
    found = landing(schema, pa.schema(list(delivered.items())))
    return {field.name: field.type for field in found}


@pytest.mark.parametrize(
    ("known", "delivered", "expected"),
    [
        # As they are.
        (None, {"a": pa.int32(), "b": pa.null()}, {"a": pa.int32(), "b": pa.string()}),
        ({"a": pa.int32()}, {"a": pa.int32(), "b": INSTANT}, {"a": pa.int32(), "b": INSTANT}),
        ({"a": pa.large_string()}, {"a": pa.string()}, {"a": pa.string()}),
        # Promoted.
        ({"a": pa.int32()}, {"a": pa.int64()}, {"a": pa.int64()}),
        ({"a": D(10, 2)}, {"a": D(14, 2)}, {"a": D(14, 2)}),
        # The old type holds the new values.
        ({"a": pa.int64()}, {"a": pa.int32()}, {"a": pa.int64()}),
        ({"a": D(14, 2)}, {"a": D(10, 1)}, {"a": D(14, 2)}),
        ({"a": pa.float64()}, {"a": pa.int32()}, {"a": pa.float64()}),
        ({"a": pa.string()}, {"a": pa.int64()}, {"a": pa.string()}),
        ({"a": INSTANT}, {"a": pa.null()}, {"a": INSTANT}),
        # A further column.
        ({"a": pa.float64()}, {"a": pa.int64()}, {"a__2": pa.int64()}),
        ({"a": LOCAL}, {"a": INSTANT}, {"a__2": INSTANT}),
        ({"a": INSTANT}, {"a": LOCAL}, {"a__2": LOCAL}),
        ({"a": D(10, 2)}, {"a": D(14, 4)}, {"a__2": D(14, 4)}),
        ({"a": pa.int64()}, {"a": pa.string()}, {"a__2": pa.string()}),
        ({"a": pa.float32()}, {"a": pa.float64()}, {"a__2": pa.float64()}),
        ({"a": pa.string()}, {"a": pa.date32()}, {"a__2": pa.date32()}),
        ({"a": pa.binary()}, {"a": pa.string()}, {"a__2": pa.string()}),
        # There is one already: the exact type is preferred, then what holds it, then what can be promoted.
        ({"a": LOCAL, "a__2": INSTANT}, {"a": INSTANT}, {"a__2": INSTANT}),
        ({"a": LOCAL, "a__2": INSTANT}, {"a": LOCAL}, {"a": LOCAL}),
        ({"a": LOCAL, "a__2": pa.int32()}, {"a": pa.int64()}, {"a__2": pa.int64()}),
        ({"a": LOCAL, "a__2": INSTANT}, {"a": pa.string()}, {"a__3": pa.string()}),
        ({"a": pa.int32(), "a__2": pa.string()}, {"a": pa.int64()}, {"a__2": pa.string()}),
        # A column of the source may have such a name.
        ({"a": LOCAL, "a__2": INSTANT}, {"a": INSTANT, "a__2": INSTANT}, {"a__3": INSTANT, "a__2": INSTANT}),
    ],
)
def test_where_values_of_another_type_are_landed(
    known: Types | None, delivered: Types, expected: Types
) -> None:
    assert landed(known, delivered) == expected


def test_the_columns_of_a_column() -> None:
    columns = ["a", "a__2", "a__x", "a__22", "b", "aa__2", "b__2"]
    assert versions_of(["a", "b", "b__2"], columns) == {
        "a": ["a", "a__2", "a__22"], "b": ["b"], "b__2": ["b__2"],
    }  # fmt: skip


def test_batches_are_landed_in_these_columns() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    batch = pa.record_batch({"n": pa.array([1], pa.int32()), "at": pa.array([at], INSTANT), "x": pa.nulls(1)})
    schema = pa.schema([("n", D(12, 2)), ("at__2", INSTANT), ("x", pa.string())])
    found = landed_as(batch, schema)
    assert found.schema == schema
    assert found.to_pylist() == [{"n": Decimal("1.00"), "at__2": at, "x": None}]


def test_a_table_keeps_its_rows_when_a_column_is_promoted(lake_in_files: Lake) -> None:
    old = pa.table({"n": pa.array([1], pa.int32()), "p": pa.array([Decimal("1.50")], D(4, 2))})
    ensure_table(lake_in_files, "raw.x", old.schema).append(old)
    new = pa.table({"n": pa.array([2**40]), "p": pa.array([Decimal("12345.25")], D(9, 2)), "q": ["a"]})
    ensure_table(lake_in_files, "raw.x", new.schema).append(new)
    rows = lake_in_files.catalog.load_table("raw.x").scan().to_arrow().sort_by("n").to_pylist()
    assert rows == [
        {"n": 1, "p": Decimal("1.50"), "q": None},
        {"n": 2**40, "p": Decimal("12345.25"), "q": "a"},
    ]


def test_a_table_says_what_to_do_if_a_column_cannot_be_promoted(lake_in_files: Lake) -> None:
    ensure_table(lake_in_files, "clean.x", pa.schema([("a", pa.string())]))
    with pytest.raises(UsageError, match=r"'a' of clean\.x is .*string and cannot become int64") as error:
        ensure_table(lake_in_files, "clean.x", pa.schema([("a", pa.int64())]))
    assert "new name in the configuration" in error.value.next_step
    assert not promotable(pa.float32(), pa.float64())
    assert not promotable(pa.int64(), pa.int32())
