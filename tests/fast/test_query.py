"""Queries of DuckDB over tables in files."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from usertags.errors import UsageError
from usertags.project.model import Project
from usertags.query import _named, query
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS
from usertags.store.tables import ensure_table

# Where no machine is: 14 hours ahead of UTC, and 11 hours behind it.
EAST, WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"


@pytest.mark.parametrize(
    ("timezone", "shown"),
    [
        ("Asia/Shanghai", "2026-03-03 00:30:00+08"),
        (EAST, "2026-03-03 06:30:00+14"),
        (WEST, "2026-03-02 05:30:00-11"),
    ],
)
def test_instants_are_shown_in_the_time_zone_of_the_project(
    build: Callable[..., Project], lake_in_files: Lake, timezone: str, shown: str
) -> None:
    table = ensure_table(lake_in_files, PUBLICATIONS.name, PUBLICATIONS.schema)
    row = {"dt": date(2026, 3, 1), "published_at": datetime(2026, 3, 2, 16, 30, tzinfo=UTC)}
    table.append(pa.Table.from_pylist([row], schema=PUBLICATIONS.schema))
    project = replace(build(), timezone=timezone)
    sql = "select published_at::varchar, published_at::date::varchar from publications"
    assert query(project, lake_in_files, sql).rows == [(shown, shown[:10])]


@pytest.mark.parametrize("sql", ["show tables", "describe;", "select * from duckdb_views()", "from pg_views"])
def test_a_query_that_lists_tables_sees_all_of_them(sql: str) -> None:
    assert _named(["publications", "user_tags", "rfm"], sql) == ["publications", "user_tags", "rfm"]


def test_a_query_opens_the_tables_that_it_names() -> None:
    tables = ["publications", "user_tags", "rfm", "tag_coverage"]
    assert _named(tables, "select count(*) from USER_TAGS_latest") == ["publications", "user_tags"]
    assert _named(tables, "select 1") == ["publications"]


def test_a_table_that_is_unknown_is_answered_with_one_that_is_like_it(
    build: Callable[..., Project], lake_in_files: Lake
) -> None:
    ensure_table(lake_in_files, "tags.user_tags", pa.schema([("dt", pa.date32())]))
    with pytest.raises(UsageError, match='Did you mean "user_tags"'):
        query(build(), lake_in_files, "select * from tags.user_tag")
