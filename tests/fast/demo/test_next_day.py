"""The day after the demo's days: the same each time, part of the same shop, as large as other days."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from demo import DATA_DAYS, DAYS, HISTORY_FROM, NEXT_DAY
from demo.next_day import in_cents, next_day
from demo.shop import Shop, generate

USERS = 3_000
MIDNIGHT = datetime(NEXT_DAY.year, NEXT_DAY.month, NEXT_DAY.day, tzinfo=UTC) - timedelta(hours=8)
KEYS = {
    "users": ["user_id"],
    "order_lines": ["order_id", "line_no"],
    "payments": ["payment_id"],
    "refunds": ["refund_id"],
    "referrals": ["referral_id"],
    "consultations": ["consultation_id"],
    "coupons": ["coupon_id"],
    "deposits": ["deposit_id"],
    "account_links": ["link_id"],
}


@pytest.fixture(scope="module")
def before() -> Shop:
    return generate(7, USERS, HISTORY_FROM, DAYS)


@pytest.fixture(scope="module")
def day() -> Shop:
    return next_day(7, USERS, HISTORY_FROM, DAYS)


def rows(shop: Shop, name: str) -> pd.DataFrame:
    return shop.tables[name].to_pandas()


def test_the_same_arguments_give_the_same_day(day: Shop) -> None:
    assert next_day(7, USERS, HISTORY_FROM, DAYS).checksum() == day.checksum()
    assert next_day(8, USERS, HISTORY_FROM, DAYS).checksum() != day.checksum()
    assert DATA_DAYS[-1] + timedelta(days=1) == NEXT_DAY


@pytest.mark.parametrize("name", KEYS)
def test_each_table_hears_of_that_day_alone_and_of_as_much_as_before(
    before: Shop, day: Shop, name: str
) -> None:
    assert day.tables[name].schema == before.tables[name].schema
    heard = rows(day, name).updated_at
    assert heard.min() >= MIDNIGHT and heard.max() < MIDNIGHT + timedelta(days=1)
    earlier = rows(before, name).updated_at
    each = [
        ((earlier >= MIDNIGHT - timedelta(days=back)) & (earlier < MIDNIGHT - timedelta(days=back - 1))).sum()
        for back in range(1, 8)
    ]
    assert 0.5 * min(each) <= len(heard) <= 2 * max(each)


@pytest.mark.parametrize("name", sorted(set(KEYS) - {"users", "order_lines", "payments", "refunds"}))
def test_ids_of_the_day_are_new(before: Shop, day: Shop, name: str) -> None:
    key = KEYS[name][0]
    assert not set(rows(day, name)[key]) & set(rows(before, name)[key])


def test_orders_of_the_day_are_new_and_others_go_on(before: Shop, day: Shop) -> None:
    known = rows(before, "order_lines").dropna(subset="user_id")
    lines = rows(day, "order_lines").dropna(subset="user_id")
    new = lines.order_id.str.startswith("261104")
    assert set(lines[~new].order_id) <= set(known.order_id) | set(lines[new].order_id)
    assert not set(lines[new].order_id) & set(known.order_id)
    owners = known.groupby("order_id").user_id.first()
    gone_on = lines[~new].groupby("order_id").user_id.first()
    assert (owners.reindex(gone_on.index) == gone_on).all() and len(gone_on) > 20
    states = set(lines[~new].status.str.strip().str.lower().dropna())
    assert {"shipped", "done"} <= states


def test_its_people_are_those_of_the_shop_and_the_newly_registered(before: Shop, day: Shop) -> None:
    everybody = set(rows(before, "users").user_id.dropna())
    users = rows(day, "users")
    joined = set(users[users.registered_at >= MIDNIGHT].user_id.dropna())
    assert joined and not joined & everybody
    for name in ("order_lines", "payments", "coupons", "account_links"):
        assert set(rows(day, name).user_id.dropna()) <= everybody | joined, name
    referees = set(rows(day, "referrals").referee_id.dropna())
    assert referees <= joined


def test_its_files_are_those_of_the_day(before: Shop, day: Shop) -> None:
    folders = ("behaviour", "campaigns", "manual_tags", "questionnaires")
    assert {path.split("/dt=")[0] for path in day.files} == set(folders)
    assert {path.split("/dt=")[1][:10] for path in day.files} == {str(NEXT_DAY)}

    def events(shop: Shop, date: object) -> set[str]:
        lines = shop.files[f"behaviour/dt={date}/part-0.json.gz"].decode().splitlines()
        return {json.loads(line)["event_id"] for line in lines if line.endswith("}")}

    earlier = {name for date in DATA_DAYS for name in events(before, date)}
    assert len(events(day, NEXT_DAY)) > 500
    assert not events(day, NEXT_DAY) & earlier


def test_in_cents_is_the_same_day_with_all_money_a_hundredfold(day: Shop) -> None:
    wrong = in_cents(day)
    assert wrong.files == day.files
    for name, columns in {"payments": ["amount"], "order_lines": ["amount", "unit_price"]}.items():
        right, spoilt = rows(day, name), rows(wrong, name)
        for column in columns:
            assert list(spoilt[column]) == [value * Decimal(100) for value in right[column]]
        rest = [column for column in right.columns if column not in columns]
        pd.testing.assert_frame_equal(right[rest], spoilt[rest])
    assert wrong.tables["payments"].schema == day.tables["payments"].schema
