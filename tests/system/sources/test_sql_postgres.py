"""Tables of a real PostgreSQL: types, bounds, names, volume and failures."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
import sqlalchemy as sa

from tests.support.exact_types import TYPES, VALUES, outcomes, source_of
from usertags.errors import DataError, InfrastructureError, UsageError
from usertags.sources.sql import read_table

SHANGHAI = "Asia/Shanghai"


@pytest.fixture(scope="module")
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sa.text("drop schema if exists sources_test cascade"))
        connection.execute(sa.text("create schema sources_test"))
    yield engine
    with engine.begin() as connection:
        connection.execute(sa.text("drop schema sources_test cascade"))
    engine.dispose()


def run(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection, connection.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rows(postgres_url: str, table: str, columns: list[str], **options: Any) -> list[dict[str, Any]]:
    reading = read_table(postgres_url, table=table, columns=columns, **options)
    return reading.read_all().to_pylist()


@pytest.fixture(scope="module")
def kinds(engine: sa.Engine) -> str:
    run(
        engine,
        "create type sources_test.state as enum ('paid', '待支付')",
        "create domain sources_test.money_amount as numeric(12,2)",
        """create table sources_test.kinds (
            id bigint, small smallint, whole integer, flag boolean, price numeric(18,3), exact numeric,
            hundreds numeric(5,-2), tiny numeric(2,5), wide numeric(50,2), single real,
            ratio double precision,
            at timestamptz, clock timestamp, day date, body jsonb, raw json, name text, code varchar(20),
            fixed char(4), state sources_test.state, ref uuid, tags text[], bytes bytea, span interval,
            amount sources_test.money_amount, hour time)""",
        """insert into sources_test.kinds values (
            9223372036854775807, 32767, 2147483647, true, 123456789012345.678,
            0.10000000000000000000000000000000001,
            12300, 0.00012, 123456789012345678901234567890123456789012345678.91, 0.1, 0.30000000000000004,
            '2024-03-10 08:00:00.123456+08', '2024-03-10 08:00:00.000001', '2024-02-29',
            '{"b": 1.50, "a": "中"}',
            '{"b":1.50}', '张伟 said "hi", \\N', '', 'ab', '待支付', '123e4567-e89b-12d3-a456-426614174000',
            '{a,"b,c"}', '\\x00ff', '1 day 02:00', 10.10, '08:30')""",
        "insert into sources_test.kinds (id) values (1)",
    )
    return "sources_test.kinds"


def test_every_type_is_exact(postgres_url: str, kinds: str) -> None:
    expected: dict[str, tuple[pa.DataType, Any]] = {
        "id": (pa.int64(), 9223372036854775807),
        "small": (pa.int32(), 32767),
        "whole": (pa.int32(), 2147483647),
        "flag": (pa.bool_(), True),
        "price": (pa.decimal128(18, 3), Decimal("123456789012345.678")),
        "exact": (pa.string(), "0.10000000000000000000000000000000001"),
        "hundreds": (pa.decimal128(7, 0), Decimal("12300")),
        "tiny": (pa.decimal128(5, 5), Decimal("0.00012")),
        "wide": (pa.string(), "123456789012345678901234567890123456789012345678.91"),
        "single": (pa.float64(), 0.1),
        "ratio": (pa.float64(), 0.30000000000000004),
        "at": (pa.timestamp("us", "UTC"), datetime(2024, 3, 10, 0, 0, 0, 123456, tzinfo=UTC)),
        "clock": (pa.timestamp("us"), datetime(2024, 3, 10, 8, 0, 0, 1)),
        "day": (pa.date32(), date(2024, 2, 29)),
        "body": (pa.string(), '{"a": "中", "b": 1.50}'),
        "raw": (pa.string(), '{"b":1.50}'),
        "name": (pa.string(), '张伟 said "hi", \\N'),
        "code": (pa.string(), ""),
        "fixed": (pa.string(), "ab  "),
        "state": (pa.string(), "待支付"),
        "ref": (pa.string(), "123e4567-e89b-12d3-a456-426614174000"),
        "tags": (pa.string(), '{a,"b,c"}'),
        "bytes": (pa.string(), "00ff"),
        "span": (pa.string(), "1 day 02:00:00"),
        "amount": (pa.string(), "10.10"),
        "hour": (pa.string(), "08:30:00"),
    }
    reading = read_table(postgres_url, table=kinds, columns=list(expected))
    assert {field.name: field.type for field in reading.schema} == {
        name: kind for name, (kind, _) in expected.items()
    }
    full, empty = reading.read_all().to_pylist()
    assert full == {name: value for name, (_, value) in expected.items()}
    assert empty == dict.fromkeys(expected) | {"id": 1}


def test_only_the_columns_asked_for_are_read(postgres_url: str, kinds: str) -> None:
    assert rows(postgres_url, kinds, ["flag", "code"])[0] == {"flag": True, "code": ""}


@pytest.fixture(scope="module")
def moments(engine: sa.Engine) -> str:
    run(
        engine,
        "create table sources_test.moments (id int, at timestamptz, clock timestamp, day date)",
        """insert into sources_test.moments
           select hour, timestamptz '2024-03-10 00:00+08' + hour * interval '1 hour',
                  timestamp '2024-03-10 00:00' + hour * interval '1 hour',
                  (timestamp '2024-03-10 00:00' + hour * interval '1 hour')::date
           from generate_series(0, 47) as hour""",
        "insert into sources_test.moments values (99, null, null, null)",
    )
    return "sources_test.moments"


def moment(hours: int) -> datetime:
    return datetime(2024, 3, 10, tzinfo=ZoneInfo(SHANGHAI)) + timedelta(hours=hours)


@pytest.mark.parametrize("cursor", ["at", "clock"])
def test_after_is_exclusive_and_until_inclusive(postgres_url: str, moments: str, cursor: str) -> None:
    found = rows(
        postgres_url, moments, ["id"], cursor=cursor, after=moment(3), until=moment(5), timezone=SHANGHAI
    )
    assert sorted(row["id"] for row in found) == [4, 5, 99]


@pytest.mark.parametrize("cursor", ["at", "clock", "day"])
def test_reads_in_turn_lose_and_repeat_nothing(postgres_url: str, moments: str, cursor: str) -> None:
    bounds = [None, *(moment(hours) for hours in (0, 7, 24, 25, 30, 48, 60))]
    found: list[int] = []
    for after, until in pairwise(bounds):
        read = rows(postgres_url, moments, ["id"], cursor=cursor, after=after, until=until, timezone=SHANGHAI)
        found += [row["id"] for row in read]
    # A row with an empty cursor is in no range, so every read has it.
    assert sorted(found) == [*range(48), *[99] * (len(bounds) - 1)]


def test_a_date_cursor_is_read_when_its_day_is_over(postgres_url: str, moments: str) -> None:
    during = rows(postgres_url, moments, ["day"], cursor="day", until=moment(23), timezone=SHANGHAI)
    assert {row["day"] for row in during} == {None}
    over = rows(
        postgres_url, moments, ["day"], cursor="day", after=moment(23), until=moment(24), timezone=SHANGHAI
    )
    assert {row["day"] for row in over} == {date(2024, 3, 10), None}


@pytest.mark.parametrize("cursor", ["at", "clock", "day"])
@pytest.mark.parametrize("after", [None, moment(-10), moment(99)])
def test_a_null_cursor_is_read_every_time_or_refused(
    postgres_url: str, moments: str, cursor: str, after: datetime | None
) -> None:
    bounds: dict[str, Any] = {"cursor": cursor, "after": after, "until": after or moment(-1)}
    assert [row["id"] for row in rows(postgres_url, moments, ["id"], **bounds)] == [99]
    with pytest.raises(DataError, match=f"1 rows have an empty {cursor}, which is the cursor"):
        rows(postgres_url, moments, ["id"], **bounds, refuse_empty_cursor=True)


@pytest.mark.parametrize(
    ("bounds", "count"),
    [({}, 49), ({"cursor": "at"}, 49), ({"cursor": "at", "after": moment(3), "until": moment(5)}, 3)],
)
def test_the_database_counts_what_is_read(
    postgres_url: str, engine: sa.Engine, moments: str, bounds: dict[str, Any], count: int
) -> None:
    """In one transaction: a row that is added in between is in neither."""
    counted: list[int] = []

    def add_a_row(rows: int) -> None:
        counted.append(rows)
        run(engine, f"insert into {moments} values (100, null, null, null)")

    try:
        found = rows(postgres_url, moments, ["id"], **bounds, on_count=add_a_row)
    finally:
        run(engine, f"delete from {moments} where id = 100")
    assert counted == [len(found)] == [count]


def test_without_cursor_all_rows_are_read(postgres_url: str, moments: str) -> None:
    assert len(rows(postgres_url, moments, ["id"], after=moment(1), until=moment(2))) == 49


def test_a_bound_without_time_zone_is_refused(postgres_url: str, moments: str) -> None:
    with pytest.raises(UsageError):
        read_table(postgres_url, table=moments, columns=["id"], cursor="at", after=datetime(2024, 1, 1))


def test_a_cursor_that_is_no_time_is_refused(postgres_url: str, moments: str) -> None:
    with pytest.raises(DataError, match="cursor id is INTEGER, expected a date or timestamp"):
        read_table(postgres_url, table=moments, columns=["id"], cursor="id")


@pytest.mark.parametrize("value", ["infinity", "-infinity", "10000-01-01", "0044-03-15 BC"])
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_a_time_without_equal_fails_and_names_table_and_column(
    postgres_url: str, engine: sa.Engine, kind: str, value: str
) -> None:
    run(
        engine,
        "drop table if exists sources_test.odd",
        f"create table sources_test.odd (secret text, fine timestamp, valid_to {kind})",
        f"insert into sources_test.odd values ('13800138000', now(), '{value}')",
    )
    reading = read_table(postgres_url, table="sources_test.odd", columns=["secret", "fine", "valid_to"])
    with pytest.raises(DataError, match=r"table sources_test.odd: column valid_to has a value") as error:
        list(reading)
    assert "13800138000" not in str(error.value)
    assert "fine" not in error.value.message


@pytest.mark.parametrize("value", ["infinity", "-infinity"])
@pytest.mark.parametrize("after", [None, moment(0)])
def test_an_infinite_cursor_is_never_passed_over(
    postgres_url: str, engine: sa.Engine, value: str, after: datetime | None
) -> None:
    run(
        engine,
        "drop table if exists sources_test.odd_cursor",
        "create table sources_test.odd_cursor (id int, at timestamptz)",
        f"insert into sources_test.odd_cursor values (1, '{value}')",
    )
    with pytest.raises(DataError, match="column at has a value"):
        rows(postgres_url, "sources_test.odd_cursor", ["id"], cursor="at", after=after, until=moment(1))


def test_nan_in_a_numeric_fails(postgres_url: str, engine: sa.Engine) -> None:
    run(
        engine,
        "create table sources_test.nan (price numeric(10,2))",
        "insert into sources_test.nan values ('NaN')",
    )
    with pytest.raises(DataError, match=r"table sources_test\.nan: column price"):
        rows(postgres_url, "sources_test.nan", ["price"])


def test_odd_names_are_quoted(postgres_url: str, engine: sa.Engine) -> None:
    run(
        engine,
        'create table sources_test."Order ""Lines"".v1" ("select" int, "a b%s:x" text, "姓名" text)',
        """insert into sources_test."Order ""Lines"".v1" values (1, 'x', '张伟')""",
    )
    found = rows(postgres_url, 'sources_test."Order ""Lines"".v1"', ["select", "a b%s:x", "姓名"])
    assert found == [{"select": 1, "a b%s:x": "x", "姓名": "张伟"}]


def test_a_name_is_no_place_for_sql(postgres_url: str, kinds: str) -> None:
    for table in ("sources_test.kinds; drop table sources_test.kinds", "(select 1) as x", '"', "a.b.c"):
        with pytest.raises((DataError, UsageError)):
            read_table(postgres_url, table=table, columns=["id"])
    assert len(rows(postgres_url, kinds, ["id"])) == 2


@pytest.mark.parametrize("kind", ["view", "materialized view"])
def test_views_are_read_like_tables(postgres_url: str, engine: sa.Engine, moments: str, kind: str) -> None:
    run(
        engine,
        f"create {kind} sources_test.seen_{kind[:4].strip()} as select id, at from {moments} where id < 3",
    )
    found = rows(postgres_url, f"sources_test.seen_{kind[:4].strip()}", ["id"], cursor="at", after=moment(0))
    assert sorted(row["id"] for row in found) == [1, 2]


def test_a_missing_table_names_the_closest(postgres_url: str, kinds: str) -> None:
    with pytest.raises(DataError, match=r"table sources_test.kind not found \(did you mean kinds\?\)"):
        read_table(postgres_url, table="sources_test.kind", columns=["id"])


def test_a_missing_column_names_those_there_are(postgres_url: str, moments: str) -> None:
    with pytest.raises(
        DataError, match=r"no column Clock \(did you mean clock\?\).*it has id, at, clock, day"
    ):
        read_table(postgres_url, table=moments, columns=["id", "Clock"])


def test_an_empty_table_has_a_schema(postgres_url: str, engine: sa.Engine) -> None:
    run(engine, "create table sources_test.empty (id int)")
    reading = read_table(postgres_url, table="sources_test.empty", columns=["id"])
    assert reading.schema == pa.schema([("id", pa.int32())])
    assert sum(batch.num_rows for batch in reading) == 0


def test_three_hundred_thousand_rows_come_in_small_batches(postgres_url: str, engine: sa.Engine) -> None:
    run(
        engine,
        """create table sources_test.many as
           select n as id, 'user ' || n as name, n * 1.25 as price, now() as at
           from generate_series(1, 300000) as n""",
    )
    reading = read_table(postgres_url, table="sources_test.many", columns=["id", "name", "at"])
    held = pa.total_allocated_bytes()
    counts = []
    total = 0
    for batch in reading:
        counts.append(batch.num_rows)
        total += sum(batch.column(0).to_pylist())
        assert pa.total_allocated_bytes() - held < 8 * 1024 * 1024
    assert counts == [10_000] * 30
    assert total == 300_000 * 300_001 // 2


def test_a_reader_may_stop_early(postgres_url: str, engine: sa.Engine) -> None:
    run(
        engine,
        "create table if not exists sources_test.long as select n from generate_series(1, 100000) as n",
    )
    reading = read_table(postgres_url, table="sources_test.long", columns=["n"])
    next(reading)
    del reading
    run(engine, "drop table sources_test.long")


def test_nothing_can_be_written_through_a_view(postgres_url: str, engine: sa.Engine) -> None:
    run(
        engine,
        "create table sources_test.log (at timestamptz)",
        """create function sources_test.note() returns int language sql as
           'insert into sources_test.log values (now()) returning 1'""",
        "create view sources_test.sly as select sources_test.note() as one",
    )
    with pytest.raises(InfrastructureError, match="failed to run the query"):
        rows(postgres_url, "sources_test.sly", ["one"])


def test_wrong_credentials_are_reported_without_the_password(postgres_url: str) -> None:
    url = sa.engine.make_url(postgres_url).set(password="s3cr3t-wrong")
    with pytest.raises(InfrastructureError, match="refused the user or password") as error:
        read_table(url.render_as_string(hide_password=False), table="t", columns=["id"])
    assert "s3cr3t" not in str(error.value)
    assert error.value.__suppress_context__


def test_a_server_that_is_down_is_infrastructure(postgres_url: str) -> None:
    url = "postgresql://shop:s3cr3t@127.0.0.1:1/shop"
    with pytest.raises(InfrastructureError, match=r"shop at 127\.0\.0\.1:1 cannot be reached") as error:
        read_table(url, table="t", columns=["id"])
    assert "s3cr3t" not in str(error.value)


def test_an_unknown_database_is_infrastructure(postgres_url: str) -> None:
    url = sa.engine.make_url(postgres_url).set(database="nowhere")
    with pytest.raises(InfrastructureError, match=r"nowhere at .* does not exist"):
        read_table(url.render_as_string(hide_password=False), table="t", columns=["id"])


def test_a_broken_connection_is_infrastructure(postgres_url: str, engine: sa.Engine) -> None:
    run(
        engine,
        """create table sources_test.cut as
           select n, repeat('x', 100) as fill from generate_series(1, 200000) as n""",
    )
    reading = read_table(postgres_url, table="sources_test.cut", columns=["n", "fill"])
    next(reading)
    run(
        engine,
        """select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and state = 'idle in transaction'""",
    )
    with pytest.raises(InfrastructureError, match="the connection was lost"):
        list(reading)


def test_no_log_shows_a_row(postgres_url: str, engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    run(engine, "create table sources_test.people as select 'sentinel of a row' as name")
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="sqlalchemy")
    assert rows(postgres_url, "sources_test.people", ["name"]) == [{"name": "sentinel of a row"}]
    assert "sentinel" not in caplog.text


@pytest.mark.parametrize("url", ["nonsense s3cr3t", "postgresql://u:s3cr3t@h:port/x", "sqlite:///s3cr3t", ""])
def test_an_url_that_cannot_be_used_is_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as error:
        read_table(url, table="t", columns=["id"])
    assert "s3cr3t" not in str(error.value)


CELLS = [
    ("12", ("smallint", "integer", "bigint", "numeric(10,0)"), "12"),
    ("12.75", ("numeric(10,2)", "double precision"), "12.75"),
    ("19.99", ("numeric(10,2)", "double precision"), "19.99"),
    ("0.004", ("numeric(10,3)", "double precision"), "0.004"),
    ("3000000000", ("bigint", "numeric(20,0)", "double precision"), "3000000000"),
    ("9007199254740993", ("bigint", "numeric(20,0)"), "9007199254740993"),
    ("9223372036854775808", ("numeric(20,0)",), "9223372036854775808"),
    ("12.75", ("real",), "12.75"),
    ("'NaN'", ("double precision",), "NaN"),
    ("true", ("boolean",), "true"),
    ("'abc'", ("varchar(20)",), "abc"),
    ("'1,000'", ("varchar(20)",), "1,000"),
    ("'１２'", ("varchar(20)",), "１２"),
    ("NULL", ("integer", "double precision"), ""),
]


@pytest.mark.parametrize(("value", "kinds", "name"), CELLS, ids=[each[2] or "null" for each in CELLS])
def test_a_value_has_the_outcome_in_a_type_that_files_have(
    postgres_url: str,
    engine: sa.Engine,
    spark: Any,
    build: Any,
    value: str,
    kinds: tuple[str, ...],
    name: str,
) -> None:
    expected = next(list(case[3]) for case in VALUES if case[0] == name)
    source = source_of(build, {"connection": "shop", "table": "exact"}, TYPES)
    for kind in kinds:
        run(
            engine,
            "drop table if exists sources_test.exact",
            f"create table sources_test.exact (x {kind}, at timestamptz)",
            f"insert into sources_test.exact values ({value}, '2024-07-02 12:00:00')",
        )
        landed = read_table(postgres_url, table="sources_test.exact", columns=source.raw_columns).read_all()
        assert outcomes(spark, source, landed, TYPES) == expected, kind
