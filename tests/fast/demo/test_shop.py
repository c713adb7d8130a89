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
import yaml

from demo import DATA_DAYS, DAYS, HISTORY_FROM
from demo.draw import Span, money
from demo.load import land_files
from demo.products import CATEGORIES
from demo.shop import Shop, generate
from tests.support.places import ROOT
from usertags.sources.personal_ids import normalise

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


@pytest.fixture(scope="module")
def links(shop: Shop) -> pd.DataFrame:
    frame = newest(shop.tables["account_links"].to_pandas(), ["link_id"]).dropna(subset="user_id")
    frame["mobile"] = frame.phone.map(normalise, na_action="ignore")
    frame["open_id"] = frame.open_id.str.strip()
    frame["device_id"] = frame.device_id.str.lower()
    return frame


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
    assert money(np.array([12345, -5, 0]), np.array([1])).to_pylist() == [yuan[0], None, yuan[2]]


def test_nothing_changed_after_the_last_day(shop: Shop) -> None:
    end = pd.Timestamp(DATA_DAYS[-1] + timedelta(days=1), tz=LOCAL)
    for name, table in shop.tables.items():
        changed = table.column("updated_at").to_pandas()
        assert changed.notna().all(), name
        assert changed.max() < end, name


def test_a_row_never_changes_before_its_event(shop: Shop) -> None:
    times = {
        "users": "registered_at",
        "order_lines": "ordered_at",
        "payments": "paid_at",
        "refunds": "refunded_at",
        "referrals": "referred_at",
        "consultations": "started_at",
        "coupons": "claimed_at",
        "deposits": "paid_at",
        "account_links": "linked_at",
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
        for folder in ("behaviour", "questionnaires", "manual_tags", "campaigns"):
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
        assert any(len(row) < 11 for row in rows)
        assert any(row[1].strip() == "" for row in rows)
        assert any(re.match("[０-９]+", row[1]) for row in rows)
        assert any("." in row[2] and float(row[2]) < 3 for row in rows if len(row) == 11)
        assert any(b"\xff" in content for content in contents)

    def test_manual_tags(self, shop: Shop) -> None:
        rows = manual_tags(shop)
        assert {"长期", "2026-02-30"} <= {row["valid_until"] for row in rows}
        assert any(row["set_by"] == "" for row in rows) and any(row["user_no"] == "" for row in rows)
        assert any("\n" in row["reason"] for row in rows) and any('"' in row["reason"] for row in rows)
        assert {row["action"] for row in rows} == {"set", "Set", "withdraw", "Withdraw", "续期"}
        assert any(row["tag"] == "健康备注" and row["value"] == "" for row in rows)
        assert len({tuple(row.values()) for row in rows}) < len(rows)


def manual_tags(shop: Shop) -> list[dict[str, str]]:
    """The rows of all files, in order of time but for exact repeats."""
    return [
        row
        for content in of_kind(shop, "manual_tags").values()
        for row in csv.DictReader(io.StringIO(content.decode(), newline=""))
    ]


class TestTagsSetByHand:
    def test_who_sets_what(self, shop: Shop) -> None:
        values: dict[str, set[str]] = {}
        for row in manual_tags(shop):
            if row["action"].lower() == "set":
                values.setdefault(row["tag"].strip(), set()).add(row["value"])
        assert values.pop("健康备注") == {"", "术后恢复", "用药中", "需营养指导"}
        assert values.pop("兴趣") == {"睡眠", "护肤", "减重", "养生", "母婴"}
        assert values == {name: {""} for name in ("重点关注", "请勿打扰", "需回访", "睡眠需求")}
        setters: dict[str, set[str]] = {}
        for row in manual_tags(shop):
            setters.setdefault(row["tag"].strip(), set()).add(row["set_by"][:2])
        assert setters["兴趣"] <= {"us", ""}
        assert setters["请勿打扰"] >= {"hm", "cs"} and setters["需回访"] >= {"hm", "cs"}
        assert setters["重点关注"] <= {"hm", ""} and setters["睡眠需求"] <= {"hm", ""}

    def test_what_is_withdrawn_was_set_before(self, shop: Shop) -> None:
        rows = manual_tags(shop)
        began = {(row["user_no"], row["tag"].strip()): row["set_at"] for row in reversed(rows)}
        withdrawn = [row for row in rows if row["action"].lower() == "withdraw" and row["user_no"]]
        assert len(withdrawn) >= DAYS - 2
        late = [row for row in withdrawn if row["set_at"] <= began[(row["user_no"], row["tag"].strip())]]
        assert len(late) <= 1  # the user number of what was set is missing


class TestBehaviour:
    def test_only_log_ins_have_a_method_and_only_items_a_price(self, shop: Shop) -> None:
        methods: dict[str, set[object]] = {}
        priced: dict[str, set[bool]] = {}
        for content in of_kind(shop, "behaviour").values():
            for event in events_of(content)[0]:
                name = str(event["event"]).lower()
                methods.setdefault(name, set()).add(event.get("method"))
                priced.setdefault(name, set()).add("item" in event)
                assert "price" not in event or "item" in event
        del methods["app_crash"], priced["app_crash"]
        assert {str(method).lower() for method in methods.pop("login")} == {"wechat", "sms", "password"}
        assert all(found == {None} for found in methods.values())
        assert {name for name, found in priced.items() if found == {False}} == {"login", "consult", "search"}
        assert {"view", "favourite", "cart", "share"} == {n for n, found in priced.items() if found == {True}}

    def test_a_log_in_opens_a_session_that_goes_on(self, shop: Shop) -> None:
        events = [e for content in of_kind(shop, "behaviour").values() for e in events_of(content)[0]]
        sessions = {e["session"] for e in events if e["event"] not in ("login", "consult", "app_crash")}
        opened = {e["session"] for e in events if e["event"] == "login"}
        assert 0.17 < len(opened) / len(sessions) < 0.27
        assert len(opened - sessions) < 0.03 * len(opened)  # the rest of it was delivered after the last day

    def test_prices_as_the_versions_of_the_app_send_them(self, shop: Shop) -> None:
        events = [e for content in of_kind(shop, "behaviour").values() for e in events_of(content)[0]]
        items = [event for event in events if "item" in event]
        texts = [str(e["price"]) for e in items if isinstance(e.get("price"), str)]
        assert 0.04 < len(texts) / len(items) < 0.10
        assert all(re.fullmatch(r"¥[0-9,]+\.[0-9]{2}", text) for text in texts)
        assert any("price" not in event for event in items)
        by_item: dict[object, set[float]] = {}
        for event in items:
            if "price" in event:
                price = float(str(event["price"]).strip("¥").replace(",", ""))
                by_item.setdefault(event["item"], set()).add(price)
        assert all(len(prices) == 1 for prices in by_item.values())
        prices = np.array([next(iter(found)) for found in by_item.values()])
        assert all(share > 0.05 for share in ((prices < 80).mean(), (prices >= 250).mean()))


class TestCampaigns:
    def test_a_click_follows_a_delivery_and_a_joining_a_click(self, shop: Shop) -> None:
        happened: dict[object, dict[str, datetime]] = {}
        by_message: dict[object, set[tuple[object, object]]] = {}
        for content in of_kind(shop, "campaigns").values():
            for event in events_of(content)[0]:
                if event["action"] != "bounced" and event["at"] != "n/a":
                    action = str(event["action"]).strip().lower()
                    at = datetime.fromisoformat(str(event["at"]))
                    happened.setdefault(event["message_id"], {})[action] = at
                by_message.setdefault(event["message_id"], set()).add((event["campaign"], event["channel"]))
        assert all(len(found) == 1 for found in by_message.values())
        counts = {name: sum(name in each for each in happened.values()) for name in ("clicked", "joined")}
        assert 0.08 < counts["clicked"] / len(happened) < 0.30
        assert 0.20 < counts["joined"] / counts["clicked"] < 0.55
        for actions in happened.values():
            order = [actions[name] for name in ("delivered", "clicked", "joined") if name in actions]
            assert order == sorted(order)

    def test_messages_with_dirt(self, shop: Shop) -> None:
        files = [events_of(content) for content in of_kind(shop, "campaigns").values()]
        events = [event for found, _ in files for event in found]
        assert sum(broken for _, broken in files) >= DAYS / 2
        assert sum(event["uid"] is None for event in events) >= DAYS / 2
        assert sum(event["action"] == "bounced" for event in events) >= DAYS / 2
        assert sum(event["at"] == "n/a" for event in events) >= DAYS / 2
        ids = [(event["message_id"], event["action"]) for event in events]
        assert len(set(ids)) < len(ids)


class TestFestivals:
    def test_deposits_of_this_year_and_the_last(self, shop: Shop) -> None:
        deposits = shop.tables["deposits"].to_pandas().drop_duplicates()
        day = deposits.paid_at.dt.tz_convert(LOCAL).dt.date
        campaign = deposits.campaign.str.strip().str.lower()
        assert set(campaign) == {"double11", "618", "test"}
        days = {name: sorted(set(day[campaign == name])) for name in ("double11", "618")}
        assert days["618"] == [
            date(2025, 5, 20), date(2025, 6, 4), date(2025, 6, 18),
            date(2026, 5, 20), date(2026, 6, 4), date(2026, 6, 18),
        ]  # fmt: skip
        october = [date(2026, 10, 20) + timedelta(days=n) for n in range(15)]
        assert days["double11"] == [date(2025, 10, 20), date(2025, 10, 31), date(2025, 11, 11), *october]

    def test_depositors_of_all_kinds(self, shop: Shop, order_lines: pd.DataFrame) -> None:
        deposits = shop.tables["deposits"].to_pandas()
        day = deposits.paid_at.dt.tz_convert(LOCAL).dt.date
        bought = order_lines[order_lines.state.isin(BOUGHT)]
        for year, known in ((2025, DATA_DAYS[0]), (2026, DATA_DAYS[0])):
            begin, end = date(year, 10, 20), min(date(year, 11, 11), known)
            paid = set(deposits.user_id[(day >= begin) & (day <= end)].dropna())
            ordered = set(bought.user_id[(bought.day >= begin) & (bought.day <= end)].dropna())
            assert len(paid & ordered) > 5 and len(paid - ordered) > 5 and len(ordered - paid) > 5, year

    def test_some_bought_last_year_and_not_yet_this_year(self, order_lines: pd.DataFrame) -> None:
        bought = order_lines[order_lines.state.isin(BOUGHT)]
        last = bought[(bought.day >= date(2025, 10, 20)) & (bought.day <= date(2025, 11, 11))]
        this = bought[bought.day >= date(2026, 10, 20)]
        assert len(set(last.user_id) - set(this.user_id)) > 20
        assert len(set(last.user_id) & set(this.user_id)) > 5

    def test_deposits_that_are_none(self, shop: Shop) -> None:
        deposits = shop.tables["deposits"].to_pandas()
        assert (deposits.amount < 0).any() and (deposits.amount > 0).mean() > 0.95


class TestAccounts:
    def test_most_ids_belong_to_one_account(self, links: pd.DataFrame) -> None:
        for name in ("mobile", "open_id", "device_id"):
            accounts = links.groupby(name).user_id.nunique()
            assert (accounts == 1).mean() > 0.9, name
            assert (accounts == 2).sum() > 5, name

    def test_families_share_a_device_and_the_store_its_tablet_and_phone(self, links: pd.DataFrame) -> None:
        devices = links.groupby("device_id").user_id.nunique().sort_values()
        assert devices.index[-1] == "d0000store01" and devices.iloc[-1] > 20
        assert set(devices.iloc[:-1]) == {1, 2, 3}
        phones = links.groupby("mobile").user_id.nunique().sort_values()
        assert phones.index[-1] == "13800138000" and phones.iloc[-1] > 20
        assert phones.iloc[-2] == 2

    def test_an_open_id_is_bound_later(self, links: pd.DataFrame) -> None:
        first = links.sort_values("linked_at").drop_duplicates(["user_id", "open_id"])
        first["day"] = first.linked_at.dt.tz_convert(LOCAL).dt.date
        shared = first.dropna(subset="open_id").groupby("open_id").filter(lambda each: len(each) > 1)
        joined = shared.groupby("open_id").day.max()
        assert (joined > DATA_DAYS[0]).any() and (joined <= HISTORY_FROM).any()

    def test_links_begin_with_the_register(self, links: pd.DataFrame) -> None:
        days = set(links.linked_at.dt.tz_convert(LOCAL).dt.date)
        assert days == {HISTORY_FROM + timedelta(days=n) for n in range(-1, DAYS)}

    def test_the_phone_of_a_link_is_that_of_the_user(self, links: pd.DataFrame, users: pd.DataFrame) -> None:
        phones = users.drop_duplicates("user_id").set_index("user_id").phone.dropna().map(normalise)
        typed = links.dropna(subset="mobile").set_index("user_id").mobile
        both = pd.concat([phones, typed], axis=1, join="inner")
        assert len(both) > USERS * 0.9 and (both.phone == both.mobile).all()

    def test_rows_that_link_nothing(self, links: pd.DataFrame) -> None:
        assert links[["open_id", "device_id", "phone"]].isna().all(axis=1).any()


def test_some_have_money_and_points_on_their_account(users: pd.DataFrame) -> None:
    stored, points = users.stored_value.astype(float), users.points
    assert 0.10 < (stored > 0).mean() < 0.18 and stored.max() <= 2000
    assert 0.70 < (points > 0).mean() < 0.85
    assert all((column < 0).any() and 0 < column.isna().mean() < 0.03 for column in (stored, points))


def test_answers_about_allergies_and_interests(shop: Shop) -> None:
    rows = [row for content in of_kind(shop, "questionnaires").values() for row in answers_of(content)]
    whole = [row for row in rows if len(row) == 11]
    assert {"无", "没有", "", "花粉", "海鲜"} <= {row[8] for row in whole}
    chosen = [re.split("[、，]", row[9]) for row in whole if row[9]]
    assert {topic for topics in chosen for topic in topics} == {"睡眠", "护肤", "减重", "养生", "母婴"}
    assert {len(topics) for topics in chosen} == {1, 2, 3}
    assert all(len(set(topics)) == len(topics) for topics in chosen)


def test_a_product_is_its_brand_its_noun_and_its_size(order_lines: pd.DataFrame) -> None:
    products = order_lines[["brand", "product"]].dropna().drop_duplicates()
    words = products["product"].str.strip(" 　").str.split(" ")
    assert set(words.map(len)) == {3}
    assert (words.str[0].str.lower() == products.brand.str.lower()).all()
    nouns = {noun for _, _, nouns in CATEGORIES.values() for noun in nouns.split()}
    assert set(words.str[1]) == nouns
    written = yaml.safe_load((ROOT / "configs" / "dictionaries" / "products.yml").read_text())["dictionaries"]
    assert set(written["product_needs"]) == nouns
    assert set(written["supply_days"]) < nouns


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
