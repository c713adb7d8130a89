"""Expressions: what is let through and how it is normalised, and what is refused with which message."""

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usertags.config.expression_tree import Constant
from usertags.config.expressions import (
    Aggregate,
    ExpressionError,
    parse_aggregate,
    parse_boolean,
    parse_scalar,
)

COLUMNS = {
    "status": "string",
    "name": "string",
    "n": "int",
    "orders": "bigint",
    "amount": "decimal(18,3)",
    "score": "double",
    "flag": "boolean",
    "active": "boolean",
    "d": "date",
    "data_day": "date",
    "ts": "timestamp",
    "event_day": "date",
    "names": "array<string>",
    "users.gender": "string",
    "Customer ID": "string",
    "user": "string",
}
PARAMETERS: dict[str, object] = {
    "vip_orders": 3,
    "ratio": 1.5,
    "price": Decimal("9.90"),
    "who": "x'y",
    "since": dt.date(2024, 1, 2),
    "at": dt.datetime(2024, 1, 2, 3, 4, 5),
    "strict": True,
    "several": [1, 2],
}


def sql(text: str, columns: Mapping[str, str] | None = COLUMNS) -> str:
    return str(parse_scalar(text, columns=columns, parameters=PARAMETERS).tree)


def refusal(text: str, columns: Mapping[str, str] | None = COLUMNS) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse_scalar(text, columns=columns, parameters=PARAMETERS)
    return caught.value


# ---- what an expression becomes ----------------------------------------------------------


def test_an_expression_says_what_it_reads_and_what_it_is() -> None:
    read = parse_scalar("orders >= 3 or users.gender = 'f'", columns=COLUMNS)
    assert str(read.tree) == "orders >= 3 OR users__gender = 'f'"
    assert (read.columns, read.type) == ({"orders", "users.gender"}, "boolean")


@pytest.mark.parametrize(
    "spellings",
    [
        (
            "orders >= 3 or n >= 2",
            "( ORDERS>=3 )OR((n >=2))",
            "orders>=3\n  Or\tn>=2",
            "Orders >= 3 OR N >= 2",
        ),
        ("n = 1 and flag and active", "n = 1 and (flag and active)", "((n == 1) and flag) AND active"),
        ("not (n = 1)", "NOT n=1", "! (n = 1)"),
        ("n is not null", "not n is null", "NOT (n IS NULL)", "not(n is null)"),
        ("n not in (1, 2)", "not n in (1,2)", "not (n in ((1), 2))"),
        ("n <> 1", "n != 1", "(n) <> (1)"),
        ("name not like 'a%'", "not name like 'a%'", "NOT (name LIKE 'a%')"),
        ("name rlike 'a'", "regexp_like(name, 'a')", "name regexp 'a'", "RLIKE(name, 'a')"),
        ("case n when 1 then 'a' end", "CASE WHEN n = 1 THEN 'a' END"),
        ("if(flag, 1, 2)", "case when flag then 1 else 2 end"),
        ("coalesce(n, 0)", "NVL(n, 0)", "ifnull(n,0)"),
        ("substring(name, 1, 2)", "substr(name,1,2)", "SUBSTR ( name , 1 , 2 )"),
        ("power(n, 2)", "pow(n, 2)"),
        ("datediff(d, data_day)", "date_diff(d, data_day)"),
        ("n / 2", "try_divide(n, 2)", "(n)/(2)"),
        ("n % 2", "mod(n, 2)", "try_mod(n, 2)"),
        ("cast(name as int)", "try_cast(name AS INTEGER)", "name::int"),
        ("cast(name as bigint)", "cast(name as long)"),
        ("cast(n as decimal)", "cast(n as decimal(10))", "cast(n as numeric(10, 0))"),
        ("cast(n as string)", "cast(n as varchar(5))"),
        (
            "d = '2024-01-31'",
            "d = date '2024-01-31'",
            "d = cast('2024-01-31' as date)",
            "d = to_date('2024-01-31')",
        ),
        ("ts = '2024-01-31'", "ts = '2024-01-31 00:00'", "ts = timestamp '2024-01-31T00:00:00'"),
        ("d - 1", "date_sub(d, 1)"),
        ("name = 'it''s'", "name = 'it\\'s'", 'name = "it\'s"'),
        ("name = 'a\\\\b'", "name = r'a\\b'"),
        ("name rlike '\\d+'", "name rlike '\\\\d+'", "name rlike r'\\d+'"),
        ("users.gender = 'f'", "`users`.`gender` = 'f'", "USERS . gender = 'f'"),
        ("n > .5", "n > 0.5"),
        ("n = 7", "n = 007", "n = +7", "n = - -7"),
        ("date_trunc('month', ts)", "date_trunc('MONTH', ts)"),
        ("element_at(names, 1)", "try_element_at(names, 1)"),
        ("name <=> null", "name is null", "name is not distinct from null"),
    ],
)
def test_spellings_of_one_rule_are_one(spellings: tuple[str, ...]) -> None:
    assert {sql(spelling) for spelling in spellings} == {sql(spellings[0])}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("n = 1 and (flag or active)", "n = 1 and flag or active"),
        ("not (flag and active)", "not flag and active"),
        ("(n = 1) = flag", "n = 1"),
        ("n - (n - 1)", "n - n - 1"),
        ("name = 'a '", "name = 'a'"),
        ("name = 'A'", "name = 'a'"),
        ("n / 2 * 3", "n / (2 * 3)"),
        ("name not like 'a'", "name like 'a'"),
    ],
)
def test_what_differs_in_meaning_differs_in_sql(one: str, other: str) -> None:
    assert sql(one) != sql(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "n + orders * 2 - score / 3",
            "try_subtract(try_add(n, try_multiply(orders, 2)), try_divide(score, 3))",
        ),
        ("n % 0", "try_mod(n, 0)"),
        ("-n", "try_subtract(0, n)"),
        ("- -5", "5"),
        ("abs(n)", "abs(nullif(n, -2147483648))"),
        ("abs(orders)", "abs(nullif(orders, -9223372036854775808))"),
        ("abs(amount)", "abs(amount)"),
        ("sqrt(n)", "nullif(sqrt(n), CAST('NaN' AS DOUBLE))"),
        ("cast(n as double)", "TRY_CAST(n AS DOUBLE)"),
        ("cast(name as double)", "nullif(TRY_CAST(name AS DOUBLE), CAST('NaN' AS DOUBLE))"),
        ("cast(name as decimal(18, 3))", "TRY_CAST(name AS DECIMAL(18,3))"),
        (
            "cast(name as date)",
            "CASE WHEN name RLIKE '^\\\\s*\\\\d{4}(\\\\D|$)' THEN TRY_CAST(name AS DATE) END",
        ),
        ("to_date(name, 'yyyy/MM/dd')", "try_to_date(name, 'yyyy/MM/dd')"),
        ("to_timestamp(name, 'yyyy-MM-dd HH:mm')", "try_to_timestamp(name, 'yyyy-MM-dd HH:mm')"),
        ("to_date(ts)", "TRY_CAST(ts AS DATE)"),
        (
            "timestamp_seconds(orders)",
            "CASE WHEN orders BETWEEN -62135596800 AND 253402300799 THEN TRY_CAST(orders AS TIMESTAMP) END",
        ),
        ("unix_timestamp(name)", "unix_timestamp(try_to_timestamp(name, 'yyyy-MM-dd HH:mm:ss'))"),
        ("unix_timestamp(ts)", "unix_timestamp(ts)"),
        ("make_date(n, 1, 1)", "try_add(make_date(n, 1, 1), 0)"),
        ("date_add(d, 3)", "date_add(d, 3)"),
        ("add_months(d, n)", "add_months(d, CASE WHEN n BETWEEN -100000 AND 100000 THEN n END)"),
        ("element_at(split(name, ','), -1)", "try_element_at(split(name, ','), -1)"),
        ("left(name, orders)", "left(name, TRY_CAST(orders AS INT))"),
        ("regexp_extract(name, '(a)')", "regexp_extract(name, '(a)', 1)"),
        ("flag is not true", "flag IS NOT TRUE"),
        ("name is distinct from 'x'", "NOT name <=> 'x'"),
        ("(n = 1) = flag", "(n = 1) = flag"),
        ("not (flag or active) and n = 1", "NOT (flag OR active) AND n = 1"),
        ("n in (1, 2.5, 1e3)", "n IN (1, 2.5, 1e3)"),
        ("name = '中文\"'", "name = '中文\"'"),
        ("name = 'a\nb\tc'", "name = 'a\\nb\\tc'"),
        ("name = '${env:HOME}'", "name = '\\u0024{env:HOME}'"),
        ("user = 'x'", "`user` = 'x'"),
        ("`Customer ID` is null", "`Customer ID` IS NULL"),
        ("coalesce(d, '2024-01-01')", "coalesce(d, DATE '2024-01-01')"),
        ("case when flag then d else null end", "CASE WHEN flag THEN d ELSE NULL END"),
        ("array_contains(names, 'x')", "array_contains(names, 'x')"),
        ("concat(name, n, d, flag)", "concat(name, n, d, flag)"),
        ("orders >= vip_orders", "orders >= 3"),
        (
            "name = who and d >= since and ts < at and score > ratio and amount > price and flag = strict",
            "name = 'x\\'y' AND d >= DATE '2024-01-02' AND ts < TIMESTAMP '2024-01-02 03:04:05'"
            " AND score > 1.5 AND amount > 9.90 AND flag = TRUE",
        ),
    ],
)
def test_what_is_written(text: str, expected: str) -> None:
    assert sql(text) == expected


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("n", "number"),
        ("amount / 2", "number"),
        ("name", "text"),
        ("names", None),
        ("flag", "boolean"),
        ("d + 1", "date"),
        ("ts", "timestamp"),
        ("date_trunc('month', d)", "timestamp"),
        ("if(flag, d, ts)", "timestamp"),
        ("coalesce(null, n)", "number"),
        ("null", "unknown"),
        ("length(name)", "number"),
        ("startswith(name, 'a')", "boolean"),
        ("get(names, 0)", "text"),
        ("nullif(d, ts)", "date"),
        ("case when flag then 'a' end", "text"),
    ],
)
def test_type_families(text: str, family: str | None) -> None:
    if family is None:
        assert "the result is a list" in refusal(text).message
    else:
        assert parse_scalar(text, columns=COLUMNS).type == family


# ---- raw columns -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "regexp_replace(CustomerID, '\\.0$', '')",
            "regexp_replace(TRY_CAST(CustomerID AS STRING), '\\\\.0$', '')",
        ),
        (
            "cast(Quantity as int) * cast(UnitPrice as decimal(18,3))",
            "try_multiply(TRY_CAST(Quantity AS INT), TRY_CAST(UnitPrice AS DECIMAL(18,3)))",
        ),
        ("`Customer ID`", "`Customer ID`"),
        ("status = 'paid'", "TRY_CAST(status AS STRING) = 'paid'"),
        ("coalesce(a, b)", "coalesce(a, b)"),
        ("coalesce(a, 'x')", "coalesce(TRY_CAST(a AS STRING), 'x')"),
        ("`a.b`", "`a.b`"),
        ("to_date(At, 'd/M/yyyy')", "try_to_date(TRY_CAST(At AS STRING), 'd/M/yyyy')"),
        ("user", "`user`"),
    ],
)
def test_raw_columns_are_text_where_text_is_needed(text: str, expected: str) -> None:
    assert sql(text, None) == expected


def test_raw_columns_keep_their_spelling() -> None:
    assert parse_scalar("concat(`Customer ID`, Country)", columns=None).columns == {"Customer ID", "Country"}
    assert parse_scalar("Country", columns=None).type == "unknown"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Quantity * UnitPrice", "write cast(Quantity as decimal(18,3))"),
        ("Quantity > 0", "write cast(Quantity as int)"),
        ("Quantity in (1, 2)", "write cast(Quantity as int)"),
        ("coalesce(Quantity, 0)", "write cast(Quantity as int)"),
        ("date_add(At, 1)", "write cast(At as date)"),
        ("At > date '2024-01-01'", "write cast(At as date)"),
        ("paid and refunded", "write cast(paid as boolean)"),
        ("abs(Quantity)", "write cast(Quantity as decimal(18,3))"),
        ("payload.user.id", "get_json_object(payload, '$.user.id')"),
    ],
)
def test_raw_columns_need_a_cast_elsewhere(text: str, advice: str) -> None:
    assert advice in refusal(text, None).message


@pytest.mark.parametrize("name", ["current_date", "CURRENT_TIMESTAMP", "localtimestamp", "current_user"])
def test_words_that_spark_reads_as_functions_are_no_raw_columns(name: str) -> None:
    refusal(name, None)


# ---- names and functions -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "suggestion"),
    [
        ("oders > 3", "unknown name: oders", "orders"),
        ("gender = 'f'", "unknown name: gender", "users.gender"),
        ("users.gendr = 'f'", "unknown name: users.gendr", "users.gender"),
        ("vip_order > 3", "unknown name: vip_order", "vip_orders"),
        ("lowr(name)", "the function lowr() is not allowed", "lower"),
        ("isnull(name)", "the function isnull() is not allowed", "x is null"),
        ("ceiling(n)", "the function ceiling() is not allowed", "ceil"),
        ("explode(names)", "the function explode() is not allowed", None),
        ("java_method('a', 'b')", "the function java_method() is not allowed", None),
        ("several = 1", "the parameter several is not a single", None),
        ("left(name)", "left() takes 2 arguments, not 1: left(name)", None),
        ("datediff(day, d, ts)", "datediff() takes 2 arguments, not 3", None),
        ("coalesce()", "coalesce() takes 1 or more arguments, not 0", None),
        ("nvl(n, 1, 2)", "nvl() takes 2 arguments, not 3", None),
    ],
)
def test_unknown_names_and_functions(text: str, message: str, suggestion: str | None) -> None:
    error = refusal(text)
    assert message in error.message
    assert error.suggestion == suggestion


def test_an_unknown_name_without_a_near_one_lists_what_is_known() -> None:
    assert refusal("zzz = 1", {"n": "int", "users.gender": "string"}).message.startswith(
        "unknown name: zzz; available: at, n,"
    )


def test_a_name_that_is_a_column_and_a_parameter_is_refused() -> None:
    with pytest.raises(ExpressionError, match="n is both a column and a parameter"):
        parse_scalar("n > 1", columns={"n": "int"}, parameters={"n": 1})


def test_letters_case_decides_only_where_it_must() -> None:
    columns = {"Id": "int", "ID": "int"}
    assert parse_scalar("ID = 1", columns=columns).columns == {"ID"}
    assert "unknown name" in refusal("id = 1", columns).message


# ---- clock, chance, queries --------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "current_date > d",
        "d < current_date()",
        "current_timestamp",
        "now() > ts",
        "localtimestamp() > ts",
        "unix_timestamp() > n",
        "curdate() = d",
    ],
)
def test_the_wall_clock_is_refused(text: str) -> None:
    error = refusal(text)
    assert "reads the wall clock" in error.message
    assert error.suggestion == "data_day"


@pytest.mark.parametrize(
    "text",
    [
        "cast('now' as timestamp) > ts",
        "d = 'today'",
        "date 'yesterday' = d",
        "to_date('tomorrow') = d",
        "cast(concat('to', 'day') as date) = d",
        "ts > timestamp 'now'",
    ],
)
def test_words_that_spark_reads_as_the_clock_are_no_dates(text: str) -> None:
    assert "is not a" in refusal(text).message


@pytest.mark.parametrize("text", ["rand() < 0.5", "uuid()", "randn(1) > 0", "monotonically_increasing_id()"])
def test_chance_is_refused(text: str) -> None:
    assert "is random" in refusal(text).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("select 1", "a query is not allowed"),
        ("(select max(n) from t)", "a query is not allowed"),
        ("n = (select 1)", "a subquery is not allowed"),
        ("n in (select n from t)", "a subquery is not allowed"),
        ("exists(select 1 from t)", "a subquery is not allowed"),
        ("with a as (select 1) select * from a", "a query is not allowed"),
        ("sum(n)", "sum() is an aggregate"),
        ("count(*) > 3", "count() is an aggregate"),
        ("n > avg(n)", "avg() is an aggregate"),
        ("sum(n) over (partition by name)", "a window (OVER) is not allowed"),
        ("row_number() over (order by n)", "a window (OVER) is not allowed"),
        ("lag(n)", "window function"),
        ("session_user = name", "who runs the pipeline"),
        ("n = 1; drop table t", "only one expression is allowed"),
        ("n = 1 -- and flag", "`--` starts a comment"),
        ("n --1", "`--` starts a comment"),
        ("n = 1 /* x */", "comments are not allowed"),
        ("n = {{ x }}", "templates are not read"),
        ("n = ${x}", "templates are not read"),
        ("n = :x", "placeholders are not filled in"),
        ("n = ?", "placeholders are not filled in"),
        ("", "the expression is empty"),
        ("  \n", "the expression is empty"),
        ("n =", "something is missing after `n =`"),
        ("(n = 1", "a closing bracket is missing"),
        ("n = 1)", "unexpected text"),
        ("n = 1 flag", "unexpected text near `n = 1 flag`"),
        ("case when flag then 1", "CASE without END"),
        ("cast(n as foo)", "no such type"),
        ("name = 'abc", "has no closing '"),
        ("`n = 1", "no closing backtick"),
        ("name in ('a' 'b')", "a comma or an operator is missing before 'b'"),
        ("n xor flag", "cannot be parsed"),
        ("n = 1 as x", "cannot be parsed"),
        ("n, orders", "cannot be parsed"),
        ("*", "* is only allowed in count(*)"),
        ("users.*", "* is only allowed in count(*)"),
        ("name || 'x'", "write concat(a, b)"),
        ("n div 2", "write floor(a / b)"),
        ("names[0]", "write get(list, 0)"),
        ("d + interval 1 day", "write date_add(day, 3)"),
        ("transform(names, x -> x)", "the function transform() is not allowed"),
        ("name ilike 'a'", "write lower(x) LIKE '...'"),
        ("name like 'a' escape '!'", "ESCAPE is not allowed"),
        ("name like any ('a', 'b')", "join conditions with OR"),
        ("(n, orders) in ((1, 2))", "a list in brackets is only allowed after IN"),
        ("n in ()", "IN needs a list"),
        ("n in 1", "IN needs a list"),
        ("n & 1", "this is not allowed in an expression: n & 1"),
        ("x'1F' = name", "cannot be parsed"),
        ("name:field", "cannot be parsed"),
        ("extract(year from d)", "cannot be parsed"),
        ("d at time zone 'UTC'", "write from_utc_timestamp"),
        ("cast(name as date format 'yyyy')", "write to_date(x, 'format')"),
        ("concat(distinct name)", "DISTINCT is only allowed in count(distinct x)"),
        ("n = 1 = flag", "put brackets around n = 1"),
        ("n = not flag", "put brackets around NOT flag"),
        ("n < 1 < 2", "put brackets around n < 1"),
        ("flag = n in (1)", "put brackets around n IN (1)"),
        ("5. + n", "5. is not a valid number"),
        ("a.b.c.d", "unknown name: a.b.c.d"),
    ],
)
def test_what_is_no_expression(text: str, message: str) -> None:
    assert message in refusal(text).message


@pytest.mark.parametrize(
    ("text", "plain"), [("（n = 1）", "("), ("n ＞ 1", ">"), ("name = ‘a’", "'"), ("n ≥ 1", ">=")]
)
def test_full_width_signs_are_named(text: str, plain: str) -> None:
    error = refusal(text)
    assert "full-width" in error.message
    assert error.suggestion == plain


def test_full_width_signs_and_marks_may_stand_in_texts_and_names() -> None:
    assert sql("name = '（；--/*{}'") == "name = '（；--/*{}'"
    assert sql("`（a--b）` = 'x'", None) == "TRY_CAST(`（a--b）` AS STRING) = 'x'"


def test_absurd_length_and_depth_are_refused() -> None:
    assert "the maximum is 20000" in refusal("n = 1 or " * 3000 + "n = 1").message
    assert "nested too deeply" in refusal("(" * 5000 + "n" + ")" * 5000).message
    assert sql(" or ".join(f"n = {i}" for i in range(1000))).count(" OR ") == 999


# ---- types that do not meet --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("name = 3", ("name (text)", "3 (number)")),
        ("orders >= '3'", ("orders (number)", "'3' (text)")),
        ("name < orders", ("name (text)", "orders (number)")),
        ("d = 20240131", ("d (date)", "20240131 (number)")),
        ("ts > 1704067200", ("ts (timestamp)", "1704067200 (number)")),
        ("flag = 'true'", ("flag (boolean)", "'true' (text)")),
        ("flag = 1", ("flag (boolean)", "1 (number)")),
        ("d = name", ("d (date)", "name (text)")),
        ("d = flag", ("d (date)", "flag (boolean)")),
        ("n <=> name", ("n (number)", "name (text)")),
        ("n in (1, 'x')", ("n (number)", "'x' (text)")),
        ("name in ('a', 5)", ("name (text)", "5 (number)")),
        ("name not in (n)", ("name (text)", "n (number)")),
        ("n between 1 and 'x'", ("n (number)", "'x' (text)")),
        ("d between '2024-01-01' and 5", ("d (date)", "5 (number)")),
        ("case n when 'x' then 1 end", ("n (number)", "'x' (text)")),
        ("case when flag then 'a' else 2 end", ("'a' (text)", "2 (number)")),
        ("if(flag, d, n)", ("d (date)", "n (number)")),
        ("coalesce(name, 0)", ("name (text)", "0 (number)")),
        ("nullif(n, '')", ("n (number)", "'' (text)")),
        ("greatest(n, d)", ("n (number)", "d (date)")),
        ("array_contains(names, 1)", ("1 (number)", "elements are text")),
        ("name + 1", ("name (text)", "1 (number)")),
        ("d * 2", ("d (date)", "2 (number)")),
        ("d + 1.5", ("d (date)", "1.5 (number)")),
        ("ts - d", ("ts (timestamp)", "d (date)")),
        ("users.gender = orders", ("users.gender (text)", "orders (number)")),
        ("lower(name) = 1", ("lower(name) (text)", "1 (number)")),
    ],
)
def test_sides_that_cannot_meet_are_both_named(text: str, sides: tuple[str, str]) -> None:
    message = refusal(text).message
    assert message.startswith("cannot") or "cannot combine" in message or "cannot find" in message
    assert all(side in message for side in sides)


def test_a_number_in_quotes_suggests_the_number() -> None:
    assert refusal("orders >= '3'").suggestion == "3"
    assert refusal("d - data_day").suggestion == "datediff(d, data_day)"


@pytest.mark.parametrize(
    "text",
    [
        "d = ts",
        "d < '2024-01-31'",
        "'2024-01-31' <= d",
        "ts between '2024-01-01' and '2024-01-31 23:59:59.999'",
        "ts > '2024-01-01T00:00:00Z'",
        "d in ('2024-01-31', date '2024-02-29')",
        "n = 1.5",
        "orders < score",
        "n in (1, 2.5, orders)",
        "name = status",
        "flag = (n = 1)",
        "case when flag then null else d end = ts",
    ],
)
def test_sides_that_meet(text: str) -> None:
    assert parse_boolean(text, columns=COLUMNS).type == "boolean"


@pytest.mark.parametrize(
    "text",
    [
        "d = '2024-1-31'",
        "d = '2024-02-30'",
        "d = '2024-01-31 10:00:00'",
        "ts = '2024-01-31 25:00'",
        "d in ('x')",
    ],
)
def test_texts_that_are_no_dates(text: str) -> None:
    assert re.search(r"is not a (date|timestamp) like 2024-01-31", refusal(text).message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n", "a condition must be true or false, but it is number: n"),
        ("'true'", "a condition must be true or false, but it is text: 'true'"),
        ("null", "a condition must be true or false"),
        ("n and flag", "each side of AND must be true or false, but it is number: n"),
        ("flag or name", "each side of OR must be true or false, but it is text: name"),
        ("not n", "the operand after NOT must be true or false, but it is number: n"),
        ("case when n then 1 end = 1", "a condition after WHEN must be true or false, but it is number: n"),
        ("if(name, 1, 2) = 1", "a condition after WHEN must be true or false, but it is text: name"),
        ("n is true", "the operand before IS must be true or false, but it is number: n"),
        ("name = null", "nothing equals NULL"),
        ("name <> null", "nothing equals NULL"),
        ("name in ('a', null)", "nothing equals NULL"),
        ("n between null and 1", "nothing equals NULL"),
        ("names = names", "lists are not compared"),
    ],
)
def test_conditions(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_boolean(text, columns=COLUMNS)
    assert message in caught.value.message


def test_a_comparison_with_null_suggests_is_null() -> None:
    assert refusal("name = null").suggestion == "name is null"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lower(n)", "lower() needs text, but n (number) is not; write cast(n as string)"),
        ("round(name)", "round() needs number, but name (text) is not; write cast(name as decimal(18,3))"),
        ("year(name)", "write to_date(name) or to_timestamp(name)"),
        ("date_add(d, score)", "date_add needs a whole number, but score (number) is not one"),
        ("substring(name, 1.5)", "substring() needs a whole number"),
        ("round(amount, n)", "round() needs a literal whole number, from 0 to 18, not n"),
        ("round(n, -2)", "round() needs a literal whole number"),
        ("split_part(name, ',', 0)", "but not 0"),
        ("date_add(d, 200000)", "is out of range"),
        ("to_timestamp(n)", "timestamp_seconds(n)"),
        ("cast(d as int)", "d (date) cannot be cast to int"),
        ("cast(flag as date)", "flag (boolean) cannot be cast to date"),
        ("cast(n as date)", "n (number) cannot be cast to date"),
        ("cast(names as string)", "names (list) cannot be cast to string"),
        ("cast(name as array<int>)", "unknown type; supported are string, int"),
        ("cast(name as interval day)", "unknown type"),
        ("cast(name as timestamp_ntz)", "unknown type"),
        ("cast(name as decimal(39,0))", "a decimal has a precision of 1 to 38 digits"),
        ("cast(name as decimal(3,4))", "a decimal has a precision of 1 to 38 digits"),
        ("sha2(name, 255)", "does not support the length 255"),
        ("get_json_object(name, 'a')", "needs a path starting with $"),
        ("name like concat('a', '%')", "LIKE needs a text in quotes"),
        ("name rlike status", "RLIKE needs a text in quotes"),
        ("size(name)", "size() needs a list, but name (text) is not one"),
        ("concat(names, 'x')", "needs a single value"),
        ("array_contains(names, null)", "nothing equals NULL"),
    ],
)
def test_arguments_that_do_not_fit(text: str, message: str) -> None:
    assert message in refusal(text).message


# ---- literals that Spark would refuse at night -------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "suggestion"),
    [
        ("name = 'a\\.b'", "the backslash of \\. would be dropped", "\\\\."),
        ("name like 'a\\b'", "the backslash of \\b would be dropped", "\\\\b"),
        ("name like 'a\\\\b'", "a backslash is only allowed before", None),
        ("name like 'a\\\\'", "a backslash is only allowed before", None),
        ("name rlike '[a-'", "is not a regular expression", None),
        ("regexp_replace(name, '(a', '')", "is not a regular expression", None),
        ("regexp_replace(name, 'a', '$1')", "refers to group $1, but the pattern has only 0", None),
        ("regexp_replace(name, 'a', '$')", "refers to a group", None),
        ("regexp_replace(name, 'a', '\\\\')", "ends with a lone backslash", None),
        ("regexp_extract(name, 'abc')", "takes group 1, but 'abc' has 0 groups", "group 0, the whole match"),
        ("regexp_extract(name, '(a)', 2)", "takes group 2", "group 0, the whole match"),
        ("to_date(name, 'YYYY-MM-dd')", "a letter that reading does not support: Y", "y"),
        ("to_date(name, 'yyyy-MM-DD')", "D (day of the year) together with a month", "dd"),
        ("to_date(name, 'yyyy-mm-dd')", "m (minutes) in place of M (month)", "MM"),
        ("to_timestamp(name, 'yyyy-MM-dd hh:mm')", "12-hour hours without the letter a", "HH"),
        ("to_date(name, 'DD/mm/yyyy')", "m (minutes) in place of M (month)", "MM"),
        ("to_timestamp(name, 'yyyy-MM-dd HH:MM:ss')", "M (month) in place of m (minutes)", "mm"),
        ("to_timestamp(name, 'yyyy-MM-dd HH:mm:SS')", "S (fraction of a second) in place of s", "ss"),
        ("to_date(name, 'dd/MM/yy')", "two-digit years, which would be read as 2000 to 2099", "yyyy"),
        ("to_date(name, 'd/M/y')", "years of another length than yyyy: y", "yyyy"),
        ("to_date(name, 'yyyy-MM-dd]')", "an unpaired or nested bracket", None),
        ("to_date(name, 'E d M y')", "a letter that reading does not support: E", None),
        ("date_format(d, 'MMMMM')", "a wrong number of letters in MMMMM", None),
        ("date_format(ts, 'yyyy-MM-ddTHH')", "a letter that writing does not support: T", "'T'"),
        ("date_format(d, name)", "needs a text in quotes", None),
        ("date_trunc('mnth', ts)", "is not a unit", "month"),
        ("trunc(d, 'day')", "is not a unit", None),
        ("from_utc_timestamp(ts, 'Asia/Shangai')", "is not a time zone", "Asia/Shanghai"),
        ("from_utc_timestamp(ts, '+25:00')", "is not a time zone", None),
        ("element_at(names, 0)", "but not 0", None),
    ],
)
def test_literals_that_would_fail_later(text: str, message: str, suggestion: str | None) -> None:
    error = refusal(text)
    assert message in error.message
    assert error.suggestion == suggestion


@pytest.mark.parametrize(
    "text",
    [
        "name rlike '^[\\\\w.+-]+@\\\\p{Alnum}+\\\\.[a-z]{2,}$'",
        "name rlike '(?<year>\\\\d{4})(?i)x*+'",
        "name rlike '[a-z&&[^b]]\\\\Q.\\\\E\\\\h'",
        "regexp_replace(name, '(?<a>x)(y)', '${a}$2\\\\$')",
        "name like '100\\%'",
        "date_format(ts, \"yyyy-MM-dd'T'HH:mm:ssXXX\")",
        "to_timestamp(name, 'dd/MM/yyyy hh:mm a')",
        "from_utc_timestamp(ts, '+08:00')",
        "to_utc_timestamp(ts, 'Asia/Shanghai')",
    ],
)
def test_literals_that_spark_takes(text: str) -> None:
    sql(text)


# ---- contradictions ----------------------------------------------------------------------


def test_bounds_in_the_wrong_order_are_refused() -> None:
    error = refusal("orders between 20000 and 19999")
    assert error.message == "orders BETWEEN 20000 AND 19999 never matches: the lower bound comes first"
    assert error.suggestion == "between 19999 and 20000"
    assert refusal("d not between '2024-02-01' and '2024-01-01'").suggestion is not None
    assert refusal("name between 'b' and 'a'").suggestion == "between 'a' and 'b'"
    assert sql("n between 5 and 5") == "n BETWEEN 5 AND 5"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders > 5 and orders < 3", "orders > 5 and orders < 3"),
        ("orders > 5 and flag and orders <= 5", "orders > 5 and orders <= 5"),
        ("5 < orders and 3 > orders", "5 < orders and 3 > orders"),
        ("orders > 5 and orders < 6", "orders > 5 and orders < 6"),
        ("orders = 1 and orders = 2", "orders = 1 and orders = 2"),
        ("orders = 1 and orders > 3", "orders = 1 and orders > 3"),
        ("n between 1 and 5 and n > 5", "n BETWEEN 1 AND 5 and n > 5"),
        ("n >= 5 and n <= 5 and n <> 5", "n >= 5 and n <= 5 and n <> 5"),
        ("n >= vip_orders and n < 3", "n >= vip_orders and n < 3"),
        ("status = 'a' and status <> 'a'", "status = 'a' and status <> 'a'"),
        ("status in ('a', 'b') and status = 'c'", "status IN ('a', 'b') and status = 'c'"),
        (
            "status in ('a', 'b') and status <> 'a' and status <> 'b'",
            "status IN ('a', 'b') and status <> 'a'",
        ),
        ("status is null and status = 'a'", "status IS NULL and status = 'a'"),
        ("status is null and status is not null", "status IS NULL and NOT status IS NULL"),
        ("flag and not flag", "flag and not (flag)"),
        ("flag = true and flag = false", "flag = TRUE and flag = FALSE"),
        ("not (orders > 5) and orders > 7", "not (orders > 5) and orders > 7"),
        ("not (orders > 5 or flag) and flag", "not (flag) and flag"),
        ("d > '2024-01-01' and d < '2024-01-02'", "d > '2024-01-01' and d < '2024-01-02'"),
        ("ts >= '2024-01-02' and ts < '2024-01-01 10:00'", "ts >= '2024-01-02' and ts < '2024-01-01 10:00'"),
        ("(orders > 5 and (flag and (orders < 3)))", "orders > 5 and orders < 3"),
        ("active or (orders > 5 and orders < 3)", "orders > 5 and orders < 3"),
        ("case when orders > 5 and orders < 3 then 1 end = 1", "orders > 5 and orders < 3"),
        ("lower(name) = 'a' and lower(name) = 'b'", "lower(name) = 'a' and lower(name) = 'b'"),
        ("users.gender = 'f' and users.gender = 'm'", "users.gender = 'f' and users.gender = 'm'"),
    ],
)
def test_contradictions_inside_one_and_are_refused(text: str, shown: str) -> None:
    message = refusal(text).message
    assert message.startswith("this is never true: ")
    assert shown in message


@pytest.mark.parametrize(
    "text",
    [
        "orders > 5 or orders < 3",
        "amount > 5 and amount < 6",
        "orders > 5 and n < 3",
        "orders >= 5 and orders <= 5",
        "orders > 4 and orders < 6",
        "not (orders > 5 and flag) and orders > 7",
        "status <> 'a' and status <> 'b'",
        "status is not null and status = 'a'",
        "d >= '2024-01-01' and d < '2024-01-02'",
        "d > '2024-01-01' and d < ts",
        "(flag or active) and not (flag and active)",
        "lower(name) = 'a' and upper(name) = 'B'",
        "name = 'a' and (name = 'b' or flag)",
        "amount = 1.0 and amount = 1.00",
    ],
)
def test_no_contradiction_is_seen_where_there_is_none(text: str) -> None:
    sql(text)


COMPARISONS = st.tuples(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), st.integers(-3, 3))


@given(st.lists(COMPARISONS, min_size=2, max_size=5))
def test_contradictions_of_whole_numbers_are_exactly_those_that_no_number_meets(
    rules: list[tuple[str, int]],
) -> None:
    meets = {
        "=": int.__eq__,
        "<>": int.__ne__,
        "<": int.__lt__,
        "<=": int.__le__,
        ">": int.__gt__,
        ">=": int.__ge__,
    }
    possible = any(all(meets[operator](n, edge) for operator, edge in rules) for n in range(-9, 10))
    text = " and ".join(f"n {operator} {edge}" for operator, edge in rules)
    if possible:
        sql(text)
    else:
        holes = sum(operator == "<>" for operator, _ in rules)
        assert holes > 1 or "never true" in refusal(text).message


# ---- aggregates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "function", "argument", "family"),
    [
        ("count(*)", "count", None, "number"),
        ("COUNT(1)", "count", None, "number"),
        ("(count(status))", "count", "status", "number"),
        ("count( DISTINCT status )", "count_distinct", "status", "number"),
        ("count(distinct (concat(name, status)))", "count_distinct", "concat(name, status)", "number"),
        ("count(distinct flag)", "count_distinct", "flag", "number"),
        ("sum(amount * n)", "sum", "try_multiply(amount, n)", "number"),
        (
            "sum(if(status = 'paid', amount, 0))",
            "sum",
            "CASE WHEN status = 'paid' THEN amount ELSE 0 END",
            "number",
        ),
        ("Avg(amount)", "avg", "amount", "number"),
        ("min(ts)", "min", "ts", "timestamp"),
        ("max(d)", "max", "d", "date"),
        ("first(name)", "first", "name", "text"),
        ("last(flag)", "last", "flag", "boolean"),
        ("count(distinct event_day)", "count_distinct", "event_day", "number"),
        ("Gap_Mean( event_day )", "gap_mean", "event_day", "number"),
        ("gap_stddev(EVENT_DAY)", "gap_stddev", "event_day", "number"),
        ("stddev(amount)", "stddev", "amount", "number"),
    ],
)
def test_aggregates(text: str, function: str, argument: str | None, family: str) -> None:
    aggregate = parse_aggregate(text, columns=COLUMNS)
    assert (aggregate.function, aggregate.argument and str(aggregate.argument.tree)) == (function, argument)
    assert aggregate.type == family


def test_an_aggregate_says_what_it_reads() -> None:
    assert parse_aggregate("sum(amount * n)", columns=COLUMNS).columns == {"amount", "n"}
    assert parse_aggregate("count(*)", columns=COLUMNS) == Aggregate("count", None)
    assert parse_aggregate("count(*)", columns=COLUMNS).columns == frozenset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amount", "a measure is one aggregate"),
        ("sum(amount) / count(*)", "a measure is one aggregate"),
        ("max(ts) - 1", "a measure is one aggregate"),
        ("median(amount)", "a measure is one aggregate"),
        ("sum(amount) over (partition by d)", "a measure has `window`"),
        ("count(*) filter (where flag)", "a measure has `where`"),
        ("count(distinct n, d)", "count(distinct ...) takes one argument"),
        ("sum(distinct n)", "DISTINCT is only allowed in count(distinct x)"),
        ("sum(n, orders)", "sum() takes 1 argument, got 2"),
        ("count()", "count() takes 1 argument, got 0"),
        ("sum(*)", "* is only allowed in count(*)"),
        ("sum(name)", "sum() needs a number, but name (text) is not; write cast(name as decimal(18,3))"),
        ("avg(d)", "avg() needs a number, but d (date) is not"),
        ("count(n > 1)", "counts false too"),
        ("max(sum(n))", "sum() is an aggregate"),
        ("sum(oders)", "unknown name: oders"),
        ("first(name ignore nulls)", "IGNORE NULLS is not allowed"),
        ("max(names)", "the result is a list"),
        ("select count(*)", "a query is not allowed"),
        ("max(current_date)", "reads the wall clock"),
        ("gap_mean(d)", "gap_mean() is of the days between events, not of d"),
        ("gap_stddev(amount)", "gap_stddev() is of the days between events, not of amount"),
        ("gap_mean(distinct event_day)", "DISTINCT is only allowed in count(distinct x)"),
        ("gap_mean()", "gap_mean() takes 1 argument, got 0"),
        ("gap_mean(event_day) / 2", "a measure is one aggregate"),
        ("stddev(name)", "stddev() needs a number, but name (text) is not"),
    ],
)
def test_what_is_no_aggregate(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_aggregate(text, columns=COLUMNS)
    assert message in caught.value.message


@pytest.mark.parametrize(("text", "meant"), [("mean(n)", "avg"), ("stddev_samp(n)", "stddev")])
def test_another_name_of_an_aggregate_suggests_it(text: str, meant: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_aggregate(text, columns=COLUMNS)
    assert caught.value.suggestion == meant


# ---- properties --------------------------------------------------------------------------

NUMBERS = st.sampled_from(["n", "orders", "amount", "3", "-2", "1.5", "coalesce(n, 0)", "length(name)"])
TEXTS = st.sampled_from(["name", "status", "'a'", "'it\\'s'", "lower(name)", "concat(name, '\\\\')"])
ATOMS = st.one_of(
    st.tuples(
        NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]), st.sampled_from(["score", "amount"])
    ),
    st.tuples(TEXTS, st.sampled_from(["=", "<>", "<=>"]), TEXTS),
    st.tuples(
        TEXTS, st.sampled_from(["like", "not like", "rlike", "not rlike"]), st.sampled_from(["'a%'", "'x'"])
    ),
    st.tuples(st.sampled_from(["d", "ts", "name"]), st.sampled_from(["is null", "is not null"])),
    st.tuples(NUMBERS, st.sampled_from(["in (score, 2)", "not in (score)", "between amount and score"])),
).map(" ".join)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map("({})".format),
        inner.map("not ({})".format),
        st.tuples(inner, st.sampled_from([" or ", " OR\n"]), inner).map(
            lambda parts: "(" + "".join(parts) + ")"
        ),
        st.tuples(inner, inner).map(lambda both: f"({both[0]}) = ({both[1]})"),
        st.tuples(inner, inner, inner).map(lambda three: "case when {} then {} else {} end".format(*three)),
    ),
    max_leaves=6,
)


@given(CONDITIONS)
@settings(max_examples=150, deadline=None)
def test_normalised_sql_is_its_own_normal_form(text: str) -> None:
    once = sql(text)
    assert sql(once) == once
    assert sql(f"( {text} )") == once


@given(st.text(max_size=30))
def test_every_text_survives(value: str) -> None:
    written = str(Constant(value))
    assert sql(f"name = {written}") == f"name = {written}"


WORDS = (
    "n name ( ) , = < 'a' '\\ and or not in between is null 1 -- ' case when then end + - / cast as int . * `"
    " lower"
)


@given(st.lists(st.sampled_from(WORDS.split()), max_size=12))
@settings(max_examples=400, deadline=None)
def test_whatever_is_written_is_read_or_refused(words: list[str]) -> None:
    for columns in (COLUMNS, None):
        try:
            parse_scalar(" ".join(words), columns=columns)
        except ExpressionError as error:
            assert error.message
