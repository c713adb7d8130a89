"""Data days that do not go as planned: out of order, refused, corrected, and under a changed configuration.

One shop lives through all of it; each fixture takes it one step on and keeps what its tests look at.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.errors import DataError
from jobs.quality.checks import GateRefused
from jobs.stages.runs import publications
from jobs.store.filters import rows_where
from tests.support.places import TINY_SHOP

from .conftest import TABLES, NewShop
from .expected import D1, D2, D3, D4, D5, D6, MOVED, NEVER, PEOPLE, PROFILES, carries, people
from .shop import Row, Shop

LANDING = TINY_SHOP / "landing"
Change = tuple[str, str, str, str | None, str | None, str]


@dataclass(frozen=True)
class Backfilled:
    shop: Shop
    before: dict[str, list[Row]]
    after: dict[str, list[Row]]
    profiles: dict[date, dict[str, Row]]
    changes: set[Change]
    order: list[date]


@pytest.fixture(scope="module")
def backfilled(new_shop: NewShop) -> Backfilled:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    shop.land(LANDING, str(D1))
    shop.run(D1)
    shop.land(LANDING, str(D2))
    shop.land(LANDING, str(D3))
    shop.run(D3)
    before = {table: shop.published(table, D3) for table in TABLES}
    shop.run(D2)
    return Backfilled(
        shop,
        before,
        {table: shop.published(table, D3) for table in TABLES},
        {day: shop.profile(day) for day in (D1, D2, D3)},
        shop.changes(D2),
        [item.day for item in publications(shop.lake)],
    )


def test_a_day_that_is_left_out_hands_its_files_to_the_next(backfilled: Backfilled) -> None:
    expected = people(PROFILES[D3], MOVED)
    # What D2 would have remembered is not known.
    for user in ("u1", "u5", "u7"):
        expected[user].pop("just_bought")
    assert backfilled.profiles[D3] == expected


def test_an_earlier_day_is_filled_in_with_what_is_known_by_now(backfilled: Backfilled) -> None:
    expected = people(PROFILES[D2], MOVED)
    expected["u5"] = carries("fresh", "90.00", "has_ordered") | PEOPLE["u5"]
    expected["u7"] = NEVER | PEOPLE["u7"]
    assert backfilled.profiles[D2] == expected


def test_an_earlier_day_is_compared_with_the_day_before_it(backfilled: Backfilled) -> None:
    of_u2 = {change for change in backfilled.changes if change[0] == "u2"}
    assert of_u2 == {
        ("u2", "bought_today", "removed", "true", None, "data"),
        ("u2", "important_customer", "removed", "true", None, "data"),
    }


def test_filling_in_an_earlier_day_leaves_the_later_and_the_earlier_as_published(
    backfilled: Backfilled,
) -> None:
    assert backfilled.after == backfilled.before
    assert backfilled.profiles[D1] == people(PROFILES[D1])
    assert backfilled.order == [D1, D2, D3]


BAD = {"order_id": "A4", "customer": "u1", "status": "paid", "amount": 5_000_000}
BAD |= {"ordered_at": "2026-03-04 09:00:00", "updated_at": "2026-03-04 09:00:00"}
GOOD = {"order_id": "G1", "customer": "u6", "status": "paid", "amount": 70}
GOOD |= {"ordered_at": "2026-03-04 10:00:00", "updated_at": "2026-03-04 10:00:00"}


@dataclass(frozen=True)
class Refused:
    """D4 with a file that a critical check refuses, and D5 after it."""

    shop: Shop
    error: GateRefused
    waiting: DataError
    snapshots: dict[str, tuple[int, int]]
    checks: list[Row]
    published: list[date]


@pytest.fixture(scope="module")
def refused(backfilled: Backfilled) -> Refused:
    shop = backfilled.shop
    shop.write_orders(str(D4), [BAD, GOOD])
    tables = ("clean.orders", "clean.users", "rollup.orders", "tags.user_tags")
    before = {table: shop.snapshot(table) for table in tables}
    with pytest.raises(GateRefused) as error:
        shop.run(D4)
    with pytest.raises(DataError) as waiting:
        shop.run(D5)
    return Refused(
        shop,
        error.value,
        waiting.value,
        {table: (before[table], shop.snapshot(table)) for table in tables},
        shop.rows("ops.checks", f"{rows_where(dt=D4)} and success = false"),
        [item.day for item in publications(shop.lake)],
    )


def test_a_critical_check_stops_the_day_before_anything_is_built_on_it(refused: Refused) -> None:
    assert refused.error.exit_code == 3
    assert "amount in its range" in str(refused.error)
    assert "have the order corrected and run the day again" in str(refused.error)
    assert "5000000" not in str(refused.error)
    for table, (before, after) in refused.snapshots.items():
        assert before == after, table
    assert refused.published == [D1, D2, D3]


def test_the_failed_check_is_kept_with_its_bounds_owner_and_action(refused: Refused) -> None:
    (row,) = refused.checks
    assert (row["stage"], row["table"], row["column"], row["severity"]) == (
        "clean",
        "clean.orders",
        "amount",
        "critical",
    )
    assert json.loads(row["bounds"]) == {"min_value": 0, "max_value": 100000}
    assert (row["rows"], row["failing"], row["owner"]) == (2, 1, "finance")


def test_a_later_day_waits(refused: Refused) -> None:
    assert refused.waiting.exit_code == 3
    assert f"{D5} waits: {D4} was refused by its clean checks" in str(refused.waiting)
    assert f"run {D4} again" in str(refused.waiting)


@dataclass(frozen=True)
class Repaired:
    shop: Shop
    line: dict[str, int | None]
    profile: dict[str, Row]
    orders: dict[str, Row]


@pytest.fixture(scope="module")
def repaired(refused: Refused) -> Repaired:
    """The shop sends a correction in the place of the bad file, and D4 reads it again."""
    shop = refused.shop
    shop.write_orders(str(D4), [BAD | {"amount": 50, "updated_at": "2026-03-04 18:00:00"}, GOOD])
    shop.run(D4, re_extract=True)
    orders = {row["order_id"]: row for row in shop.rows("clean.orders", "_batch = '2026-03-04'")}
    return Repaired(shop, shop.line("clean", "orders"), shop.profile(D4), orders)


def test_a_corrected_file_is_taken_in(repaired: Repaired) -> None:
    # Both files are in the batch: the bad row gave way to its correction, the other came twice.
    assert repaired.line == {"read": 4, "kept": 2, "superseded": 1, "repeats": 1, "quarantined": 0}
    assert {name: row["amount"] for name, row in repaired.orders.items()} == {
        "A4": Decimal("50.00"),
        "G1": Decimal("70.00"),
    }
    assert repaired.profile["u1"]["yearly_spend"] == Decimal("260.00")
    assert repaired.profile["u6"]["has_ordered"] is True


@dataclass(frozen=True)
class Overlapping:
    error: GateRefused
    unpublished: DataError
    waiting: DataError
    published: list[date]


@pytest.fixture(scope="module")
def overlapping(repaired: Repaired) -> Overlapping:
    """D5 while two tags of an exclusive path hold for one user."""
    shop = repaired.shop
    right = "orders_lifetime = 0"
    shop.edit("tags/tags.yml", lambda tags: tags["tags"]["no_order_yet"].update(when="orders_lifetime <= 2"))
    with pytest.raises(GateRefused) as error:
        shop.run(D5)
    with pytest.raises(DataError) as unpublished:
        list(shop.pipeline.stage("publish", D5, shop.run_id))
    with pytest.raises(DataError) as waiting:
        shop.run(D6)
    found = Overlapping(
        error.value, unpublished.value, waiting.value, [item.day for item in publications(shop.lake)]
    )
    shop.edit("tags/tags.yml", lambda tags: tags["tags"]["no_order_yet"].update(when=right))
    return found


def test_an_audit_that_refuses_keeps_the_run_from_readers(overlapping: Overlapping) -> None:
    assert "exactly one tag of 生命周期/阶段/下单" in str(overlapping.error)
    assert "was refused by its audit" in str(overlapping.unpublished)
    assert f"{D5} was refused by its audit checks" in str(overlapping.waiting)
    assert overlapping.published == [D1, D2, D3, D4]


@dataclass(frozen=True)
class Extended:
    """D5 with one more measure and tag, and one tag retired."""

    shop: Shop
    profile: dict[str, Row]
    changes: set[Change]
    rollups: dict[str, tuple[int, int]]
    files: tuple[set[str], set[str]]
    statuses: dict[str, str]


@pytest.fixture(scope="module")
def extended(repaired: Repaired, overlapping: Overlapping) -> Extended:
    shop = repaired.shop

    def rollups() -> dict[str, int]:
        return {name: shop.snapshot(f"rollup.{name}") for name in ("orders", "referrals")}

    def files() -> set[str]:
        table = shop.lake.catalog.load_table("rollup.orders")
        return set(table.inspect.files()["file_path"].to_pylist())

    shop.edit("measures/all.yml", _add_measure)
    shop.edit("tags/tags.yml", _add_and_retire)
    shop.run(D5, until="clean")
    before, files_before = rollups(), files()
    shop.run(D5)
    after = rollups()
    return Extended(
        shop,
        shop.profile(D5),
        shop.changes(D5),
        {name: (before[name], after[name]) for name in before},
        (files_before, files()),
        {row["tag_id"]: row["status"] for row in shop.published("tag_catalogue", D5)},
    )


def _add_measure(data: dict[str, Any]) -> None:
    paid = "status in ('paid', 'done')"
    data["measures"]["biggest_365d"] = {
        "source": "orders",
        "value": "max(amount)",
        "where": paid,
        "window": "365d",
    }


def _add_and_retire(data: dict[str, Any]) -> None:
    data["tags"]["gender"]["status"] = "retired"
    data["tags"]["biggest_order"] = data["tags"]["yearly_spend"] | {
        "name": "最大单笔",
        "title": "Biggest order",
        "value": "biggest_365d",
        "type": "decimal(12,2)",
    }


def test_later_days_go_on_once_the_day_is_right(extended: Extended) -> None:
    assert extended.shop.publication(D5)["verdict"] == "passed"
    assert extended.profile["u1"]["yearly_spend"] == Decimal("260.00")


def test_a_new_measure_builds_its_missing_history_and_no_other(extended: Extended) -> None:
    biggest = {user: row.get("biggest_order") for user, row in extended.profile.items()}
    assert {user: value for user, value in biggest.items() if value is not None} == {
        "u1": Decimal("100.00"),
        "u2": Decimal("300.00"),
        "u5": Decimal("90.00"),
        "u6": Decimal("70.00"),
    }
    before, after = extended.rollups["referrals"]
    assert before == after
    before, after = extended.rollups["orders"]
    assert before != after
    files_before, files_after = extended.files
    assert files_before < files_after


def test_changes_tell_a_new_rule_and_a_retired_one_from_data(extended: Extended) -> None:
    by_reason: dict[str, set[tuple[str, str, str]]] = {"data": set(), "definition": set(), "retired": set()}
    for user, tag, change, _, _, reason in extended.changes:
        by_reason[reason].add((user, tag, change))
    assert by_reason["definition"] == {(user, "biggest_order", "added") for user in ("u1", "u2", "u5", "u6")}
    assert by_reason["retired"] == {
        (user, "gender", "removed") for user in ("u1", "u2", "u3", "u5", "u6", "u7", "u8")
    }
    assert by_reason["data"] == {("u1", "bought_today", "removed"), ("u6", "bought_today", "removed")}


def test_a_retired_tag_is_in_no_table_but_the_catalogue(extended: Extended) -> None:
    assert extended.statuses["gender"] == "retired"
    assert all("gender" not in row for row in extended.profile.values())
    assert not extended.shop.tags(D5, "gender")
    assert extended.shop.tags(D4, "gender")


@dataclass(frozen=True)
class Relaxed:
    """D1 cleaned again after the configuration learnt to read what it had set aside."""

    shop: Shop
    line: dict[str, int | None]
    reasons: Counter[str]
    orders: dict[str, Row]
    touched: set[date]


@pytest.fixture(scope="module")
def relaxed(extended: Extended) -> Relaxed:
    shop = extended.shop
    shop.edit("sources/orders.yml", _read_any_spelling)
    shop.run(D1, until="clean")
    rows = shop.rows("ops.quarantine", rows_where(source="orders", batch=D1))
    return Relaxed(
        shop,
        shop.line("clean", "orders"),
        Counter(row["reason"] for row in rows),
        {row["order_id"]: row for row in shop.rows("clean.orders")},
        shop.touched(D1),
    )


def _read_any_spelling(data: dict[str, Any]) -> None:
    data["columns"]["status"] = {"expr": "lower(trim(status))", "type": "string"}


def test_rows_set_aside_are_taken_in_again_once_the_rule_is_right(relaxed: Relaxed) -> None:
    assert relaxed.reasons == {"missing_user": 1, "type_amount": 1, "unparsable": 1}
    assert relaxed.line == {"read": 12, "kept": 7, "superseded": 1, "repeats": 1, "quarantined": 3}
    taken_in = relaxed.orders["X3"]
    assert (taken_in["status"], taken_in["customer"], taken_in["_batch"]) == ("paid", "u8", D1)
    assert taken_in["ordered_at"] == datetime.fromisoformat("2026-03-01 12:00:00+08:00")


def test_cleaning_a_batch_again_leaves_the_rows_of_the_others(relaxed: Relaxed) -> None:
    batches = {name: row["_batch"] for name, row in relaxed.orders.items()}
    assert batches == {
        **dict.fromkeys(("A1", "A2", "B1", "B2", "B3", "H1", "X3"), D1),
        **dict.fromkeys(("A3", "B4", "E1", "F1"), D3),
        **dict.fromkeys(("A4", "G1"), D4),
    }
    assert relaxed.orders["E1"]["amount"] == Decimal("90.00")


def test_batches_that_stand_by_another_definition_are_a_warning_with_what_to_run(relaxed: Relaxed) -> None:
    """The others keep the old meaning until they are cleaned anew: said, not silent."""
    name = "all batches follow the same definition"
    where = rows_where(dt=D1, run_id=relaxed.shop.run(D1, until="clean"))
    checks = [row for row in relaxed.shop.rows("ops.checks", where) if row["check"] == name]
    assert {row["severity"] for row in checks} == {"warning"}
    (failed,) = [row for row in checks if not row["success"]]
    assert failed["table"] == "clean.orders"
    assert f"usertags run --from {D2} --to {D5}" in failed["action"]


def test_a_refused_try_is_forgotten_when_its_definition_is_taken_back(relaxed: Relaxed) -> None:
    """The branch that the gate refused must not reach main with the next run, which finds the batch clean."""
    shop = relaxed.shop
    right = {"from": "amount", "type": "decimal(12,2)"}
    wrong = {"expr": "cast(amount as decimal(12,2)) * 1000000", "type": "decimal(12,2)"}
    shop.run(D4, until="clean")
    shop.edit("sources/orders.yml", lambda source: source["columns"].update(amount=wrong))
    with pytest.raises(GateRefused):
        shop.run(D4, until="clean")
    shop.edit("sources/orders.yml", lambda source: source["columns"].update(amount=right))
    shop.run(D4, until="clean")
    amounts = {row["order_id"]: row["amount"] for row in shop.rows("clean.orders", "_batch = '2026-03-04'")}
    assert amounts == {"A4": Decimal("50.00"), "G1": Decimal("70.00")}
    assert shop.branches("clean.orders") == {"main"}
