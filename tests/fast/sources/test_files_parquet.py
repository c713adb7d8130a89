"""Times of Parquet files are read as what they are, in every unit and type that writers use."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usertags.sources.files import list_files, read_files

DAY = date(2019, 10, 1)
# 2019-09-30 20:30 of UTC, and numbers around it that only some units can have.
SECOND = 1_569_875_400


def read(folder: Path, **tables: pa.Table) -> pa.Table:
    """The rows of Parquet files with the column `at`, in the order of their names."""
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", version="2.6")
    files = list_files(str(folder), "*.parquet", data_day=DAY)
    return read_files(files, columns=["at"], format="parquet", has_pii=False).read_all()


def times(unit: str, numbers: Sequence[int | None], zone: str | None = None) -> pa.Table:
    return pa.table({"at": pa.array(numbers, pa.int64()).cast(pa.timestamp(unit, zone))})


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai", "+08:00"])
def test_instants_and_local_times_of_every_unit(tmp_path: Path, unit: str, zone: str | None) -> None:
    number = SECOND * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    found = read(tmp_path, a=times(unit, [number, None, -number], zone))["at"]
    assert found.type == pa.timestamp("us", "UTC" if zone else None)
    assert found.cast(pa.int64()).to_pylist() == [SECOND * 10**6, None, -SECOND * 10**6]


def test_nanoseconds_are_cut_off_to_microseconds(tmp_path: Path) -> None:
    found = read(tmp_path, a=times("ns", [1_999, -1], "UTC"))["at"]
    assert found.cast(pa.int64()).to_pylist() == [1, -1]


def test_int96_is_an_instant_of_any_year(tmp_path: Path) -> None:
    """As nanoseconds, years after 2261 would come back as others."""
    far = [datetime(1, 1, 2), datetime(1600, 1, 1), datetime(2019, 9, 30, 20, 30), datetime(9999, 12, 31)]
    table = pa.table({"at": pa.array(far, pa.timestamp("us"))})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    assert pq.ParquetFile(path).schema.column(0).physical_type == "INT96"
    found = read(tmp_path)["at"]
    assert found.type == pa.timestamp("us", "UTC")
    assert found.to_pylist()[1:3] == [moment.replace(tzinfo=UTC) for moment in far[1:3]]


@pytest.mark.parametrize(("unit", "factor"), [("s", 10**6), ("ms", 10**3)])
def test_a_number_of_another_unit_is_a_far_year_and_no_error(tmp_path: Path, unit: str, factor: int) -> None:
    """Milliseconds taken for seconds are the year 52274; what microseconds cannot hold is cut at the end."""
    # Parquet itself has no seconds: they are written as milliseconds.
    far = 2**62 if unit == "ms" else 2**52
    found = read(tmp_path, a=times(unit, [1_587_496_943_893, far, -far, 0], "UTC"))["at"]
    last = 9 * 10**18
    assert found.cast(pa.int64()).to_pylist() == [1_587_496_943_893 * factor, last, -last, 0]


def test_files_may_differ_in_unit_and_in_the_way_that_instants_are_written(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"at": pa.array([SECOND * 10**9], pa.timestamp("ns"))}),
        tmp_path / "c.parquet",
        use_deprecated_int96_timestamps=True,
    )
    found = read(tmp_path, a=times("ms", [SECOND * 10**3], "UTC"), b=times("us", [SECOND * 10**6], "+01:00"))
    assert found["at"].cast(pa.int64()).to_pylist() == [SECOND * 10**6] * 3
