"""The register of batches: what its records say, and how it stays right when a process dies between a commit
and its record. Literal records, and tables in files."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.table import Table

from usertags.errors import UsageError
from usertags.sources.files import SourceFile
from usertags.stages import batch_register
from usertags.stages.batch_register import (
    BatchRecord,
    earlier_days,
    files_in_doubt,
    files_known,
    forget_held,
    held_batch,
    is_interrupted,
    landed,
    mark_rolled_up,
    not_rolled_up,
    on_main,
    other_definitions,
    read_in_order,
    register,
    register_files,
    registered,
    uuid_of,
)
from usertags.stages.deliveries import DeliveredFile, State
from usertags.stages.source_tables import SourceTables
from usertags.store.lake import Lake
from usertags.store.schemas import BATCH_FILES, BATCHES
from usertags.store.tables import ensure_table

D1, D2, D3, D4 = (date(2024, 7, day) for day in (1, 2, 3, 4))
NOON = datetime(2024, 7, 5, 12, tzinfo=UTC)


def reading(day: date, attempt: int = 0, status: str = "landed", **more: Any) -> BatchRecord:
    values = {"table_uuid": "raw-1", "recorded_at": NOON} | more
    return BatchRecord("orders", day, "extract", attempt, status, **values)  # type: ignore[arg-type]


def cleaned(day: date, definition: str | None = "new", status: str = "clean", **more: Any) -> BatchRecord:
    values = {"table_uuid": "clean-1", "recorded_at": NOON} | more
    return BatchRecord("orders", day, "clean", 0, status, definition_version=definition, **values)  # type: ignore[arg-type]


# ---- what records say --------------------------------------------------------------------------------

# The batch of the 2nd was cleaned again after that of the 3rd; another try of the 3rd is held.
RECORDS = [
    reading(D1),
    reading(D2),
    reading(D2, attempt=1, rows_read=7),
    reading(D3),
    reading(D3, attempt=1, status="reading"),
    cleaned(D1, "old", event_days=()),
    cleaned(D3, event_days=(D3,), rolled_up=True),
    cleaned(D2, event_days=(D1, D2)),
    cleaned(D3, "third", "held", event_days=(D4,), input_fingerprint="h"),
]


def test_a_batch_stands_as_its_last_reading_that_landed() -> None:
    assert {day: record.attempt for day, record in landed(RECORDS).items()} == {D1: 0, D2: 1, D3: 0}
    assert landed(reversed(RECORDS))[D2].rows_read == 7


def test_a_reading_that_did_not_come_to_its_end_is_read_again() -> None:
    assert [is_interrupted(RECORDS, day) for day in (D1, D2, D3, D4)] == [False, False, True, False]
    assert is_interrupted([reading(D1, status="reading")], D1)


def test_batches_are_read_in_order_unless_a_later_day_was_read_first() -> None:
    """A day that is read again was first read when it was."""
    late = [
        reading(D1),
        reading(D1, attempt=1, recorded_at=NOON + timedelta(days=9)),
        reading(D2, recorded_at=NOON + timedelta(days=3)),
        reading(D3, recorded_at=NOON + timedelta(days=2)),
    ]
    assert [read_in_order(late, day) for day in (D1, D2, D3, D4)] == [True, False, True, True]


def test_what_is_on_main_and_what_a_branch_holds_are_two() -> None:
    found = [on_main(RECORDS, day) for day in (D1, D2, D3, D4)]
    assert [record and record.definition_version for record in found] == ["old", "new", "new", None]
    kept = [held_batch(RECORDS, day) for day in (D1, D3)]
    assert [record and record.input_fingerprint for record in kept] == [None, "h"]


def test_batches_that_stand_as_another_definition_made_them_are_reported() -> None:
    assert other_definitions(RECORDS, D4, "new") == [D1]
    assert other_definitions(RECORDS, D4, "old") == [D2, D3]
    # Of the batch itself nothing is said: it is made anew.
    assert other_definitions(RECORDS, D1, "new") == []


def test_a_batch_whose_definition_is_not_known_is_left_out() -> None:
    assert other_definitions([cleaned(D1, None)], D2, "new") == []


def test_the_days_of_earlier_tries_of_a_batch_are_rewritten_but_not_those_of_a_held_one() -> None:
    assert [earlier_days(RECORDS, day) for day in (D1, D2, D3, D4)] == [set(), {D1, D2}, {D3}, set()]


def test_a_batch_that_may_have_got_to_main_counts_as_if_it_had() -> None:
    """The process died around the commit, and other commits came after it."""
    records = [cleaned(D1, event_days=(D1,), rolled_up=True), cleaned(D1, "x", "promoting", event_days=(D2,))]
    assert earlier_days(records, D1) == {D1, D2}
    assert [record.status for record in not_rolled_up(records)] == ["promoting"]


def test_batches_that_no_rollup_has_wait_for_it() -> None:
    assert [record.data_day for record in not_rolled_up(RECORDS)] == [D1, D2]


# ---- records in tables -------------------------------------------------------------------------------


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    return lake_in_files


RAW = pa.schema([("id", pa.int64()), ("batch", pa.date32()), ("landed_reading", pa.int32())])


@pytest.fixture
def raw(lake: Lake) -> Table:
    return ensure_table(lake, "raw.orders", RAW, ["batch"])


@pytest.fixture
def clean(lake: Lake) -> Table:
    return ensure_table(lake, "clean.orders", pa.schema([("id", pa.int64())]))


def land(table: Table, day: date, attempt: int = 0, rows: int = 2) -> None:
    found = [{"id": number, "batch": day, "landed_reading": attempt} for number in range(rows)]
    table.append(pa.Table.from_pylist(found, schema=RAW))


def known(lake: Lake) -> list[BatchRecord]:
    return registered(lake, [tables(lake)])["orders"]


def tables(lake: Lake) -> SourceTables:
    catalog = lake.catalog
    clean = catalog.load_table("clean.orders") if catalog.table_exists("clean.orders") else None
    return SourceTables("orders", catalog.load_table("raw.orders"), clean)


def test_a_record_is_read_as_it_was_written(lake: Lake, raw: Table, clean: Table) -> None:
    written = [
        reading(
            D1, table_uuid=uuid_of(raw), cursor_from=NOON, cursor_to=NOON + timedelta(days=1), rows_read=3
        ),
        cleaned(D1, table_uuid=uuid_of(clean), event_days=(D1, D2), rows_kept=2, clean_snapshot=2**62),
    ]
    register(lake, written)
    assert sorted(known(lake), key=lambda record: record.stage, reverse=True) == written


def test_a_batch_that_landed_takes_the_place_of_its_reading_alone(lake: Lake, raw: Table) -> None:
    first = reading(D1, table_uuid=uuid_of(raw), rows_read=1)
    again = reading(D1, 1, "reading", table_uuid=uuid_of(raw))
    register(lake, [first])
    register(lake, [again])
    assert len(known(lake)) == 2
    register(lake, [replace(again, status="landed")])
    assert {(record.attempt, record.status) for record in known(lake)} == {(0, "landed"), (1, "landed")}


def test_a_refused_try_leaves_what_stands_on_main(lake: Lake, raw: Table, clean: Table) -> None:
    stands = cleaned(D1, table_uuid=uuid_of(clean))
    register(lake, [stands, cleaned(D2, table_uuid=uuid_of(clean))])
    register(lake, [replace(stands, status="held", definition_version="other")])
    mark_rolled_up(lake, [stands])
    of_d1 = {(each.status, each.rolled_up) for each in known(lake) if each.data_day == D1}
    assert of_d1 == {("clean", True), ("held", False)}
    register(lake, [replace(stands, definition_version="third")])
    of_d1 = {(each.status, str(each.definition_version)) for each in known(lake) if each.data_day == D1}
    assert of_d1 == {("clean", "third")}


def test_held_batches_are_forgotten_and_nothing_else(lake: Lake, raw: Table, clean: Table) -> None:
    records = [cleaned(D1, status=status, table_uuid=uuid_of(clean)) for status in ("clean", "held")]
    for record in records:
        register(lake, [record])
    forget_held(lake, records)
    assert [record.status for record in known(lake)] == ["clean"]


def test_a_table_that_was_dropped_takes_its_records_with_it(lake: Lake, raw: Table, clean: Table) -> None:
    register(lake, [reading(D1, table_uuid=uuid_of(raw)), cleaned(D1, table_uuid=uuid_of(clean))])
    lake.catalog.drop_table("clean.orders")
    assert [record.stage for record in known(lake)] == ["extract"]
    lake.catalog.drop_table("raw.orders")
    ensure_table(lake, "raw.orders", RAW, ["batch"])
    assert known(lake) == []


def test_rows_that_no_record_is_about_are_refused(lake: Lake, raw: Table) -> None:
    assert known(lake) == []
    land(raw, D1)
    with pytest.raises(UsageError, match="usertags migrate") as error:
        known(lake)
    assert "orders" in str(error.value)


def test_a_commit_without_its_record_is_found(lake: Lake, raw: Table) -> None:
    begun = reading(D1, status="reading", table_uuid=uuid_of(raw), cursor_to=NOON)
    register(lake, [begun])
    assert [record.status for record in known(lake)] == ["reading"]
    land(raw, D1, rows=3)
    (found,) = known(lake)
    assert (found.status, found.rows_read, found.cursor_to) == ("landed", 3, NOON)
    assert found.raw_snapshot == lake.catalog.load_table("raw.orders").current_snapshot().snapshot_id  # type: ignore[union-attr]
    # It is written down, and found no second time.
    land(raw, D2)
    assert known(lake) == [found]


def test_rows_of_another_reading_finish_none(lake: Lake, raw: Table) -> None:
    land(raw, D1, attempt=0)
    register(lake, [reading(D1, table_uuid=uuid_of(raw)), reading(D1, 1, "reading", table_uuid=uuid_of(raw))])
    assert {record.status for record in known(lake)} == {"landed", "reading"}


def test_a_batch_on_main_without_its_record_is_found(lake: Lake, raw: Table, clean: Table) -> None:
    clean.append(pa.table({"id": [1]}))
    current = clean.current_snapshot()
    assert current is not None
    about = cleaned(D1, status="promoting", table_uuid=uuid_of(clean), clean_snapshot=current.snapshot_id)
    register(lake, [replace(about, clean_snapshot=current.snapshot_id + 1)])
    assert [record.status for record in known(lake)] == ["promoting"]
    register(lake, [about])
    assert [record.status for record in known(lake)] == ["clean"]


def test_the_register_stays_small(lake: Lake, raw: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many commits leave few files, and no record is lost or doubled."""
    monkeypatch.setattr(batch_register, "_FILES_PER_SOURCE", 3)
    days = [D1 + timedelta(days=number) for number in range(9)]
    for day in days:
        register(lake, [reading(day, table_uuid=uuid_of(raw))])
        register_files(lake, "orders", day, 0, [file(f"{day}.csv")])
    assert sorted(landed(known(lake))) == days
    read = files_known(lake, "orders", landed(known(lake)))
    assert read == {day: [file(f"{day}.csv")] for day in days}
    for spec in (BATCHES, BATCH_FILES):
        assert len(list(lake.catalog.load_table(spec.name).scan().plan_files())) <= 4


def file(name: str, fingerprint: str = "v1", state: State = "read", same_as: str = "") -> DeliveredFile:
    found = SourceFile(f"/landing/{name}", name, 10, fingerprint, None, content=f"rows of {fingerprint}")
    return DeliveredFile(found, state, same_as)


def test_the_files_of_a_batch_are_those_of_the_reading_it_stands_as(lake: Lake, raw: Table) -> None:
    register_files(lake, "orders", D1, 0, [file("a"), file("it's")])
    register_files(lake, "orders", D1, 1, [file("a", "v2")])
    register_files(lake, "users", D1, 0, [file("u")])
    assert files_known(lake, "orders", {D1: reading(D1)}) == {D1: [file("a"), file("it's")]}
    assert files_known(lake, "orders", {D1: reading(D1, 1)}) == {D1: [file("a", "v2")]}
    assert files_known(lake, "orders", {}) == {}


def test_the_files_that_a_reading_left_out_in_doubt(lake: Lake, raw: Table) -> None:
    doubtful, hidden = file("c", state="doubtful", same_as=f"a ({D1})"), file(".d", state="hidden")
    register_files(lake, "orders", D1, 0, [file("a")])
    register_files(lake, "orders", D2, 0, [file("b", state="again", same_as=f"a ({D1})"), doubtful, hidden])
    assert files_in_doubt(lake, "orders", D1, 0) == []
    assert files_in_doubt(lake, "orders", D2, 0) == [doubtful, hidden]
    assert files_in_doubt(lake, "orders", D2, 1) == []


def test_the_files_of_an_earlier_version_have_no_content(lake: Lake, raw: Table) -> None:
    """Its table has no columns for it; the first batch that is read since adds them."""
    columns = [
        each for each in BATCH_FILES.schema if each.name not in ("name", "content", "state", "same_as")
    ]
    row = {"source": "orders", "data_day": D1, "attempt": 0, "path": "/in/a", "size": 9, "fingerprint": "f"}
    old = pa.schema(columns)
    ensure_table(lake, BATCH_FILES.name, old, BATCH_FILES.partition).append(pa.Table.from_pylist([row], old))
    expected = DeliveredFile(SourceFile("/in/a", "", 9, "f", None), "read")
    assert files_known(lake, "orders", {D1: reading(D1)}) == {D1: [expected]}
    assert files_in_doubt(lake, "orders", D1, 0) == []
    register_files(lake, "orders", D2, 0, [file("b")])
    both = {D1: reading(D1), D2: reading(D2)}
    assert files_known(lake, "orders", both) == {D1: [expected], D2: [file("b")]}


def test_sources_that_write_side_by_side_lose_nothing(lake: Lake, raw: Table) -> None:
    """Both have read the register before either writes."""
    other = replace(reading(D1, table_uuid=uuid_of(raw)), source="users")
    register(lake, [reading(D1, table_uuid=uuid_of(raw))])
    mine = lake.catalog.load_table(BATCHES.name)
    register(lake, [other])
    rows = pa.Table.from_pylist([row_of(reading(D2, table_uuid=uuid_of(raw)))], schema=BATCHES.schema)
    mine.append(rows)
    assert sorted(landed(known(lake))) == [D1, D2]
    assert lake.catalog.load_table(BATCHES.name).scan().count() == 3


def row_of(record: BatchRecord) -> Mapping[str, Any]:
    return record.__dict__ | {"event_days": list(record.event_days)}
