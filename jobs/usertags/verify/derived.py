"""What is made of the measures of all users: percentiles, and RFM with its thresholds."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import duckdb

from usertags.config.rfm_columns import RFM_COLUMNS
from usertags.project.model import Percentile, Project, Rfm
from usertags.verify.expressions import translated
from usertags.verify.inputs import insert_rows
from usertags.verify.pieces import Piece, as_type, name, text_literal
from usertags.verify.spark_types import duckdb_type

_DIMENSIONS = ("recency", "frequency", "monetary")
_COLUMNS = {"recency": "recency_days", "frequency": "frequency", "monetary": "monetary"}
_THRESHOLDS = (
    "dimension VARCHAR, scoring VARCHAR, edges DOUBLE[], portrait_edges DOUBLE[], mean DOUBLE, "
    "population BIGINT"
)


def rounded(sql: str) -> str:
    """A number with nine digits after the point, as a double."""
    return f"CAST(TRY_CAST(CAST({sql} AS VARCHAR) AS DECIMAL(30,9)) AS DOUBLE)"


# ---- percentiles -------------------------------------------------------------------------------


def percentile_column(percentile: Percentile, types: Mapping[str, str], zone: str, data_day: date) -> str:
    """The share of the population with the user's value or less, in whole percent: a column of `inputs`."""
    value = f"CAST({name(percentile.measure)} AS DOUBLE)"
    if not percentile.exact:
        value = f"coalesce({rounded(name(percentile.measure))}, {value})"
    if percentile.where is not None:
        condition = translated(str(percentile.where), types, zone).sql
        value = f"CASE WHEN coalesce({condition}, FALSE) THEN {value} END"
    below = f"count({value}) OVER (ORDER BY {value} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    share = f"100 * {below} // nullif(count({value}) OVER (), 0)"
    return f"CASE WHEN ({value}) IS NOT NULL THEN CAST({share} AS INTEGER) END"


# ---- RFM -----------------------------------------------------------------------------------------


def make_rfm(
    connection: duckdb.DuckDBPyConnection, project: Project, types: Mapping[str, str], data_day: date
) -> None:
    """Makes `rfm` and `rfm_thresholds` of `inputs`; both are empty without RFM."""
    rfm = project.rfm
    if rfm is None:
        columns = ", ".join(f"{each} {duckdb_type(kind)}" for each, kind in RFM_COLUMNS.items())
        insert_rows(connection, "rfm", f"user_id VARCHAR, {columns}", [])
        insert_rows(connection, "rfm_thresholds", _THRESHOLDS, [])
        return
    _basis(connection, project, rfm, types, data_day)
    thresholds = [_threshold(connection, rfm, dimension) for dimension in _DIMENSIONS]
    insert_rows(connection, "rfm_thresholds", _THRESHOLDS, thresholds)
    _scores(connection, rfm, {row[0]: row for row in thresholds}, project.timezone)


def _basis(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    rfm: Rfm,
    types: Mapping[str, str],
    data_day: date,
) -> None:
    entry = rfm.entry
    ordered = f"coalesce({name(entry.frequency)} >= 1, FALSE)"
    last = as_type(Piece(name(entry.recency), types[entry.recency]), "date", project.timezone).sql
    days = f"CAST(DATE '{data_day + timedelta(days=1)}' - {last} AS INTEGER)"
    connection.execute(f"""
        CREATE TABLE rfm_basis AS
        SELECT
            user_id,
            CASE WHEN {ordered} THEN {days} END AS recency_days,
            CASE WHEN {ordered} THEN CAST({name(entry.frequency)} AS BIGINT) END AS frequency,
            CASE WHEN {ordered} THEN {rounded(name(entry.monetary))} END AS monetary,
            coalesce({name(entry.ever)}, 0) AS ever
        FROM inputs""")


def _threshold(connection: duckdb.DuckDBPyConnection, rfm: Rfm, dimension: str) -> tuple[Any, ...]:
    """The edges of one dimension, among the users with an order in the window."""
    column = _COLUMNS[dimension]
    rows = connection.execute(f"""
        SELECT CAST({column} AS DOUBLE) FROM rfm_basis
        WHERE frequency IS NOT NULL AND {column} IS NOT NULL ORDER BY 1""").fetchall()
    values = [row[0] for row in rows]
    (population,) = connection.execute("SELECT count(frequency) FROM rfm_basis").fetchone() or (0,)
    mean = _mean(values)
    entry = rfm.entry
    exact = [Fraction(str(value)) for value in values]
    unit = Fraction(getattr(entry.unit, dimension))
    if entry.scoring == "fixed":
        edges = list(getattr(entry.edges, dimension))
    elif entry.scoring == "quantile":
        edges = [float(_quantile(exact, Fraction(fifths, 5)) + unit) for fifths in range(1, 5) if exact]
    else:
        edges = [] if mean is None else [mean]
    portrait: list[float] = []
    if dimension != "monetary":
        given = getattr(entry.portraits, dimension)
        terciles = [float(_quantile(exact, Fraction(thirds, 3)) + unit) for thirds in (1, 2) if exact]
        portrait = terciles if given == "terciles" else list(given)
    return dimension, entry.scoring, edges, portrait, mean, population


def _mean(values: Sequence[float]) -> float | None:
    """Of numbers with nine digits, to thirteen: exact, whatever the order."""
    if not values:
        return None
    total = sum((Decimal(repr(value)) for value in values), Decimal(0))
    return float((total / len(values)).quantize(Decimal("1e-13"), ROUND_HALF_UP))


def _quantile(values: Sequence[Fraction], share: Fraction) -> Fraction:
    """Between the two values around the place, by how near it is to each (type 7 of R)."""
    place = (len(values) - 1) * share
    low = math.floor(place)
    if low == place:
        return values[low]
    return (low + 1 - place) * values[low] + (place - low) * values[low + 1]


def _scores(
    connection: duckdb.DuckDBPyConnection, rfm: Rfm, by: Mapping[str, tuple[Any, ...]], zone: str
) -> None:
    good = {dimension: _good(dimension, by[dimension][4]) for dimension in _DIMENSIONS}
    scores = [f"{_score(rfm, by[each], good[each])} AS {each[0]}_score" for each in _DIMENSIONS]
    octant = " || ".join(f"CAST({good[each]} AS VARCHAR)" for each in _DIMENSIONS)
    connection.execute(f"""
        CREATE TABLE rfm_scored AS
        SELECT *, {", ".join(scores)}, {octant} AS octant, {_portrait(rfm, by)} AS portrait FROM rfm_basis""")
    listed = ", ".join(name(each) for each in RFM_COLUMNS)
    connection.execute(f"""
        CREATE TABLE rfm AS
        SELECT user_id, {listed} FROM (SELECT *, {_segment(rfm, zone)} AS segment FROM rfm_scored)""")


def _good(dimension: str, mean: float | None) -> str:
    """1 where the user is as good as the mean or better."""
    if mean is None:
        return "CAST(NULL AS INTEGER)"
    sign = "<=" if dimension == "recency" else ">="
    return f"CAST({_COLUMNS[dimension]} {sign} CAST({mean!r} AS DOUBLE) AS INTEGER)"


def _reached(column: str, edges: Sequence[float]) -> str:
    steps = "".join(f" + CAST({column} >= CAST({edge!r} AS DOUBLE) AS INTEGER)" for edge in edges)
    return f"CASE WHEN {column} IS NOT NULL THEN 1{steps} END"


def _score(rfm: Rfm, threshold: tuple[Any, ...], good: str) -> str:
    dimension, edges = threshold[0], threshold[2]
    if rfm.entry.scoring == "mean":
        return good
    step = _reached(_COLUMNS[dimension], edges)
    return (
        f"CAST({len(edges) + 2} - ({step}) AS INTEGER)"
        if dimension == "recency"
        else f"CAST({step} AS INTEGER)"
    )


def _portrait(rfm: Rfm, by: Mapping[str, tuple[Any, ...]]) -> str:
    recency, frequency = by["recency"][3], by["frequency"][3]
    if not recency or not frequency:
        return "CAST(NULL AS VARCHAR)"
    level_r, level_f = f"(4 - ({_reached('recency_days', recency)}))", f"({_reached('frequency', frequency)})"
    names = rfm.entry.portraits.names
    if names is None:
        return f"'R' || {level_r} || 'F' || {level_f}"
    rows = ", ".join(f"[{', '.join(text_literal(cell) for cell in row)}]" for row in names)
    return f"[{rows}][4 - {level_r}][4 - {level_f}]"


def _segment(rfm: Rfm, zone: str) -> str:
    whens = ["WHEN ever < 1 THEN 'never_ordered'", "WHEN frequency IS NULL THEN 'out_of_window'"]
    for segment, rule in rfm.segments:
        condition = translated(str(rule), RFM_COLUMNS, zone).sql
        whens.append(f"WHEN coalesce({condition}, FALSE) THEN {text_literal(segment.id)}")
    return f"CASE {' '.join(whens)} ELSE 'others' END"
