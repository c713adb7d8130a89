"""One person with several ids: two users with a year of purchases are joined by a link, and parted again.

A link of i2 to the open id of i1 comes on D2, and is withdrawn on D3.
"""

import json
from datetime import date
from decimal import Decimal

import pytest

from usertags.explain import explain
from usertags.sources.pii import hash_value
from usertags.stages.extract import pii_salt
from usertags.store.filters import rows_where

from .conftest import GoodDays
from .expected import D1, D2, D3
from .shop import Row

pytestmark = pytest.mark.shared("good_days")

# i1 and i2 have purchased once a month for a year, for 10 and 20 each time; i5 on D1, for 30.
FIRST_MONTH = date(2025, 3, 15)


def is_ours(user: str) -> bool:
    return user.startswith(("customer:i", "open_id:", "phone:"))


def measures(days: GoodDays, day: date) -> dict[str, Row]:
    rows = days.shop.measures(day, days.newest(day))
    return {row["user_id"]: row for row in rows if is_ours(row["user_id"])}


def of_run(days: GoodDays, table: str, day: date) -> list[Row]:
    return days.shop.rows(table, rows_where(dt=day, run_id=days.newest(day)))


def test_a_merge_adds_up_a_year_and_rewrites_no_roll_up(good_days: GoodDays) -> None:
    before, after = measures(good_days, D1), measures(good_days, D2)
    assert [before[f"customer:{name}"]["purchased_365d"] for name in ("i1", "i2")] == [120, 240]
    assert "customer:i2" not in after
    merged = after["customer:i1"]
    assert (merged["purchases_365d"], merged["purchases_lifetime"]) == (24, 24)
    assert merged["purchased_365d"] == Decimal("360.00")
    rollups = {day: kept["rollup.purchases"] for day, kept in good_days.snapshots.items()}
    assert rollups[D1] == rollups[D2] == rollups[D3]


def test_a_split_gives_both_their_own_again(good_days: GoodDays) -> None:
    before, after = measures(good_days, D1), measures(good_days, D3)
    assert before.keys() == after.keys()
    for name in ("customer:i1", "customer:i2"):
        assert after[name]["purchased_365d"] == before[name]["purchased_365d"]


def test_everybody_seen_is_in_the_population_once(good_days: GoodDays) -> None:
    """The blocked phone and the shared open id are there by themselves; who is linked is one user."""
    shop_phone = hash_value("13900001111", pii_salt(good_days.shop.pipeline.project))
    assert measures(good_days, D1).keys() == {
        *(f"customer:i{number}" for number in (1, 2, 5, 6, 7, 8, 9)),
        "open_id:o9",
        f"phone:{shop_phone}",
    }


def test_who_has_which_ids_is_kept_with_the_run(good_days: GoodDays) -> None:
    phone = hash_value("13800000001", pii_salt(good_days.shop.pipeline.project))

    def known(day: date) -> dict[str, set[tuple[str, str]]]:
        users: dict[str, set[tuple[str, str]]] = {}
        for row in of_run(good_days, "ops.identities", day):
            users.setdefault(row["user_id"], set()).add((row["id_kind"], row["id"]))
        return users

    others = {f"customer:i{n}": {("customer", f"i{n}"), ("open_id", f"o{n}")} for n in (5, 6)}
    one = {("customer", "i1"), ("open_id", "o1"), ("phone", str(phone))}
    assert known(D1) == {"customer:i1": one, **others}
    assert known(D2) == {"customer:i1": one | {("customer", "i2")}, **others}
    assert known(D3) == known(D1)
    seen = {(row["id"]): row["first_seen"] for row in of_run(good_days, "ops.identities", D2)}
    assert (seen["i1"], seen["i2"], seen["o1"]) == (FIRST_MONTH, FIRST_MONTH, D1)


def test_no_link_is_refused_silently(good_days: GoodDays) -> None:
    refused = [
        (row["reason"], row["id_kind"], row["id"], row["other_kind"], row["source"], row["first_seen"])
        for row in of_run(good_days, "ops.refused_links", D1)
    ]
    assert sorted(refused) == [
        *sorted(
            ("blocked", kind, name, "phone", "account_links", D1)
            for kind, name in (("customer", "i5"), ("customer", "i6"), ("open_id", "o5"), ("open_id", "o6"))
        ),
        *(("shared", "customer", f"i{number}", "open_id", "account_links", D1) for number in (7, 8, 9)),
    ]
    publication = good_days.shop.publication(D1)
    # What configuration blocks and what is shared is refused every day, without a warning.
    assert publication["verdict"] == "passed"
    (check,) = [
        row for row in of_run(good_days, "ops.checks", D1) if row["table_name"] == "ops.refused_links"
    ]
    assert (check["success"], check["value"], check["unit"]) == (True, 7, "links")
    assert json.loads(check["details"]) == {"reasons": {"blocked": 4, "shared": 3}}
    assert json.loads(publication["row_counts"])["ops.refused_links"] == 7
    tag = next(report for report in good_days.reports[good_days.newest(D3)] if report.stage == "tag")
    assert [line.written for line in tag.lines if line.name == "ops.refused_links"] == [7]


def test_a_link_without_any_id_is_set_aside(good_days: GoodDays) -> None:
    quarantined = good_days.shop.rows("ops.quarantine", rows_where(source="account_links"))
    assert [(row["key"], row["reason"]) for row in quarantined] == [("L7", "missing_user")]


def test_the_run_names_the_snapshot_of_the_links(good_days: GoodDays) -> None:
    inputs = json.loads(good_days.shop.publication(D3)["inputs"])
    assert inputs["clean.account_links"] == str(good_days.snapshots[D3]["clean.account_links"])


@pytest.mark.parametrize("day", [D2, D3])
def test_changes_of_those_joined_or_parted_say_so(good_days: GoodDays, day: date) -> None:
    changes = good_days.shop.changes(day)
    moved = {change for change in changes if change[0] in ("i1", "i2")}
    assert {change[5] for change in moved} == {"identity"}
    spent = {change[0]: change[2:5] for change in moved if change[1] == "purchase_spend"}
    merged = {"i1": ("changed", "120", "360"), "i2": ("removed", "240", None)}
    parted = {"i1": ("changed", "360", "120"), "i2": ("added", None, "240")}
    assert spent == (merged if day == D2 else parted)


def test_what_happens_to_others_that_day_is_no_matter_of_identity(good_days: GoodDays) -> None:
    assert ("i5", "purchased_today", "removed", "true", None, "data") in good_days.shop.changes(D2)
    assert {change[5] for change in good_days.shop.changes(D2) if change[0] not in ("i1", "i2")} == {"data"}


@pytest.mark.parametrize("name", ["i1", "customer:i2", "i2", "o1", "open_id:o1"])
def test_a_user_can_be_asked_for_by_any_id(good_days: GoodDays, name: str) -> None:
    shop = good_days.shop
    (explained,) = explain(shop.pipeline.project, shop.lake, name, D2, "purchase_spend")
    assert explained.value == "360"
