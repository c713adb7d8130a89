"""What goes wrong at a source or in a rule, the check that catches it, and the page that shows it. Good days
trip none.

What a fault of a source does to the checks of its batch is shown on literal rows in
tests/spark/quality/test_batch_faults.py, and what a library that fails does to them in
tests/fast/quality/test_library_fails.py. Here such days are run.
"""

import html
import json
import os
import random
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from plugins.usertags_quality.app import make_app
from plugins.usertags_quality.page_data import PageData
from tests.support.places import FAULT_SHOP
from usertags.quality.checks import CheckRow
from usertags.quality.gate import GateRefused
from usertags.quality.register import RunRecord
from usertags.quality.sentences import observed
from usertags.stages.report import StageReport
from usertags.stages.runs import publication_of, run_records
from usertags.store.filters import rows_where

from .shop import NewShop, Row, Shop

FIRST = date(2026, 3, 1)
GOOD = [FIRST + timedelta(days=number) for number in range(5)]
DAY = FIRST + timedelta(days=5)
# Half of the orders are still enough rows for columns to be compared.
USERS, NEW_USERS, ORDERS = 300, 110, 220

Order = dict[str, object]


def orders_of(day: date) -> list[Order]:
    """The same day gives the same orders: of everybody who was there on the first day."""
    chance = random.Random(day.toordinal())
    return [
        {
            "order_id": f"{day:%Y%m%d}{number:04}",
            "customer": str(10_000_000 + chance.randrange(USERS)),
            "channel": chance.choice(["app", "web", None]),
            "amount": round(chance.uniform(10, 1000), 2),
            "ordered_at": f"{day} {chance.randrange(8, 22):02}:{chance.randrange(60):02}:00",
        }
        for number in range(ORDERS - 1)
    ] + [
        {
            "order_id": f"{day:%Y%m%d}9999",
            "customer": "10000001",
            "channel": "app",
            "amount": 55.5,
            "ordered_at": f"{day} 23:15:00",
        }
    ]


def land(shop: Shop, day: date, orders: list[Order], *, users: bool = True) -> None:
    """The files of a day: these orders, and the users who are new on it, if there are to be any."""
    shop.write_orders(str(day), orders)
    number = (day - FIRST).days
    first = 0 if number == 0 else USERS + (number - 1) * NEW_USERS
    count = USERS if number == 0 else NEW_USERS
    lines = [
        f"{10_000_000 + each},{'female' if each % 2 else 'male'},{day} 09:00:00"
        for each in range(first, first + count if users else first)
    ]
    path = shop.landing / "users" / f"dt={day}" / "users.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["customer,gender,registered_at", *lines]) + "\n")


@dataclass(frozen=True)
class Earlier:
    """Four weeks in the first batch and four days after it. The last two are published, the first of them
    while no report can be written."""

    shop: Shop
    unreported: list[StageReport]


@pytest.fixture(scope="module")
def earlier(new_shop: NewShop) -> Earlier:
    import great_expectations as gx

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    shop = new_shop(FAULT_SHOP, "FAULT_SHOP_DIR")
    history = [order for number in range(28) for order in orders_of(FIRST - timedelta(days=number))]
    for day in GOOD[:3]:
        land(shop, day, history if day == FIRST else orders_of(day))
        shop.run(day, until="clean")
    land(shop, GOOD[3], orders_of(GOOD[3]))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gx.data_context.EphemeralDataContext, "build_data_docs", broken)
        shop.run(GOOD[3])
    unreported = shop.reports
    land(shop, GOOD[4], orders_of(GOOD[4]))
    shop.run(GOOD[4])
    return Earlier(shop, unreported)


@pytest.fixture
def shop(earlier: Earlier) -> Shop:
    return earlier.shop


@contextmanager
def as_before(shop: Shop) -> Iterator[None]:
    """Whatever is done inside is undone: the tables are set back, the files of the day removed."""
    catalog = shop.lake.catalog
    names = [
        name for space in ("raw", "clean", "rollup", "ops", "tags") for name in catalog.list_tables(space)
    ]
    # A tag keeps a snapshot from being expired.
    before = {name: shop.snapshot(".".join(name)) for name in names}
    for name, snapshot in before.items():
        catalog.load_table(name).manage_snapshots().create_tag(snapshot, "before").commit()
    try:
        yield
    finally:
        for name in names:
            with catalog.load_table(name).manage_snapshots() as change:
                change.set_current_snapshot(ref_name="before").remove_tag("before")
        for folder in shop.landing.glob(f"*/dt={DAY}"):
            shutil.rmtree(folder)


def failed(shop: Shop, day: date) -> dict[str, Row]:
    """The checks of a day that failed, by id: each is on the page of the day with its severity and what was
    observed, as the person on duty finds it."""
    rows = shop.rows("ops.checks", rows_where(dt=day))
    found = {row["check_id"]: row for row in rows if not row["success"]}
    page = page_of(shop, day)
    cards = {name: card for name in found for card in cards_of(page) if f"/check/{name}?" in card}
    assert list(cards) == list(found)
    for name, row in found.items():
        assert row["severity"] in cards[name]
        assert observed(CheckRow.of(row)) in html.unescape(cards[name])
    return found


class DeskAlone(PageData):
    """A page_data without Airflow's database, which knows who is asked about a release."""

    def asked_release(self, day: date) -> str | None:
        return None


def page_of(shop: Shop, day: date) -> str:
    app = FastAPI()
    app.mount("/usertags", make_app(DeskAlone(shop.folder), reader=lambda: None, secret="of the test"))
    with patch.dict(os.environ, {"USERTAGS_LAST_DAY": str(day)}), TestClient(app) as client:
        answer = client.get(f"/usertags/quality/day/{day}", headers={"accept": "text/html"})
    assert answer.status_code == 200
    return answer.text


def cards_of(page: str) -> list[str]:
    """What the page says of each failed check."""
    return page.split('<li class="card')[1:]


def refused(shop: Shop, orders: list[Order], *, users: bool = True) -> dict[str, Row]:
    """Clean the day with these orders; it is blocked, and nothing of it is published."""
    with as_before(shop):
        land(shop, DAY, orders, users=users)
        with pytest.raises(GateRefused):
            shop.run(DAY, until="clean")
        assert publication_of(shop.lake, DAY) is None
        return failed(shop, DAY)


def severities(caught: Mapping[str, Row]) -> dict[str, str]:
    return {name: row["severity"] for name, row in caught.items()}


def test_good_days_trip_no_check(shop: Shop) -> None:
    for day in (*GOOD[:3], GOOD[4]):
        assert failed(shop, day) == {}, day
    assert shop.publication(GOOD[4])["verdict"] == "passed"
    ids = {row["check_id"] for row in shop.rows("ops.checks", rows_where(dt=GOOD[4]))}
    # The checks that the faults below are caught by did look at the good day.
    assert ids >= {
        "clean.orders.rows_as_before",
        "clean.orders.channel_empty_as_before",
        "clean.orders.customer_length_as_before",
        "clean.orders.amount_scale_as_before",
        "clean.orders.new_content",
        "clean.orders.rows_were_checked",
        "clean.orders.every_declared_check_ran",
        "clean.orders.fresh",
        "clean.orders.customer_is_known_in_users_customer",
        "clean.users.rows_as_before",
        "clean.users.every_declared_check_ran",
        "tags.tag_statistics.big_spender_coverage_drift",
        "tags.tag_statistics.gender_value_drift",
        "tags.user_tags.big_spender_coverage",
    }


def test_a_report_that_cannot_be_written_warns_and_the_day_is_published(earlier: Earlier) -> None:
    publication = earlier.shop.publication(GOOD[3])
    assert (
        publication["verdict"] == "warned" and "not written: OSError; see the log" in publication["warnings"]
    )
    assert severities(failed(earlier.shop, GOOD[3])) == {
        "ops.reports.the_report_of_the_clean_stage_is_there": "warning",
        "ops.reports.the_report_of_the_audit_stage_is_there": "warning",
    }
    (clean,) = [report for report in earlier.unreported if report.stage == "clean"]
    assert clean.lines[-1].note == "not written: OSError; see the log of the task"


def test_faults_of_one_batch_are_each_caught_and_shown(shop: Shop) -> None:
    """Half of the rows are missing; the others have no channel, ids that lost two digits and are known to
    nobody, and amounts in cents. The source wants a warning about the channel; the others refuse the day."""
    faulty = [
        order
        | {
            "customer": str(order["customer"])[:-2],
            "channel": None,
            "amount": round(float(str(order["amount"])) * 100),
        }
        for order in orders_of(DAY)[ORDERS // 2 :]
    ]
    caught = refused(shop, faulty)
    assert severities(caught) == {
        "clean.orders.rows_as_before": "critical",
        "clean.orders.channel_empty_as_before": "warning",
        "clean.orders.amount_scale_as_before": "critical",
        "clean.orders.customer_length_as_before": "critical",
        "clean.orders.customer_is_known_in_users_customer": "critical",
    }
    rows = caught["clean.orders.rows_as_before"]
    assert (rows["rows_checked"], rows["value"], rows["usual"], rows["unit"]) == (110, 110, 220, "rows")
    assert json.loads(rows["details"])["compared"] == "weekday"
    channel = caught["clean.orders.channel_empty_as_before"]
    assert (channel["rows_checked"], channel["unexpected_rows"]) == (110, 110)
    length = caught["clean.orders.customer_length_as_before"]
    assert (length["value"], length["usual"], length["unit"]) == (6, 8, "characters")
    unknown = caught["clean.orders.customer_is_known_in_users_customer"]
    assert (unknown["rows_checked"], unknown["unexpected_rows"]) == (110, 110)
    sample = json.loads(unknown["samples"])
    assert len(sample) == 5
    assert {tuple(row) for row in sample} == {("order_id", "customer")}
    assert {len(row["customer"]) for row in sample} == {6}


@pytest.fixture(scope="module")
def old_and_empty(earlier: Earlier) -> dict[str, Row]:
    """What is caught of a day whose orders are those of yesterday and whose users have no row."""
    return refused(earlier.shop, orders_of(GOOD[-1]), users=False)


def test_the_file_of_yesterday_is_blocked_as_known_content(old_and_empty: dict[str, Row]) -> None:
    known = old_and_empty["clean.orders.new_content"]
    assert known["severity"] == "critical"
    assert json.loads(known["details"]) == {"batch": str(GOOD[-1])}
    assert known["dt"] == DAY


def test_a_source_without_a_row_is_blocked_because_nothing_was_checked(old_and_empty: dict[str, Row]) -> None:
    assert old_and_empty["clean.users.rows_were_checked"]["severity"] == "critical"
    assert "clean.users.rows_as_before" in old_and_empty


@dataclass(frozen=True)
class Widened:
    """A day without any channel, after the edit of a rule that gives a tag to most users."""

    caught: dict[str, Row]
    clean: RunRecord
    built: RunRecord


@pytest.fixture(scope="module")
def widened(earlier: Earlier) -> Widened:
    shop = earlier.shop
    file = "tags/all.yml"
    text = (shop.folder / file).read_text(encoding="utf-8")

    def wider(data: Any) -> None:
        data["tags"]["big_spender"]["when"] = "largest_30d >= 1"

    try:
        shop.edit(file, wider)
        with as_before(shop):
            land(shop, DAY, [order | {"channel": None} for order in orders_of(DAY)])
            with pytest.raises(GateRefused):
                shop.run(DAY)
            assert publication_of(shop.lake, DAY) is None
            records = {item.stage: item for item in run_records(shop.lake, DAY)}
            return Widened(failed(shop, DAY), records["clean"], records["tag"])
    finally:
        (shop.folder / file).write_text(text, encoding="utf-8")
        shop.reload()


def test_a_column_that_turns_to_nulls_is_a_warning_where_the_source_wants_that(
    widened: Widened,
) -> None:
    """The day goes on from its clean stage: what stops it afterwards is the rule of a tag."""
    assert widened.caught["clean.orders.channel_empty_as_before"]["severity"] == "warning"
    assert widened.clean.status == "warned"
    assert [each.check_id for each in widened.clean.warnings] == ["clean.orders.channel_empty_as_before"]
    assert widened.built.status == "built"


def test_a_rule_edit_that_gives_a_tag_to_most_users_is_blocked_by_its_coverage(widened: Widened) -> None:
    assert set(widened.caught) == {
        "clean.orders.channel_empty_as_before",
        "tags.tag_statistics.big_spender_coverage_drift",
    }
    check = widened.caught["tags.tag_statistics.big_spender_coverage_drift"]
    assert (check["severity"], check["owner"], check["column_name"]) == (
        "critical",
        "operations",
        "big_spender",
    )


def test_great_expectations_that_raises_blocks_the_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    import great_expectations as gx

    def broken(*_: object, **__: object) -> Mapping[str, object]:
        raise RuntimeError("no metric could be computed")

    monkeypatch.setattr(gx.ValidationDefinition, "run", broken)
    caught = refused(shop, orders_of(DAY))
    assert severities(caught) == {
        "clean.orders.every_declared_check_ran": "critical",
        "clean.users.every_declared_check_ran": "critical",
    }
    # The message may quote rows: it stands in the log alone.
    assert caught["clean.orders.every_declared_check_ran"]["error"] == "RuntimeError"
