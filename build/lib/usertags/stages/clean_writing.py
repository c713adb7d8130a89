"""Writes the batch on its branch of the clean table, and its rejected rows to quarantine."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from usertags.project.model import Project, Source
from usertags.quality.statistics import Statistic, statistics
from usertags.stages.batch_register import BatchRecord, Status, count_columns, earlier_days, uuid_of
from usertags.stages.clean_batch import Batch
from usertags.stages.days import end_of
from usertags.stages.source_tables import raw_name
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import QUARANTINE
from usertags.store.spark import one_file_at_a_time, spark_table
from usertags.store.tables import branch_snapshot, ensure_table, row_count
from usertags.transform.batches import Outcome, comparable, outcome, rewritten, set_aside, touched
from usertags.transform.typed import typed
from usertags.transform.versions import Resolved, resolve


@dataclass(frozen=True)
class Written:
    """A batch on its branch: the commit, the row counts (read, kept, superseded, repeats,
    quarantined), the rewritten event days, and its statistics."""

    table_uuid: str
    snapshot: int
    counts: dict[str, int]
    days: list[date]
    statistics: list[Statistic]


def write_batch(spark: SparkSession, project: Project, lake: Lake, batch: Batch, run_id: str) -> Written:
    """Write the batch on its branch and its rejected rows to quarantine."""
    source, day = batch.source, batch.day
    raw = spark.table(spark_table(raw_name(source))).where(F.col("batch") == F.lit(day))
    # Several statements read these rows; the conversions of `typed` are done once.
    rows = typed(raw, source, project.timezone).persist()
    good = rows.where("_reason is null").drop("_reason", "_raw")
    partition = ("event_day",) if source.kind == "events" else ()
    table = ensure_table(lake, batch.table, to_arrow_schema(good.drop("_reading").schema), partition)
    others = _others(spark, table, batch)
    resolved = Resolved(resolve(good, _comparable(good, others, table, source), source).rows.persist())
    found = outcome(rows, resolved, source)
    counts = _counts(lake, batch, found)
    _write_quarantine(lake, rows, batch, run_id, counts["quarantined"])
    # Rows that an earlier attempt of the batch wrote on other days have to be removed as well.
    days = sorted(found.changed | earlier_days(batch.records, day))
    _write_branch(spark, table, batch, resolved, others, days)
    described = statistics(resolved.batch, source, day, batch.last, end_of(day, project.timezone))
    resolved.rows.unpersist()
    rows.unpersist()
    table.refresh()
    written = branch_snapshot(table, batch.branch)
    assert written is not None
    return Written(uuid_of(table), written.snapshot_id, counts, days, described)


def clean_record(batch: Batch, written: Written, status: Status, run_id: str) -> BatchRecord:
    """The record of a batch on its branch."""
    return BatchRecord(
        batch.source.name,
        batch.day,
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
    return everything.where(F.col("_batch") != F.lit(batch.day))


def _comparable(good: DataFrame, others: DataFrame, table: Table, source: Source) -> DataFrame:
    """The clean rows with keys of the batch; nothing is read for a table without rows."""
    return comparable(good, others, source) if row_count(table) else others.limit(0)


def _counts(lake: Lake, batch: Batch, found: Outcome) -> dict[str, int]:
    """The row counts of the batch by outcome.

    The rows read are taken from the metadata of the raw table, not from the computed rows.
    """
    raw = lake.catalog.load_table(raw_name(batch.source))
    return {"read": raw.scan(row_filter=rows_where(batch=batch.day)).count(), **found.counts}


def _write_quarantine(lake: Lake, rows: DataFrame, batch: Batch, run_id: str, count: int) -> None:
    """Save the quarantined rows, replacing those of an earlier attempt of the batch."""
    table = ensure_table(lake, QUARANTINE.name, QUARANTINE.schema, QUARANTINE.partition)
    earlier = table.scan(row_filter=rows_where(source=batch.source.name, batch=batch.day)).count()
    if count == 0 and earlier == 0:
        return
    same = (F.col("source") == F.lit(batch.source.name)) & (F.col("batch") == F.lit(batch.day))
    aside = set_aside(rows, batch.source, batch.day, run_id)
    aside.writeTo(spark_table(QUARANTINE.name)).overwrite(same)


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
    spark.sql(f"ALTER TABLE {spark_table(batch.table)} CREATE OR REPLACE BRANCH {batch.branch}")
    writer = one_file_at_a_time(result.writeTo(spark_table(batch.table, batch.branch)))
    writer.overwrite(touched(batch.source, days))
