"""What the normalised SQL computes, shown on Spark itself.

On good rows every expression gives what the SQL gives as it was written. On hostile rows, where plain SQL
stops the job, it gives null. The type family that the parser announces is the one that Spark finds.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    NumericType,
    StringType,
    StructType,
    TimestampType,
)

from usertags.config.expression_tree import as_column
from usertags.config.expressions import parse_scalar

COLUMNS = {
    "status": "string",
    "digits": "string",
    "day_text": "string",
    "time_text": "string",
    "json": "string",
    "list_text": "string",
    "n": "int",
    "orders": "bigint",
    "amount": "decimal(18,3)",
    "score": "double",
    "flag": "boolean",
    "d": "date",
    "d2": "date",
    "ts": "timestamp",
    "users.gender": "string",
    "订单": "int",
    "order": "int",
}
SCHEMA = ", ".join(f"`{name.replace('.', '__')}` {type_name}" for name, type_name in COLUMNS.items())

GOOD_ROWS = [
    (
        "paid",
        "17850.0",
        "2024-02-29",
        "2024-02-29 13:45:10",
        '{"a": {"b": "x"}}',
        "a.b.c",
        7,
        3,
        Decimal("12.345"),
        2.5,
        True,
        dt.date(2024, 2, 29),
        dt.date(2023, 12, 31),
        dt.datetime(2024, 2, 29, 13, 45, 10),
        "f",
        2,
        4,
    ),
    (
        "Done 50%_x",
        "1750",
        "2023-01-05",
        "2023-01-05",
        "{}",
        "x",
        -4,
        12,
        Decimal("-0.500"),
        0.25,
        False,
        dt.date(2023, 1, 5),
        dt.date(2024, 7, 1),
        dt.datetime(2023, 1, 5, 0, 0, 0),
        "",
        0,
        -1,
    ),
    (None,) * len(COLUMNS),
]
HOSTILE_ROWS = [
    (
        "\\",
        "abc",
        "202401",
        "10:30:00",
        "not json",
        "",
        2**31 - 1,
        2**63 - 1,
        Decimal("999999999999999.999"),
        float("nan"),
        True,
        dt.date(9999, 12, 31),
        dt.date(1, 1, 1),
        dt.datetime(9999, 12, 30, 0, 0, 0),
        "NaN",
        0,
        0,
    ),
    (
        "$1",
        "NaN",
        "tomorrow",
        "T1",
        '["',
        "....",
        -(2**31),
        -(2**63),
        Decimal("-999999999999999.999"),
        float("-inf"),
        False,
        dt.date(1, 1, 1),
        dt.date(9999, 12, 31),
        dt.datetime(1900, 1, 1, 0, 0, 0),
        "1e400",
        2**31 - 1,
        -(2**31),
    ),
]

# The same with and without normalisation on good rows.
FAITHFUL = [
    "orders >= 3 or n >= 2 and not flag",
    "(orders >= 3 or n >= 2) and not flag",
    "not (n = 7 or orders = 12)",
    "not n = 7 and flag is not true",
    "flag is false or flag is null",
    "n between -4 and 7 and orders not between 4 and 20",
    "n in (7, 8.0, 1e0) and status not in ('x', 'it''s')",
    "status = 'paid' or users.gender = \"f\"",
    "status <=> null",
    "status is distinct from 'paid'",
    "n <> 7 and n != 8 and n == n",
    "(n = 7) = flag",
    "n = 7 is null",
    "-n + - -5 - -orders * 2",
    "n + orders * amount - score / 2",
    "(n + orders) * (amount - 1)",
    "n - (orders - 1)",
    "amount / 3",
    "n / 2",
    "n % 3 = 1",
    "mod(orders, 5)",
    "amount % 5",
    "1.50 + n",
    ".5 * n",
    "10L + n",
    "1.5bd * n",
    "2.5d * n",
    "abs(n) + abs(amount)",
    "abs(score)",
    "round(amount, 2)",
    "round(score)",
    "floor(amount)",
    "ceil(score)",
    "greatest(n, orders, amount)",
    "least(d, d2)",
    "sqrt(orders)",
    "power(orders, 2)",
    "ln(orders)",
    "log10(orders)",
    "exp(score)",
    "sign(amount)",
    "try_divide(n, orders)",
    "lower(status)",
    "upper(status)",
    "trim(concat('  ', status, ' '))",
    "ltrim(status)",
    "rtrim(status)",
    "substring(status, 2, 2)",
    "substr(status, -2)",
    "substring(status, n)",
    "concat(status, n, d, flag)",
    "concat_ws('-', status, users.gender, n)",
    "length(status)",
    "regexp_replace(digits, '\\\\.0$', '')",
    "regexp_replace(digits, r'\\.0$', '')",
    "regexp_replace(status, '(a)(i)', '$2$1')",
    "regexp_extract(digits, '^(\\\\d+)')",
    "regexp_extract(digits, '^\\\\d+', 0)",
    "status rlike '^[a-z]+$'",
    "regexp_like(status, 'p[aei]')",
    "rlike(digits, r'^\\d{4}$')",
    "status not rlike 'a'",
    "status like 'pa%'",
    "status like '%50\\%\\_x'",
    "status not like '%o%'",
    "like(status, 'p_id')",
    "replace(status, 'a', 'b')",
    "replace(status, 'a')",
    "split_part(list_text, '.', 2)",
    "split_part(list_text, '.', -1)",
    "left(status, 2)",
    "right(status, 2)",
    "translate(status, 'ad', 'xy')",
    "lpad(status, 6, '*')",
    "rpad(status, 6)",
    "startswith(status, 'pa')",
    "endswith(status, 'd')",
    "contains(status, 'ai')",
    "instr(status, 'i')",
    "status = 'a\\\\b' or status = 'q\\'q' or status = \"d\\\"q\"",
    "concat('tab\\tnew\\nline', status, '\\u0070aid', '\\101', '\\%', 'a\\\\.b', \"it's\", 'it''s')",
    "coalesce(status, 'none')",
    "coalesce(n, orders, 0)",
    "nvl(d, '2020-01-01')",
    "ifnull(n, 0)",
    "nullif(users.gender, '')",
    "if(flag, d, ts)",
    "if(n > 0, 'plus', 'minus')",
    "case when n > 5 then 'high' when n > 0 then 'low' else 'none' end",
    "case n when 7 then 'seven' when -4 then 'minus four' end",
    "case status when 'paid' then 1 else 2.5 end",
    "date_add(d, 31)",
    "date_add(d, n)",
    "date_sub(d, n)",
    "d + 1",
    "d - n",
    "add_months(d, -1)",
    "add_months(d, n)",
    "datediff(d, d2)",
    "date_diff(d, d2)",
    "months_between(d, d2)",
    "year(d) * 10000 + month(d) * 100 + day(d)",
    "dayofmonth(d)",
    "dayofweek(d)",
    "weekday(d)",
    "hour(ts) * 60 + minute(ts)",
    "to_date(day_text)",
    "to_date(day_text, 'yyyy-MM-dd')",
    "to_date(ts)",
    "to_timestamp(time_text)",
    "to_timestamp(day_text, 'yyyy-MM-dd')",
    "to_timestamp(d)",
    "try_to_timestamp(day_text, 'yyyy-MM-dd')",
    "date_trunc('month', ts)",
    "date_trunc('week', d)",
    "date_trunc('HOUR', ts)",
    "trunc(d, 'MM')",
    "trunc(d, 'quarter')",
    "date_format(ts, 'yyyy/MM/dd HH:mm:ss.SSS')",
    "date_format(d, 'y-M-d E')",
    "date_format(ts, \"yyyy'Q'q hh a\")",
    "last_day(d)",
    "make_date(2024, 2, 29)",
    "make_date(year(d), 1, 1)",
    "timestamp_seconds(orders * 86400)",
    "timestamp_seconds(score)",
    "from_unixtime(orders)",
    "from_unixtime(orders, 'yyyy-MM-dd')",
    "unix_timestamp(ts)",
    "unix_timestamp(d)",
    "unix_timestamp(day_text, 'yyyy-MM-dd')",
    "from_utc_timestamp(ts, 'Europe/London')",
    "to_utc_timestamp(ts, '+08:00')",
    "d = '2024-02-29' and d >= date '2024-01-01'",
    "ts >= '2024-02-29' and ts < timestamp '2024-03-01 10:00:00'",
    "ts between '2024-02-29 00:00:00' and '2024-02-29T23:59:59'",
    "d in ('2024-02-29', '2023-01-05')",
    "d < ts",
    "cast(n as string)",
    "cast(n as decimal(18,3)) * amount",
    "cast(day_text as date)",
    "cast(time_text as timestamp)",
    "cast(digits as double)",
    "cast(digits as decimal(10,2))",
    "cast(amount as int)",
    "cast(flag as int)",
    "cast(ts as date)",
    "cast(ts as bigint)",
    "n::string",
    "try_cast(status as int)",
    "get_json_object(json, '$.a.b')",
    "sha2(status, 256)",
    "md5(status)",
    "xxhash64(status, n)",
    "crc32(status)",
    "array_contains(array(n, orders), 7)",
    "size(split(list_text, '\\\\.'))",
    "element_at(split(list_text, '[.]'), 1)",
    "get(split(list_text, '[.]', 2), 0)",
    "array_contains(split(list_text, r'\\.'), 'b')",
    "`订单` + `order`",
    "订单 > 1",
    "status > 'm'",
    "flag = true and flag <> false",
]

# Where plain SQL would stop the job, or mean something else: the value on the first good row.
DIFFERENT = {
    "n / 0": None,
    "n % 0": None,
    "cast(status as int)": None,
    "cast(coalesce('NaN', status) as double)": None,
    "sqrt(-orders)": None,
    "power(-orders, 0.5)": None,
    "to_date(status)": None,
    "to_date(status, 'yyyy')": None,
    "unix_timestamp(status)": None,
    "make_date(2024, n + 10, 1)": None,
    "n * 2147483647": None,
    "element_at(split(list_text, '[.]'), 9)": None,
    "get(split(list_text, '[.]'), 9)": None,
    "date_add(d, orders * 1000000)": None,
    "regexp_replace(digits, '\\.0$', '')": "17850",
    "regexp_replace('1750' , '\\.0$', '')": "1750",
    "regexp_replace(status, '\\bpaid\\b', '\\$')": "$",
    "status rlike '^\\w+$'": True,
    "concat('${env:HOME}', status)": "${env:HOME}paid",
    "to_timestamp(substring(time_text, 12))": None,
    "cast(substring(time_text, 12) as timestamp)": None,
    "to_date(concat(left(day_text, 4), substring(day_text, 6, 2)))": None,
    "timestamp_seconds(orders * 1000000000000)": None,
}


@pytest.fixture(scope="module")
def good(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(GOOD_ROWS, SCHEMA)


@pytest.fixture(scope="module")
def hostile(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(HOSTILE_ROWS, SCHEMA)


def flat(expression: str) -> str:
    """As written, but with the flat name of a profile column."""
    expression = expression.replace("users.gender", "users__gender")
    return re.sub(r"(?<!`)订单(?!`)", "`订单`", expression)


def columns_of(texts: Iterable[str], columns: Mapping[str, str] | None = COLUMNS) -> list[Column]:
    return [
        as_column(parse_scalar(text, columns=columns).tree).alias(f"c{i}") for i, text in enumerate(texts)
    ]


def test_good_rows_are_as_written(good: DataFrame) -> None:
    written = good.selectExpr(*[f"{flat(text)} AS c{i}" for i, text in enumerate(FAITHFUL)])
    total = good.select(*columns_of(FAITHFUL))
    for expected, found in zip(written.collect(), total.collect(), strict=True):
        different = {
            text: (expected[i], found[i]) for i, text in enumerate(FAITHFUL) if expected[i] != found[i]
        }
        assert different == {}


def test_types_are_as_announced(good: DataFrame) -> None:
    expressions = [parse_scalar(text, columns=COLUMNS) for text in FAITHFUL]
    schema = good.select(*columns_of(FAITHFUL)).schema
    wrong = {
        str(each.tree): (each.type, field.dataType.simpleString())
        for each, field in zip(expressions, schema.fields, strict=True)
        if family_of(field.dataType) != each.type
    }
    assert wrong == {}


def test_hostile_rows_never_stop_the_job(hostile: DataFrame) -> None:
    rows = hostile.select(*[each.cast("string") for each in columns_of([*FAITHFUL, *DIFFERENT])])
    assert len(rows.collect()) == len(HOSTILE_ROWS)


def test_what_cannot_be_computed_is_null(good: DataFrame) -> None:
    row = good.limit(1).select(*columns_of(DIFFERENT)).collect()[0]
    assert dict(zip(DIFFERENT, row, strict=True)) == DIFFERENT


def test_raw_columns_of_text_are_read_without_failing(spark: SparkSession) -> None:
    rows = [("12", " 2.50 ", "2010-12-01 08:26:00", "a"), ("x", "NaN", "08:26", ""), (None, None, None, None)]
    raw = spark.createDataFrame(
        rows, StructType.fromDDL("Quantity string, UnitPrice string, At string, `Customer ID` string")
    )
    texts = {
        "cast(Quantity as int) * cast(UnitPrice as decimal(18,3))": [Decimal("30.000"), None, None],
        "cast(UnitPrice as double) > 2": [True, None, None],
        "cast(At as timestamp) >= '2010-12-01'": [True, None, None],
        "cast(At as date)": [dt.date(2010, 12, 1), None, None],
        "nullif(`Customer ID`, '')": ["a", None, None],
    }
    found = raw.select(*columns_of(texts, None)).collect()
    assert {text: [row[i] for row in found] for i, text in enumerate(texts)} == texts


def family_of(found: DataType) -> str:
    families = {StringType: "text", BooleanType: "boolean", DateType: "date", TimestampType: "timestamp"}
    return "number" if isinstance(found, NumericType) else families[type(found)]
