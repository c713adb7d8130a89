"""One person with several ids: two users with a year of orders are joined by a link, and parted again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from jobs.explain import explain
from jobs.sources.pii import hash_value
from jobs.stages.extract import pii_salt
from jobs.store.filters import rows_where
from tests.support.places import TINY_SHOP

from .shop import Row, Shop

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))

LINKS = """
source: account_links
kind: links
read: {connection: landing, files: "links/dt={day}/*.csv", format: csv}
columns:
  link_id: {from: link_id, type: string}
  customer: {from: user_no, type: string}
  open_id: {from: open_id, type: string}
  phone: {from: phone, type: string, pii: hash}
  linked_at: {from: linked_at, type: timestamp}
  updated_at: {from: updated_at, type: timestamp}
key: [link_id]
version: updated_at
links: {customer: customer, open_id: open_id, phone: phone}
time: linked_at
"""
SHOP_PHONE = "139 0000 1111"

# u1 and u2 have bought once a month for a year; u5 bought on the first day.
MONTHS = [date(2025, 3 + number, 15) if number < 10 else date(2026, number - 9, 15) for number in range(12)]
ORDERS = [
    {
        "order_id": f"{customer}-{number}",
        "customer": customer,
        "status": "paid",
        "amount": amount,
        "ordered_at": f"{day} 10:00:00",
        "updated_at": f"{day} 10:00:00",
    }
    for customer, amount, days in (("u1", 10, MONTHS), ("u2", 20, MONTHS), ("u5", 30, [D1]))
    for number, day in enumerate(days)
]
HEADER = "link_id,user_no,open_id,phone,linked_at,updated_at"
FIRST = f"""{HEADER}
L1,u1,o1,13800000001,2026-03-01 09:00:00,2026-03-01 09:00:00
L2,u5,o5,13900001111,2026-03-01 09:00:00,2026-03-01 09:00:00
L3,u6,o6,+86 139-0000-1111,2026-03-01 09:00:00,2026-03-01 09:00:00
L4,u7,o9,,2026-03-01 09:00:00,2026-03-01 09:00:00
L5,u8,o9,,2026-03-01 09:00:00,2026-03-01 09:00:00
L6,u9,o9,,2026-03-01 09:00:00,2026-03-01 09:00:00
L7,,,,2026-03-01 09:00:00,2026-03-01 09:00:00
"""
JOINED = f"{HEADER}\nL8,u2,o1,,2026-03-02 09:00:00,2026-03-02 09:00:00\n"
WITHDRAWN = f"{HEADER}\nL8,u2,,,2026-03-02 09:00:00,2026-03-03 09:00:00\n"


@dataclass(frozen=True)
class ThreeDays:
    """The shop after its three days: the runs, and the roll-up's snapshot after each."""

    shop: Shop
    runs: dict[date, str]
    rollups: dict[date, int]


@pytest.fixture(scope="module")
def three_days(new_shop: Callable[..., Shop]) -> ThreeDays:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    (shop.folder / "sources" / "account_links.yml").write_text(LINKS)
    shop.edit(
        "project.yml",
        lambda project: project.update(
            identity={"limits": {"customer": 2}, "block": {"phone": [SHOP_PHONE]}}
        ),
    )
    shop.write_orders(str(D1), ORDERS)
    runs, rollups = {}, {}
    for day, text in ((D1, FIRST), (D2, JOINED), (D3, WITHDRAWN)):
        path = shop.landing / "links" / f"dt={day}" / "links.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        runs[day] = shop.run(day)
        rollups[day] = shop.snapshot("rollup.orders")
    return ThreeDays(shop, runs, rollups)


def measures(days: ThreeDays, day: date) -> dict[str, Row]:
    return {row["user_id"]: row for row in days.shop.measures(day, days.runs[day])}


def of_run(days: ThreeDays, table: str, day: date) -> list[Row]:
    return days.shop.rows(table, rows_where(dt=day, run_id=days.runs[day]))


def test_a_merge_adds_up_a_year_and_rewrites_no_roll_up(three_days: ThreeDays) -> None:
    before, after = measures(three_days, D1), measures(three_days, D2)
    assert [before[f"customer:{name}"]["paid_365d"] for name in ("u1", "u2")] == [120, 240]
    assert "customer:u2" not in after
    merged = after["customer:u1"]
    assert (merged["orders_365d"], merged["orders_lifetime"]) == (24, 24)
    assert merged["paid_365d"] == Decimal("360.00")
    assert three_days.rollups[D1] == three_days.rollups[D2] == three_days.rollups[D3]


def test_a_split_gives_both_their_own_again(three_days: ThreeDays) -> None:
    before, after = measures(three_days, D1), measures(three_days, D3)
    assert before.keys() == after.keys()
    for name in ("customer:u1", "customer:u2"):
        assert after[name]["paid_365d"] == before[name]["paid_365d"]


def test_everybody_seen_is_in_the_population_once(three_days: ThreeDays) -> None:
    """The blocked phone and the shared open id are there by themselves; who is linked is one user."""
    shop_phone = hash_value("13900001111", pii_salt(three_days.shop.pipeline.catalogue))
    assert measures(three_days, D1).keys() == {
        *(f"customer:u{number}" for number in (1, 2, 5, 6, 7, 8, 9)),
        "open_id:o9",
        f"phone:{shop_phone}",
    }


def test_who_has_which_ids_is_kept_with_the_run(three_days: ThreeDays) -> None:
    phone = hash_value("13800000001", pii_salt(three_days.shop.pipeline.catalogue))

    def known(day: date) -> dict[str, set[tuple[str, str]]]:
        users: dict[str, set[tuple[str, str]]] = {}
        for row in of_run(three_days, "ops.identities", day):
            users.setdefault(row["user_id"], set()).add((row["id_kind"], row["id"]))
        return users

    others = {f"customer:u{n}": {("customer", f"u{n}"), ("open_id", f"o{n}")} for n in (5, 6)}
    one = {("customer", "u1"), ("open_id", "o1"), ("phone", str(phone))}
    assert known(D1) == {"customer:u1": one, **others}
    assert known(D2) == {"customer:u1": one | {("customer", "u2")}, **others}
    assert known(D3) == known(D1)
    seen = {(row["id"]): row["first_seen"] for row in of_run(three_days, "ops.identities", D2)}
    assert (seen["u1"], seen["u2"], seen["o1"]) == (MONTHS[0], MONTHS[0], D1)


def test_no_link_is_refused_silently(three_days: ThreeDays) -> None:
    refused = [
        (row["reason"], row["id_kind"], row["id"], row["other_kind"], row["source"], row["first_seen"])
        for row in of_run(three_days, "ops.refused_links", D1)
    ]
    assert sorted(refused) == [
        *sorted(
            ("blocked", kind, name, "phone", "account_links", D1)
            for kind, name in (("customer", "u5"), ("customer", "u6"), ("open_id", "o5"), ("open_id", "o6"))
        ),
        *(("shared", "customer", f"u{number}", "open_id", "account_links", D1) for number in (7, 8, 9)),
    ]
    publication = three_days.shop.publication(D1)
    # What configuration blocks and what is shared is refused every day: told, and no warning.
    assert publication["verdict"] == "passed"
    (check,) = [row for row in of_run(three_days, "ops.checks", D1) if row["table"] == "ops.refused_links"]
    assert (check["success"], check["observed"]) == (True, "7 links refused (blocked 4, shared 3)")
    assert json.loads(publication["row_counts"])["ops.refused_links"] == 7
    tag = next(report for report in three_days.shop.reports if report.stage == "tag")
    assert [line.written for line in tag.lines if line.name == "ops.refused_links"] == [7]


def test_a_link_without_any_id_is_set_aside(three_days: ThreeDays) -> None:
    quarantined = three_days.shop.rows("ops.quarantine", rows_where(source="account_links"))
    assert [(row["key"], row["reason"]) for row in quarantined] == [("L7", "missing_user")]


def test_the_run_names_the_snapshot_of_the_links(three_days: ThreeDays) -> None:
    inputs = json.loads(three_days.shop.publication(D3)["inputs"])
    assert inputs["clean.account_links"] == str(three_days.shop.snapshot("clean.account_links"))


@pytest.mark.parametrize("day", [D2, D3])
def test_changes_of_those_joined_or_parted_say_so(three_days: ThreeDays, day: date) -> None:
    changes = three_days.shop.changes(day)
    moved = {change for change in changes if change[0] in ("u1", "u2")}
    assert {change[5] for change in moved} == {"identity"}
    spent = {change[0]: change[2:5] for change in moved if change[1] == "yearly_spend"}
    merged = {"u1": ("changed", "120", "360"), "u2": ("removed", "240", None)}
    parted = {"u1": ("changed", "360", "120"), "u2": ("added", None, "240")}
    assert spent == (merged if day == D2 else parted)


def test_what_happens_to_others_that_day_is_no_matter_of_identity(three_days: ThreeDays) -> None:
    assert ("u5", "bought_today", "removed", "true", None, "data") in three_days.shop.changes(D2)
    assert {change[5] for change in three_days.shop.changes(D2) if change[0] not in ("u1", "u2")} == {"data"}


@pytest.mark.parametrize("name", ["u1", "customer:u2", "u2", "o1", "open_id:o1"])
def test_a_user_can_be_asked_for_by_any_id(three_days: ThreeDays, name: str) -> None:
    shop = three_days.shop
    (told,) = explain(shop.pipeline.catalogue, shop.lake, name, D2, "yearly_spend")
    assert told.value == "360"
