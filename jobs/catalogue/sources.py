"""Building sources: their columns, keys and reject rules."""

from difflib import get_close_matches
from zoneinfo import available_timezones

from jobs.catalogue.model import Column, Source
from jobs.config.expressions import ExpressionError, parse_boolean, parse_scalar
from jobs.config.loader import Located, Settings
from jobs.config.models import ColumnEntry, SourceEntry
from jobs.errors import ConfigProblem


def build_source(
    located: Located[SourceEntry], settings: Settings, problems: list[ConfigProblem]
) -> Source | None:
    """One source; None (and problems) when its columns, key or rules do not fit together."""
    found: list[ConfigProblem] = []
    entry = located.entry
    columns = [_column(name, column, located, found) for name, column in entry.columns.items()]
    _check_names(located, found)
    _check_connection(located, settings, found)
    _check_pii(located, [column for column in columns if column], found)
    reject = _reject(located, found)
    problems += found
    if found:
        return None
    id_kind, user = next(iter(entry.user.items()))
    return Source(
        name=entry.source,
        kind=entry.kind,
        read=entry.read,
        columns=tuple(column for column in columns if column),
        key=tuple(entry.key or ()),
        repeats=entry.repeats,
        version=entry.version,
        id_kind=id_kind,
        user=user,
        time=entry.time,
        reject=tuple(reject),
        checks=tuple(entry.checks),
    )


def _column(
    name: str, entry: ColumnEntry, located: Located[SourceEntry], problems: list[ConfigProblem]
) -> Column | None:
    if entry.timezone and entry.timezone not in available_timezones():
        hint = _close(entry.timezone, available_timezones())
        problems.append(
            located.problem(
                f"{entry.timezone!r} is no time zone", "columns", name, "timezone", suggestion=hint
            )
        )
    if entry.from_ is not None:
        sql, raw = f"`{entry.from_}`", frozenset({entry.from_})
    else:
        try:
            expression = parse_scalar(entry.expr or "", columns=None)
        except ExpressionError as error:
            problems.append(located.problem(str(error), "columns", name, "expr", suggestion=error.suggestion))
            return None
        sql, raw = expression.sql, expression.columns
    return Column(name, entry.type.replace(" ", ""), sql, raw, entry.pii, entry.timezone, entry.format)


def _check_names(located: Located[SourceEntry], problems: list[ConfigProblem]) -> None:
    """Everything that names a column names one that is declared, and kept where it is needed."""
    entry = located.entry
    named = [("key", name) for name in entry.key or ()] + [("user", name) for name in entry.user.values()]
    named += [("version", entry.version)] if entry.version else []
    named += [("time", entry.time)] if entry.time else []
    for index, check in enumerate(entry.checks):
        if check.column is not None and check.column not in entry.columns:
            problems.append(_unknown_column(located, check.column, "checks", index))
    for place, name in named:
        column = entry.columns.get(name)
        if column is None:
            problems.append(_unknown_column(located, name, place))
        elif column.pii == "drop":
            problems.append(located.problem(f"column {name!r} is dropped and cannot be used here", place))
    time = entry.columns.get(entry.time or "")
    if time is not None and time.type not in ("timestamp", "date"):
        problems.append(located.problem(f"`time` is a timestamp or date, not {time.type}", "time"))


def _unknown_column(located: Located[SourceEntry], name: str, *place: str | int) -> ConfigProblem:
    return located.problem(
        f"{place[0]} names no declared column: {name!r}",
        *place,
        suggestion=_close(name, set(located.entry.columns)),
    )


def _check_connection(
    located: Located[SourceEntry], settings: Settings, problems: list[ConfigProblem]
) -> None:
    read = located.entry.read
    connection = settings.connections.get(read.connection)
    if connection is None:
        if read.connection not in settings.broken:
            hint = _close(read.connection, set(settings.connections))
            problems.append(
                located.problem(f"no connection {read.connection!r}", "read", "connection", suggestion=hint)
            )
        return
    wanted = "sql" if read.table else "files"
    if connection.entry.kind != wanted:
        problems.append(
            located.problem(
                f"connection {read.connection!r} is of kind {connection.entry.kind}, not {wanted}",
                "read",
                "connection",
            )
        )


def _check_pii(located: Located[SourceEntry], columns: list[Column], problems: list[ConfigProblem]) -> None:
    """A raw column that is hashed or dropped is read by that one column only."""
    personal = {name: column.name for column in columns if column.pii for name in column.raw}
    for column in columns:
        for raw in column.raw & personal.keys():
            if personal[raw] != column.name:
                problems.append(
                    located.problem(
                        f"{raw!r} is personal data of column {personal[raw]!r} and cannot be read here",
                        "columns",
                        column.name,
                    )
                )


def _reject(located: Located[SourceEntry], problems: list[ConfigProblem]) -> list[tuple[str, str]]:
    types = {name: column.type for name, column in located.entry.columns.items() if column.pii != "drop"}
    rules = []
    for reason, text in located.entry.reject.items():
        try:
            rules.append((reason, parse_boolean(text, columns=types).sql))
        except ExpressionError as error:
            problems.append(located.problem(str(error), "reject", reason, suggestion=error.suggestion))
    return rules


def _close(word: str, known: set[str]) -> str | None:
    matches = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
