"""Databases of `usertags verify` without a lake: clean rows by hand, and a day published from them.

What is published here is what `verify` itself computes, so it differs from nothing until somebody changes it.
Whether that is what Spark publishes is shown by the data days of tests/system/e2e.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from usertags.project.model import Project
from usertags.published import PUBLISHED
from usertags.verify.inputs import PublishedDay, insert_rows, used_columns
from usertags.verify.pieces import name, text_literal
from usertags.verify.spark_types import duckdb_type
from usertags.verify.tables import SCHEMA
from usertags.verify.verify import Verification, checked

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def fill_clean(connection: duckdb.DuckDBPyConnection, project: Project, rows: Rows) -> None:
    """The clean tables; a value that a row lacks is null."""
    for source in project.sources.values():
        columns = used_columns(project, source)
        typed = ", ".join(f"{name(each)} {duckdb_type(source.column(each).type)}" for each in columns)
        table = f"clean.{name(source.name)}"
        connection.execute(f"CREATE TABLE {table} ({typed})")
        for row in rows.get(source.name, ()):
            values = [row.get(each) for each in columns]
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)


def publish(connection: duckdb.DuckDBPyConnection, project: Project, day: date, before: date | None) -> None:
    """Publish a day as it is computed from the clean tables, and from the day before as published."""
    with _undone(connection):
        connection.execute("DROP TABLE IF EXISTS published.user_measures")
        for table in PUBLISHED:
            _empty(connection, project, table.view)
        insert_rows(connection, "published.row_counts", "table_name VARCHAR, row_count BIGINT", [])
        checked(connection, project, PublishedDay(day, "r1", before))
        made = {table.view: _rows(connection, f"{SCHEMA}.{table.view}") for table in PUBLISHED}
        made |= {table: _rows(connection, table) for table in ("identities", "refused_links")}
        made["user_measures"] = _rows(connection, f"({_measures(project)})")
    for table, rows in made.items():
        connection.register("incoming", rows)
        connection.execute(f"CREATE OR REPLACE TABLE published.{table} AS FROM incoming")
        connection.unregister("incoming")
    counts = [(table.name, made[table.view].num_rows) for table in PUBLISHED]
    insert_rows(connection, "published.row_counts", "table_name VARCHAR, row_count BIGINT", counts)


def next_day(connection: duckdb.DuckDBPyConnection) -> None:
    """What is published becomes the day before."""
    for table in ("user_tags", "tag_catalogue", "identities"):
        connection.execute(f"CREATE OR REPLACE TABLE before.{table} AS FROM published.{table}")


def verified_after(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    published: PublishedDay,
    changes: Sequence[str] = (),
    sample: str | None = None,
    most: int = 20,
) -> Verification:
    """What `verify` finds after some statements, which are undone again."""
    with _undone(connection):
        for sql in changes:
            connection.execute(sql)
        return checked(connection, project, published, sample, most)


@contextmanager
def _undone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All that is done inside is undone at the end."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> pa.Table:
    return connection.execute(f"SELECT * FROM {table}").to_arrow_table()


def _empty(connection: duckdb.DuckDBPyConnection, project: Project, view: str) -> None:
    table = next(each for each in PUBLISHED if each.view == view)
    columns = {each: duckdb_type(type_) for each, type_ in table.columns.items()}
    if view == "user_profile":
        for tag in project.published_tags():
            columns[tag.id] = "VARCHAR" if tag.main.several else duckdb_type(tag.type)
    listed = ", ".join(f"{name(each)} {type_}" for each, type_ in columns.items())
    connection.execute(f"CREATE OR REPLACE TABLE published.{view} ({listed})")


def _measures(project: Project) -> str:
    """`ops.user_measures` as Spark writes it: numbers by value are maps."""
    maps = [each.id for each in project.measures.values() if each.by and each.aggregate.by == "numbers"]
    columns = ", ".join(
        "map_from_entries(list({'k': key, 'v': number} ORDER BY key) "
        f"FILTER (WHERE measure = {text_literal(each)})) AS {name(each)}"
        for each in maps
    )
    grouped = f"SELECT user_id, {columns} FROM maps GROUP BY user_id"
    return f"SELECT i.*, m.* EXCLUDE (user_id) FROM inputs i LEFT JOIN ({grouped}) m USING (user_id)"
