"""Batches written to the clean tables of a lake in files, after raw rows were landed by PyIceberg."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from usertags.project.model import Project
from usertags.quality.clean_checks import Tied, one_row_per_key
from usertags.quality.sentences import action, sentence
from usertags.sources.pii import hash_pii, hash_value
from usertags.sources.reading import READING
from usertags.stages.clean_batch import Batch
from usertags.stages.clean_writing import write_batch
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import QUARANTINE
from usertags.store.tables import ensure_table

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
NAMES = ("order_id", "customer", "status", "amount", "units", "rating", "ordered_at")
RAW = pa.schema([*((name, pa.string()) for name in NAMES), ("batch", pa.date32()), (READING, pa.int32())])
# What tells rows that are set aside apart.
COLUMNS = ("source", "batch", "run_id", "reason", "key")


def land(lake: Lake, day: date, *amounts: str, order: str | None = None) -> None:
    """Make orders of these amounts the batch of a data day; `many` is no number: such a row is set aside.
    With `order` all rows are of that one."""
    rows = [
        {"order_id": order or f"{day:%d}-{number}", "customer": "u1", "amount": amount}
        | {"batch": day, READING: 0}
        | {"ordered_at": "2026-03-01 10:00:00"}
        for number, amount in enumerate(amounts)
    ]
    table = ensure_table(lake, "raw.orders", RAW, ["batch"])
    table.overwrite(pa.Table.from_pylist(rows, schema=RAW), rows_where(batch=day))


def quarantined(lake: Lake) -> list[tuple[Any, ...]]:
    rows = lake.catalog.load_table(QUARANTINE.name).scan().to_arrow().to_pylist()
    return sorted(tuple(row[name] for name in COLUMNS) for row in rows)


@pytest.fixture
def write(
    spark_of_lake: SparkSession, lake_in_files: Lake, build: Callable[..., Project]
) -> Callable[..., dict[str, int]]:
    """Lands and writes a batch of orders; returns its row counts."""
    project = build()

    def write(run_id: str, day: date, *amounts: str) -> dict[str, int]:
        land(lake_in_files, day, *amounts)
        batch = Batch(project.sources["orders"], day, "d", run_id, 0)
        return write_batch(spark_of_lake, project, lake_in_files, batch, run_id).counts

    return write


def test_rows_set_aside_take_the_place_of_those_of_an_earlier_try(
    write: Callable[..., dict[str, int]], lake_in_files: Lake
) -> None:
    """Those of other days and of other sources stay."""
    others = [("orders", D1, "r1", "type_amount", "01-0"), ("returns", D2, "r1", "type_amount", "01-0")]
    table = ensure_table(lake_in_files, QUARANTINE.name, QUARANTINE.schema, QUARANTINE.partition)
    known = [dict(zip(COLUMNS, row, strict=True)) for row in others]
    table.append(pa.Table.from_pylist(known, schema=QUARANTINE.schema))
    counts = write("r2", D2, "7", "many", "many")
    assert (counts["read"], counts["kept"], counts["quarantined"]) == (3, 1, 2)
    of_first = [("orders", D2, "r2", "type_amount", f"02-{number}") for number in (1, 2)]
    assert quarantined(lake_in_files) == sorted([*others, *of_first])
    write("r3", D2, "7", "8", "many")
    assert quarantined(lake_in_files) == sorted([*others, ("orders", D2, "r3", "type_amount", "02-2")])
    write("r4", D2, "7", "8", "9")
    assert quarantined(lake_in_files) == others


def test_keys_with_different_rows_are_counted_and_shown(
    spark_of_lake: SparkSession, lake_in_files: Lake, build: Callable[..., Project]
) -> None:
    """An export of one row per order line, with the number of the order as key."""
    project = build()
    orders = project.sources["orders"]

    def written(*amounts: str) -> Tied:
        land(lake_in_files, D1, *amounts, order="#1")
        return write_batch(
            spark_of_lake, project, lake_in_files, Batch(orders, D1, "d", amounts[0], 0), "r1"
        ).tied

    assert written("31.00", "31.00") == Tied(0)
    different = written("31.00", "12.00", "7.00")
    assert different == Tied(1, ({"order_id": "#1"},))
    (result,) = one_row_per_key(orders, different)
    assert (result.severity, result.success, result.unexpected) == ("critical", False, 1)
    assert result.samples == ({"order_id": "#1"},)
    assert sentence(result) == (
        "clean.orders: one newest row per order_id (observed 1 keys with different rows, none of them the "
        "newer one, expected different rows of one key only with different versions)"
    )
    assert action(result).startswith(
        "set `version` of the source to a column that is higher in the newer row"
    )
    (fine,) = one_row_per_key(orders, written("31.00"))
    assert fine.success


LINKS = {
    "kind": "links",
    "read": {"connection": "shop", "table": "links"},
    "columns": {
        "customer": {"from": "customer", "type": "string"},
        "phone": {"from": "Phone No", "type": "string", "pii": "hash"},
        "at": {"from": "at", "type": "timestamp"},
    },
    "key": ["customer"],
    "links": {"customer": "customer", "phone": "phone"},
    "time": "at",
}
CALLS = LINKS | {"kind": "events", "links": None, "user": {"phone": "phone"}, "key": ["customer", "at"]}
GOOD = "13900139001"
SENT = ["1.38E+10", "1.38E+10", "0", "0", "-", "-", "N/A", "n/a", GOOD, f"{GOOD}.0", "0" * 11, "0" * 11, ""]


def test_a_personal_value_that_is_no_id_joins_nobody_and_is_counted(
    spark_of_lake: SparkSession, lake_in_files: Lake, build: Callable[..., Project]
) -> None:
    """The row of a link stays, without the id; a row whose user it would be is set aside."""
    project = build(sources={"links": LINKS, "calls": CALLS})
    written = {}
    for name, source in project.sources.items():
        batch = pa.record_batch(
            {
                "customer": [f"c{number}" for number in range(len(SENT))],
                "Phone No": SENT,
                "at": ["2026-03-01 10:00:00"] * len(SENT),
                "batch": [D1] * len(SENT),
                READING: pa.array([1] * len(SENT), pa.int32()),
            }
        )
        hashed = hash_pii(batch, source.raw_pii, "pepper")
        # An earlier reading of the batch is not counted.
        earlier = pa.Table.from_batches([hashed.slice(0, 2)])
        earlier = earlier.set_column(earlier.schema.get_field_index(READING), READING, [[0, 0]])
        table = ensure_table(lake_in_files, f"raw.{name}", hashed.schema, ["batch"])
        table.append(pa.Table.from_batches([hashed]))
        table.append(earlier.cast(hashed.schema))
        landed = Batch(source, D1, "d", "f", 1)
        written[name] = write_batch(spark_of_lake, project, lake_in_files, landed, "r1")
    reasons = {"shortened": 2, "placeholder": 8}
    assert [dict(written[name].unusable) for name in ("links", "calls")] == [{"phone": reasons}] * 2
    phone = hash_value(GOOD, "pepper")
    kept = spark_of_lake.table(f"lake.clean.links.branch_batch_{D1:%Y%m%d}").select("customer", "phone")
    phones = {row["customer"]: row["phone"] for row in kept.toArrow().to_pylist()}
    assert phones == {f"c{number}": phone if number in (8, 9) else None for number in range(len(SENT))}
    assert written["calls"].counts["kept"] == 2
    rejected = Counter(row[3] for row in quarantined(lake_in_files))
    assert rejected == {"unusable_phone": 12, "missing_user": 1}
