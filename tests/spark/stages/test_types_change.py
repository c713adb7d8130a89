"""Types that change at the source from one day to the next: the day runs, and history stays as it was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from usertags.project.model import Project
from usertags.stages.clean_batch import Batch
from usertags.stages.clean_writing import write_batch
from usertags.stages.extract import extract
from usertags.store.lake import Lake

D1, D2, D3 = (date(2026, 11, day) for day in (1, 2, 3))
DECIMAL = pa.decimal128
ORDERS: dict[str, Any] = {
    "kind": "events",
    "read": {"connection": "files", "files": "*.parquet", "format": "parquet"},
    "columns": {
        "order_no": {"from": "order_no", "type": "string"},
        "paid": {"from": "paid", "type": "decimal(12,2)"},
        "units": {"from": "units", "type": "bigint"},
        "rating": {"from": "rating", "type": "double"},
        "at": {"from": "at", "type": "timestamp", "timezone": "Asia/Shanghai"},
    },
    "repeats": "keep",
    "user": {"customer": "order_no"},
    "time": "at",
}
# int to bigint, decimals with more digits before and after the point, a float that becomes an int, and local
# times that become instants.
DAYS: dict[date, dict[str, pa.Array]] = {
    D1: {
        "order_no": pa.array([1], pa.int32()),
        "paid": pa.array([Decimal("10.50")], DECIMAL(10, 2)),
        "units": pa.array([2.0]),
        "rating": pa.array([4.5]),
        "at": pa.array([datetime(2026, 11, 1, 10)], pa.timestamp("us")),
    },
    D2: {
        "order_no": pa.array([3_000_000_000]),
        "paid": pa.array([Decimal("123456789.25")], DECIMAL(14, 2)),
        "units": pa.array([3]),
        "rating": pa.array([5]),
        "at": pa.array([datetime(2026, 11, 2, 2, tzinfo=UTC)], pa.timestamp("us", "UTC")),
    },
    D3: {
        "order_no": pa.array(["A7"]),
        "paid": pa.array([Decimal("7.1200")], DECIMAL(14, 4)),
        "units": pa.array([2**32 - 1], pa.uint32()),
        "rating": pa.nulls(1),
        "at": pa.array(["2026-11-03 10:00"]),
    },
}


def test_the_next_day_runs_and_history_stays(
    spark_of_lake: SparkSession, lake_in_files: Lake, build: Callable[..., Project], tmp_path: Path
) -> None:
    project = build(sources={"orders": ORDERS})
    files = project.connections["files"].model_copy(update={"root": str(tmp_path)})
    project = replace(project, connections={**project.connections, "files": files})
    source = project.sources["orders"]

    def clean(day: date) -> list[tuple[Any, ...]]:
        write_batch(spark_of_lake, project, lake_in_files, Batch(source, day, "d", "f", 0), "r1")
        table = lake_in_files.catalog.load_table("clean.orders")
        branch = table.scan().use_ref(f"batch_{day:%Y%m%d}").to_arrow().to_pylist()
        shown = [row for row in branch if row["_batch"] == day]
        return [tuple(row[name] for name in ORDERS["columns"]) for row in shown]

    for day, columns in DAYS.items():
        pq.write_table(pa.table(columns), tmp_path / f"{day}.parquet")
        extract(project, lake_in_files, source, day, "r1")
    raw = {field.name for field in lake_in_files.catalog.load_table("raw.orders").schema().fields}
    assert raw - {"batch", "landed_file", "landed_line", "landed_reading"} == {
        "order_no", "order_no__2", "paid", "paid__2", "units", "units__2", "rating", "rating__2",
        "at", "at__2", "at__3",
    }  # fmt: skip
    first = ("1", Decimal("10.50"), 2, 4.5, datetime(2026, 11, 1, 2, tzinfo=UTC))
    assert clean(D1) == [first]
    third = ("3000000000", Decimal("123456789.25"), 3, 5.0, datetime(2026, 11, 2, 2, tzinfo=UTC))
    assert clean(D2) == [third]
    assert clean(D3) == [("A7", Decimal("7.12"), 2**32 - 1, None, datetime(2026, 11, 3, 2, tzinfo=UTC))]
