"""The measures of every user, straight from the clean rows: no roll-up is read, none is made."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

import duckdb

from usertags.config.expression_tree import Tree
from usertags.config.expression_types import EVENT_DAY
from usertags.project.model import CalendarPeriod, Measure, Project, Source
from usertags.verify.expressions import fields_of, translated
from usertags.verify.pieces import NotTranslated, Piece, name, text_literal
from usertags.verify.spark_types import duckdb_type

# Of a distinct count that is an estimate. A sketch of 4,096 registers is off by 1.6 % as a rule, and by more
# than four times that in one of 15,000 counts.
APPROXIMATE = "distinct_sketch"
# Contributions to a number by value are rounded to so many digits before they are added.
_PART = "DECIMAL(28,9)"
# Each aggregate over the rows that count, with their value as `{v}` and the filter of those rows as `{f}`.
_SIMPLE = {
    "count": "count({v}) {f}",
    "count_distinct": "count(DISTINCT CASE WHEN {v} IS NOT NULL THEN row(_id, event_day, {v}) END) {f}",
    "distinct_days": "count(DISTINCT event_day) {f}",
    "distinct_values": "count(DISTINCT {v}) {f}",
    APPROXIMATE: "count(DISTINCT {v}) {f}",
    "sum": "sum({v}) {f}",
    "min": "min({v}) {f}",
    "max": "max({v}) {f}",
    "avg": "CAST(sum({v}) {f} AS DOUBLE) / nullif(count({v}) {f}, 0)",
    "stddev": "stddev_samp(CAST({v} AS DOUBLE)) {f}",
    "first": "(min({{'t': _time, 'v': {v}}}) {f}).v",
    "last": "(max({{'t': _time, 'v': {v}}}) {f}).v",
}
_OF_NO_ROW = ("count", "count_distinct", "distinct_days", "distinct_values", APPROXIMATE, "sum")
_NUMBERS = {"count": "count({v}) {f}", "count_distinct": "count(DISTINCT {v}) {f}", "sum": "sum({v}) {f}"}


class Measures:
    """Computes measures in a database that has `rows_<source>` and `users`.

    `refused` says which measures cannot be computed, and why. Makes `maps` (measure, user_id, key, number)
    for numbers by value, and a table with all other measures and the columns of the profiles.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, project: Project, data_day: date) -> None:
        self._connection, self._project, self._data_day = connection, project, data_day
        self._tables: list[tuple[str, list[str]]] = []
        self.refused: dict[str, str] = {}

    def compute(self, wanted: Collection[str], users: str) -> None:
        """Compute these measures of the users of a table."""
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS maps (measure VARCHAR, user_id VARCHAR, key VARCHAR, number DOUBLE)"
        )
        for source in self._project.sources.values():
            own = [measure for measure in self._project.measures_of(source.name) if measure.id in wanted]
            if own:
                self._of_source(source, own, users)

    def gathered(self, users: str, target: str) -> None:
        """Make a table of all computed measures and the profiles, for the users of a table."""
        columns, joins = ["u.user_id"], []
        for number, (table, names) in enumerate(self._tables):
            joins.append(f"LEFT JOIN {table} t{number} USING (user_id)")
            columns += [self._of_user(measure, f"t{number}") for measure in names]
        for source in self._project.sources.values():
            if source.kind == "profile":
                joins.append(
                    f"LEFT JOIN {name(f'profile_{source.name}')} {name(f'p_{source.name}')} USING (user_id)"
                )
                columns.append(f"{name(f'p_{source.name}')}.* EXCLUDE (user_id)")
        self._connection.execute(
            f"CREATE TABLE {target} AS SELECT {', '.join(columns)} FROM {users} u {' '.join(joins)}"
        )

    def _of_user(self, measure_id: str, table: str) -> str:
        """A count of a user without any row is 0."""
        measure = self._project.measures[measure_id]
        column = f"{table}.{name(measure_id)}"
        if measure.by is None and measure.function in _OF_NO_ROW:
            column = f"coalesce({column}, 0)"
        target = "" if measure.by is not None else f"::{duckdb_type(measure.type)}"
        return f"{column}{target} AS {name(measure_id)}"

    # ---- one source ----------------------------------------------------------------------

    def _of_source(self, source: Source, measures: Sequence[Measure], users: str) -> None:
        rows = f"(SELECT * FROM {name(f'rows_{source.name}')} WHERE _user IN (SELECT user_id FROM {users}))"
        simple = {}
        for measure in measures:
            try:
                if measure.by is not None and measure.function == "last":
                    self._latest_rows(source, measure, rows)
                elif measure.by is not None:
                    self._numbers(source, measure, rows)
                elif measure.function.startswith("gap_"):
                    self._gaps(source, measure, rows)
                elif measure.function in _SIMPLE:
                    simple[measure.id] = self._simple(source, measure)
                else:
                    raise NotTranslated(f"the aggregate {measure.function}")
            except NotTranslated as error:
                self.refused[measure.id] = error.message
        if simple:
            columns = [
                f"CAST({sql} AS {duckdb_type(self._project.measures[each].type)}) AS {name(each)}"
                for each, sql in simple.items()
            ]
            self._make(
                f"SELECT _user AS user_id, {', '.join(columns)} FROM {rows} GROUP BY _user", list(simple)
            )

    def _make(self, select: str, measures: list[str]) -> None:
        table = f"measured_{len(self._tables)}"
        self._connection.execute(f"CREATE TABLE {table} AS {select}")
        self._tables.append((table, measures))

    def _value(self, source: Source, measure: Measure) -> str:
        argument = measure.partials[0].argument
        return self._translated(source, argument).sql if argument is not None else "1"

    def _translated(self, source: Source, tree: Tree) -> Piece:
        types = {column.name: column.type for column in source.kept_columns} | {EVENT_DAY: "date"}
        return translated(str(tree), types, self._project.timezone)

    def _condition(self, source: Source, measure: Measure) -> str:
        """Whether a row counts: it is of a day of the window, and the condition holds."""
        first, last = days_of(measure, self._data_day)
        parts = [f"event_day <= DATE '{last}'"]
        parts += [f"event_day >= DATE '{first}'"] if first is not None else []
        where = measure.partials[0].where
        parts += [f"coalesce({self._translated(source, where).sql}, FALSE)"] if where is not None else []
        return " AND ".join(parts)

    def _simple(self, source: Source, measure: Measure) -> str:
        value, condition = self._value(source, measure), self._condition(source, measure)
        if measure.function in ("first", "last"):
            condition += f" AND {value} IS NOT NULL"
        return _SIMPLE[measure.function].format(v=value, f=f"FILTER (WHERE {condition})")

    def _gaps(self, source: Source, measure: Measure, rows: str) -> None:
        """Of the days with a row: how far one is from the next. Counted in whole numbers up to the last
        division and root."""
        if measure.function == "gap_mean":
            number = "CAST(sum(gap) AS DOUBLE) / nullif(count(gap), 0)"
        else:
            squares = "CAST(count(gap) * sum(gap * gap) - sum(gap) * sum(gap) AS DOUBLE)"
            number = f"CASE WHEN count(gap) > 1 THEN sqrt({squares} / (count(gap) * (count(gap) - 1))) END"
        self._make(
            f"""
            WITH days AS (
                SELECT DISTINCT _user, event_day FROM {rows} WHERE {self._condition(source, measure)}
            ), gaps AS (
                SELECT _user, event_day - lag(event_day) OVER (PARTITION BY _user ORDER BY event_day) AS gap
                FROM days
            )
            SELECT _user AS user_id, {number} AS {name(measure.id)} FROM gaps GROUP BY _user""",
            [measure.id],
        )

    # ---- by the values of a column ---------------------------------------------------------

    def _numbers(self, source: Source, measure: Measure, rows: str) -> None:
        """A number for each value that is not blank. What an id has on a day is weighted by its age and
        rounded before it is added, so that the sum does not depend on an order."""
        assert measure.by is not None
        key = name(measure.by)
        value, condition = self._value(source, measure), self._condition(source, measure)
        part = _NUMBERS[measure.function].format(v=value, f=f"FILTER (WHERE {condition})")
        part = f"CAST({part} AS DOUBLE)"
        if measure.half_life is not None:
            age = f"(DATE '{self._data_day}' - event_day)"
            part += f" * pow(CAST(0.5 AS DOUBLE), {age} / CAST({measure.half_life} AS DOUBLE))"
        self._connection.execute(f"""
            INSERT INTO maps
            WITH parts AS (
                SELECT _user, event_day, {key} AS key, {part} AS part
                FROM {rows} WHERE trim({key}, ' ') <> '' GROUP BY _user, _id, event_day, {key}
            )
            SELECT {text_literal(measure.id)}, _user, key,
                   CAST(sum(CAST(CAST(part AS VARCHAR) AS {_PART})) AS DOUBLE) AS number
            FROM parts GROUP BY _user, key HAVING number <> 0""")

    def _latest_rows(self, source: Source, measure: Measure, rows: str) -> None:
        """Of each value the row that came last; of several at one time that with the greatest fields."""
        assert measure.by is not None
        key = name(measure.by)
        argument = measure.partials[0].argument
        assert argument is not None
        made = self._translated(source, argument)
        order = ", ".join(f"(entry).{name(field)} DESC NULLS LAST" for field in fields_of(made.type))
        self._make(
            f"""
            WITH latest AS (
                SELECT _user, {key} AS key, {made.sql} AS entry
                FROM {rows} WHERE {self._condition(source, measure)} AND trim({key}, ' ') <> ''
                QUALIFY row_number() OVER (PARTITION BY _user, {key} ORDER BY _time DESC, {order}) = 1
            )
            SELECT _user AS user_id,
                   map_from_entries(list({{'k': key, 'v': entry}} ORDER BY key)) AS {name(measure.id)}
            FROM latest GROUP BY _user""",
            [measure.id],
        )


def days_of(measure: Measure, data_day: date) -> tuple[date | None, date]:
    """The first and the last day of a measure's window; without a first day all days before count."""
    if measure.calendar is not None:
        return _period(measure.calendar, data_day)
    last = data_day - timedelta(days=measure.offset)
    return (None, last) if measure.window is None else (last - timedelta(days=measure.window - 1), last)


def _period(period: CalendarPeriod, data_day: date) -> tuple[date, date]:
    """The period of the calendar that began last, or so many years before; nothing after the day counts."""
    begun = data_day.year if period.first.in_year(data_day.year) <= data_day else data_day.year - 1
    begun -= period.years_ago
    first, last = period.first.in_year(begun), period.last.in_year(begun)
    if last < first:
        last = period.last.in_year(begun + 1)
    return first, min(last, data_day)
