"""examples/taobao_behaviour: small files with every kind of dirt, and the published files against DuckDB."""

import gzip
import json
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import duckdb
import pytest

from .conftest import CASES, EXAMPLES, NewShop, real_data
from .shop import Shop

DAY = date(2017, 12, 3)
CASE = CASES / "taobao_behaviour"
CONFIGS, VARIABLE = EXAMPLES / "taobao_behaviour", "TAOBAO_BEHAVIOUR_DIR"

Tags = dict[str, dict[str, str]]


def tags_by_user(shop: Shop) -> Tags:
    """The tags of every user by the bare id, each with its value; preferred values in order of rank."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(shop.published("user_tags", DAY), key=lambda row: row["rank"]):
        found[row["user_id"].removeprefix("customer:")][row["tag_id"]].append(row["tag_value"])
    return {user: {tag: ", ".join(values) for tag, values in tags.items()} for user, tags in found.items()}


def reasons(shop: Shop) -> Counter[str]:
    return Counter(row["reason"] for row in shop.rows("ops.quarantine"))


@pytest.fixture(scope="module")
def small(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE)
    for file in CASE.glob("UserBehavior_*.csv"):
        (shop.landing / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    shop.run(DAY)
    return shop


def test_every_row_is_kept_dropped_as_a_repeat_or_set_aside_for_one_reason(small: Shop) -> None:
    assert small.line("clean", "behaviour") == {
        "read": 45,
        "kept": 37,
        # One event stands in both files.
        "superseded": 0,
        "repeats": 1,
        "quarantined": 7,
    }
    # Of the days before and after, the second before the window and the first one after it.
    assert reasons(small) == {
        "outside_the_window": 3,
        "unknown_action": 1,
        "unreadable_time": 1,
        "missing_user": 1,
        "unparsable": 1,
    }


def test_the_row_that_breaks_off_names_its_line(small: Shop) -> None:
    (row,) = small.rows("ops.quarantine", "reason = 'unparsable'")
    raw = json.loads(row["raw"])
    assert (raw["landed_file"], raw["landed_line"]) == ("UserBehavior_some_users.csv.gz", 43)
    assert raw["landed_unparsed"] == "106,9008,7008,pv"


def test_tags_of_the_small_files(small: Shop) -> None:
    """User 107 has no row in the window, and so is nobody."""
    assert tags_by_user(small) == {
        # Ten views and two purchases of seven days, four of the twelve at night; the first day is long ago.
        "101": {
            "active_level": "low",
            "active_days": "3",
            "active_daypart": "evening",
            "night_owl": "true",
            "last_category": "7003",
            # 11 of 20 points, and 4; the 5 of 7003 are one event.
            "preferred_category": "7002, 7001",
            "interest_breadth": "focused",
            "buyer": "true",
            "repeat_buyer": "true",
            "direct_buyer": "true",
            "conversion_rate": "0.2",
            "conversion_level": "high",
            "lifecycle_stage": "active",
            "first_active_date": "2017-11-25",
        },
        # A view, and something that stays in the cart.
        "102": {
            "active_level": "low",
            "active_days": "2",
            "cart_abandoner": "true",
            "pending_cart": "true",
            "last_category": "7001",
            "double12_intent": "true",
            "lifecycle_stage": "potential",
            "first_active_date": "2017-11-26",
        },
        # Came yesterday, bought in the last second of the day.
        "103": {
            "active_level": "low",
            "active_days": "2",
            "last_category": "7004",
            "buyer": "true",
            "lifecycle_stage": "new",
            "first_active_date": "2017-12-02",
        },
        # Bought on the last day before the seven.
        "104": {
            "last_category": "7005",
            "buyer": "true",
            "lifecycle_stage": "dormant",
            "first_active_date": "2017-11-26",
        },
        # Bought both things of the cart, on one day.
        "105": {
            "active_level": "low",
            "active_days": "2",
            "last_category": "7006",
            "preferred_category": "7006",
            "buyer": "true",
            "lifecycle_stage": "active",
            "first_active_date": "2017-11-30",
        },
        # Eleven views, ten of them at the weekend.
        "106": {
            "active_level": "low",
            "active_days": "3",
            "activity_trend": "rising",
            "active_daypart": "morning",
            "weekend_user": "true",
            "last_category": "7008",
            "preferred_category": "7007, 7008",
            "interest_breadth": "focused",
            "conversion_rate": "0",
            "conversion_level": "none",
            "lifecycle_stage": "potential",
            "first_active_date": "2017-11-27",
        },
    }


# The published files, which are no part of the project.


@pytest.fixture(scope="module")
def whole(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE, real_data("taobao_userbehavior"))
    shop.run(DAY)
    return shop


@pytest.fixture(scope="module")
def raw() -> duckdb.DuckDBPyConnection:
    """The files as DuckDB reads them: `event`, one row an event of the window, days and hours of +08:00."""
    connection = duckdb.connect()
    files: Path = real_data("taobao_userbehavior") / "UserBehavior_*.csv.gz"
    connection.execute("set timezone = 'Asia/Shanghai'")
    connection.execute(
        f"""
        create table event as
        with lines as (
            select distinct * from read_csv(
                '{files}', header = false, null_padding = true,
                columns = {{'u': 'varchar', 'i': 'varchar', 'c': 'varchar', 'b': 'varchar', 't': 'bigint'}}
            )
        )
        select u, c, b, to_timestamp(t) as moment, to_timestamp(t)::date as d, hour(to_timestamp(t)) as h
        from lines where t is not null and to_timestamp(t)::date between '2017-11-25' and '2017-12-03'
        """
    )
    return connection


@pytest.mark.real_data
def test_the_published_files(whole: Shop, raw: duckdb.DuckDBPyConnection) -> None:
    assert whole.line("clean", "behaviour") == {
        "read": 194_776,
        "kept": 194_652,
        "superseded": 0,
        "repeats": 88,
        "quarantined": 36,
    }
    assert reasons(whole) == {"outside_the_window": 35, "unparsable": 1}
    by_action = Counter(row["action"] for row in whole.rows("clean.behaviour"))
    assert by_action == dict(raw.execute("select b, count(*) from event group by b").fetchall())
    (users,) = raw.execute("select count(distinct u) from event").fetchone() or ()
    assert len(whole.published("user_profile", DAY)) == users == 67_204


# What DuckDB says of a user; null is no tag. Days 27 … 3 are the seven, 1 … 3 the last three.
ORACLE = """
with one as (
    select u,
        count(*) filter (seven) as events, count(distinct d) filter (seven) as days,
        count(*) filter (seven and b = 'pv') as views, count(*) filter (seven and b = 'buy') as bought,
        count(*) filter (seven and b = 'cart') as carted, count(*) filter (seven and b = 'fav') as kept,
        count(*) filter (seven and h < 6) as at_night, min(moment)::date as first_day,
        count(*) filter (seven and dayofweek(d) in (0, 6)) as at_weekends,
        count(distinct d) filter (b = 'buy') as buying_days,
        count(*) filter (d >= '2017-12-01') as late,
        count(*) filter (d between '2017-11-28' and '2017-11-30') as before,
        max(moment) filter (b = 'cart' and d >= '2017-12-01') as cart_at,
        max(moment) filter (b = 'buy') as bought_at,
        max({moment: moment, c: c}).c as category, count(distinct c) filter (seven) as categories
    from (select *, d >= '2017-11-27' as seven from event) group by u
), interest as (
    select u, c, count(*) as events,
        sum(case b when 'buy' then 5 when 'cart' then 4 when 'fav' then 3 else 1 end) as points
    from event where d >= '2017-11-27' group by u, c
), preferred as (
    select u, array_to_string(list(c order by points desc, c)[:3], ', ') as preferred_category
    from (select *, points / sum(points) over (partition by u) as share from interest)
    where share >= 0.2 and events >= 3 group by u
)
select u as user,
    case when days >= 6 and events >= 100 then 'high' when days >= 3 and events >= 20 then 'middle'
        when days >= 1 then 'low' end as active_level,
    nullif(days, 0)::varchar as active_days,
    case when late >= 10 and late >= 2 * before then 'rising'
        when before >= 10 and before >= 2 * late then 'falling'
        when late >= 10 and before >= 10 then 'steady' end as activity_trend,
    case when events >= 10 and at_night >= 0.3 * events then 'true' end as night_owl,
    case when events >= 10 and at_weekends >= 0.6 * events then 'true' end as weekend_user,
    case when views >= 30 and kept + carted + bought = 0 then 'true' end as window_shopper,
    case when kept >= 10 then 'true' end as collector,
    case when carted > 0 and bought = 0 then 'true' end as cart_abandoner,
    case when cart_at > coalesce(bought_at, '1970-01-01') then 'true' end as pending_cart,
    category as last_category, preferred_category,
    case when categories >= 20 then 'broad' when categories <= 3 and events >= 10
        then 'focused' end as interest_breadth,
    case when buying_days >= 1 then 'true' end as buyer,
    case when buying_days >= 2 then 'true' end as repeat_buyer,
    case when bought > 0 and carted + kept = 0 then 'true' end as direct_buyer,
    case when events = 0 then 'dormant' when first_day >= '2017-12-01' then 'new'
        when bought > 0 then 'active' else 'potential' end as lifecycle_stage,
    first_day::varchar as first_active_date
from one left join preferred using (u)
"""


@pytest.mark.real_data
def test_every_user_has_the_tags_that_duckdb_finds(whole: Shop, raw: duckdb.DuckDBPyConnection) -> None:
    result = raw.execute(ORACLE)
    names = [column[0] for column in result.description or ()][1:]
    wanted = {
        user: {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for user, *values in result.fetchall()
    }
    found = {
        user: {name: value for name, value in tags.items() if name in names}
        for user, tags in tags_by_user(whole).items()
    }
    assert found == wanted


@pytest.mark.real_data
def test_conversion_rates(whole: Shop, raw: duckdb.DuckDBPyConnection) -> None:
    wanted = raw.execute(
        """
        select u, round(count(*) filter (b = 'buy') / count(*) filter (b = 'pv'), 4) from event
        where d >= '2017-11-27' group by u having count(*) filter (b = 'pv') >= 10
        """
    ).fetchall()
    found = {user: row["tag_number"] for user, row in whole.tags(DAY, "conversion_rate").items()}
    assert found == pytest.approx(dict(wanted), abs=1e-9)
