"""Builds sources: their columns, keys and reject rules."""

import re
from collections.abc import Mapping
from dataclasses import replace

from usertags.config.date_formats import check_column_format
from usertags.config.expression_lookup import Dictionary
from usertags.config.expression_tree import NULL, Is, Name, Tree
from usertags.config.expression_types import is_type
from usertags.config.expression_unread import accepted, tries, unread
from usertags.config.expressions import (
    EVENT_DAY,
    Expression,
    ExpressionError,
    parse_boolean,
    parse_scalar,
)
from usertags.config.id_forms import IdForm
from usertags.config.quality_models import CheckEntry, CompareEntry
from usertags.config.text_signs import NULL_WORDS, TEXT_FORMATS, WHITE_SPACE
from usertags.config.validation import close, timezones
from usertags.project.explicit import build_explicit
from usertags.project.identity import forms_of_ids, hashed_kinds
from usertags.project.loader import Located, Settings
from usertags.project.model import RAW_DATA_DAY, Column, Source
from usertags.project.source_entry import ColumnEntry, SourceEntry

# The columns that extract adds to a raw row, and that clean adds to an event.
_LANDED = frozenset(
    {RAW_DATA_DAY, "landed_file", "landed_line", "landed_unparsed", "landed_reading", "landed_unusable"}
)


def build_source(located: Located[SourceEntry], settings: Settings) -> Source | None:
    """One source; None (and problems) if its columns, key or rules are inconsistent."""
    before = len(located.problems)
    entry = located.entry
    forms, kinds = forms_of_ids(settings), hashed_kinds(entry)
    columns = [
        _column(name, column, located, settings.dictionaries, forms.get(kinds.get(name, "")))
        for name, column in entry.columns.items()
    ]
    _check_names(located)
    _check_kinds_of_ids(located)
    _check_connection(located, settings)
    _check_pii(located, [column for column in columns if column])
    _check_checks(located, settings)
    explicit = build_explicit(located, settings.dictionaries)
    reject = _reject(located, settings.dictionaries)
    _check_tries(located, [rule for _, rule in reject])
    if len(located.problems) > before:
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
        reject=tuple((reason, rule.tree) for reason, rule in reject),
        checks=tuple(entry.checks),
        deciding=_deciding(entry, [rule for _, rule in reject]),
        explicit=explicit,
        compare=_compare(entry, settings),
        may_be_empty=entry.may_be_empty,
        nulls=_nulls(entry),
        order_by=tuple(entry.order_by),
    )


def _nulls(entry: SourceEntry) -> tuple[str, ...]:
    """Files of texts have the usual words for null unless the source names its own."""
    if entry.nulls is None:
        return NULL_WORDS if entry.read.format in TEXT_FORMATS else ()
    return tuple(dict.fromkeys(word.strip(WHITE_SPACE) for word in entry.nulls))


def _compare(entry: SourceEntry, settings: Settings) -> CompareEntry | None:
    """The project's bounds, overridden by those of the source."""
    if entry.compare == "off":
        return None
    default = settings.project.entry.quality.batches if settings.project else CompareEntry()
    own = {name: getattr(entry.compare, name) for name in entry.compare.model_fields_set}
    return default.model_copy(update=own)


def _deciding(entry: SourceEntry, rules: list[Expression]) -> frozenset[str]:
    """If repeats are dropped all kept columns decide, because complete rows are compared."""
    named = {entry.version, entry.time, *entry.ids.values(), *(entry.key or ())} - {None}
    compared = {name for name, column in entry.columns.items() if column.pii != "drop"}
    read = frozenset[str]().union(*(rule.columns for rule in rules))
    return read | frozenset(str(name) for name in named) | (compared if entry.repeats == "drop" else set())


def _column(
    name: str,
    entry: ColumnEntry,
    located: Located[SourceEntry],
    dictionaries: Mapping[str, Dictionary],
    form: IdForm | None,
) -> Column | None:
    if entry.timezone and entry.timezone not in timezones():
        hint = close(entry.timezone, timezones())
        located.report(f"{entry.timezone!r} is not a time zone", "columns", name, "timezone", suggestion=hint)
    _check_format(name, entry, located)
    if not is_type(entry.type):
        message = f"{entry.type} is not a valid decimal: precision up to 38, scale up to the precision"
        located.report(message, "columns", name, "type")
    if name == EVENT_DAY and located.entry.kind == "events":
        message = f"{name!r} is a reserved column name of events: choose another name"
        located.report(message, "columns", name)
    try:
        if entry.from_ is not None:
            tree: Tree = Name(entry.from_, quoted=True)
            raw = frozenset({entry.from_})
        else:
            expression = parse_scalar(entry.expr or "", columns=None, dictionaries=dictionaries)
            tree, raw = expression.tree, expression.columns
    except ExpressionError as error:
        key = "from" if entry.from_ is not None else "expr"
        located.report(str(error), "columns", name, key, suggestion=error.suggestion)
        return None
    for taken in sorted(raw & _LANDED):
        message = f"{taken!r} is a reserved column name of raw tables: rename the column in the source"
        located.report(message, "columns", name)
    type_, changes = entry.type.replace(" ", ""), tuple(entry.normalise)
    column = Column(
        name,
        type_,
        tree,
        raw,
        entry.pii,
        entry.timezone,
        entry.format,
        two_digit_years_from=entry.two_digit_years_from,
        normalise=changes,
        form=form,
    )
    return column if entry.expr is None else _expressed(column, entry, located, dictionaries)


def _expressed(
    column: Column,
    entry: ColumnEntry,
    located: Located[SourceEntry],
    dictionaries: Mapping[str, Dictionary],
) -> Column | None:
    """A column of an expression, with what it says of values that it cannot read."""
    if entry.null_when is not None:
        try:
            condition = parse_boolean(entry.null_when, columns=None, dictionaries=dictionaries)
        except ExpressionError as error:
            located.report(str(error), "columns", column.name, "null_when", suggestion=error.suggestion)
            return None
        raw = column.raw | condition.columns
        found = unread(column.tree)
        found = found and accepted(found, condition.tree)
        return replace(column, raw=raw, unread=found, null_when=condition.tree)
    # With `try_` null is meant; what rows that have it come to, `_check_tries` asks.
    return column if tries(entry.expr or "") else replace(column, unread=unread(column.tree))


def _check_tries(located: Located[SourceEntry], rules: list[Expression]) -> None:
    """Null of what a `try_` function could not read has to be expected somewhere."""
    for name, entry in located.entry.columns.items():
        asked = any(f"{Name(name)} IS NULL" in str(rule.tree) for rule in rules)
        if tries(entry.expr or "") and entry.null_when is None and not asked:
            located.report(
                "a `try_` function makes null of what it cannot read: add `null_when`, the condition under "
                f"which null is right, or a `reject` rule with `{name} is null`",
                "columns",
                name,
                "expr",
            )


def _check_format(name: str, entry: ColumnEntry, located: Located[SourceEntry]) -> None:
    if entry.format is None:
        return
    try:
        check_column_format(entry.format, entry.two_digit_years_from)
    except ExpressionError as error:
        located.report(error.message, "columns", name, "format", suggestion=error.suggestion)


def _check_names(located: Located[SourceEntry]) -> None:
    """All referenced columns must be declared, and kept where needed."""
    entry = located.entry
    if entry.key == []:
        located.report("`key` must name at least one column", "key")
    if entry.read.lookback.number and entry.read.cursor is None:
        located.report("a `lookback` requires a `cursor`", "read", "lookback")
    named = [("key", name) for name in entry.key or ()]
    named += [("links" if entry.links else "user", name) for name in entry.ids.values()]
    named += [("version", entry.version)] if entry.version else []
    named += [("time", entry.time)] if entry.time else []
    named += [("order_by", name) for name in entry.order_by]
    for place, name in named:
        _check_kept(located, name, place)
    time = entry.columns.get(entry.time or "")
    if time is not None and time.type not in ("timestamp", "date"):
        located.report(f"`time` must be a timestamp or date, not {time.type}", "time")


def _check_kept(located: Located[SourceEntry], name: str, *place: str | int) -> bool:
    """Whether the name is a declared column of the clean table."""
    column = located.entry.columns.get(name)
    if column is None:
        message = f"`{place[0]}` must name a declared column, not {name!r}"
        located.report(message, *place, suggestion=close(name, located.entry.columns))
    elif column.pii == "drop":
        located.report(f"column {name!r} is dropped and cannot be used here", *place)
    else:
        return True
    return False


def _check_checks(located: Located[SourceEntry], settings: Settings) -> None:
    """A check that can never pass, or does not fit the column type, is a configuration error."""
    for index, check in enumerate(located.entry.checks):
        place = ("checks", index)
        if check.references is not None:
            _check_reference(located, check.references, settings, index)
        if check.fresh_within is not None and located.entry.time is None:
            message = "`fresh_within` needs `time` of the source"
            located.report(message, *place, "fresh_within")
        if check.column is not None and _check_kept(located, check.column, *place, "column"):
            _check_values(located, check, located.entry.columns[check.column].type, index)
        low, high = (check.rows.min, check.rows.max) if check.rows else check.between or (None, None)
        bounds = "rows" if check.rows else "between"
        if low is None and high is None and (check.rows or check.between):
            located.report(f"`{bounds}` needs at least one bound", *place, bounds)
        if low is not None and high is not None and low > high:
            message = f"`{bounds}` is empty: the lower bound must come first"
            located.report(message, *place, bounds)


def _check_values(located: Located[SourceEntry], check: CheckEntry, type_: str, index: int) -> None:
    if check.between is not None and type_ in ("string", "boolean", "date", "timestamp"):
        message = f"`between` needs a numeric column, but {check.column} is of type {type_}"
        located.report(message, "checks", index, "between")
    if check.matches is None:
        return
    if type_ != "string":
        message = f"`matches` needs a column of type string, but {check.column} is of type {type_}"
        located.report(message, "checks", index, "matches")
    try:
        re.compile(check.matches)
    except re.error as error:
        located.report(f"`matches` is not a valid regular expression: {error}", "checks", index, "matches")


def _check_reference(
    located: Located[SourceEntry],
    reference: str,
    settings: Settings,
    index: int,
) -> None:
    """A check must refer to a kept column of another source."""
    name, column = reference.split(".")
    place = ("checks", index, "references")
    if name not in settings.sources:
        if not settings.broken.has("sources", name):
            hint = close(name, settings.sources)
            located.report(f"unknown source {name!r}", *place, suggestion=hint)
        return
    columns = settings.sources[name].entry.columns
    if column not in columns:
        hint = close(column, columns)
        located.report(f"{name} has no column {column!r}", *place, suggestion=hint)
    elif columns[column].pii == "drop":
        located.report(f"column {reference!r} is dropped and cannot be used here", *place)


def _check_connection(located: Located[SourceEntry], settings: Settings) -> None:
    read = located.entry.read
    connection = settings.connections.get(read.connection)
    if connection is None:
        if not settings.broken.has("connections", read.connection):
            hint = close(read.connection, settings.connections)
            located.report(f"unknown connection {read.connection!r}", "read", "connection", suggestion=hint)
        return
    wanted = "sql" if read.table else "files"
    if connection.entry.kind != wanted:
        located.report(
            f"connection {read.connection!r} is of kind {connection.entry.kind}, not {wanted}",
            "read",
            "connection",
        )


def _check_pii(located: Located[SourceEntry], columns: list[Column]) -> None:
    """A hashed or dropped raw column can only be read by one column, in any spelling."""
    personal = {name.casefold(): column.name for column in columns if column.pii for name in column.raw}
    cursor = located.entry.read.cursor
    if cursor is not None and cursor.casefold() in personal:
        message = f"cursor {cursor!r} is personal data of column {personal[cursor.casefold()]!r}"
        located.report(message, "read", "cursor")
    for column in columns:
        for raw in sorted(column.raw):
            owner = personal.get(raw.casefold(), column.name)
            if owner != column.name:
                message = f"{raw!r} is personal data of column {owner!r} and cannot be read here"
                located.report(message, "columns", column.name)


_OF_HASHES = (
    "{name} is personal data, of which a rule sees only the hash: ask whether it `is null`, and say what is "
    "no id in `ids` of project.yml"
)


def _reads_value(tree: Tree, name: str) -> bool:
    """Whether an expression reads more of a column than whether it is null."""
    if isinstance(tree, Is) and tree.what == NULL and isinstance(tree.subject, Name):
        return False
    if isinstance(tree, Name):
        return tree.name.casefold() == name.casefold()
    return any(_reads_value(part, name) for part in tree.parts() if isinstance(part, Tree))


def _check_kinds_of_ids(located: Located[SourceEntry]) -> None:
    """A column of the user's ids has its kind from `user` or `links`."""
    for kind, name in located.entry.ids.items():
        column = located.entry.columns.get(name)
        if column is not None and column.id not in (None, kind):
            message = f"`id` is {column.id!r}, but the column has the user's ids of kind {kind!r}"
            located.report(message, "columns", name, "id")


def _reject(
    located: Located[SourceEntry], dictionaries: Mapping[str, Dictionary]
) -> list[tuple[str, Expression]]:
    types = {name: column.type for name, column in located.entry.columns.items() if column.pii != "drop"}
    hashed = {name for name, column in located.entry.columns.items() if column.pii == "hash"}
    rules = []
    for reason, text in located.entry.reject.items():
        try:
            rule = parse_boolean(text, columns=types, dictionaries=dictionaries)
            rules.append((reason, rule))
            if not rule.columns:
                located.report("is constant: it reads no column", "reject", reason)
            for name in sorted(rule.columns & hashed):
                if _reads_value(rule.tree, name):
                    located.report(_OF_HASHES.format(name=name), "reject", reason)
        except ExpressionError as error:
            located.report(str(error), "reject", reason, suggestion=error.suggestion)
    return rules
