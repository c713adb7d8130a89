"""Types of Parquet files that the lake does not have, and types that differ between files: each value is
landed exactly, or its column is named."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usertags.errors import DataError
from usertags.sources.exact_arrow import common_type, converted, holds
from usertags.sources.files import list_files, read_files

DAY = date(2026, 3, 1)
INSTANT, LOCAL = pa.timestamp("us", "UTC"), pa.timestamp("us")
DECIMAL = pa.decimal128
LOCAL_TIME = datetime(2026, 3, 1, 10)
AN_ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


def landed(folder: Path, *arrays: pa.Array) -> pa.Array:
    """The column `x` of one file for each array."""
    for number, array in enumerate(arrays):
        pq.write_table(pa.table({"x": array}), folder / f"{number}.parquet", version="2.6")
    files = list_files(str(folder), "*.parquet", data_day=DAY)
    reading = read_files(files, columns=["x"], format="parquet", has_pii=False)
    return reading.read_all()["x"].combine_chunks()


TYPES: list[tuple[pa.Array, pa.DataType, list[Any]]] = [
    (pa.array([-128, None], pa.int8()), pa.int32(), [-128, None]),
    (pa.array([-(2**15)], pa.int16()), pa.int32(), [-(2**15)]),
    (pa.array([255], pa.uint8()), pa.int32(), [255]),
    (pa.array([2**16 - 1], pa.uint16()), pa.int32(), [2**16 - 1]),
    (pa.array([2**32 - 1, None], pa.uint32()), pa.int64(), [2**32 - 1, None]),
    (pa.array([2**64 - 1, None], pa.uint64()), pa.decimal128(20, 0), [Decimal(2**64 - 1), None]),
    (pa.array([np.float16(0.1), None, np.float16(2048)], pa.float16()), pa.float64(), [0.1, None, 2048.0]),
    (pa.nulls(2), pa.null(), [None, None]),
    (pa.array([DAY], pa.date64()), pa.date32(), [DAY]),
    (pa.array(["a", None], pa.large_string()), pa.string(), ["a", None]),
    (pa.array(["a", None, "a"]).dictionary_encode(), pa.string(), ["a", None, "a"]),
    (pa.array(["张".encode(), None], pa.binary()), pa.string(), ["张", None]),
    (pa.array([b"\x00\xff", None], pa.binary(2)), pa.string(), ["00ff", None]),
    (pa.array([AN_ID.bytes, None], pa.uuid()), pa.string(), [str(AN_ID), None]),
    (pa.array([Decimal("1.50"), None], pa.decimal256(30, 2)), pa.decimal128(30, 2), [Decimal("1.50"), None]),
    (pa.array([Decimal("0.5")], pa.decimal256(60, 1)), pa.string(), ["0.5"]),
    (pa.array([time(10, 30), None], pa.time32("s")), pa.string(), ["10:30:00", None]),
    (
        pa.array([time(10, 30), time(1, 2, 3, 450000)], pa.time64("us")),
        pa.string(),
        ["10:30:00", "01:02:03.45"],
    ),
]


@pytest.mark.parametrize(("array", "kind", "values"), TYPES, ids=[str(each[0].type) for each in TYPES])
def test_types_that_the_lake_lacks_are_landed_exactly(
    tmp_path: Path, array: pa.Array, kind: pa.DataType, values: list[Any]
) -> None:
    found = landed(tmp_path, array)
    assert (found.type, found.to_pylist()) == (kind, values)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([timedelta(1)], pa.duration("ms")),
    ],
    ids=lambda array: str(array.type),
)
def test_what_no_column_can_hold_is_named(tmp_path: Path, array: pa.Array) -> None:
    with pytest.raises(
        DataError, match=r"0\.parquet: column x is (list|struct|map|duration).*, which no type"
    ):
        landed(tmp_path, array)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"0\.parquet: column x is binary, and some of its values are not string"
    ):
        landed(tmp_path, pa.array([b"\xff\xfe"], pa.binary()))


MIXED: list[tuple[list[pa.Array], pa.DataType, list[Any]]] = [
    ([pa.array([1], pa.int32()), pa.array([2**40])], pa.int64(), [1, 2**40]),
    ([pa.nulls(1), pa.array([2])], pa.int64(), [None, 2]),
    ([pa.array([1.5]), pa.array([1], pa.int32())], pa.float64(), [1.5, 1.0]),
    ([pa.array([1.5, 1e22]), pa.array([2**60 + 1])], pa.string(), ["1.5", "1e+22", str(2**60 + 1)]),
    ([pa.array([np.float32(19.99)], pa.float32()), pa.array([0.1])], pa.string(), ["19.99", "0.1"]),
    # An id in a file with an empty cell.
    (
        [pa.array([12345678901]), pa.array([13800000000.0, 12345678901.0, None, 1e-7, -0.5])],
        pa.string(),
        ["12345678901", "13800000000", "12345678901", None, "0.0000001", "-0.5"],
    ),
    (
        [pa.array([np.float32(5.0), np.float32(2**24)], pa.float32()), pa.array([2**60])],
        pa.string(),
        ["5", "1.6777216e+07", str(2**60)],
    ),
    (
        [pa.array([Decimal("1.5")], DECIMAL(10, 1)), pa.array([Decimal("0.1234")], DECIMAL(8, 4))],
        pa.decimal128(13, 4),
        [Decimal("1.5000"), Decimal("0.1234")],
    ),
    ([pa.array([7]), pa.array([Decimal("0.5")], pa.decimal128(3, 1))], pa.decimal128(20, 1),
     [Decimal("7.0"), Decimal("0.5")]),
    ([pa.array([True]), pa.array(["x"])], pa.string(), ["true", "x"]),
    (
        [pa.array([LOCAL_TIME], LOCAL), pa.array([datetime(2026, 3, 1, 2, tzinfo=UTC)], INSTANT)],
        pa.string(),
        ["2026-03-01 10:00:00.000000", "2026-03-01 02:00:00.000000Z"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arrays", "kind", "values"), MIXED, ids=[str(each[1]) + str(each[2]) for each in MIXED]
)
def test_files_of_one_delivery_may_differ_in_their_types(
    tmp_path: Path, arrays: list[pa.Array], kind: pa.DataType, values: list[Any]
) -> None:
    found = landed(tmp_path, *arrays)
    assert (found.type, found.to_pylist()) == (kind, values)


def test_a_type_holds_another_if_it_has_every_value_of_it() -> None:
    decimal = pa.decimal128
    for wide, narrow in [
        (pa.int64(), pa.int32()), (decimal(10, 0), pa.int32()), (decimal(21, 2), pa.int64()),
        (decimal(12, 4), decimal(10, 2)), (pa.string(), decimal(38, 9)), (pa.float64(), pa.int32()),
        (INSTANT, pa.null()),
    ]:  # fmt: skip
        assert holds(wide, narrow), (wide, narrow)
        assert not holds(narrow, wide), (wide, narrow)
        assert common_type([wide, narrow]) == common_type([narrow, wide]) == wide
    for one, other in [
        (pa.float64(), pa.int64()), (pa.float64(), pa.float32()), (pa.string(), INSTANT), (INSTANT, LOCAL),
        (decimal(38, 0), decimal(38, 38)), (pa.string(), pa.date32()), (pa.bool_(), pa.int32()),
    ]:  # fmt: skip
        assert not holds(one, other) and not holds(other, one), (one, other)
        assert common_type([one, other]) == pa.string()
    # A decimal that is too narrow is no place for an int.
    assert not holds(decimal(9, 0), pa.int32())


def test_values_of_one_type_are_not_copied() -> None:
    array = pa.array([1, 2])
    assert converted(array, pa.int64()) is array
