"""The published files of Olist against DuckDB."""

import duckdb
import pytest

from tests.system.e2e.conftest import NewShop
from tests.system.e2e.shop import Shop
from tests.system.e2e.test_olist import CONFIGS, DAY, VARIABLE, quarantined, tags_by_person

from .conftest import real_data


@pytest.fixture(scope="module")
def whole(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE, real_data("olist"))
    shop.run(DAY)
    return shop


@pytest.fixture(scope="module")
def raw() -> duckdb.DuckDBPyConnection:
    """The files as DuckDB reads them, a view each."""
    connection = duckdb.connect()
    names = {
        "customers": "olist_customers_dataset",
        "orders": "olist_orders_dataset",
        "items": "olist_order_items_dataset",
        "payments": "olist_order_payments_dataset",
        "reviews": "olist_order_reviews_dataset",
    }
    for name, file in names.items():
        path = real_data("olist") / f"{file}.csv.gz"
        connection.execute(
            f"create view {name} as select * from read_csv('{path}', header = true, escape = '\"')"
        )
    return connection


def test_the_published_files(whole: Shop) -> None:
    read = {name: whole.line("clean", name)["read"] for name in ("orders", "items", "payments", "reviews")}
    assert read == {"orders": 29_355, "items": 32_719, "payments": 30_942, "reviews": 14_538}
    assert quarantined(whole) == {
        ("items", "shipped_after_the_files"): 2,
        ("payments", "method_not_defined"): 3,
    }


def test_nobody_but_persons_is_a_user(whole: Shop, raw: duckdb.DuckDBPyConnection) -> None:
    """29,355 customer ids and as many orders are 28,962 people; no link is refused."""
    persons = raw.execute("select distinct customer_unique_id from customers").fetchall()
    users = {row["user_id"] for row in whole.published("user_profile", DAY)}
    assert users == {f"customer:{person}" for (person,) in persons}
    assert len(users) == 28_962
    assert whole.count("ops.refused_links") == 0


# What DuckDB says of a person; null is no tag. Two reviews were answered after the data day.
ORACLE = """
with ordered as (
    select customer_unique_id as person,
        count(*) filter (order_status not in ('canceled', 'unavailable')) as good,
        count(*) filter (order_status in ('canceled', 'unavailable')) as bad,
        count(*) filter (order_delivered_customer_date::date > order_estimated_delivery_date::date) as late,
        max(order_purchase_timestamp::date) filter (order_status not in ('canceled', 'unavailable')) as last,
        min(order_purchase_timestamp::date) filter (order_status not in ('canceled', 'unavailable')) as first,
        count(*) filter (order_status not in ('canceled', 'unavailable')
            and order_purchase_timestamp::date between '2017-11-20' and '2017-11-30') as black_friday
    from orders join customers using (customer_id) group by 1
), paid as (
    select customer_unique_id as person, sum(payment_value::decimal(12, 2)) as total,
        max(payment_installments) filter (payment_type != 'not_defined') as parts
    from payments join orders using (order_id) join customers using (customer_id) group by 1
), method as (
    select person, first(payment_type order by amount desc, payment_type) as method
    from (
        select customer_unique_id as person, payment_type, sum(payment_value::decimal(12, 2)) as amount
        from payments join orders using (order_id) join customers using (customer_id) group by 1, 2
    ) where amount > 0 group by 1
), bought as (
    select customer_unique_id as person, sum(freight_value::decimal(12, 2)) as freight,
        sum(price::decimal(12, 2) + freight_value::decimal(12, 2)) as everything
    from items join orders using (order_id) join customers using (customer_id)
    where shipping_limit_date::date <= '2018-10-17' group by 1
), reviewed as (
    select customer_unique_id as person, avg(review_score) as mean,
        max({t: review_answer_timestamp::timestamp, score: review_score}).score as latest
    from reviews join orders using (order_id) join customers using (customer_id)
    where review_answer_timestamp::date <= '2018-10-17' group by 1
)
select person,
    nullif(good, 0)::varchar as valid_orders,
    case when good >= 2 then 'true' end as repeat_customer,
    case when bad >= 1 then 'true' end as cancelled_order,
    case when late >= 1 then 'true' end as late_delivery,
    case when black_friday >= 1 then 'true' end as black_friday_buyer,
    case when good = 0 then 'potential' when date_diff('day', last, date '2018-10-17') > 180 then 'dormant'
        when date_diff('day', first, date '2018-10-17') <= 90 then 'new' else 'active' end as lifecycle_stage,
    case when total >= 300 then 'high' when total >= 100 then 'middle'
        when total > 0 then 'low' end as spending_level,
    method as payment_method,
    case when parts >= 6 then 'true' end as installment_buyer,
    case when freight >= 0.4 * everything then 'true' end as freight_heavy,
    latest::varchar as last_review,
    case when mean <= 2 then 'true' end as dissatisfied
from ordered left join paid using (person) left join method using (person) left join bought using (person)
    left join reviewed using (person)
"""


def test_every_person_has_the_tags_that_duckdb_finds(whole: Shop, raw: duckdb.DuckDBPyConnection) -> None:
    result = raw.execute(ORACLE)
    names = [column[0] for column in result.description or ()][1:]
    wanted = {
        person: {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for person, *values in result.fetchall()
    }
    found = {
        person: {name: value for name, value in tags.items() if name in names}
        for person, tags in tags_by_person(whole).items()
    }
    assert found == wanted


def test_what_was_paid_is_all_of_the_payments(whole: Shop, raw: duckdb.DuckDBPyConnection) -> None:
    (total,) = raw.execute("select sum(payment_value::decimal(12, 2)) from payments").fetchone() or ()
    found = sum(row["tag_number"] for row in whole.tags(DAY, "total_spend").values())
    assert found == pytest.approx(float(total))
    assert float(total) == pytest.approx(4_837_056.63)


def test_another_engine_computes_the_same(whole: Shop) -> None:
    assert whole.differences(DAY) == ()
