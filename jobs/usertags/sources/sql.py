"""Reads a table or view of PostgreSQL or MySQL as a stream of Arrow batches with exact types.

numeric(p,s) becomes decimal128(p,s); numeric without precision, or with more than 38 digits, a text; a
timestamp with time zone microseconds in UTC; json and every type without an Arrow equivalent the text that
the database prints (binary as hexadecimal digits). A value without an equivalent (an `infinity` timestamp, a
zero date of MySQL, NaN in a numeric) is an error and never a wrong value.
"""

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import URL, Connection, Engine, make_url

from usertags.errors import DataError, InfrastructureError, UsageError
from usertags.sources.reading import did_you_mean, missing_columns

BATCH_ROWS = 10_000
"""Rows per fetch: enough to hide the round trip, few enough to limit the memory for wide rows."""

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
_CONNECT = {"postgresql": {"connect_timeout": 10}, "mysql": {"connect_timeout": 10, "charset": "utf8mb4"}}
# One time zone for the output of the session, and a read-only connection. The MySQL server
# would drop a connection whose reader pauses for a minute.
_SESSION = {
    "postgresql": [
        "SET TIME ZONE 'UTC'",
        "SET client_encoding TO 'UTF8'",
        "SET default_transaction_read_only TO on",
    ],
    "mysql": [
        "SET SESSION time_zone = '+00:00', net_write_timeout = 600",
        "SET SESSION TRANSACTION READ ONLY",
    ],
}
_LOGGER = "usertags"
_TIMESTAMP = pa.timestamp("us")
_INSTANT = pa.timestamp("us", tz="UTC")
_MISSING_TABLE = {"42P01", "1146"}
_NOT_ALLOWED = {"28P01", "28000", "42501", "1044", "1045", "1142", "1143"}
_NO_DATABASE = {"3D000", "1049"}


@dataclass(frozen=True)
class _Column:
    """A selected column: `how` is the SQL that keeps its value exact, `kind` the resulting type."""

    name: str
    kind: pa.DataType
    how: sa.ColumnElement[Any]


def read_table(
    url: str,
    *,
    table: str,
    columns: Sequence[str],
    cursor: str | None = None,
    after: datetime | None = None,
    until: datetime | None = None,
    timezone: str = "UTC",
    refuse_empty_cursor: bool = False,
    on_count: Callable[[int], None] | None = None,
) -> pa.RecordBatchReader:
    """The rows of `table` (or `schema.table`, or a view) whose cursor is in (after, until].

    `after` and `until` are aware; a cursor column without time zone holds local times of `timezone` (use a
    lookback of an hour or more if there is daylight saving). A cursor of type date means the end of
    its day, so that a day is read after it has ended. Rows with a null cursor are in no range: they are read
    every time, or with `refuse_empty_cursor` are an error. Without a cursor the whole table is read, whatever
    the bounds. `on_count` is told how many rows the database counts in the transaction that reads them,
    before the first batch.

    Raises DataError (unknown table or column, a cursor that is not a time or is outside of every bound, a
    value without an equivalent) and InfrastructureError (not reachable, not allowed, connection lost); those
    of table, column and cursor immediately, the others while the batches are consumed.
    """
    engine = _engine(url)
    try:
        with _server_errors(engine.url, table), _connect(engine) as connection:
            selected, source, bound = _look_up(connection, table, columns, cursor)
    finally:
        engine.dispose()
    query = sa.select(*(column.how for column in selected)).select_from(source)
    if bound is not None:
        _check_aware(after, until)
        query = query.where(*_bounds(bound, after, until, ZoneInfo(timezone), engine.dialect.name))
        _refuse_outside(engine, source, bound, table)
        if refuse_empty_cursor:
            _refuse_empty(engine, source, bound, table)
    schema = pa.schema([(column.name, column.kind) for column in selected])
    stream = _stream(engine, query, selected, schema, table, on_count)
    return pa.RecordBatchReader.from_batches(schema, stream)


def _refuse_outside(engine: Engine, source: sa.TableClause, cursor: _Column, table: str) -> None:
    """Raises an error for an infinite cursor or a zero date, which is outside of every bound: its row would
    be skipped silently."""
    column: sa.ColumnElement[Any] = sa.column(sa.quoted_name(cursor.name, True))
    outside: sa.ColumnElement[bool]
    if engine.dialect.name == "postgresql":
        outside = column.in_([sa.literal_column("'infinity'"), sa.literal_column("'-infinity'")])
    else:
        outside = sa.func.year(column) == 0
    query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(source).where(outside).limit(1)
    with _server_errors(engine.url, table), _connect(engine) as connection:
        if connection.execute(query).first() is not None:
            raise _no_equal(table, [cursor])


def _refuse_empty(engine: Engine, source: sa.TableClause, cursor: _Column, table: str) -> None:
    column: sa.ColumnElement[Any] = sa.column(sa.quoted_name(cursor.name, True))
    query = sa.select(sa.func.count()).select_from(source).where(column.is_(None))
    with _server_errors(engine.url, table), _connect(engine) as connection:
        rows = connection.execute(query).scalar_one()
    if rows:
        raise DataError(
            f"table {table}: {rows} rows have an empty {cursor.name}, which is the cursor",
            safe="nothing of this batch was written; published data is unchanged",
            next_step="give the source a `key`: then such rows are read every day and count once; or use a "
            "cursor that is never empty, such as coalesce(updated_at, created_at) in a view",
        )


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise UsageError("the URL of the SQL connection is invalid", next_step=_URL_HELP) from None
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise UsageError(f"unsupported database {parsed.get_backend_name()}", next_step=_URL_HELP)
    backend = driver.partition("+")[0]
    engine = sa.create_engine(
        parsed.set(drivername=driver),
        poolclass=sa.pool.NullPool,
        hide_parameters=True,
        connect_args=_CONNECT[backend],
        logging_name=_LOGGER,
    )
    # Otherwise SQLAlchemy's logs, if enabled, would contain every row.
    logging.getLogger(f"sqlalchemy.engine.Engine.{_LOGGER}").setLevel(logging.WARNING)

    @sa.event.listens_for(engine, "connect")
    def set_session(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            for statement in _SESSION[backend]:
                cursor.execute(statement)
        connection.commit()

    return engine


_URL_HELP = "use postgresql://user:password@host:port/database or mysql://user:password@host:port/database"


def _describe(url: URL) -> str:
    """A description of the database without user and password."""
    port = f":{url.port}" if url.port else ""
    return f"the {url.get_backend_name()} database {url.database} at {url.host or 'this machine'}{port}"


@contextmanager
def _connect(engine: Engine) -> Iterator[Connection]:
    """A connection that is dropped, rather than read to the end, if its reader stops early."""
    connection = engine.connect()
    try:
        yield connection
    except BaseException:
        connection.invalidate()
        raise
    finally:
        connection.close()


def _look_up(
    connection: Connection, table: str, columns: Sequence[str], cursor: str | None
) -> tuple[list[_Column], sa.TableClause, _Column | None]:
    schema, name = _split(table)
    inspector = sa.inspect(connection)
    try:
        with warnings.catch_warnings():
            # Types unknown to SQLAlchemy are read as text; most of them are not even selected.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            found = {column["name"]: column["type"] for column in inspector.get_columns(name, schema)}
    except sa.exc.NoSuchTableError:
        found = {}
    if not found:
        known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        raise DataError(
            f"table {table} not found{did_you_mean(name, known)} in {_describe(connection.engine.url)}",
            safe="nothing was written",
            next_step="correct `table` of the source; names are case-sensitive",
        )
    wanted = [*columns, *([] if cursor is None else [cursor])]
    missing = [column for column in dict.fromkeys(wanted) if column not in found]
    if missing:
        raise DataError(
            f"table {table}: {missing_columns(missing, found)}",
            safe="nothing was written",
            next_step="correct `columns` or `cursor` of the source",
        )
    source = sa.table(
        sa.quoted_name(name, True), schema=None if schema is None else sa.quoted_name(schema, True)
    )
    dialect = connection.dialect.name
    selected = [_column(column, found[column], dialect) for column in columns]
    bound = None if cursor is None else _column(cursor, found[cursor], dialect)
    if bound is not None and not (pa.types.is_timestamp(bound.kind) or pa.types.is_date(bound.kind)):
        raise DataError(
            f"table {table}: cursor {cursor} is {found[bound.name]}, expected a date or timestamp",
            safe="nothing was written",
            next_step="use a column with the time of the last change of a row, or remove `cursor`",
        )
    return selected, source, bound


def _split(table: str) -> tuple[str | None, str]:
    """The parts of `schema.table`; a part that contains a dot is in double quotes."""
    parts = re.findall(r'"((?:[^"]|"")+)"|([^".]+)', table)
    names = [quoted.replace('""', '"') or plain for quoted, plain in parts]
    if len(names) not in {1, 2}:
        raise UsageError(f"invalid table name {table}", next_step="write `table` or `schema.table`")
    return (None, names[0]) if len(names) == 1 else (names[0], names[1])


def _column(name: str, kind: Any, dialect: str) -> _Column:
    raw: sa.ColumnElement[Any] = sa.column(sa.quoted_name(name, True))
    arrow = _arrow_type(kind)
    if arrow is None:
        return _Column(name, pa.string(), _as_text(raw, kind, dialect).label(name))
    if dialect == "mysql" and isinstance(kind, sa.Float):
        # MySQL prints a FLOAT with six digits; adding 0 turns it into a double, which is printed in full.
        raw = (raw + sa.literal_column("0e0")).label(name)
    return _Column(name, arrow, raw)


def _arrow_type(kind: Any) -> pa.DataType | None:  # noqa: PLR0911 - one line a family of types
    """The Arrow type that represents every value of an SQL type exactly; None if only a text does."""
    match kind:
        case postgresql.DOMAIN():
            return _arrow_type(kind.data_type)
        case sa.Boolean():
            return pa.bool_()
        case sa.Integer():
            return _integer_type(kind)
        case sa.Float():
            return pa.float64()
        case sa.Numeric():
            return _decimal_type(kind.precision, kind.scale)
        case mysql.TIMESTAMP():
            return _INSTANT
        case sa.DateTime():
            return _INSTANT if kind.timezone else _TIMESTAMP
        case sa.Date():
            return pa.date32()
        case sa.Enum():
            return None
        case mysql.YEAR():
            return pa.int32()
        case sa.String():
            return pa.string()
        case _:
            return None


def _integer_type(kind: Any) -> pa.DataType:
    big = isinstance(kind, sa.BigInteger)
    if getattr(kind, "unsigned", False):
        return pa.decimal128(20, 0) if big else pa.int64()
    return pa.int64() if big else pa.int32()


def _decimal_type(precision: int | None, scale: int | None) -> pa.DataType | None:
    if precision is None:
        return None
    # PostgreSQL supports negative scales (whole hundreds) and scales above the precision (0.00012).
    digits, after_point = precision - min(scale or 0, 0), max(scale or 0, 0)
    digits = max(digits, after_point)
    return pa.decimal128(digits, after_point) if digits <= 38 else None


def _as_text(raw: sa.ColumnElement[Any], kind: Any, dialect: str) -> sa.ColumnElement[Any]:
    binary = isinstance(kind, sa.LargeBinary | sa.types._Binary)
    if dialect == "postgresql":
        return sa.func.encode(raw, "hex") if binary else sa.cast(raw, sa.Text)
    if isinstance(kind, mysql.BIT):
        return sa.cast(sa.cast(raw, mysql.INTEGER(unsigned=True)), sa.CHAR)
    return sa.func.lower(sa.func.hex(raw)) if binary else sa.cast(raw, sa.CHAR)


def _check_aware(*bounds: datetime | None) -> None:
    if any(bound is not None and bound.tzinfo is None for bound in bounds):
        raise UsageError("the bounds of a read must have a time zone")


def _bounds(
    cursor: _Column, after: datetime | None, until: datetime | None, zone: ZoneInfo, dialect: str
) -> list[sa.ColumnElement[bool]]:
    column: sa.ColumnElement[Any] = sa.column(sa.quoted_name(cursor.name, True))
    conditions: list[sa.ColumnElement[bool]] = []
    if pa.types.is_date(cursor.kind):
        # The day D ends at midnight of D+1, which is after `after` for its own day and later.
        if after is not None:
            conditions.append(column >= after.astimezone(zone).date())
        if until is not None:
            conditions.append(column < until.astimezone(zone).date())
    else:
        if after is not None:
            conditions.append(column > _moment(after, cursor.kind, zone, dialect))
        if until is not None:
            conditions.append(column <= _moment(until, cursor.kind, zone, dialect))
    return [sa.or_(column.is_(None), sa.and_(*conditions))] if conditions else []


def _moment(bound: datetime, kind: pa.DataType, zone: ZoneInfo, dialect: str) -> datetime:
    """The bound in the time zone of the column."""
    if kind.tz is None:
        return bound.astimezone(zone).replace(tzinfo=None)
    in_utc = bound.astimezone(UTC)
    # pymysql writes the local time without the zone; the session is in UTC.
    return in_utc.replace(tzinfo=None) if dialect == "mysql" else in_utc


def _stream(
    engine: Engine,
    query: sa.Select[Any],
    selected: list[_Column],
    schema: pa.Schema,
    table: str,
    on_count: Callable[[int], None] | None,
) -> Iterator[pa.RecordBatch]:
    try:
        with _server_errors(engine.url, table):
            try:
                yield from _batches(engine, query, selected, schema, table, on_count)
            except (sa.exc.DataError, UnicodeDecodeError):
                raise _no_equal(table, _odd_times(engine, query, selected)) from None
    finally:
        engine.dispose()


def _batches(
    engine: Engine,
    query: sa.Select[Any],
    selected: list[_Column],
    schema: pa.Schema,
    table: str,
    on_count: Callable[[int], None] | None,
) -> Iterator[pa.RecordBatch]:
    with _connect(engine) as connection:
        if on_count is not None:
            # Both statements see the table as it is at the first of them.
            connection.execution_options(isolation_level="REPEATABLE READ")
            on_count(connection.execute(_count_of(query)).scalar_one())
        streamed = connection.execution_options(stream_results=True, yield_per=BATCH_ROWS)
        result = streamed.execute(query)
        # Kept in a variable: an iterator referenced only by the loop is closed before `_leave` is reached.
        partitions = result.partitions()
        try:
            for rows in partitions:
                values = zip(*rows, strict=True)
                arrays = [
                    _array(column, found, table) for column, found in zip(selected, values, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        except BaseException:
            _leave(result)
            raise


def _count_of(query: sa.Select[Any]) -> sa.Select[Any]:
    return query.with_only_columns(sa.func.count(), maintain_column_froms=True)


def _leave(result: sa.CursorResult[Any]) -> None:
    """pymysql fetches all remaining rows when a stream is closed; marked as finished, it lets the
    connection be dropped. The other drivers do this by default."""
    rows = getattr(result.cursor, "_result", None)
    if rows is not None:
        rows.unbuffered_active = False


def _array(column: _Column, values: Sequence[Any], table: str) -> pa.Array:
    try:
        return pa.array(values, type=column.kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        raise _no_equal(table, [column]) from None


def _odd_times(engine: Engine, query: sa.Select[Any], selected: list[_Column]) -> list[_Column]:
    """The columns with dates outside of the years 1 to 9999 (or infinity): the driver refuses such a
    value without naming its column."""
    odd = []
    with _connect(engine) as connection:
        for column in selected:
            if pa.types.is_temporal(column.kind):
                value: sa.ColumnElement[Any] = sa.column(sa.quoted_name(column.name, True))
                outside = sa.or_(value < sa.text("date '0001-01-01'"), value >= sa.text("date '10000-01-01'"))
                rows: sa.Select[Any] = query.with_only_columns(sa.literal_column("1")).where(outside).limit(1)
                if connection.execute(rows).first() is not None:
                    odd.append(column)
    return odd


def _no_equal(table: str, columns: Sequence[_Column]) -> DataError:
    if columns:
        what = ", ".join(
            f"column {column.name} has a value that is not a valid {_type_name(column.kind)}"
            for column in columns
        )
    else:
        what = "a value cannot be read"
    return DataError(
        f"table {table}: {what}",
        safe="nothing of this batch was written; published data is unchanged",
        next_step="correct the row in the source, or read a view that turns such values into null",
    )


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_temporal(kind):
        return "date of the years 1 to 9999 (an infinite or a zero date)"
    return str(kind)


@contextmanager
def _server_errors(url: URL, table: str) -> Iterator[None]:
    """Classify server errors without repeating their text, which may contain values."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        place = _describe(url)
        code = _code(error.orig)
        text = str(error.orig)
        if code in _MISSING_TABLE:
            raise DataError(f"table {table} does not exist in {place}", safe="nothing was written") from None
        if code in _NOT_ALLOWED or "authentication failed" in text:
            what, step = "refused the user or password, or read access", "check the connection's user"
        elif code in _NO_DATABASE or re.search('database ".*" does not exist', text):
            what, step = "does not exist", "check the name of the database in the connection"
        elif isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
            what, step = (
                "cannot be reached, or the connection was lost",
                "check that the server runs, then run again",
            )
        else:
            what, step = (
                "failed to run the query",
                "run the query manually: its error is not shown here, because it may contain a row",
            )
        kind = type(error.orig).__name__
        raise InfrastructureError(
            f"{place} {what} ({kind}{code and f' {code}'}; table {table})",
            safe="nothing of this batch was written; published data is unchanged",
            next_step=step,
        ) from None


def _code(error: BaseException | None) -> str:
    """The number (MySQL) or SQLSTATE (PostgreSQL) of a driver's error; a refused connection has none."""
    first = next(iter(getattr(error, "args", ())), None)
    return str(first) if isinstance(first, int) else getattr(error, "sqlstate", None) or ""
