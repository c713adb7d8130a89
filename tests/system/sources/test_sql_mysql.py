"""Tables of a real MySQL (MariaDB where it is installed): types, bounds, zero dates and failures."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pymysql
import pytest
import sqlalchemy as sa

from usertags.errors import DataError, InfrastructureError
from usertags.sources.sql import read_table

SERVER = Path("/usr/sbin/mariadbd")
pytestmark = pytest.mark.skipif(
    not SERVER.exists() or shutil.which("mariadb-install-db") is None,
    reason="MariaDB is not installed (apt-get install mariadb-server)",
)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
def mysql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A private MariaDB with a database `shop`; the user may be root, as the server lives for these tests."""
    folder = tmp_path_factory.mktemp("mariadb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
    data = f"--datadir={folder / 'data'}"
    install = ["mariadb-install-db", "--no-defaults", f"--user={user}", data, "--skip-test-db"]
    subprocess.run([*install, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    address = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [SERVER, "--no-defaults", f"--user={user}", data, *address], stdout=log, stderr=log
        )
    try:
        connection = connect(port)
        with connection.cursor() as cursor:
            cursor.execute("create database shop character set utf8mb4")
            cursor.execute("create user reader@'127.0.0.1' identified by 'p@ss/word'")
            cursor.execute("grant all on shop.* to reader@'127.0.0.1'")
        connection.close()
        url = sa.URL.create("mysql+pymysql", "reader", "p@ss/word", "127.0.0.1", port, "shop")
        yield url.render_as_string(hide_password=False)
    finally:
        server.kill()
        server.wait()


def connect(port: int) -> Any:
    end = time.monotonic() + 30
    while True:
        try:
            return pymysql.connect(host="127.0.0.1", port=port, user="root")
        except pymysql.err.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection, connection.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    engine.dispose()


def rows(url: str, table: str, columns: list[str], **options: Any) -> list[dict[str, Any]]:
    reading = read_table(url, table=table, columns=columns, **options)
    return reading.read_all().to_pylist()


def test_every_type_is_exact(mysql_url: str) -> None:
    run(
        mysql_url,
        """create table kinds (
            id bigint, serial bigint unsigned, whole int, plain int unsigned, tiny tinyint, flag tinyint(1),
            price decimal(18,3), wide decimal(60,2), single float, ratio double, at timestamp(6) null,
            clock datetime(6), day date, name varchar(50), note text, state enum('paid', '待支付'),
            tags set('a', 'b'), body json, bits bit(4), bytes varbinary(4), born year, hour time)""",
        """set time_zone = '+08:00'""",
        """insert into kinds values (
            -9223372036854775808, 18446744073709551615, 2147483647, 4294967295, -128, 2,
            123456789012345.678, 1234567890123456789012345678901234567890.10, 16777215, 0.30000000000000004,
            '2024-03-10 08:00:00.123456', '2024-03-10 08:00:00.000001', '2024-02-29', '张伟😀', '', '待支付',
            'a,b', '{"b": 1.50}', b'0101', x'00ff', 2024, '-10:00:01')""",
        "insert into kinds (id) values (1)",
    )
    expected: dict[str, tuple[pa.DataType, Any]] = {
        "id": (pa.int64(), -9223372036854775808),
        "serial": (pa.decimal128(20, 0), Decimal("18446744073709551615")),
        "whole": (pa.int32(), 2147483647),
        "plain": (pa.int64(), 4294967295),
        "tiny": (pa.int32(), -128),
        "flag": (pa.int32(), 2),
        "price": (pa.decimal128(18, 3), Decimal("123456789012345.678")),
        "wide": (pa.string(), "1234567890123456789012345678901234567890.10"),
        "single": (pa.float64(), 16777215.0),
        "ratio": (pa.float64(), 0.30000000000000004),
        "at": (pa.timestamp("us", "UTC"), datetime(2024, 3, 10, 0, 0, 0, 123456, tzinfo=UTC)),
        "clock": (pa.timestamp("us"), datetime(2024, 3, 10, 8, 0, 0, 1)),
        "day": (pa.date32(), date(2024, 2, 29)),
        "name": (pa.string(), "张伟😀"),
        "note": (pa.string(), ""),
        "state": (pa.string(), "待支付"),
        "tags": (pa.string(), "a,b"),
        "body": (pa.string(), '{"b": 1.50}'),
        "bits": (pa.string(), "5"),
        "bytes": (pa.string(), "00ff"),
        "born": (pa.int32(), 2024),
        "hour": (pa.string(), "-10:00:01"),
    }
    reading = read_table(mysql_url, table="kinds", columns=list(expected))
    assert {field.name: field.type for field in reading.schema} == {
        name: kind for name, (kind, _) in expected.items()
    }
    full, empty = reading.read_all().to_pylist()
    assert full == {name: value for name, (_, value) in expected.items()}
    assert empty == dict.fromkeys(expected) | {"id": 1}


@pytest.mark.parametrize("cursor", ["at", "clock"])
def test_after_is_exclusive_and_until_inclusive(mysql_url: str, cursor: str) -> None:
    run(
        mysql_url,
        f"drop table if exists moments_{cursor}",
        f"create table moments_{cursor} (id int, at timestamp null, clock datetime)",
        "set time_zone = '+08:00'",
        f"""insert into moments_{cursor} values (1, '2024-03-10 01:00', '2024-03-10 01:00'),
            (2, '2024-03-10 02:00', '2024-03-10 02:00'), (3, '2024-03-10 03:00', '2024-03-10 03:00'),
            (9, null, null)""",
    )

    def ids(**bounds: datetime | None) -> list[int]:
        found = rows(
            mysql_url, f"moments_{cursor}", ["id"], cursor=cursor, timezone="Asia/Shanghai", **bounds
        )
        return sorted(row["id"] for row in found)

    one, two = (datetime(2024, 3, 10, hour, tzinfo=SHANGHAI) for hour in (1, 2))
    # A row with an empty cursor is in no range, so every read has it.
    assert ids(after=one, until=two.astimezone(UTC)) == [2, 9]
    assert ids(after=None, until=two) == [1, 2, 9]
    assert ids(after=two, until=None) == [3, 9]
    assert ids(after=None, until=None) == [1, 2, 3, 9]
    counted: list[int] = []
    options: dict[str, Any] = {"cursor": cursor, "after": one, "timezone": "Asia/Shanghai"}
    found = rows(mysql_url, f"moments_{cursor}", ["id"], **options, on_count=counted.append)
    assert counted == [len(found)] == [3]
    with pytest.raises(DataError, match=f"1 rows have an empty {cursor}, which is the cursor"):
        rows(mysql_url, f"moments_{cursor}", ["id"], **options, refuse_empty_cursor=True)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("datetime", "0000-00-00 00:00:00"), ("date", "2024-00-10"), ("timestamp", "0000-00-00 00:00:00")],
)
def test_a_zero_date_fails_and_names_table_and_column(mysql_url: str, kind: str, value: str) -> None:
    run(
        mysql_url,
        "set sql_mode = ''",
        "drop table if exists zero",
        f"create table zero (secret varchar(20), paid_at {kind} null)",
        f"insert into zero values ('13800138000', '{value}')",
    )
    reading = read_table(mysql_url, table="zero", columns=["secret", "paid_at"])
    with pytest.raises(
        DataError, match="table zero: column paid_at has a value that is not a valid date"
    ) as error:
        list(reading)
    assert "13800138000" not in str(error.value)
    # As a cursor a zero date is in no range: its row would be skipped.
    if value.startswith("0000"):
        after = datetime(2024, 3, 10, tzinfo=SHANGHAI)
        with pytest.raises(DataError, match="table zero: column paid_at has a value that is not a valid"):
            rows(mysql_url, "zero", ["secret"], cursor="paid_at", after=after)


def test_odd_names_databases_and_views(mysql_url: str) -> None:
    run(
        mysql_url,
        "create table `Order ``Lines``.v1` (`select` int, `a b%:x` int, `姓名` varchar(9))",
        "insert into `Order ``Lines``.v1` values (1, 2, '张伟')",
        "create view `seen` as select `姓名` from `Order ``Lines``.v1`",
    )
    found = rows(mysql_url, 'shop."Order `Lines`.v1"', ["select", "a b%:x", "姓名"])
    assert found == [{"select": 1, "a b%:x": 2, "姓名": "张伟"}]
    assert rows(mysql_url, "seen", ["姓名"]) == [{"姓名": "张伟"}]


def test_a_large_table_is_streamed_and_may_be_left_early(mysql_url: str) -> None:
    run(mysql_url, "create table many as select seq as id, repeat('x', 200) as fill from seq_1_to_300000")
    reading = read_table(mysql_url, table="many", columns=["id", "fill"])
    held = pa.total_allocated_bytes()
    counts = []
    started = time.monotonic()
    for batch in reading:
        counts.append(batch.num_rows)
        assert pa.total_allocated_bytes() - held < 16 * 1024 * 1024
    whole = time.monotonic() - started
    assert counts == [10_000] * 30
    early = read_table(mysql_url, table="many", columns=["id", "fill"])
    next(early)
    started = time.monotonic()
    del early
    # The 290,000 rows that are left are not fetched.
    assert time.monotonic() - started < whole / 20


def test_missing_tables_and_columns_are_named(mysql_url: str) -> None:
    run(mysql_url, "create table if not exists orders (order_id int)")
    with pytest.raises(DataError, match=r"no table order \(did you mean orders\?\)"):
        read_table(mysql_url, table="order", columns=["order_id"])
    with pytest.raises(DataError, match=r"no column orderid \(did you mean order_id\?\)"):
        read_table(mysql_url, table="orders", columns=["orderid"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "s3cr3t-wrong"}, "refused the user or password"),
        ({"port": 1}, "cannot be reached"),
        ({"database": "mysql"}, "refused the user or password"),
    ],
)
def test_what_the_server_refuses_is_reported_without_the_password(
    mysql_url: str, change: dict[str, Any], message: str
) -> None:
    url = sa.engine.make_url(mysql_url).set(**change)
    with pytest.raises(InfrastructureError, match=message) as error:
        read_table(url.render_as_string(hide_password=False), table="t", columns=["id"])
    assert "s3cr3t" not in str(error.value)
    assert "p@ss" not in str(error.value)
