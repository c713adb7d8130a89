"""Building sources: their columns, keys and reject rules."""

import re
from collections.abc import Mapping

from jobs.catalogue.explicit import build_explicit
from jobs.catalogue.model import Column, Source
from jobs.config.expression_lookup import Dictionary
from jobs.config.expressions import EVENT_DAY, Expression, ExpressionError, parse_boolean, parse_scalar
from jobs.config.loader import Located, Settings
from jobs.config.models import ColumnEntry, SourceEntry
from jobs.config.quality_models import CheckEntry, CompareEntry
from jobs.config.validation import close, timezones
from jobs.errors import ConfigProblem

# What landing adds to the columns of a raw row, and cleaning to those of an event.
_LANDED = frozenset({"batch", "landed_file", "landed_line", "landed_unparsed", "landed_reading"})


def build_source(
    located: Located[SourceEntry], settings: Settings, problems: list[ConfigProblem]
) -> Source | None:
    """One source; None (and problems) when its columns, key or rules do not fit together."""
    found: list[ConfigProblem] = []
    entry = located.entry
    columns = [
        _column(name, column, located, settings.dictionaries, found) for name, column in entry.columns.items()
    ]
    _check_names(located, found)
    _check_connection(located, settings, found)
    _check_pii(located, [column for column in columns if column], found)
    _check_checks(located, settings, found)
    explicit = build_explicit(located, settings.dictionaries, found)
    reject = _reject(located, settings.dictionaries, found)
    problems += found
    if found:
        return None
    return Source(
        name=entry.source,
        kind=entry.kind,
        read=entry.read,
        columns=tuple(column for column in columns if column),
        key=tuple(entry.key or ()),
        repeats=entry.repeats,
        version=entry.version,
        ids=tuple(entry.ids.items()),
        time=entry.time,
        reject=tuple((reason, rule.sql) for reason, rule in reject),
        checks=tuple(entry.checks),
        deciding=_deciding(entry, [rule for _, rule in reject]),
        explicit=explicit,
        compare=_compare(entry, settings),
        may_be_empty=entry.may_be_empty,
    )


def _compare(entry: SourceEntry, settings: Settings) -> CompareEntry | None:
    """The project's bounds, with those that the source sets itself."""
    if entry.compare == "off":
        return None
    project = settings.project.entry.quality.batches if settings.project else CompareEntry()
    own = {name: getattr(entry.compare, name) for name in entry.compare.model_fields_set}
    return project.model_copy(update=own)


def _deciding(entry: SourceEntry, rules: list[Expression]) -> frozenset[str]:
    """Where repeats are dropped every kept column decides, because they are compared whole."""
    named = {entry.version, entry.time, *entry.ids.values(), *(entry.key or ())} - {None}
    compared = {name for name, column in entry.columns.items() if column.pii != "drop"}
    read = frozenset[str]().union(*(rule.columns for rule in rules))
    return read | frozenset(str(name) for name in named) | (compared if entry.repeats == "drop" else set())


def _column(
    name: str,
    entry: ColumnEntry,
    located: Located[SourceEntry],
    dictionaries: Mapping[str, Dictionary],
    problems: list[ConfigProblem],
) -> Column | None:
    if entry.timezone and entry.timezone not in timezones():
        hint = close(entry.timezone, timezones())
        problems.append(
            located.problem(
                f"{entry.timezone!r} is no time zone", "columns", name, "timezone", suggestion=hint
            )
        )
    if not is_type(entry.type):
        message = (
            f"{entry.type} has more digits than the 38 that a decimal can have, or more decimals than digits"
        )
        problems.append(located.problem(message, "columns", name, "type"))
    if name == EVENT_DAY and located.entry.kind == "events":
        message = f"{name!r} is a column of every clean table of events: choose another name"
        problems.append(located.problem(message, "columns", name))
    if entry.from_ is not None:
        sql, raw = f"`{entry.from_}`", frozenset({entry.from_})
    else:
        try:
            expression = parse_scalar(entry.expr or "", columns=None, dictionaries=dictionaries)
        except ExpressionError as error:
            problems.append(located.problem(str(error), "columns", name, "expr", suggestion=error.suggestion))
            return None
        sql, raw = expression.sql, expression.columns
    for taken in sorted(raw & _LANDED):
        message = f"{taken!r} is a column that landing adds itself: rename it in the source"
        problems.append(located.problem(message, "columns", name))
    return Column(name, entry.type.replace(" ", ""), sql, raw, entry.pii, entry.timezone, entry.format)


def _check_names(located: Located[SourceEntry], problems: list[ConfigProblem]) -> None:
    """Everything that names a column names one that is declared, and kept where it is needed."""
    entry = located.entry
    if entry.key == []:
        problems.append(located.problem("`key` names no column", "key"))
    if entry.read.lookback != "0s" and entry.read.cursor is None:
        problems.append(located.problem("a `lookback` goes back from a `cursor`", "read", "lookback"))
    named = [("key", name) for name in entry.key or ()]
    named += [("links" if entry.links else "user", name) for name in entry.ids.values()]
    named += [("version", entry.version)] if entry.version else []
    named += [("time", entry.time)] if entry.time else []
    for place, name in named:
        _check_kept(located, name, problems, place)
    time = entry.columns.get(entry.time or "")
    if time is not None and time.type not in ("timestamp", "date"):
        problems.append(located.problem(f"`time` is a timestamp or date, not {time.type}", "time"))


def _check_kept(
    located: Located[SourceEntry], name: str, problems: list[ConfigProblem], *place: str | int
) -> bool:
    """Whether the name is one of a declared column that reaches the clean table."""
    column = located.entry.columns.get(name)
    if column is None:
        message = f"{place[0]} names no declared column: {name!r}"
        problems.append(located.problem(message, *place, suggestion=close(name, located.entry.columns)))
    elif column.pii == "drop":
        problems.append(located.problem(f"column {name!r} is dropped and cannot be used here", *place))
    else:
        return True
    return False


def _check_checks(located: Located[SourceEntry], settings: Settings, problems: list[ConfigProblem]) -> None:
    """A check that no row, or no column of that type, could ever meet is a mistake, not a bad batch."""
    for index, check in enumerate(located.entry.checks):
        place = ("checks", index)
        if check.references is not None:
            _check_reference(located, check.references, settings, problems, index)
        if check.fresh_within is not None and located.entry.time is None:
            message = "`fresh_within` looks at the source's `time`, and it has none"
            problems.append(located.problem(message, *place, "fresh_within"))
        if check.column is not None and _check_kept(located, check.column, problems, *place, "column"):
            _check_values(located, check, located.entry.columns[check.column].type, problems, index)
        low, high = (check.rows.min, check.rows.max) if check.rows else check.between or (None, None)
        bounds = "rows" if check.rows else "between"
        if low is None and high is None and (check.rows or check.between):
            problems.append(located.problem(f"`{bounds}` has no bound", *place, bounds))
        if low is not None and high is not None and low > high:
            message = f"`{bounds}` never holds: the lower bound comes first"
            problems.append(located.problem(message, *place, bounds))


def _check_values(
    located: Located[SourceEntry], check: CheckEntry, type_: str, problems: list[ConfigProblem], index: int
) -> None:
    if check.between is not None and type_ in ("string", "boolean", "date", "timestamp"):
        message = f"`between` is of numbers, and {check.column} is of type {type_}"
        problems.append(located.problem(message, "checks", index, "between"))
    if check.matches is None:
        return
    if type_ != "string":
        message = f"`matches` is of texts, and {check.column} is of type {type_}"
        problems.append(located.problem(message, "checks", index, "matches"))
    try:
        re.compile(check.matches)
    except re.error as error:
        problems.append(located.problem(f"`matches` is no pattern: {error}", "checks", index, "matches"))


def _check_reference(
    located: Located[SourceEntry],
    reference: str,
    settings: Settings,
    problems: list[ConfigProblem],
    index: int,
) -> None:
    """What a check refers to is a kept column of another source."""
    name, column = reference.split(".")
    place = ("checks", index, "references")
    if name not in settings.sources:
        if not settings.broken.has("sources", name):
            hint = close(name, settings.sources)
            problems.append(located.problem(f"no source {name!r}", *place, suggestion=hint))
        return
    columns = settings.sources[name].entry.columns
    if column not in columns:
        hint = close(column, columns)
        problems.append(located.problem(f"{name} has no column {column!r}", *place, suggestion=hint))
    elif columns[column].pii == "drop":
        problems.append(located.problem(f"column {reference!r} is dropped and cannot be used here", *place))


def _check_connection(
    located: Located[SourceEntry], settings: Settings, problems: list[ConfigProblem]
) -> None:
    read = located.entry.read
    connection = settings.connections.get(read.connection)
    if connection is None:
        if not settings.broken.has("connections", read.connection):
            hint = close(read.connection, settings.connections)
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
    """A raw column that is hashed or dropped is read by that one column only, however it is spelled."""
    personal = {name.casefold(): column.name for column in columns if column.pii for name in column.raw}
    cursor = located.entry.read.cursor
    if cursor is not None and cursor.casefold() in personal:
        message = f"{cursor!r} is personal data of column {personal[cursor.casefold()]!r} and no cursor"
        problems.append(located.problem(message, "read", "cursor"))
    for column in columns:
        for raw in sorted(column.raw):
            owner = personal.get(raw.casefold(), column.name)
            if owner != column.name:
                message = f"{raw!r} is personal data of column {owner!r} and cannot be read here"
                problems.append(located.problem(message, "columns", column.name))


def _reject(
    located: Located[SourceEntry], dictionaries: Mapping[str, Dictionary], problems: list[ConfigProblem]
) -> list[tuple[str, Expression]]:
    types = {name: column.type for name, column in located.entry.columns.items() if column.pii != "drop"}
    rules = []
    for reason, text in located.entry.reject.items():
        try:
            rule = parse_boolean(text, columns=types, dictionaries=dictionaries)
            rules.append((reason, rule))
            if not rule.columns:
                problems.append(
                    located.problem("is the same for every row: it reads no column", "reject", reason)
                )
        except ExpressionError as error:
            problems.append(located.problem(str(error), "reject", reason, suggestion=error.suggestion))
    return rules


def is_type(name: str) -> bool:
    """Whether Spark has the type: of a decimal, 1 to 38 digits, of which no more than all are decimals."""
    digits = [int(number) for number in re.findall(r"\d+", name)]
    return not digits or (1 <= digits[0] <= 38 and digits[1] <= digits[0])
