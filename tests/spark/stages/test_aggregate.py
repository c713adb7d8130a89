"""Roll-ups of a lake in files, after clean rows were written by PyIceberg."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from usertags.project.model import Project
from usertags.stages.aggregate import aggregate
from usertags.stages.batch_register import BatchRecord, register, uuid_of
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.tables import ensure_table

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
CLEAN = pa.schema(
    [
        ("customer", pa.string()),
        ("amount", pa.decimal128(12, 2)),
        ("ordered_at", pa.timestamp("us", tz="UTC")),
        ("event_day", pa.date32()),
    ]
)
COUNTED = {"orders": {"source": "orders", "value": "count(*)"}}
SUMMED = COUNTED | {"paid": {"source": "orders", "value": "sum(amount)"}}


def land(lake: Lake, batch: date, day: date, *amounts: int) -> None:
    """Make the orders of u1 on a day what the clean batch of a data day says."""
    table = ensure_table(lake, "clean.orders", CLEAN, ["event_day"])
    at = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    rows = [
        {"customer": "u1", "amount": Decimal(amount), "ordered_at": at, "event_day": day}
        for amount in amounts
    ]
    table.overwrite(pa.Table.from_pylist(rows, schema=CLEAN), rows_where(event_day=day))
    register(lake, [BatchRecord("orders", batch, "clean", 0, "clean", uuid_of(table), event_days=(day,))])


def rolled_up(lake: Lake, project: Project) -> dict[date, dict[str, Any]]:
    """By day: the partials of each measure for u1, over all rows of the roll-up that have one."""
    rows = lake.catalog.load_table("rollup.orders").scan().to_arrow().to_pylist()
    names = {partial.id: name for name, each in project.measures.items() for partial in each.partials}
    found: dict[date, dict[str, Any]] = {}
    for row in rows:
        known = found.setdefault(row["day"], {})
        for partial, name in names.items():
            if row.get(partial) is not None:
                assert name not in known, f"{name} of {row['day']} stands twice"
                known[name] = row[partial]
    return found


def test_a_new_measure_is_built_beside_those_that_are_there(
    spark_of_lake: SparkSession, lake_in_files: Lake, build: Callable[..., Project]
) -> None:
    lake, before, after = lake_in_files, build(measures=COUNTED), build(measures=SUMMED)
    land(lake, D1, D1, 10, 20)
    land(lake, D2, D2, 5)
    aggregate(spark_of_lake, before, lake, D2, "r1")
    assert rolled_up(lake, before) == {D1: {"orders": 2}, D2: {"orders": 1}}
    aggregate(spark_of_lake, after, lake, D2, "r2")
    assert rolled_up(lake, after) == {D1: {"orders": 2, "paid": 30}, D2: {"orders": 1, "paid": 5}}
    # A day that is cleaned again is built whole, in the place of all its rows.
    land(lake, D1, D1, 7)
    aggregate(spark_of_lake, after, lake, D2, "r3")
    assert rolled_up(lake, after) == {D1: {"orders": 1, "paid": 7}, D2: {"orders": 1, "paid": 5}}
