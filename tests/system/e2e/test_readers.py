"""Who reads the published tables: PyIceberg, DuckDB, Spark, the files of sql/, and the command line."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from usertags.errors import UsageError
from usertags.explain import explain
from usertags.query import SQL, connect, extension_path, query, views
from usertags.store.lake import CATALOG
from usertags.store.spark import lake_settings

from .conftest import GoodDays
from .expected import D2, D3, D6
from .shop import TABLES, Row, Shop, ordered

pytestmark = pytest.mark.shared("good_days")

PUBLISHED = [*TABLES, "publications"]
QUERIES = sorted((SQL / "queries").glob("*.sql"))
VIEWS = [name for name, _ in views()]


@pytest.fixture(scope="module")
def shop(good_days: GoodDays) -> Shop:
    return good_days.shop


@pytest.fixture(scope="module")
def duck(shop: Shop) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB as `usertags query` opens it."""
    with connect(shop.pipeline.project, shop.lake) as connection:
        yield connection


@pytest.fixture(scope="module")
def attached(shop: Shop) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB over the REST catalog itself, as a BI tool would attach it."""
    properties = shop.lake.properties
    key, secret = properties["credential"].split(":")
    with duckdb.connect(":memory:") as connection:
        for name in ("httpfs", "avro", "iceberg"):
            connection.load_extension(str(extension_path(name)))
        endpoint = properties["s3.endpoint"].removeprefix("http://")
        connection.execute(
            f"CREATE SECRET storage (TYPE s3, KEY_ID '{key}', SECRET '{secret}', REGION 'us-east-1', "
            f"ENDPOINT '{endpoint}', URL_STYLE 'path', USE_SSL false)"
        )
        connection.execute(
            f"CREATE SECRET catalog (TYPE iceberg, CLIENT_ID '{key}', CLIENT_SECRET '{secret}', "
            f"OAUTH2_SERVER_URI '{properties['oauth2-server-uri']}')"
        )
        connection.execute(
            f"ATTACH '{properties['warehouse']}' AS lake "
            f"(TYPE iceberg, ENDPOINT '{properties['uri']}', SECRET catalog)"
        )
        yield connection


@pytest.fixture(scope="module")
def session(shop: Shop, new_session: Callable[[str], SparkSession]) -> SparkSession:
    """Spark with the views of sql/views as temporary views."""
    session = new_session(shop.pipeline.project.timezone)
    for key, value in lake_settings(shop.lake).items():
        session.conf.set(key, value)
    session.sql(f"USE {CATALOG}")
    for name, select in views():
        session.sql(f"CREATE TEMPORARY VIEW {name} AS {select}")
    return session


def of_duck(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    return connection.sql(sql).to_arrow_table().to_pylist()


def of_spark(session: SparkSession, sql: str) -> list[Row]:
    return session.sql(sql).toArrow().to_pylist()


def by_name(rows: list[Row]) -> list[Row]:
    """Rows whose columns, and then the rows themselves, stand in one order."""
    return ordered([dict(sorted(row.items())) for row in rows])


@pytest.mark.parametrize("table", PUBLISHED)
def test_every_reader_sees_the_same_rows(
    shop: Shop,
    duck: duckdb.DuckDBPyConnection,
    attached: duckdb.DuckDBPyConnection,
    session: SparkSession,
    table: str,
) -> None:
    wanted = by_name(shop.lake.catalog.load_table(f"tags.{table}").scan().to_arrow().to_pylist())
    assert wanted
    assert by_name(of_duck(duck, f"SELECT * FROM tags.{table}")) == wanted
    assert by_name(of_duck(attached, f"SELECT * FROM lake.tags.{table}")) == wanted
    assert by_name(of_spark(session, f"SELECT * FROM tags.{table}")) == wanted


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_the_same_in_duckdb_and_spark(
    duck: duckdb.DuckDBPyConnection, session: SparkSession, view: str
) -> None:
    found = by_name(of_duck(duck, f"SELECT * FROM {view}"))
    assert found
    assert found == by_name(of_spark(session, f"SELECT * FROM {view}"))


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_every_query_gives_the_same_in_duckdb_and_spark(
    duck: duckdb.DuckDBPyConnection, session: SparkSession, file: Path
) -> None:
    sql = file.read_text(encoding="utf-8")
    found = of_duck(duck, sql)
    assert found
    assert found == of_spark(session, sql)


def test_views_show_the_published_days_and_latest_the_newest(
    good_days: GoodDays, duck: duckdb.DuckDBPyConnection
) -> None:
    for table in PUBLISHED:
        rows = of_duck(duck, f"SELECT DISTINCT dt, run_id FROM {table}")
        assert {(row["dt"], row["run_id"]) for row in rows} == {
            (day, runs[-1]) for day, runs in good_days.runs.items()
        }
        latest = of_duck(duck, f"SELECT DISTINCT dt FROM {table}_latest")
        assert [row["dt"] for row in latest] == [D6]


def test_query_gives_columns_and_rows(shop: Shop) -> None:
    answer = query(
        shop.pipeline.project,
        shop.lake,
        "select user_id, valid_from from user_tags_latest where tag_id = 'important_customer' order by 1",
    )
    assert answer.columns == ["user_id", "valid_from"]
    assert answer.rows == [("customer:u1", D2), ("customer:u2", D3), ("customer:u3", D2)]


def test_instants_are_shown_in_the_time_zone_of_the_project(shop: Shop) -> None:
    sql = "select published_at, current_setting('TimeZone') from publications_latest"
    ((published_at, timezone),) = query(shop.pipeline.project, shop.lake, sql).rows
    assert timezone == "Asia/Shanghai"
    assert published_at.utcoffset().total_seconds() == 8 * 3600


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select * from user_tag", "user_tag does not exist"),
        ("select no_such_column from user_tags", "no_such_column"),
        ("selekt 1", "syntax error"),
        # This one is only found out while the rows are read.
        ("select cast(tag_value as integer) from user_tags", "Could not convert"),
    ],
)
def test_a_query_that_cannot_run_says_why(shop: Shop, sql: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        query(shop.pipeline.project, shop.lake, sql)
    assert error.value.exit_code == 2
    assert "show tables" in error.value.next_step
    secret = shop.lake.properties["s3.secret-access-key"]
    assert secret not in str(error.value)


def test_the_lake_never_shows_its_keys(shop: Shop) -> None:
    shown = repr(shop.lake)
    for name in ("s3.secret-access-key", "s3.access-key-id", "credential"):
        assert shop.lake.properties[name] not in shown


# Why a user carries a tag.


def why(shop: Shop, user: str, day: date, tag: str | None = None) -> dict[str, Any]:
    return {item.tag_id: item for item in explain(shop.pipeline.project, shop.lake, user, day, tag)}


def test_explain_names_the_rule_and_the_values_that_made_it_true(shop: Shop) -> None:
    item = why(shop, "u3", D3, "important_customer")["important_customer"]
    assert (item.name, item.value, item.valid_from) == ("重要客户", "true", D2)
    assert item.definition == "orders_180d >= 3 or referrals_180d >= 2"
    assert item.inputs == {"orders_180d": 0, "referrals_180d": 2}


def test_explain_shows_every_tag_of_a_user(shop: Shop) -> None:
    found = why(shop, "customer:u4", D3)
    group = "AB"[int(hashlib.md5(b"customer:u4:welcome").hexdigest()[:8], 16) % 2]
    assert {tag: item.value for tag, item in found.items()} == {
        "city": "杭州",
        "group": group,
        "no_order_yet": "true",
        "purchase_spend": "0",
        "rfm_segment": "never_ordered",
        "yearly_spend": "0",
    }
    assert found["city"].inputs == {"users.city": "杭州"}
    assert found["rfm_segment"].inputs == {"segment": "never_ordered"}


def test_explain_says_why_a_tag_is_not_carried(shop: Shop) -> None:
    item = why(shop, "u8", D3, "important_customer")["important_customer"]
    assert (item.value, item.valid_from) == (None, None)
    assert item.inputs == {"orders_180d": 0, "referrals_180d": 0}
    draft = why(shop, "u2", D3, "big_spender")["big_spender"]
    assert (draft.value, draft.inputs) == (None, {"paid_365d": shop.profile(D3)["u2"]["yearly_spend"]})


@pytest.mark.parametrize(
    ("user", "day", "tag", "words"),
    [
        ("nobody", D3, None, f"user not found on {D3}"),
        ("nobody's", D3, None, f"user not found on {D3}"),
        # u6 registered on the day after.
        ("u6", D2, None, f"user not found on {D2}"),
        ("u1", date(2026, 2, 28), None, "2026-02-28 is not published"),
        ("u1", D3, "unimportant", "no tag 'unimportant'"),
    ],
)
def test_what_explain_does_not_know_is_an_error_of_usage(
    shop: Shop, user: str, day: date, tag: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as error:
        explain(shop.pipeline.project, shop.lake, user, day, tag)
    assert error.value.exit_code == 2
    assert error.value.next_step


# The same through the command line, whose exit codes schedulers read.


def test_the_command_line_explains(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("explain", "--day", str(D3), "--user", "u3", "--tag", "important_customer")
    assert shop.command(*arguments) == 0
    shown = capsys.readouterr().out
    assert "rule: orders_180d >= 3 or referrals_180d >= 2" in shown
    assert "with: orders_180d = 0, referrals_180d = 2" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "--day", str(D3), "--user", "nobody"),
        ("explain", "--day", "2026-02-28", "--user", "u1"),
        ("explain", "--day", "today", "--user", "u1"),
        ("explain", "--day", str(D3), "--user", "u1", "--tag", "unimportant"),
        ("query", "select * from nothing"),
    ],
    ids=" ".join,
)
def test_the_command_line_ends_with_2_for_what_does_not_exist(
    shop: Shop, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert shop.command(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "error" in shown.err
    assert "next" in shown.err
    assert "Traceback" not in shown.err


def test_arrow_types_of_a_profile_are_those_of_its_tags(shop: Shop) -> None:
    schema = shop.lake.catalog.load_table("tags.user_profile").schema().as_arrow()
    types = {field.name: field.type for field in schema}
    assert types["important_customer"] == pa.bool_()
    assert types["yearly_spend"] == pa.decimal128(18, 2)
    assert pa.types.is_large_string(types["city"]) or pa.types.is_string(types["city"])
