"""Writes the batch on its branch of the clean table, and its rejected rows to quarantine."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from usertags.project.model import CLEAN_DATA_DAY, GONE, RAW_DATA_DAY, Project, Source
from usertags.quality.clean_checks import NONE_TIED, Tied, tied_keys
from usertags.quality.statistics import Statistic, statistics, statistics_without_rows
from usertags.sources.reading import READING, UNUSABLE
from usertags.stages.batch_register import (
    BatchRecord,
    Status,
    count_columns,
    earlier_days,
    read_in_order,
    uuid_of,
    was_cleaned,
)
from usertags.stages.clean_batch import Batch
from usertags.stages.days import end_of
from usertags.stages.raw_types import versions_of
from usertags.stages.source_tables import raw_name
from usertags.store.filters import rows_where, rows_with
from usertags.store.lake import Lake
from usertags.store.schemas import QUARANTINE
from usertags.store.spark import one_file_at_a_time, spark_table
from usertags.store.tables import branch_snapshot, ensure_table, row_count
from usertags.transform.batches import Outcome, comparable, outcome, quarantine_rows, rewritten, touched
from usertags.transform.presence import (
    Departures,
    after_delivery,
    dated,
    departures,
    of_day,
    with_presence,
)
from usertags.transform.raw_columns import one_column_each
from usertags.transform.typed import typed
from usertags.transform.versions import Resolved, resolve


@dataclass(frozen=True)
class Written:
    """A batch on its branch: the commit, the row counts (read, kept, superseded, repeats,
    quarantined), the rewritten event days, its statistics, what is known of keys with different rows, and of
    each column with personal ids how many values were none, by reason, and of a source that is read whole the
    rows that it does not have any more."""

    table_uuid: str
    snapshot: int
    counts: dict[str, int]
    days: list[date]
    statistics: list[Statistic]
    tied: Tied = NONE_TIED
    unusable: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    departures: Departures | None = None


def write_batch(spark: SparkSession, project: Project, lake: Lake, batch: Batch, run_id: str) -> Written:
    """Write the batch on its branch and its rejected rows to quarantine. Raises UsageError if a column would
    change its type."""
    source, data_day = batch.source, batch.data_day
    raw = spark.table(spark_table(raw_name(source))).where(F.col(RAW_DATA_DAY) == F.lit(data_day))
    raw = one_column_each(raw, versions_of(source.raw_columns, raw.columns))
    rows = typed(raw, source, project.timezone)
    good = rows.where("_reason is null").drop("_reason", "_raw")
    partition = ("event_day",) if source.kind == "events" else ()
    good = with_presence(good) if source.loses_rows else good
    table = ensure_table(lake, batch.table, to_arrow_schema(good.drop("_reading").schema), partition)
    # Rows that were gone once stay so if the source is not asked for them any more.
    good = with_presence(good) if GONE in table.schema().column_names else good
    rows_read = _rows_read(lake, batch)
    delivered = _says_what_is_gone(batch, table, rows_read)
    if rows_read == 0 and not delivered and not was_cleaned(batch.records, data_day):
        return _write_nothing(spark, lake, table, rows, batch, run_id)
    # Several statements read these rows; the conversions of `typed` are done once.
    rows.persist()
    others, gone = _others(spark, table, batch), None
    if delivered:
        marked = after_delivery(with_presence(others), rows, source, data_day)
        gone = departures(marked, source, data_day)
        others = marked.drop("_before", "_moved") if source.loses_rows else others
    here = of_day(others, data_day)
    decided = resolve(good, _comparable(good, here, table, source), source).rows
    if GONE in good.columns and source.repeats != "keep":
        own = spark.table(spark_table(batch.table)).where(F.col(CLEAN_DATA_DAY) == F.lit(data_day))
        first = batch.previous_data_day is None
        decided = dated(decided, others, own, source, data_day, first=first)
    resolved = Resolved(decided.persist())
    found = outcome(rows, resolved, source)
    counts = _counts(lake, batch, found)
    _write_quarantine(lake, rows, batch, run_id, counts["quarantined"])
    # Rows that an earlier attempt of the batch wrote on other days have to be removed as well.
    moved = gone.days if gone and source.loses_rows else frozenset()
    days = sorted(found.changed | moved | earlier_days(batch.records, data_day))
    _write_branch(spark, table, batch, resolved, others, days)
    described = statistics(
        resolved.batch, source, data_day, batch.previous_data_day, end_of(data_day, project.timezone)
    )
    tied = tied_keys(resolved.tied, source, found.tied)
    resolved.rows.unpersist()
    rows.unpersist()
    unusable = _unusable(lake, batch)
    branch = _on_branch(table, batch)
    return Written(uuid_of(table), branch, counts, days, described, tied, unusable, gone)


def _says_what_is_gone(batch: Batch, table: Table, rows_read: int) -> bool:
    """Whether the rows of the batch are all rows that the source has on that day. Files are delivered or not:
    a day without any says nothing. Nor does a day that was first read after a later one, because it has the
    rows of then; and nothing asks for it where rows that are gone are kept."""
    source = batch.source
    asked = source.loses_rows or source.asks_for_whole
    delivered = source.read.table is not None or rows_read > 0
    return asked and delivered and row_count(table) > 0 and read_in_order(batch.records, batch.data_day)


def _write_nothing(
    spark: SparkSession, lake: Lake, table: Table, rows: DataFrame, batch: Batch, run_id: str
) -> Written:
    """A batch without rows that no earlier attempt wrote: its branch is main as it is, so that a source
    without news costs a few statements."""
    found = Outcome(0, 0, 0, 0, frozenset())
    _write_quarantine(lake, rows, batch, run_id, found.quarantined)
    _create_branch(spark, batch)
    described = statistics_without_rows(batch.source, batch.data_day, batch.previous_data_day)
    return Written(uuid_of(table), _on_branch(table, batch), {"read": 0, **found.counts}, [], described)


def _on_branch(table: Table, batch: Batch) -> int:
    """The snapshot of the batch's branch."""
    table.refresh()
    written = branch_snapshot(table, batch.branch)
    assert written is not None
    return written.snapshot_id


def clean_record(batch: Batch, written: Written, status: Status, run_id: str) -> BatchRecord:
    """The record of a batch on its branch."""
    return BatchRecord(
        batch.source.name,
        batch.data_day,
        "clean",
        batch.attempt,
        status,
        written.table_uuid,
        clean_snapshot=written.snapshot,
        definition_version=batch.definition,
        input_fingerprint=batch.fingerprint,
        event_days=tuple(written.days) if batch.source.kind == "events" else (),
        run_id=run_id,
        recorded_at=datetime.now(UTC),
        **count_columns(written.counts),
    )


def _others(spark: SparkSession, table: Table, batch: Batch) -> DataFrame:
    """The clean rows of other batches; a table without files has none."""
    everything = spark.table(spark_table(batch.table))
    if not row_count(table):
        return everything.limit(0)
    return everything.where(F.col(CLEAN_DATA_DAY) != F.lit(batch.data_day))


def _comparable(good: DataFrame, others: DataFrame, table: Table, source: Source) -> DataFrame:
    """The clean rows with keys of the batch; nothing is read for a table without rows."""
    return comparable(good, others, source) if row_count(table) else others.limit(0)


def _counts(lake: Lake, batch: Batch, found: Outcome) -> dict[str, int]:
    """The row counts of the batch by outcome."""
    return {"read": _rows_read(lake, batch), **found.counts}


def _rows_read(lake: Lake, batch: Batch) -> int:
    """The rows of the batch by the metadata of the raw table, not by the computed rows."""
    raw = lake.catalog.load_table(raw_name(batch.source))
    return raw.scan(row_filter=rows_where(**{RAW_DATA_DAY: batch.data_day})).count()


def _unusable(lake: Lake, batch: Batch) -> dict[str, dict[str, int]]:
    """How many personal values of the reading were no ids, by column and reason. PyIceberg reads them, and
    opens no file without one."""
    raw = lake.catalog.load_table(raw_name(batch.source))
    if not batch.source.hashed_columns or UNUSABLE not in raw.schema().column_names:
        return {}
    of_batch = rows_where(**{RAW_DATA_DAY: batch.data_day}) & rows_where(**{READING: batch.attempt})
    scan = raw.scan(row_filter=of_batch & rows_with(UNUSABLE), selected_fields=(UNUSABLE,))
    texts = scan.to_arrow()
    return counted_reasons(batch.source, texts[UNUSABLE].to_pylist())


def counted_reasons(source: Source, texts: Iterable[str]) -> dict[str, dict[str, int]]:
    """The reasons of the raw rows of a source (JSON: raw column and reason), counted by column."""
    names = {raw: column.name for column in source.hashed_columns for raw in column.raw}
    found: dict[str, Counter[str]] = {}
    for text, rows in Counter(texts).items():
        for raw, reason in json.loads(text).items():
            if raw in names:
                found.setdefault(names[raw], Counter())[reason] += rows
    return {name: dict(reasons) for name, reasons in found.items()}


def _write_quarantine(lake: Lake, rows: DataFrame, batch: Batch, run_id: str, count: int) -> None:
    """Save the quarantined rows, replacing those of an earlier attempt of the batch."""
    table = ensure_table(lake, QUARANTINE.name, QUARANTINE.schema, QUARANTINE.partition)
    earlier = table.scan(row_filter=rows_where(source=batch.source.name, batch=batch.data_day)).count()
    if count == 0 and earlier == 0:
        return
    same = (F.col("source") == F.lit(batch.source.name)) & (F.col("batch") == F.lit(batch.data_day))
    rejected = quarantine_rows(rows, batch.source, batch.data_day, run_id)
    rejected.writeTo(spark_table(QUARANTINE.name)).overwrite(same)


def _write_branch(
    spark: SparkSession,
    table: Table,
    batch: Batch,
    resolved: Resolved,
    others: DataFrame,
    days: list[date],
) -> None:
    """Rewrite the touched days on the batch's branch, in one commit."""
    result = rewritten(others, resolved, batch.source, days, table.schema().column_names)
    _create_branch(spark, batch)
    writer = one_file_at_a_time(result.writeTo(spark_table(batch.table, batch.branch)))
    writer.overwrite(touched(batch.source, days))


def _create_branch(spark: SparkSession, batch: Batch) -> None:
    spark.sql(f"ALTER TABLE {spark_table(batch.table)} CREATE OR REPLACE BRANCH {batch.branch}")
