"""Queries over the published tables with DuckDB, at the snapshots that the catalog names."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

from usertags.errors import UsageError
from usertags.project.model import Project
from usertags.published import PUBLISHED
from usertags.store.lake import Lake

SQL = Path(__file__).resolve().parents[2] / "sql"
_EXTENSIONS = ("httpfs", "avro", "iceberg")
EVERYTHING = "show all tables"
# A query that asks for the tables themselves.
_LISTING = re.compile(
    r"\b(show|desc(ribe)?\s*(;|--|$)|information_schema|pg_\w+|sqlite_\w+|duckdb_\w+|pragma|query_table)",
    re.I,
)


@dataclass(frozen=True)
class Answer:
    columns: list[str]
    rows: list[tuple[Any, ...]]


def query(project: Project, lake: Lake, sql: str) -> Answer:
    """Run one query over the views of the published rows; `ops.*` and `tags.*` show all rows.

    Raises UsageError with DuckDB's message if the query fails.
    """
    try:
        try:
            return _answer(project, lake, sql, naming=sql)
        except duckdb.CatalogException:
            # With all tables there, the message suggests a name that is like the unknown one.
            return _answer(project, lake, sql, naming=EVERYTHING)
    except duckdb.Error as error:
        raise UsageError(
            f"the query failed: {error}",
            next_step='`usertags query "show tables"` lists the tables',
        ) from None


def _answer(project: Project, lake: Lake, sql: str, *, naming: str) -> Answer:
    with connect(project, lake, naming) as connection:
        result = connection.sql(sql)
        return Answer([], []) if result is None else Answer(result.columns, result.fetchall())


def connect(project: Project, lake: Lake, sql: str = EVERYTHING) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with a view of every table of `tags` and `ops` that a query names, and of its
    `views`: of all of them for a query that lists tables."""
    connection = duckdb.connect(":memory:")
    for name in _EXTENSIONS:
        connection.load_extension(str(extension_path(name)))
    connection.execute(_secret(lake))
    connection.execute(f"SET TimeZone = '{project.timezone}'")
    for namespace in ("tags", "ops"):
        connection.execute(f"CREATE SCHEMA {namespace}")
        for name in _named([name for _, name in lake.catalog.list_tables(namespace)], sql):
            location = lake.catalog.load_table(f"{namespace}.{name}").metadata_location
            connection.execute(f"CREATE VIEW {namespace}.{name} AS SELECT * FROM iceberg_scan('{location}')")
    for name, select in views():
        # Before the first publication some tables do not exist yet; their views are skipped.
        with suppress(duckdb.CatalogException):
            connection.execute(f"CREATE VIEW {name} AS {select}")
    return connection


def _named(tables: list[str], sql: str) -> list[str]:
    """The tables whose name is part of the text of a query. Opening one takes some 60 ms of CPU, and there
    are more than thirty; one too many does no harm. `views` read the publications."""
    if _LISTING.search(sql):
        return tables
    return [name for name in tables if name in sql.lower() or name == "publications"]


def views() -> list[tuple[str, str]]:
    """The views that readers have, name and SELECT, those that others build on first: of each table the
    published rows, and those of the newest published day."""
    tables = [table.view for table in PUBLISHED]
    return [
        *[(table, _select("published", table)) for table in tables],
        ("publications", _select("publications")),
        *[(f"{table}_latest", _select("latest", table)) for table in (*tables, "publications")],
    ]


def _select(file: str, table: str = "") -> str:
    """The SELECT of a file of sql/views, for a table where it names none."""
    text = (SQL / "views" / f"{file}.sql").read_text(encoding="utf-8")
    return text.strip().rstrip(";").replace("{table}", table)


def extension_path(name: str) -> Path:
    """The path of a DuckDB extension inside its installed package: nothing is downloaded."""
    import importlib

    package = Path(importlib.import_module(f"duckdb_extension_{name}").__file__ or "").parent
    return next(package.rglob(f"{name}.duckdb_extension"))


def _secret(lake: Lake) -> str:
    url = urlsplit(lake.s3.endpoint)
    secure = "true" if url.scheme == "https" else "false"
    return (
        f"CREATE SECRET lake (TYPE s3, KEY_ID '{lake.s3.access_key}', SECRET '{lake.s3.secret_key}', "
        f"REGION '{lake.s3.region}', ENDPOINT '{url.netloc}', URL_STYLE 'path', USE_SSL {secure})"
    )
