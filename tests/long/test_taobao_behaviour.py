"""The published files of Taobao's behaviour against DuckDB."""

from collections import Counter
from pathlib import Path

import duckdb
import pytest

from tests.system.e2e.conftest import NewShop
from tests.system.e2e.shop import Shop
from tests.system.e2e.test_taobao_behaviour import CONFIGS, DAY, VARIABLE, reasons, tags_by_user

from .conftest import real_data


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


def test_conversion_rates(whole: Shop, raw: duckdb.DuckDBPyConnection) -> None:
    wanted = raw.execute(
        """
        select u, round(count(*) filter (b = 'buy') / count(*) filter (b = 'pv'), 4) from event
        where d >= '2017-11-27' group by u having count(*) filter (b = 'pv') >= 10
        """
    ).fetchall()
    found = {user: row["tag_number"] for user, row in whole.tags(DAY, "conversion_rate").items()}
    assert found == pytest.approx(dict(wanted), abs=1e-9)


def test_another_engine_computes_the_same(whole: Shop) -> None:
    assert whole.differences(DAY) == ()
