"""Comparing a table as published with the same table computed again, row by row and column by column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from usertags.verify.pieces import name, text_literal

# Sums of doubles depend on their order. Weighted numbers are sums of parts with nine digits.
_RELATIVE, _ABSOLUTE = 1e-9, 2e-9


@dataclass(frozen=True)
class Difference:
    """One value that is not what it should be; `column` is empty for a row that is missing or too many, and
    the other side is None then. `subject` is the tag, or what else the row is about."""

    table: str
    user: str
    subject: str
    column: str
    published: str | None
    recomputed: str | None
    made_by: str = ""


@dataclass(frozen=True)
class TableCount:
    table: str
    published: int
    recomputed: int
    differences: int


@dataclass(frozen=True)
class Comparison:
    """How a table is compared: the columns that name a row, among them those of the user and of the subject,
    and all others. `texts_of_doubles` are the subjects whose texts are written doubles; `within` the share by
    which whole numbers of a column may differ."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    user: str = ""
    subject: str = ""
    texts_of_doubles: frozenset[str] = frozenset()
    within: Mapping[str, float] = field(default_factory=dict)
    only: str = "TRUE"


def compared(
    connection: duckdb.DuckDBPyConnection, how: Comparison, published: str, recomputed: str, most: int
) -> tuple[TableCount, list[Difference]]:
    """The rows of two tables side by side; at most so many differences of each column are listed."""
    _side_by_side(connection, how, published, recomputed)
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {recomputed}").fetchall()}
    both, here = "p._n IS NOT NULL AND r._n IS NOT NULL", "CASE WHEN {}._n IS NOT NULL THEN 'a row' END"
    checks = [("", f"NOT ({both})", here.format("p"), here.format("r"))]
    for column in how.columns:
        one, other = f"p.{name(column)}", f"r.{name(column)}"
        differs = f"{both} AND {_differs(how, column, types[column], one, other)}"
        checks.append((column, differs, f"CAST({one} AS VARCHAR)", f"CAST({other} AS VARCHAR)"))
    total, found = 0, []
    for column, differs, one, other in checks:
        count, listed = _listed(connection, how, differs, (one, other), most)
        total += count
        found += [Difference(how.table, user, subject, column, *values) for user, subject, *values in listed]
    rows = [
        _count(connection, f"SELECT count(*) FROM {each} WHERE {how.only}")
        for each in (published, recomputed)
    ]
    return TableCount(how.table, rows[0], rows[1], total), found


def _side_by_side(
    connection: duckdb.DuckDBPyConnection, how: Comparison, published: str, recomputed: str
) -> None:
    """`pairs` of the rows of two tables. The second row with a key meets the second one of the other side."""
    key = ", ".join(map(name, how.key))
    for alias, table in (("p", published), ("r", recomputed)):
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE side_{alias} AS
            SELECT *, row_number() OVER (PARTITION BY {key}) AS _n FROM {table} WHERE {how.only}""")
    same = [f"p.{name(each)} IS NOT DISTINCT FROM r.{name(each)}" for each in (*how.key, "_n")]
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE pairs AS
        SELECT p, r FROM side_p p FULL OUTER JOIN side_r r ON {" AND ".join(same)}""")


def _listed(
    connection: duckdb.DuckDBPyConnection, how: Comparison, differs: str, values: tuple[str, str], most: int
) -> tuple[int, list[Any]]:
    count = _count(connection, f"SELECT count(*) FROM pairs WHERE {differs}")
    if count == 0:
        return 0, []
    user, subject = (
        f"coalesce(CAST(p.{name(each)} AS VARCHAR), CAST(r.{name(each)} AS VARCHAR), '')" if each else "''"
        for each in (how.user, how.subject)
    )
    rows = connection.execute(f"""
        SELECT {user}, {subject}, {values[0]}, {values[1]}
        FROM pairs WHERE {differs} ORDER BY 1, 2 LIMIT {most}""").fetchall()
    return count, rows


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _differs(how: Comparison, column: str, type_: str, one: str, other: str) -> str:
    """Whether a value of the two sides differs."""
    differs = f"({one} IS DISTINCT FROM {other})"
    if column in how.within:
        allowed = f"greatest(1, {how.within[column]} * {other})"
        return f"({differs} AND NOT coalesce(abs({one} - {other}) <= {allowed}, FALSE))"
    if type_ == "DOUBLE":
        return _apart(one, other)
    if type_ == "DOUBLE[]":
        apart = f"lambda x: {_apart('x[1]', 'x[2]')}"
        any_apart = f"list_bool_or(list_transform(list_zip({one}, {other}), {apart}))"
        return f"({differs} AND (len({one}) IS DISTINCT FROM len({other}) OR {any_apart}))"
    if how.texts_of_doubles and column in ("tag_value", "old_value", "new_value"):
        listed = ", ".join(map(text_literal, sorted(how.texts_of_doubles)))
        apart = _apart(*[f"TRY_CAST({each} AS DOUBLE)" for each in (one, other)])
        return f"({differs} AND (r.{name(how.subject)} NOT IN ({listed}) OR {apart}))"
    return differs


def _apart(one: str, other: str) -> str:
    """Whether two doubles differ by more than the noise of their sums."""
    return (
        f"({one} IS DISTINCT FROM {other} AND NOT coalesce(abs({one} - {other}) <= "
        f"greatest({_ABSOLUTE}, {_RELATIVE} * abs({other})), FALSE))"
    )
