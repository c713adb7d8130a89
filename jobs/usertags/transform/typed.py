"""Converts raw rows to typed rows, each with the reason for its quarantine, or null."""

from collections.abc import Collection
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
from usertags.sources.reading import READING
from usertags.transform.exact import exact_id, exact_number, exact_text, plain_width, trimmed

# The columns that extract adds to a raw row.
_ADDED = (FILE, LINE, UNPARSED, READING, RAW_DATA_DAY)

# Spark would read '10:30:00' as a time of the current day, and '2024' as a day.
_YEAR_FIRST = r"^\d{4}-"
_DAY_ALONE = r"^\d{4}-\d{1,2}-\d{1,2}$"
_TO_THE_MINUTE = r"^(\d{4}-\d{1,2}-\d{1,2}[Tt ]\d{1,2}:\d{2})(?![:\d])"
_WITH_OFFSET = r"^\d{4}-\d{1,2}-\d{1,2}[Tt ].*([Zz]|[+-]\d{2}(:?\d{2})?)$"

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
    reason `type_<column>`.
    """
    # Value and converted value of a column stand side by side, because both say whether the conversion
    # failed.
    valued = _without_null_words(raw, source).withColumns(
        {f"_v_{c.name}": as_column(c.tree) for c in source.kept_columns}
    )
    kinds = {field.name: field.dataType for field in valued.schema.fields}
    converted = valued.withColumns(
        {
            f"_c_{c.name}": _convert(F.col(f"_v_{c.name}"), kinds[f"_v_{c.name}"], c, timezone, source)
            for c in source.kept_columns
        }
    )
    clean = converted.select(
        *[F.col(f"_c_{c.name}").alias(c.name) for c in source.kept_columns],
        F.col(RAW_DATA_DAY).alias(CLEAN_DATA_DAY),
        (F.coalesce(F.col(READING), F.lit(0)) if READING in raw.columns else F.lit(0)).alias("_reading"),
        _conversion_failure(source, kinds).alias("_failure"),
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


def _convert(value: Column, kind: T.DataType, column: CleanColumn, timezone: str, source: Source) -> Column:
    """The value in its declared type; null if it cannot be converted."""
    if "width" in column.normalise and isinstance(kind, T.StringType):
        value = plain_width(value)
    if column.type == "timestamp":
        is_instant = isinstance(kind, T.TimestampType)
        return value if is_instant else _instant(trimmed(value.cast("string")), column, timezone)
    if column.type == "date":
        text = trimmed(value) if isinstance(kind, T.StringType) else None
        return value.try_cast("date") if text is None else _date(text, column)
    if column.type == "string":
        return _text(value, kind, column, source)
    if column.type == "boolean":
        return trimmed(value.cast("string")).try_cast("boolean")
    return exact_number(value, kind, column.type)


def _text(value: Column, kind: T.DataType, column: CleanColumn, source: Source) -> Column:
    """A text is kept as it is, unless it is an id; a hash of one is none."""
    text = exact_text(value, kind)
    is_id = column.name in source.key or column.name in [name for _, name in source.ids]
    return exact_id(text) if is_id and column.pii is None else text


def _date(text: Column, column: CleanColumn) -> Column:
    if column.format:
        return F.try_to_timestamp(text, F.lit(column.format)).cast("date")
    return F.when(text.rlike(_YEAR_FIRST), text).try_cast("date")


def _instant(text: Column, column: CleanColumn, timezone: str) -> Column:
    """A local time in the source's time zone as an instant.

    The zone name is appended to the text, so that the parser applies its rules (daylight saving): for an
    hour that occurs twice the first is used, and a skipped hour is read as the next one. A
    text with an offset is already an instant; a date without time is midnight.
    """
    zone = F.lit(f" {column.timezone or timezone}")
    if column.format:
        return F.try_to_timestamp(F.concat(text, zone), F.lit(f"{column.format} VV"))
    # The parser accepts a zone only after full seconds.
    full = F.when(text.rlike(_DAY_ALONE), F.concat(text, F.lit(" 00:00:00")))
    full = full.when(text.rlike(_YEAR_FIRST), F.regexp_replace(text, _TO_THE_MINUTE, "$1:00"))
    placed = F.when(text.rlike(_WITH_OFFSET), F.upper(full)).otherwise(F.concat(full, zone))
    return placed.try_cast("timestamp")


def _conversion_failure(source: Source, kinds: dict[str, T.DataType]) -> Column:
    """`type_<column>` of the first column with a value that cannot be converted, or that its expression could
    not read."""
    failures = []
    for column in source.kept_columns:
        value = F.col(f"_v_{column.name}")
        present = value.isNotNull()
        if isinstance(kinds[f"_v_{column.name}"], T.StringType):
            present = trimmed(value) != ""
        failed = present & F.col(f"_c_{column.name}").isNull()
        if column.unread is not None:
            failed = failed | as_condition(column.unread)
        failures.append(F.when(failed, F.lit(f"type_{column.name}")))
    return F.coalesce(*failures)


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
