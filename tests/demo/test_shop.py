"""The synthetic shop: the same for a seed, as large and as dirty as it says, and believable."""

import csv
import gzip
import io
import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from demo import DATA_DAYS, DAYS, HISTORY_FROM
from demo.draw import Span, money
from demo.load import land_files
from demo.shop import Shop, generate

USERS = 3_000
LOCAL = ZoneInfo("Asia/Shanghai")
BOUGHT = ["paid", "shipped", "done"]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(7, USERS, HISTORY_FROM, DAYS)


@pytest.fixture(scope="module")
def order_lines(shop: Shop) -> pd.DataFrame:
    frame = shop.tables["order_lines"].to_pandas()
    frame["state"] = frame.status.str.strip().str.lower()
    frame["day"] = frame.ordered_at.dt.tz_convert(LOCAL).dt.date
    return frame


@pytest.fixture(scope="module")
def users(shop: Shop) -> pd.DataFrame:
    return shop.tables["users"].to_pandas()


def of_kind(shop: Shop, folder: str) -> dict[date, bytes]:
    """Files of a landing folder by the day in their path."""
    return {
        date.fromisoformat(path.split("dt=")[1][:10]): content
        for path, content in shop.files.items()
        if path.startswith(f"{folder}/")
    }


def events_of(content: bytes) -> tuple[list[dict[str, object]], int]:
    """The events of a file, and how many of its lines are no JSON."""
    events, broken = [], 0
    for line in content.decode().splitlines():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            broken += 1
    return events, broken


def day_of(ts: object) -> date | None:
    if isinstance(ts, int):
        return datetime.fromtimestamp(ts / 1000, LOCAL).date()
    try:
        return datetime.fromisoformat(str(ts)).astimezone(LOCAL).date()
    except ValueError:
        return None


def answers_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("gbk", errors="replace"), newline="")))[1:]


def newest(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return frame.sort_values("updated_at", kind="stable").drop_duplicates(key, keep="last")


def test_the_default_days_are_a_month_of_history_and_three_data_days() -> None:
    assert DATA_DAYS[0] == HISTORY_FROM + timedelta(days=31)
    assert [(day - DATA_DAYS[0]).days for day in DATA_DAYS] == [0, 1, 2]
    assert DAYS == 34


def test_the_same_seed_gives_the_same_shop(shop: Shop) -> None:
    assert generate(7, USERS, HISTORY_FROM, DAYS).checksum() == shop.checksum()


def test_another_seed_gives_another_shop() -> None:
    first = generate(1, 500, HISTORY_FROM, 10)
    second = generate(2, 500, HISTORY_FROM, 10)
    assert first.checksum() != second.checksum()
    assert all(first.tables[name] != second.tables[name] for name in first.tables)


def test_days_are_relative() -> None:
    moved = generate(3, 500, date(2025, 3, 1), 10)
    assert sorted(of_kind(moved, "behaviour")) == [date(2025, 3, 1) + timedelta(days=n) for n in range(10)]
    assert moved.tables["order_lines"].to_pandas().updated_at.max() < pd.Timestamp("2025-03-11", tz=LOCAL)


@pytest.mark.parametrize(("users", "days"), [(499, 34), (500, 6)])
def test_a_shop_too_small_to_hold_everything_is_refused(users: int, days: int) -> None:
    with pytest.raises(ValueError, match="at least 500 users and 7 days"):
        generate(1, users, HISTORY_FROM, days)


def test_money_keeps_its_sign_and_its_fen() -> None:
    yuan = money(np.array([12345, -5, 0])).to_pylist()
    assert [str(value) for value in yuan] == ["123.45", "-0.05", "0.00"]


def test_nothing_changed_after_the_last_day(shop: Shop) -> None:
    end = pd.Timestamp(DATA_DAYS[-1] + timedelta(days=1), tz=LOCAL)
    for name, table in shop.tables.items():
        changed = table.column("updated_at").to_pandas()
        assert changed.notna().all(), name
        assert changed.max() < end, name


def test_a_row_never_changes_before_what_it_tells(shop: Shop) -> None:
    times = {
        "users": "registered_at",
        "order_lines": "ordered_at",
        "payments": "paid_at",
        "refunds": "refunded_at",
        "referrals": "referred_at",
        "consultations": "started_at",
        "coupons": "claimed_at",
    }
    for name, time in times.items():
        frame = shop.tables[name].to_pandas()
        assert (frame[time].isna() | (frame[time] <= frame.updated_at)).all(), name


def test_nobody_orders_before_registering(users: pd.DataFrame, order_lines: pd.DataFrame) -> None:
    registered = users.dropna(subset="user_id").groupby("user_id").registered_at.min()
    orders = order_lines.join(registered, on="user_id").dropna(subset="registered_at")
    assert (orders.ordered_at >= orders.registered_at).all()


class TestSize:
    def test_nearly_half_of_the_users_have_no_orders(self, order_lines: pd.DataFrame) -> None:
        assert 0.40 < 1 - order_lines.user_id.nunique() / USERS < 0.50

    def test_a_month_has_as_many_order_lines_as_it_should(self, order_lines: pd.DataFrame) -> None:
        month = order_lines[(order_lines.day >= HISTORY_FROM) & (order_lines.day < DATA_DAYS[0])]
        lines = len(month.drop_duplicates(["order_id", "line_no"]))
        assert 20_000 < lines * 20_000 / USERS < 30_000

    def test_older_orders_are_on_few_days(self, order_lines: pd.DataFrame) -> None:
        older = order_lines[order_lines.day < HISTORY_FROM]
        assert 0.1 < older.order_id.nunique() / order_lines.order_id.nunique() < 0.35
        assert older.day.nunique() <= 14
        assert all((day + timedelta(days=1)).day == 1 for day in older.day)

    def test_every_landing_folder_has_every_day(self, shop: Shop) -> None:
        days = [HISTORY_FROM + timedelta(days=n) for n in range(DAYS)]
        for folder in ("behaviour", "questionnaires", "manual_tags"):
            assert sorted(of_kind(shop, folder)) == days

    def test_a_day_has_hundreds_of_events(self, shop: Shop) -> None:
        counts = [content.count(b"\n") for content in of_kind(shop, "behaviour").values()]
        assert 250 < min(counts) < max(counts) < 1500


class TestDistributions:
    def test_weekends_are_busier(self, order_lines: pd.DataFrame) -> None:
        october = order_lines[(order_lines.day >= date(2026, 10, 5)) & (order_lines.day <= date(2026, 11, 1))]
        orders = october.drop_duplicates("order_id")
        weekday = pd.to_datetime(orders.day).dt.dayofweek.value_counts()
        assert weekday[[5, 6]].mean() > 1.15 * weekday[[0, 1, 2, 3]].mean()

    def test_few_products_make_much_of_the_sales(self, order_lines: pd.DataFrame) -> None:
        counts = order_lines["product"].str.strip(" 　").value_counts(normalize=True)
        assert counts.iloc[:40].sum() > 0.35

    def test_spending_has_a_long_tail(self, shop: Shop) -> None:
        payments = shop.tables["payments"].to_pandas()
        spent = payments[payments.status.str.lower() == "success"].groupby("user_id").amount.sum()
        spent = spent.astype(float)
        assert spent.mean() > 1.2 * spent.median()
        assert 100 < spent.median() < 1000

    @pytest.mark.parametrize("data_day", DATA_DAYS)
    def test_some_customers_are_important(
        self, shop: Shop, order_lines: pd.DataFrame, data_day: date
    ) -> None:
        """Three orders or two referrals in the 180 days that end with the data day, as known at its end."""
        end = pd.Timestamp(data_day + timedelta(days=1), tz=LOCAL)
        begin = data_day - timedelta(days=179)
        lines = newest(order_lines[order_lines.updated_at < end], ["order_id", "line_no"])
        bought = lines[lines.state.isin(BOUGHT) & (lines.quantity > 0) & (lines.day >= begin)]
        orders = bought.groupby("user_id").order_id.nunique()
        referrals = shop.tables["referrals"].to_pandas()
        referrals = newest(referrals[referrals.updated_at < end], ["referral_id"])
        referrals = referrals[referrals.referrer_id != referrals.referee_id]
        brought = referrals.groupby("referrer_id").referee_id.nunique()
        important = set(orders[orders >= 3].index) | set(brought[brought >= 2].index)
        assert 0.01 < len(important) / USERS < 0.12
        assert (brought >= 2).any()

    def test_an_order_is_known_on_its_day_but_for_a_few(self, order_lines: pd.DataFrame) -> None:
        first = DATA_DAYS[0]
        end = pd.Timestamp(first + timedelta(days=1), tz=LOCAL)
        placed = set(order_lines[order_lines.day <= first].order_id)
        known = set(order_lines[order_lines.updated_at < end].order_id)
        assert 0 < len(placed - known) < 0.02 * len(placed)

    def test_a_referee_is_brought_in_once(self, shop: Shop) -> None:
        referrals = shop.tables["referrals"].to_pandas().drop_duplicates("referral_id")
        assert not referrals.referee_id.dropna().duplicated().any()

    def test_an_order_or_a_session_stays_within_a_day(self, shop: Shop, order_lines: pd.DataFrame) -> None:
        assert (order_lines.groupby("order_id").day.nunique() == 1).all()
        days: dict[object, set[date]] = {}
        for content in of_kind(shop, "behaviour").values():
            for event in events_of(content)[0]:
                day = day_of(event["ts"])
                if day is not None:
                    days.setdefault(event["session"], set()).add(day)
        assert all(len(found) == 1 for found in days.values())


class TestDirtInTables:
    def test_repeated_rows(self, shop: Shop) -> None:
        for name, table in shop.tables.items():
            assert table.to_pandas().duplicated().any(), name

    def test_older_versions(self, order_lines: pd.DataFrame, users: pd.DataFrame) -> None:
        lines = order_lines.drop_duplicates()
        versions = lines.groupby(["order_id", "line_no"]).updated_at.nunique()
        assert (versions >= 2).sum() > 50
        assert (users.groupby("user_id").updated_at.nunique() >= 2).sum() > 5

    def test_statuses_move_on(self, order_lines: pd.DataFrame) -> None:
        moves = order_lines.sort_values("updated_at").groupby(["order_id", "line_no"]).state.agg(list)
        assert {("paid", "shipped"), ("shipped", "done"), ("pending", "cancelled")} <= set(map(tuple, moves))

    def test_rows_that_arrive_late(self, order_lines: pd.DataFrame) -> None:
        heard = order_lines.updated_at - order_lines.ordered_at
        assert ((order_lines.state == "paid") & (heard > pd.Timedelta(days=1))).any()

    def test_missing_customers(self, shop: Shop) -> None:
        columns = {"referrals": "referrer_id"}
        for name, table in shop.tables.items():
            assert table.column(columns.get(name, "user_id")).null_count > 0, name

    def test_unknown_statuses_and_spellings(self, order_lines: pd.DataFrame) -> None:
        found = set(order_lines.status.dropna())
        assert order_lines.status.isna().any()
        assert {"???", "returned_old", "DONE ", "Done "} <= found

    def test_quantities_and_amounts_with_the_wrong_sign(self, shop: Shop, order_lines: pd.DataFrame) -> None:
        payments = shop.tables["payments"].to_pandas()
        refunds = shop.tables["refunds"].to_pandas()
        consultations = shop.tables["consultations"].to_pandas()
        assert (order_lines.quantity < 0).any()
        assert ((payments.entry == "payment") & (payments.amount < 0)).any()
        assert (refunds.amount > 0).any() and (refunds.amount < 0).mean() > 0.95
        assert (consultations.minutes < 0).any()

    def test_refunds_come_days_after_their_order(self, shop: Shop, order_lines: pd.DataFrame) -> None:
        ordered = order_lines.groupby("order_id").ordered_at.first()
        refunds = shop.tables["refunds"].to_pandas().join(ordered, on="order_id").dropna(subset="ordered_at")
        assert (refunds.refunded_at > refunds.ordered_at).all()
        assert (refunds.refunded_at - refunds.ordered_at > pd.Timedelta(days=2)).mean() > 0.3

    def test_rows_that_contradict_themselves(self, shop: Shop) -> None:
        referrals = shop.tables["referrals"].to_pandas()
        coupons = shop.tables["coupons"].to_pandas()
        assert (referrals.referrer_id == referrals.referee_id).any()
        assert (coupons.redeemed_at < coupons.claimed_at).any()
        assert coupons.redeemed_at.isna().any()

    def test_texts_as_people_type_them(self, users: pd.DataFrame) -> None:
        phones = "\n".join(users.phone.dropna())
        assert all(text in phones for text in ("+86 ", "0086-", "１", "-"))
        assert {"女", "F", "female", " Ｆ"} <= set(users.gender.dropna())
        assert {"APP", " ＡＰＰ", "WeChat"} <= set(users.register_channel)
        assert users.city.dropna().str.startswith("　").any() and users.city.dropna().str.endswith("市").any()
        assert (pd.to_datetime(users.birth_date) > pd.Timestamp(HISTORY_FROM)).any()
        assert users.registered_at.isna().any()


class TestDirtInFiles:
    def test_events_from_a_day_or_two_before(self, shop: Shop) -> None:
        delays = {
            (folder - day).days
            for folder, content in of_kind(shop, "behaviour").items()
            for event in events_of(content)[0]
            if (day := day_of(event["ts"])) is not None
        }
        assert delays == {0, 1, 2}

    def test_broken_anonymous_unknown_and_timeless_events(self, shop: Shop) -> None:
        for day, content in of_kind(shop, "behaviour").items():
            events, broken = events_of(content)
            assert broken >= 1, day
            assert any(event["uid"] is None for event in events), day
            assert any(event["event"] == "app_crash" for event in events), day
            assert any(event["ts"] == "yesterday" for event in events), day
            assert {type(event["ts"]) for event in events} == {int, str}, day

    def test_events_delivered_twice(self, shop: Shop) -> None:
        folders: dict[object, list[date]] = {}
        for day, content in of_kind(shop, "behaviour").items():
            for event in events_of(content)[0]:
                folders.setdefault(event["event_id"], []).append(day)
        repeated = [days for days in folders.values() if len(days) > 1]
        assert any(len(set(days)) == 1 for days in repeated)
        assert any(len(set(days)) == 2 for days in repeated)

    def test_questionnaires_are_gbk_with_chinese_headings(self, shop: Shop) -> None:
        content = of_kind(shop, "questionnaires")[HISTORY_FROM]
        assert content.decode("gbk").splitlines()[0].startswith("问卷编号,用户编号,身高cm")
        with pytest.raises(UnicodeDecodeError):
            content.decode("utf-8")

    def test_questionnaires_that_cannot_be_read(self, shop: Shop) -> None:
        contents = of_kind(shop, "questionnaires").values()
        rows = [row for content in contents for row in answers_of(content)]
        assert {"2026/13/45", "昨天下午"} <= {row[-1] for row in rows}
        assert any(len(row) < 9 for row in rows)
        assert any(row[1].strip() == "" for row in rows)
        assert any(re.match("[０-９]+", row[1]) for row in rows)
        assert any("." in row[2] and float(row[2]) < 3 for row in rows if len(row) == 9)
        assert any(b"\xff" in content for content in contents)

    def test_manual_tags(self, shop: Shop) -> None:
        rows = [
            row
            for content in of_kind(shop, "manual_tags").values()
            for row in csv.DictReader(io.StringIO(content.decode(), newline=""))
        ]
        assert {"长期", "2026-02-30"} <= {row["valid_until"] for row in rows}
        assert any(row["set_by"] == "" for row in rows) and any(row["user_no"] == "" for row in rows)
        assert any("\n" in row["reason"] for row in rows) and any('"' in row["reason"] for row in rows)
        assert {row["tag"].strip() for row in rows} == {"重点关注", "请勿打扰", "需回访"}


def test_moments_are_in_the_span_and_after_the_earliest() -> None:
    span = Span(HISTORY_FROM, 34)
    rng = np.random.default_rng(5)
    earliest = span.start + rng.integers(-600, 34 * 86_400 - 700, 5_000)
    moments = span.moments(rng, earliest)
    assert (moments >= earliest + 600).all()
    assert moments.min() >= span.start
    assert moments.max() < span.end


def test_landing_in_a_folder_replaces_an_earlier_shop(shop: Shop, tmp_path: Path) -> None:
    stale = tmp_path / "behaviour" / "dt=2020-01-01" / "part-0.json.gz"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")
    other = tmp_path / "notes.txt"
    other.write_text("not the shop's")
    paths = land_files(tmp_path, shop)
    assert land_files(tmp_path, shop) == paths
    assert not stale.exists() and other.exists()
    first = f"behaviour/dt={HISTORY_FROM}/part-0.json.gz"
    assert gzip.decompress((tmp_path / first).read_bytes()) == shop.files[first]
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {*shop.files, "notes.txt"}
