"""Converts raw rows to typed rows, each with the reason for its quarantine, or null."""

from collections.abc import Collection
from dataclasses import replace
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from usertags.config.expression_tree import as_column, as_condition
from usertags.project.masking import MASK, masked_raw
from usertags.project.model import CLEAN_DATA_DAY, RAW_DATA_DAY, Source
from usertags.project.model import Column as CleanColumn
from usertags.sources.files import FILE, LINE, UNPARSED
from usertags.sources.reading import READING, UNUSABLE
from usertags.transform.exact import exact_id, exact_number, exact_text, plain_width, trimmed
from usertags.transform.moments import (
    date_in_calendar,
    date_of_local_time,
    date_of_text,
    instant_in_calendar,
    instant_of_text,
    local_time_of_instant,
    local_time_of_text,
)

# The columns that extract adds to a raw row.
_ADDED = (FILE, LINE, UNPARSED, UNUSABLE, READING, RAW_DATA_DAY)


# By default JSON has milliseconds: rows that differ in microseconds would be considered equal.
_JSON = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}


def typed(raw: DataFrame, source: Source, timezone: str) -> DataFrame:
    """Grain: raw row. In: the raw columns of one batch (and `batch`, its data day); the project's time zone,
    for columns that have none of their own.

    Out: the kept clean columns in their types (timestamps are instants), `event_day` (for events, in the
    session's time zone, which is the project's), `_batch`, `_reading` (the reading of the batch that had the
    row), `_content` (a hash of the clean columns), `_reason` (null for a good row) and `_raw` (the raw row as
    JSON, its personal values masked). A value that the type cannot hold exactly is null, and its row has the
    reason `type_<column>`; a personal value that was no id, in the key or as the user, `unusable_<column>`.
    """
    # Value and converted value of a column stand side by side, because both say whether the conversion
    # failed.
    valued = _without_null_words(raw, source).withColumns(
        {f"_v_{c.name}": as_column(c.tree) for c in source.kept_columns}
    )
    kinds = {field.name: field.dataType for field in valued.schema.fields}
    # Each step is a column, because Spark computes an expression as often as it is read.
    texts = valued.withColumns(
        {
            f"_t_{c.name}": trimmed(_plain(kinds[f"_v_{c.name}"], c).cast("string"))
            for c in source.kept_columns
            if _is_read_as_text(kinds[f"_v_{c.name}"], c, source)
        }
    )
    read = texts.withColumns(
        {
            f"_r_{c.name}": _moment(kinds[f"_v_{c.name}"], c, timezone)
            for c in source.kept_columns
            if c.type in ("timestamp", "date")
        }
    )
    converted = read.withColumns(
        {f"_c_{c.name}": _convert(kinds[f"_v_{c.name}"], c, timezone, source) for c in source.kept_columns}
    )
    clean = converted.select(
        *[F.col(f"_c_{c.name}").alias(c.name) for c in source.kept_columns],
        F.col(RAW_DATA_DAY).alias(CLEAN_DATA_DAY),
        (F.coalesce(F.col(READING), F.lit(0)) if READING in raw.columns else F.lit(0)).alias("_reading"),
        F.coalesce(*_unusable(source, raw.columns), *_conversion_failures(source, kinds)).alias("_failure"),
        (F.col(UNPARSED) if UNPARSED in raw.columns else F.lit(None).cast("string")).alias("_unparsed"),
        F.to_json(F.struct(*_as_it_came(raw, masked_raw(source))), _JSON).alias("_raw"),
    )
    return _with_own_columns(clean, source)


def _as_it_came(raw: DataFrame, masked: Collection[str]) -> list[Column]:
    values = {name: F.col(f"`{name}`") for name in raw.columns if name not in (RAW_DATA_DAY, READING)}
    hidden = {
        name: F.when(value.isNotNull(), F.lit(MASK)) for name, value in values.items() if name in masked
    }
    return [value.alias(name) for name, value in (values | hidden).items()]


def _without_null_words(raw: DataFrame, source: Source) -> DataFrame:
    """The texts that stand for no value are null. A CSV file has no null: an empty field is one."""
    names = [
        field.name
        for field in raw.schema.fields
        if field.name not in _ADDED and isinstance(field.dataType, T.StringType)
    ]
    if not names or not (source.nulls or source.read.format == "csv"):
        return raw
    return raw.withColumns({name: _or_null(F.col(f"`{name}`"), source) for name in names})


def _or_null(text: Column, source: Source) -> Column:
    value = F.nullif(text, F.lit("")) if source.read.format == "csv" else text
    return F.when(~trimmed(text).isin(*source.nulls), value) if source.nulls else value


def _is_read_as_text(kind: T.DataType, column: CleanColumn, source: Source) -> bool:
    """Whether the value is read from its text without white space around it."""
    if column.type in ("timestamp", "date", "boolean"):
        return True
    return isinstance(kind, T.StringType) and (column.type != "string" or _is_id(column, source))


def _is_id(column: CleanColumn, source: Source) -> bool:
    """A hash of an id is none."""
    return column.pii is None and column.name in (*source.key, *(name for _, name in source.ids))


def _plain(kind: T.DataType, column: CleanColumn) -> Column:
    """The value, its full-width characters as plain ones if its column says so."""
    value = F.col(f"_v_{column.name}")
    return plain_width(value) if "width" in column.normalise and isinstance(kind, T.StringType) else value


def _moment(kind: T.DataType, column: CleanColumn, timezone: str) -> Column:
    """The instant of a timestamp, or the local time of a date in microseconds."""
    value, text = F.col(f"_v_{column.name}"), F.col(f"_t_{column.name}")
    instant = isinstance(kind, T.TimestampType)
    if isinstance(kind, T.DateType | T.TimestampNTZType):
        column = replace(column, format=None)
    if column.type == "date":
        reading = local_time_of_instant if instant else local_time_of_text
        return reading(value if instant else text, column, timezone)
    return value if instant else instant_of_text(text, column, timezone)


def _convert(kind: T.DataType, column: CleanColumn, timezone: str, source: Source) -> Column:
    """The value in its declared type; null if it cannot be converted."""
    if column.type == "timestamp":
        return instant_in_calendar(F.col(f"_r_{column.name}"), timezone)
    if column.type == "date":
        return _date(kind, column)
    read = _is_read_as_text(kind, column, source)
    value = F.col(f"_t_{column.name}") if read else _plain(kind, column)
    if column.type == "boolean":
        return value.try_cast("boolean")
    if column.type != "string":
        return exact_number(value, kind, column.type)
    text = exact_text(value, kind)
    return exact_id(text) if _is_id(column, source) else text


def _date(kind: T.DataType, column: CleanColumn) -> Column:
    value, moment = F.col(f"_v_{column.name}"), F.col(f"_r_{column.name}")
    if isinstance(kind, T.TimestampType):
        return date_of_local_time(moment)
    if isinstance(kind, T.DateType | T.TimestampNTZType):
        return date_in_calendar(value.try_cast("date"))
    return date_of_text(F.col(f"_t_{column.name}"), moment, column)


def _unusable(source: Source, raw: Collection[str]) -> list[Column]:
    """`unusable_<column>` of a personal column that a row is found or counted by. A link without one of its
    ids may have others, so that its row stays."""
    whose = set() if source.kind == "links" else {source.user}
    found = F.from_json(F.col(UNUSABLE), "map<string,string>")
    return [
        F.when(F.col(UNUSABLE).isNotNull() & found[name].isNotNull(), F.lit(f"unusable_{column.name}"))
        for column in (source.hashed_columns if UNUSABLE in raw else ())
        if column.name in whose | set(source.key)
        for name in column.raw
    ]


def _conversion_failures(source: Source, kinds: dict[str, T.DataType]) -> list[Column]:
    """`type_<column>` of each column with a value that cannot be converted, or that its expression could
    not read."""
    failures = []
    for column in source.kept_columns:
        value = F.col(f"_v_{column.name}")
        present = value.isNotNull()
        if isinstance(kinds[f"_v_{column.name}"], T.StringType):
            read = _is_read_as_text(kinds[f"_v_{column.name}"], column, source)
            present = (F.col(f"_t_{column.name}") if read else trimmed(value)) != ""
        failed = present & F.col(f"_c_{column.name}").isNull()
        if column.unread is not None:
            failed = failed | as_condition(column.unread)
        failures.append(F.when(failed, F.lit(f"type_{column.name}")))
    return failures


def _with_own_columns(clean: DataFrame, source: Source) -> DataFrame:
    names = [column.name for column in source.kept_columns]
    event_day = (
        {"event_day": F.to_date(F.col(source.time))} if source.kind == "events" and source.time else {}
    )
    return clean.withColumns(
        {
            **event_day,
            "_content": F.md5(F.to_json(F.struct(*names), _JSON)),
            "_reason": F.coalesce(*_reasons(source)),
        }
    ).drop("_failure", "_unparsed")


def _reasons(source: Source) -> list[Column]:
    """The first quarantine reason that applies: unparsable, a type, a rule, an empty id or time."""
    rules = [F.when(as_column(rule), F.lit(reason)) for reason, rule in source.reject]
    ids = [name for _, name in source.ids]
    needed = dict.fromkeys(source.key, "missing_key")
    if source.kind != "profile" and source.time:
        needed[source.time] = "missing_time"
    # A link row may have only some of the ids; a row without any id belongs to no user.
    nobody = reduce(and_, [_is_empty(F.col(name)) for name in ids])
    empty = [F.when(nobody, F.lit("missing_user"))]
    empty += [F.when(_is_empty(F.col(name)), F.lit(reason)) for name, reason in needed.items()]
    unparsed = F.when(F.col("_unparsed").isNotNull(), F.lit("unparsable"))
    return [unparsed, F.col("_failure"), *rules, *empty]


def _is_empty(column: Column) -> Column:
    return column.isNull() | (trimmed(column.cast("string")) == "")
