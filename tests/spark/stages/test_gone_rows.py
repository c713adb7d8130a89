"""Rows that are gone at a source that is read whole: batches written to a lake in files, day after day, and
what each data day has of them in clean rows, roll-ups and measures."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from tests.support.frames import ORDERS, rows
from usertags.project.model import GONE, SINCE, Project
from usertags.quality.checks import CheckResult
from usertags.quality.clean_checks import rows_gone
from usertags.sources.reading import READING
from usertags.stages.batch_register import BatchRecord, uuid_of
from usertags.stages.clean_batch import Batch
from usertags.stages.clean_writing import Written, write_batch
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.spark import spark_table
from usertags.store.tables import ensure_table, fast_forward
from usertags.transform.presence import present
from usertags.transform.rollup import day_rollup, merge
from usertags.verify.inputs import rows_of_day

D1, D2, D3, D4 = (date(2026, 3, number) for number in (1, 2, 3, 4))
NAMES = ("order_id", "customer", "status", "amount", "units", "rating", "ordered_at")
RAW = pa.schema([*((name, pa.string()) for name in NAMES), ("batch", pa.date32()), (READING, pa.int32())])
MEASURES = {
    "orders": {"source": "orders", "value": "count(distinct status)", "distinct_within": "day"},
    "paid": {"source": "orders", "value": "sum(amount)"},
}
# What a delivery has: the id of a row, and its amount.
Delivery = Mapping[str, str]


class Shop:
    """A source of orders that is read whole, and the lake that its batches are written to. `status` is the
    order of a line: those of one letter are one order."""

    def __init__(self, spark: SparkSession, lake: Lake, build: Callable[..., Project], **source: Any) -> None:
        self.spark, self.lake = spark, lake
        whole = {"connection": "shop", "table": "orders"} | source.pop("read", {"whole": "replace"})
        self.project = build(sources={"orders": ORDERS | {"read": whole} | source}, measures=MEASURES)
        self.source = self.project.sources["orders"]
        self.records: list[BatchRecord] = []

    def deliver(self, day: date, delivery: Delivery, *, again: bool = False) -> Written:
        """Land the rows as the batch of a day, unless the batch is only cleaned again, and promote it."""
        if not again:
            self._land(day, delivery)
        earlier = {record.data_day for record in self.records if record.data_day < day}
        batch = Batch(self.source, day, "d", "f", 0, max(earlier, default=None), tuple(self.records))
        written = write_batch(self.spark, self.project, self.lake, batch, "r1")
        table = self.lake.catalog.load_table(batch.table)
        fast_forward(table, batch.branch)
        done = BatchRecord("orders", day, "clean", 0, "clean", uuid_of(table), event_days=tuple(written.days))
        self.records.append(done)
        return written

    def _land(self, day: date, delivery: Delivery) -> None:
        found = [
            {"order_id": name, "customer": f"u{name[0]}", "status": name[0], "amount": amount}
            | {"ordered_at": "2026-03-01 10:00:00", "batch": day, READING: 0}
            for name, amount in delivery.items()
        ]
        table = ensure_table(self.lake, "raw.orders", RAW, ["batch"])
        table.overwrite(pa.Table.from_pylist(found, schema=RAW), rows_where(batch=day))
        at = datetime(2026, 4, 1, tzinfo=UTC) + timedelta(hours=len(self.records))
        self.records.append(
            BatchRecord("orders", day, "extract", 0, "landed", "raw", rows_read=len(found), recorded_at=at)
        )

    def of_day(self, day: date) -> dict[str, str]:
        """The rows that a data day has, in clean; `usertags verify` reads the same ones."""
        clean = self.spark.table(spark_table("clean.orders"))
        found = {row["order_id"]: str(row["amount"]) for row in rows(present(clean, day))}
        table = self.lake.catalog.load_table("clean.orders")
        scan = table.scan(row_filter=rows_of_day(table, None, day), selected_fields=("order_id", "amount"))
        verified = [(row["order_id"], str(row["amount"])) for row in scan.to_arrow().to_pylist()]
        assert sorted(verified) == sorted(found.items())
        return found

    def measured(self, day: date) -> dict[str, tuple[int, Decimal]]:
        """Orders and amount by user, through the roll-up."""
        measures = self.project.measures.values()
        partials = {partial.id: partial for measure in measures for partial in measure.partials}
        rollup = day_rollup(self.spark.table(spark_table("clean.orders")), self.source, [*partials.values()])
        found = rows(merge([present(rollup, day)], measures, day))
        return {row["id"]: (row["orders"], row["paid"]) for row in found}


@pytest.fixture
def shop(
    spark_of_lake: SparkSession, lake_in_files: Lake, build: Callable[..., Project]
) -> Callable[..., Shop]:
    return lambda **source: Shop(spark_of_lake, lake_in_files, build, **source)


def checked(shop: Shop, written: Written) -> CheckResult:
    (result,) = rows_gone(shop.source, written.departures)
    return result


FIRST = {"a1": "1.00", "a2": "2.00", "b1": "10.00"}


def test_a_row_that_is_gone_is_gone_from_that_day_on_and_an_earlier_day_still_has_it(
    shop: Callable[..., Shop],
) -> None:
    """`a1` and `a2` are lines of one order; `b1` is deleted, and comes back with another amount."""
    orders = shop()
    assert orders.deliver(D1, FIRST).departures is None
    gone = orders.deliver(D2, {"a1": "1.00"})
    assert (gone.counts["repeats"], gone.days) == (1, [D1])
    assert gone.departures is not None
    assert (gone.departures.gone, gone.departures.before) == (2, 3)
    assert orders.deliver(D3, {"a1": "1.00", "b1": "30.00"}).counts["kept"] == 1
    by_day = {
        D1: FIRST,
        D2: {"a1": "1.00"},
        D3: {"a1": "1.00", "b1": "30.00"},
    }
    assert {day: orders.of_day(day) for day in by_day} == by_day
    # Lines of one order are one order on every day, however many of them are gone.
    assert [orders.measured(day) for day in by_day] == [
        {"ua": (1, Decimal("3.00")), "ub": (1, Decimal("10.00"))},
        {"ua": (1, Decimal("1.00"))},
        {"ua": (1, Decimal("1.00")), "ub": (1, Decimal("30.00"))},
    ]
    # A batch that is cleaned again changes none of it.
    orders.deliver(D2, {}, again=True)
    assert {day: orders.of_day(day) for day in by_day} == by_day
    # It is changed there, and deleted again.
    orders.deliver(D4, {"a1": "1.00", "b1": "40.00"})
    assert orders.of_day(D3) == orders.of_day(D4) == {"a1": "1.00", "b1": "40.00"}
    assert orders.of_day(D2) == by_day[D2]


def test_a_delivery_without_a_change_changes_nothing_and_an_empty_one_is_too_few(
    shop: Callable[..., Shop],
) -> None:
    orders = shop()
    orders.deliver(D1, FIRST)
    same = orders.deliver(D2, FIRST)
    assert (same.counts["kept"], same.counts["repeats"], same.days) == (0, 3, [])
    assert checked(orders, same).success
    # One row of three may go: a share is rounded up.
    assert checked(orders, orders.deliver(D3, {"a1": "1.00", "b1": "10.00"})).success
    empty = checked(orders, orders.deliver(D4, {}))
    assert (empty.severity, empty.success, empty.value, empty.high) == ("critical", False, 2, 1)


def test_a_row_that_is_set_aside_is_not_gone_and_rows_of_a_later_batch_are_not_either(
    shop: Callable[..., Shop],
) -> None:
    orders = shop()
    orders.deliver(D2, FIRST)
    # The day before is extracted afterwards, from the table of today.
    orders.deliver(D1, {"a1": "1.00"})
    assert orders.of_day(D1) == orders.of_day(D2) == FIRST
    orders.deliver(D3, {"a1": "no number", "a2": "2.00", "b1": "10.00"})
    assert orders.of_day(D3) == FIRST


def test_without_a_key_a_changed_row_is_another_one(shop: Callable[..., Shop]) -> None:
    orders = shop(key=None, repeats="drop")
    orders.deliver(D1, {"a1": "1.00", "b1": "10.00"})
    orders.deliver(D2, {"a1": "5.00", "b1": "10.00"})
    assert orders.of_day(D1) == {"a1": "1.00", "b1": "10.00"}
    assert orders.of_day(D2) == {"a1": "5.00", "b1": "10.00"}
    orders.deliver(D3, {"a1": "1.00"})
    assert orders.of_day(D3) == {"a1": "1.00"}
    assert orders.of_day(D2) == {"a1": "5.00", "b1": "10.00"}


@pytest.mark.parametrize(("read", "warns"), [({}, True), ({"whole": "keep"}, False)])
def test_rows_that_are_kept_are_warned_of_until_the_source_says_so(
    shop: Callable[..., Shop], read: dict[str, str], warns: bool
) -> None:
    orders = shop(read=read)
    orders.deliver(D1, FIRST)
    written = orders.deliver(D2, {"a1": "1.00"})
    assert orders.of_day(D2) == FIRST
    assert {SINCE, GONE}.isdisjoint(orders.lake.catalog.load_table("clean.orders").schema().column_names)
    found: Sequence[CheckResult] = rows_gone(orders.source, written.departures)
    assert [(each.severity, each.success, each.value) for each in found] == [("warning", False, 2)] * warns


def test_a_source_that_says_later_what_becomes_of_its_rows(
    shop: Callable[..., Shop],
) -> None:
    """Rows stay while nothing is said, are gone once `replace` is, and stay gone when it is `keep` again."""
    before = shop(read={})
    before.deliver(D1, FIRST)
    after = shop()
    after.records = before.records
    after.deliver(D2, {"a1": "1.00"})
    assert (after.of_day(D1), after.of_day(D2)) == (FIRST, {"a1": "1.00"})
    kept = shop(read={"whole": "keep"})
    kept.records = after.records
    kept.deliver(D3, {"b1": "10.00"})
    assert kept.of_day(D3) == {"a1": "1.00", "b1": "10.00"}
    assert (kept.of_day(D1), kept.of_day(D2)) == (FIRST, {"a1": "1.00"})
