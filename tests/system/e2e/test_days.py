"""Data days of a tiny shop, from its files to its tag tables: four in order, one of them twice.

Its people u1 … u8 live in the wide shop, whose other people buy what RFM and the tags of these do not count.
"""

import json
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import yaml

from tests.support.places import TINY_SHOP
from usertags.sources.pii import hash_value
from usertags.stages.extract import pii_salt
from usertags.store.filters import rows_where

from .conftest import GoodDays
from .expected import D1, D2, D3, D4, D5, D6, MOVED, PROFILES, people
from .shop import TABLES, Row, Shop

pytestmark = pytest.mark.shared("good_days")

# The tags of the tiny shop: the wide shop has those of other stories too.
TAGS = frozenset(yaml.safe_load((TINY_SHOP / "tags" / "tags.yml").read_text(encoding="utf-8"))["tags"])


def is_ours(user: str) -> bool:
    return user.startswith("u")


def profile(shop: Shop, day: date) -> dict[str, Row]:
    """What our people carry of our tags."""
    return {
        user: {tag: value for tag, value in row.items() if tag in TAGS}
        for user, row in shop.profile(day).items()
        if is_ours(user)
    }


def changes(shop: Shop, day: date) -> set[tuple[str, str, str, str | None, str | None, str]]:
    return {change for change in shop.changes(day) if is_ours(change[0]) and change[1] in TAGS}


def test_the_profile_holds_what_is_true_of_everybody_known_by_the_day(good_days: GoodDays) -> None:
    shop = good_days.shop
    assert profile(shop, D1) == people(PROFILES[D1])
    assert profile(shop, D2) == people(PROFILES[D2])
    assert profile(shop, D3) == people(PROFILES[D3], MOVED)


def test_user_tags_and_the_profile_are_the_same_facts(good_days: GoodDays) -> None:
    for day in (D1, D2, D3, D4):
        pairs = {
            (row["user_id"].removeprefix("customer:"), row["tag_id"])
            for row in good_days.shop.published("user_tags", day)
        }
        profile = good_days.shop.profile(day)
        assert pairs == {(user, tag) for user, row in profile.items() for tag in row}


def test_a_row_of_user_tags(good_days: GoodDays) -> None:
    shop = good_days.shop
    version = shop.pipeline.project.tags["yearly_spend"].definition_version
    assert shop.tags(D3, "yearly_spend")["u2"] == {
        "user_id": "customer:u2",
        "tag_id": "yearly_spend",
        "tag_value": "650",
        "tag_number": 650.0,
        "rank": 1,
        "share": None,
        "tag_kind": "fact",
        "level1": "consumption",
        "level2": "customer_value",
        "level3": "spending_power",
        "valid_from": D3,
        "valid_until": None,
        "confidence": 1.0,
        "source": "rule",
        "set_by": None,
        "reason": None,
        "definition_version": version,
    }
    important = shop.tags(D3, "important_customer")["u1"]
    assert (important["tag_value"], important["tag_number"], important["tag_kind"]) == ("true", None, "rule")


def test_valid_from_is_the_first_day_of_the_value(good_days: GoodDays) -> None:
    def since(day: date, tag: str) -> dict[str, date]:
        rows = good_days.shop.tags(day, tag)
        return {user: row["valid_from"] for user, row in rows.items() if is_ours(user)}

    assert since(D1, "important_customer") == {"u2": D1}
    assert since(D2, "important_customer") == {"u1": D2, "u3": D2}
    # u2 lost the tag on D2 and has it anew.
    assert since(D3, "important_customer") == {"u1": D2, "u3": D2, "u2": D3}
    assert since(D4, "important_customer") == {"u1": D2, "u3": D2, "u2": D3}
    # A value that changes begins anew; one that stays goes on.
    spent = since(D3, "yearly_spend")
    assert spent == {"u1": D2, "u2": D3, "u3": D1, "u4": D1, "u5": D3, "u6": D3, "u7": D3, "u8": D1}
    assert since(D4, "city") == {
        "u1": D1,
        "u2": D1,
        "u3": D1,
        "u4": D3,
        "u5": D2,
        "u6": D3,
        "u7": D2,
        "u8": D1,
    }


def test_a_tag_with_a_period_outlives_its_rule_by_it(good_days: GoodDays) -> None:
    def until(day: date) -> dict[str, tuple[date, date]]:
        rows = good_days.shop.tags(day, "just_bought")
        return {user: (row["valid_from"], row["valid_until"]) for user, row in rows.items()}

    assert until(D1) == {"u2": (D1, D3)}
    assert until(D2) == {"u1": (D2, D4), "u2": (D1, D3), "u5": (D2, D4), "u7": (D2, D4)}
    assert until(D3) == {"u1": (D2, D4), "u2": (D1, D5), "u5": (D2, D4), "u7": (D2, D4)}
    assert until(D4) == until(D3)


def test_changes_name_what_came_went_and_moved(good_days: GoodDays) -> None:
    assert changes(good_days.shop, D3) == {
        ("u1", "bought_today", "removed", "true", None, "data"),
        ("u2", "bought_today", "added", None, "true", "data"),
        ("u2", "important_customer", "added", None, "true", "data"),
        ("u2", "yearly_spend", "changed", "620", "650", "data"),
        ("u4", "city", "added", None, "杭州", "data"),
        ("u5", "bought_today", "removed", "true", None, "data"),
        ("u5", "yearly_spend", "changed", "80", "90", "data"),
        ("u6", "city", "added", None, "深圳", "data"),
        ("u6", "gender", "added", None, "female", "data"),
        ("u6", "no_order_yet", "added", None, "true", "data"),
        ("u6", "rfm_segment", "added", None, "never_ordered", "data"),
        ("u6", "yearly_spend", "added", None, "0", "data"),
        ("u7", "bought_today", "removed", "true", None, "data"),
        ("u7", "has_ordered", "removed", "true", None, "data"),
        ("u7", "no_order_yet", "added", None, "true", "data"),
        ("u7", "rfm_segment", "changed", "fresh", "never_ordered", "data"),
        ("u7", "yearly_spend", "changed", "40", "0", "data"),
    }


def test_a_tag_that_is_no_longer_true_is_gone_and_in_changes_as_removed(good_days: GoodDays) -> None:
    shop = good_days.shop
    assert "u2" in shop.tags(D1, "important_customer")
    assert "u2" not in shop.tags(D2, "important_customer")
    assert ("u2", "important_customer", "removed", "true", None, "data") in shop.changes(D2)


def test_rfm_rows(good_days: GoodDays) -> None:
    def scores(day: date) -> dict[str, tuple[Any, ...]]:
        columns = (
            "recency_days",
            "frequency",
            "monetary",
            "r_score",
            "f_score",
            "m_score",
            "octant",
            "portrait",
        )
        rows = good_days.shop.published("rfm", day)
        return {
            row["user_id"].removeprefix("customer:"): tuple(row[name] for name in columns) for row in rows
        }

    def ours(day: date) -> dict[str, tuple[Any, ...]]:
        return {user: row for user, row in scores(day).items() if is_ours(user)}

    nothing = (None,) * 8
    # Nobody else has ordered, so the means are of our people alone.
    for day in (D1, D2, D3):
        assert {row for user, row in scores(day).items() if not is_ours(user)} == {nothing}
    assert ours(D1) == {
        "u1": (51, 2, 150.0, 3, 2, 2, "000", "R2F2"),
        "u2": (1, 3, 620.0, 5, 3, 4, "111", "R3F2"),
        "u3": nothing,
        "u4": nothing,
        "u8": nothing,
    }
    # Means 1.25 days, 2 orders, 237.50.
    assert ours(D2) == {
        "u1": (1, 3, 210.0, 5, 3, 3, "110", "R3F2"),
        "u2": (2, 3, 620.0, 5, 3, 4, "011", "R3F2"),
        "u3": nothing,
        "u4": nothing,
        "u5": (1, 1, 80.0, 5, 1, 1, "100", "R3F1"),
        "u7": (1, 1, 40.0, 5, 1, 1, "100", "R3F1"),
        "u8": nothing,
    }
    # Means 2 days (which u1 equals), 8/3 orders, 950/3.
    assert ours(D3) == {
        "u1": (2, 3, 210.0, 5, 3, 3, "110", "R3F2"),
        "u2": (1, 4, 650.0, 5, 4, 4, "111", "R3F3"),
        "u3": nothing,
        "u4": nothing,
        "u5": (3, 1, 90.0, 5, 1, 1, "000", "R3F1"),
        "u6": nothing,
        "u7": nothing,
        "u8": nothing,
    }


def test_thresholds_say_what_the_day_was_scored_with(good_days: GoodDays) -> None:
    rows = {row["dimension"]: row for row in good_days.shop.published("rfm_thresholds", D3)}
    assert {row["scoring"] for row in rows.values()} == {"fixed"}
    assert {row["population"] for row in rows.values()} == {3}
    assert rows["recency"]["edges"] == [8, 31, 91, 181]
    assert rows["frequency"]["portrait_edges"] == [2, 4]
    assert rows["recency"]["mean"] == 2
    assert rows["monetary"]["mean"] == pytest.approx(950 / 3)


def test_statistics_count_the_users_of_each_value(good_days: GoodDays) -> None:
    rows = good_days.shop.published("tag_statistics", D3)
    found = {
        (row["tag_id"], row["tag_value"]): (row["users"], row["users_before"], row["change"]) for row in rows
    }
    assert found["important_customer", "true"] == (3, 2, 1)
    assert found["bought_today", "true"] == (1, 3, -2)
    assert found["rfm_segment", "fresh"] == (1, 2, -1)
    assert found["yearly_spend", "620"] == (0, 1, -1)
    shares = {(row["tag_id"], row["tag_value"]): row["share"] for row in rows}
    # u1 … u8, k1 and k2, and the nine that links speak of.
    assert shares["important_customer", "true"] == 3 / (8 + 2 + 9)


def test_the_size_of_every_tag_is_its_distinct_users(good_days: GoodDays) -> None:
    shop = good_days.shop
    for day in (D1, D2, D3, D4):
        users = defaultdict(set)
        for row in shop.published("user_tags", day):
            users[row["tag_id"]].add(row["user_id"])
        population = len(shop.published("user_profile", day))
        found = {row["tag_id"]: row for row in shop.published("tag_coverage", day)}
        assert set(users) <= set(found)
        for tag, row in found.items():
            assert (row["users"], row["share"]) == (len(users[tag]), len(users[tag]) / population)
    # k1 and k2 have several values each.
    values = [row for row in shop.published("tag_statistics", D2) if row["tag_id"] == "usual_status"]
    (size,) = [row for row in shop.published("tag_coverage", D2) if row["tag_id"] == "usual_status"]
    assert size["users"] < sum(row["users"] for row in values)


def shop_phone(shop: Shop) -> str | None:
    """The blocked phone as it is stored: nobody's, and so somebody by itself."""
    return hash_value("13900001111", pii_salt(shop.pipeline.project))


def test_the_population_is_everybody_first_seen_by_the_day(good_days: GoodDays) -> None:
    shop = good_days.shop
    everybody = {day: set(shop.profile(day)) for day in (D1, D2, D3, D4, D5, D6)}
    linked = {"i1", "i2", "i5", "i6", "i7", "i8", "i9", "open_id:o9", f"phone:{shop_phone(shop)}"}
    assert everybody[D1] == {"u1", "u2", "u3", "u4", "u8"} | {"k1", "k2"} | linked
    # On D2 alone i2 is i1.
    assert everybody[D2] == everybody[D1] - {"i2"} | {"u5", "u7"}
    assert everybody[D3] == everybody[D2] | {"u6", "i2"}
    assert everybody[D4] == everybody[D3]
    assert everybody[D5] == everybody[D4] | {"s1", "s2"}
    assert everybody[D6] == everybody[D5]
    for day, users in everybody.items():
        scored = {row["user_id"].removeprefix("customer:") for row in shop.published("rfm", day)}
        assert scored == users


def test_a_draft_is_computed_apart_and_never_published(good_days: GoodDays) -> None:
    shop = good_days.shop
    drafts = shop.rows("ops.drafts", rows_where(dt=D3, run_id=good_days.runs[D3][-1]))
    # The other draft is a preference, which everybody has who ordered anything.
    others = {(f"customer:{user}", "status_by_amount") for user in ("u1", "u2", "u5", "u7", "u8", "k1", "k2")}
    assert {(row["user_id"], row["tag_id"]) for row in drafts} == others | {("customer:u2", "big_spender")}
    assert [row["tag_id"] for row in drafts].count("big_spender") == 1
    for table in ("user_tags", "user_tag_changes", "tag_statistics"):
        assert "big_spender" not in {row["tag_id"] for row in shop.rows(f"tags.{table}")}
    assert "big_spender" not in shop.rows("tags.user_profile")[0]
    assert "status_by_amount" not in shop.rows("tags.user_profile")[0]
    statuses = {row["tag_id"]: row["status"] for row in shop.published("tag_catalogue", D3)}
    assert statuses["big_spender"] == "draft"


def test_a_late_row_moves_its_event_to_the_day_it_was_on(good_days: GoodDays) -> None:
    shop = good_days.shop
    rows = {row["order_id"]: row for row in shop.rows("clean.orders")}
    assert (rows["E1"]["event_day"], rows["E1"]["amount"], rows["E1"]["_batch"]) == (D1, Decimal("90.00"), D3)
    assert (rows["F1"]["event_day"], rows["F1"]["status"]) == (D2, "cancelled")
    # An older version that comes later changes nothing.
    assert (rows["A3"]["status"], rows["A3"]["_batch"]) == ("paid", D2)
    # The day that the event left and the one that it came to are both rewritten, and rolled up again.
    assert shop.touched(D3) == {D1, D2, D3}
    rolled_up = {(row["day"], row["id"]) for row in shop.rows("rollup.orders")}
    assert (D1, "u5") in rolled_up
    assert (D2, "u5") not in rolled_up


def test_what_is_published_stands_whatever_comes_later(good_days: GoodDays) -> None:
    for day in (D1, D2):
        assert {table: good_days.shop.published(table, day) for table in TABLES} == good_days.seen[day]


def test_the_same_day_run_again_gives_the_same_rows(good_days: GoodDays) -> None:
    shop = good_days.shop
    first, again = good_days.runs[D3]
    assert first != again
    for table in TABLES:
        assert shop.published(table, D3) == good_days.seen[D3][table], table
    assert shop.measures(D3, again) == good_days.seen[D3]["user_measures"]
    (before,) = good_days.seen[D3]["publications"]
    differing = {name for name, value in shop.publication(D3).items() if value != before[name]}
    assert differing == {"run_id", "published_at", "replaces"}


def test_the_run_that_was_replaced_is_gone_and_named(good_days: GoodDays) -> None:
    shop = good_days.shop
    first, again = good_days.runs[D3]
    for table in TABLES:
        assert {row["run_id"] for row in shop.rows(f"tags.{table}", rows_where(dt=D3))} == {again}
        assert good_days.branches[table] == {"main"}
    assert good_days.seen[D3]["publications"][0]["replaces"] is None
    assert shop.publication(D3)["replaces"] == first


def test_a_publication_names_its_inputs_and_counts(good_days: GoodDays) -> None:
    shop = good_days.shop
    row = shop.publication(D2)
    assert (row["run_id"], row["verdict"], json.loads(row["warnings"])) == (
        good_days.runs[D2][0],
        "passed",
        [],
    )
    assert row["catalogue_version"] == shop.pipeline.project.version
    assert set(json.loads(row["inputs"])) == {
        *("rollup.orders", "clean.users", "rollup.referrals"),
        *("rollup.purchases", "rollup.notes", "clean.account_links"),
    }
    counts = json.loads(row["row_counts"])
    for table in TABLES:
        assert counts[f"tags.{table}"] == len(shop.published(table, D2))


def test_an_empty_day_is_published_and_nothing_of_yesterday_stands_wrongly(good_days: GoodDays) -> None:
    shop = good_days.shop
    assert shop.publication(D4)["run_id"] == good_days.runs[D4][0]
    yesterday = {
        user: {tag: value for tag, value in row.items() if tag != "bought_today"}
        for user, row in shop.profile(D3).items()
    }
    # What counts the days goes on, and nothing else.
    assert (yesterday["k1"]["days_in_stage"], yesterday["k2"]["days_in_stage"]) == (3, 1)
    yesterday["k1"]["days_in_stage"], yesterday["k2"]["days_in_stage"] = 4, 2
    assert shop.profile(D4) == yesterday
    assert shop.changes(D4) == {
        ("u2", "bought_today", "removed", "true", None, "data"),
        ("k1", "days_in_stage", "changed", "3", "4", "data"),
        ("k2", "days_in_stage", "changed", "1", "2", "data"),
    }
    recency = {row["user_id"]: row["recency_days"] for row in shop.published("rfm", D4)}
    assert {user: days for user, days in recency.items() if days is not None} == {
        "customer:u1": 3,
        "customer:u2": 2,
        "customer:u5": 4,
    }


def test_bad_rows_are_set_aside_with_their_reason_and_content(good_days: GoodDays) -> None:
    rows = good_days.shop.rows("ops.quarantine", rows_where(source="orders"))
    assert {row["batch"] for row in rows} == {D1}
    assert {row["run_id"] for row in rows} == {good_days.runs[D1][0]}
    by_reason = {row["reason"]: row for row in rows}
    assert {reason: row["key"] for reason, row in by_reason.items()} == {
        "missing_user": "X1",
        "type_amount": "X2",
        "unknown_status": "X3",
        "unparsable": "",
    }
    raw = json.loads(by_reason["type_amount"]["raw"])
    assert (raw["amount"], raw["customer"], raw["landed_line"]) == ("ten", "u1", 10)
    assert raw["landed_file"] == "orders/dt=2026-03-01/orders.json"
    broken = json.loads(by_reason["unparsable"]["raw"])
    assert '"order_id": "X4"' in broken["landed_unparsed"]
    (referral,) = good_days.shop.rows("ops.quarantine", rows_where(source="referrals"))
    assert (referral["reason"], referral["batch"]) == ("self_referral", D2)


def test_every_row_read_is_accounted_for(good_days: GoodDays) -> None:
    found = {
        (row["dt"], row["table_name"]): (json.loads(row["details"]), row["value"], row["success"])
        for row in good_days.shop.rows("ops.checks", rows_where(kind="reconciled"))
        if row["run_id"] == good_days.runs[row["dt"]][0]
    }
    # Orders: of u1 … u8, then of the others. Links: L7 has no id. Purchases: two years of months, and one.
    counted = {
        (D1, "orders"): (12 + 3, 6 + 3, 1, 1, 4),
        (D1, "users"): (5, 5, 0, 0, 0),
        (D1, "referrals"): (2, 1, 0, 1, 0),
        (D2, "orders"): (3 + 3, 3 + 3, 0, 0, 0),
        (D2, "users"): (2, 2, 0, 0, 0),
        (D2, "referrals"): (2, 1, 0, 0, 1),
        (D3, "orders"): (4 + 1, 3 + 1, 1, 0, 0),
        (D3, "users"): (2, 2, 0, 0, 0),
        (D3, "referrals"): (0, 0, 0, 0, 0),
        (D4, "orders"): (0, 0, 0, 0, 0),
        (D4, "users"): (0, 0, 0, 0, 0),
        (D4, "referrals"): (0, 0, 0, 0, 0),
        (D5, "orders"): (2, 2, 0, 0, 0),
        (D5, "users"): (2, 2, 0, 0, 0),
        (D5, "referrals"): (0, 0, 0, 0, 0),
        (D6, "orders"): (1, 1, 0, 0, 0),
        (D6, "users"): (0, 0, 0, 0, 0),
        (D6, "referrals"): (0, 0, 0, 0, 0),
    }
    more = {
        "notes": {D1: (2, 2, 0, 0, 0), D2: (1, 1, 0, 0, 0)},
        "account_links": {D1: (7, 6, 0, 0, 1), D2: (1, 1, 0, 0, 0), D3: (1, 1, 0, 0, 0)},
        "purchases": {D1: (25, 25, 0, 0, 0)},
    }
    for source, by_day in more.items():
        counted |= {(day, source): by_day.get(day, (0, 0, 0, 0, 0)) for day in (D1, D2, D3, D4, D5, D6)}
    assert found == {
        (day, f"clean.{source}"): (
            {"kept": kept, "superseded": superseded, "repeats": repeats, "quarantined": quarantined},
            read,
            True,
        )
        for (day, source), (read, kept, superseded, repeats, quarantined) in counted.items()
    }
