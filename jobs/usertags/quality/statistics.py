"""Statistics of a batch in one pass: rows, empty values, medians, lengths of ids, newest row, fingerprint.

Stored in `ops.batch_statistics`, a few rows per batch, so that later batches can be compared with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.config.expression_types import is_number
from usertags.project.model import Column as CleanColumn
from usertags.project.model import Source
from usertags.transform.versions import KEPT

# The number of event days before the data day in the statistics of a batch.
DAYS = 36
# The size of the median sketch: up to this many numbers it is exact, above the rank error is about 0.1 % of
# the rows. Apache DataSketches, KLL (Karnin, Lang, Liberty: Optimal quantile approximation in streams, 2016).
_SKETCH = 4000


@dataclass(frozen=True)
class Statistic:
    """One column of the rows of one event day of a batch; `column` is empty for the rows as a whole.

    `first`: the source's first batch. `empty` rows have no value; `median` is of absolute non-zero numbers,
    in the unit of the column; `mean_length` is of ids, in characters. `newest` is the time (UTC) of the
    newest row that is not after the data day; `fingerprint` is of every good row of the batch on any day, and
    is stored in the row of the data day.
    """

    source: str
    data_day: date
    first: bool
    day: date
    column: str
    rows: int
    empty: int = 0
    median: float | None = None
    mean_length: float | None = None
    newest: datetime | None = None
    fingerprint: str | None = None


def statistics(
    rows: DataFrame, source: Source, data_day: date, previous_data_day: date | None, end: datetime
) -> list[Statistic]:
    """Describe a batch. Grain of the input: good row of the batch. In: the clean columns, event_day,
    `_status` and `_content` (`resolve`), the data day of the batch before it, and the instant that the data
    day ends at. Out: one `Statistic` per event day and column. Collects one row per event day.

    A later batch is described by the event days since the previous batch and the day before it; a first
    batch, which contains history, by the last weeks.
    """
    since = data_day - timedelta(days=DAYS) if previous_data_day is None else previous_data_day
    day = F.lit(data_day)
    if source.kind == "events":
        in_range = F.col("event_day").between(F.lit(since), F.lit(data_day))
        day = F.when(in_range, F.col("event_day")).cast("date")
    measured = source.kept_columns
    kept = F.col("_status") == KEPT
    content = F.xxhash64("_content")
    counted = (
        rows.groupBy(day.alias("_day"))
        .agg(
            F.count_if(kept).alias("rows"),
            # Halves of the hashes, because a sum of full hashes needs decimals.
            F.sum(F.shiftright(content, 32)).alias("high"),
            F.sum(content.bitwiseAND(F.lit(0xFFFFFFFF))).alias("low"),
            F.count("*").alias("good"),
            _newest(source, kept, end).alias("newest"),
            *[part for column in measured for part in _parts(column, source, kept)],
        )
        .collect()
    )
    medians = _medians(rows, day, measured)
    found = [row.asDict() | medians.get(row["_day"], {}) for row in counted]
    return list(_rows(found, source, measured, data_day, first=previous_data_day is None))


def statistics_without_rows(
    source: Source, data_day: date, previous_data_day: date | None
) -> list[Statistic]:
    """What `statistics` says of a batch without rows, without reading any."""
    return list(_rows([], source, source.kept_columns, data_day, first=previous_data_day is None))


def _medians(rows: DataFrame, day: Column, columns: Sequence[CleanColumn]) -> dict[Any, dict[str, Any]]:
    """The medians of numbers by day: computed separately, because the counts are compiled code without them.

    The numbers are computed first, because expressions in the argument of the sketch are not compiled.
    """
    names = [column.name for column in columns if is_number(column.type)]
    numbers = rows.where(F.col("_status") == KEPT).select(
        day.alias("_day"), *[_measured(name).alias(name) for name in names]
    )
    medians = [_median(F.col(f"`{name}`")).alias(f"median:{name}") for name in names]
    found = numbers.groupBy("_day").agg(*medians).collect() if medians else []
    return {row["_day"]: row.asDict() for row in found}


def _measured(name: str) -> Column:
    """The absolute value of a number; null if it is 0 or not a number."""
    number = F.abs(F.col(f"`{name}`").cast("double"))
    return F.when((number > 0) & ~F.isnan(number), number)


def _median(number: Column) -> Column:
    """Null if all values are null, because Spark has no quantile of an empty set."""
    sketch = F.kll_sketch_agg_double(number, _SKETCH)
    quantile = F.kll_sketch_get_quantile_double(sketch, F.lit(0.5))
    return F.when(F.kll_sketch_get_n_double(sketch) > 0, quantile)


def _parts(column: CleanColumn, source: Source, kept: Column) -> list[Column]:
    value = F.when(kept, F.col(f"`{column.name}`"))
    parts = [F.count_if(kept & F.col(f"`{column.name}`").isNull()).alias(f"empty:{column.name}")]
    if column.name in id_columns(source):
        parts.append(F.avg(F.length(value.cast("string"))).alias(f"length:{column.name}"))
    return parts


def id_columns(source: Source) -> frozenset[str]:
    """The text columns with ids: the key, the user, and references to other sources."""
    named = {*source.key, *(name for _, name in source.ids)}
    named |= {entry.column for entry in source.checks if entry.references and entry.column}
    texts = {column.name for column in source.kept_columns if column.type == "string" and not column.pii}
    return frozenset(named & texts)


def _newest(source: Source, kept: Column, end: datetime) -> Column:
    if source.time is None:
        return F.lit(None).cast("bigint")
    time = F.col(source.time).cast("timestamp")
    # As a number: the driver would interpret an instant in the time zone of its machine.
    return F.unix_micros(F.max(F.when(kept & (time < F.lit(end)), time)))


def _rows(
    found: Sequence[Any], source: Source, measured: Sequence[CleanColumn], data_day: date, *, first: bool
) -> Iterable[Statistic]:
    by_day: dict[date, Mapping[str, Any]] = {row["_day"]: row for row in found if row["_day"]}
    for day, row in sorted(by_day.items()):
        for column in measured:
            yield Statistic(
                source.name,
                data_day,
                first,
                day,
                column.name,
                rows=row["rows"],
                empty=row[f"empty:{column.name}"],
                median=row.get(f"median:{column.name}"),
                mean_length=row.get(f"length:{column.name}"),
            )
        if day != data_day:
            yield Statistic(source.name, data_day, first, day, "", rows=row["rows"])
    yield Statistic(
        source.name,
        data_day,
        first,
        data_day,
        "",
        rows=by_day[data_day]["rows"] if data_day in by_day else 0,
        newest=_instant(max((row["newest"] for row in found if row["newest"]), default=None)),
        fingerprint=_fingerprint(found),
    )


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _fingerprint(found: Sequence[Any]) -> str | None:
    """A fingerprint that does not depend on the order of rows; None without rows."""
    good = sum(row["good"] for row in found)
    total = sum((row["high"] << 32) + row["low"] for row in found)
    return f"{good}:{total}" if good else None
