"""clean: a batch of raw rows becomes typed, deduplicated rows by event day, and rows set aside.

Written on a branch of `clean.<source>` and audited there; a bad batch never reaches the roll-ups.
"""

import time
from dataclasses import dataclass
from datetime import date

from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.catalogue.model import Catalogue, Source
from jobs.catalogue.versions import version_of
from jobs.errors import DataError
from jobs.quality.checks import CheckResult, GateRefused, judge, save_checks
from jobs.quality.clean_checks import declared_checks, distinct_within_day, reconciliation
from jobs.quality.expectations import Validator
from jobs.stages.extract import known_batches, raw_name
from jobs.stages.report import Line, StageReport
from jobs.stages.reports_store import publish_docs, quality_folder
from jobs.stages.runs import RunRecord, record_run, require_no_blocked_day
from jobs.store.lake import Lake
from jobs.store.schemas import QUARANTINE
from jobs.store.spark import spark_table
from jobs.store.tables import drop_branch, ensure_table, fast_forward, find_table, history, summary_value
from jobs.transform.typed import typed
from jobs.transform.versions import KEPT, REPEAT, SUPERSEDED, Resolved, key_columns, resolve


@dataclass(frozen=True)
class Batch:
    """One source's batch of a data day. `stamp` names the raw commit and the definition it is cleaned by:
    the same stamp gives the same rows."""

    source: Source
    day: date
    stamp: str

    @property
    def table(self) -> str:
        return clean_name(self.source)

    @property
    def branch(self) -> str:
        return f"batch_{self.day:%Y%m%d}"


@dataclass(frozen=True)
class Cleaned:
    batch: Batch
    line: Line
    checks: tuple[CheckResult, ...]


def clean_name(source: Source) -> str:
    return f"clean.{source.name}"


def clean(spark: SparkSession, catalogue: Catalogue, lake: Lake, day: date, run_id: str) -> StageReport:
    """Clean the batch of a data day of every source; a batch that is clean already is left alone.

    Raises DataError when a source's batch was never extracted, and GateRefused when a critical check
    fails: then no source of the batch is taken over, and the branches stay for inspection.
    """
    started = time.monotonic()
    require_no_blocked_day(lake, day)
    batches = [_batch(lake, source, day) for source in catalogue.sources.values()]
    validator = Validator(quality_folder(catalogue, day, run_id, "clean"))
    cleaned = []
    for batch in batches:
        done = _already_clean(lake, batch)
        cleaned.append(done or _clean(spark, catalogue, lake, batch, run_id, validator))
    _gate(catalogue, lake, day, run_id, cleaned, validator)
    for item in cleaned:
        _take_over(lake, item.batch)
    lines = tuple(item.line for item in cleaned)
    return StageReport("clean", day, run_id, time.monotonic() - started, lines)


def _batch(lake: Lake, source: Source, day: date) -> Batch:
    table = find_table(lake, raw_name(source))
    known = known_batches(table) if table else {}
    if day not in known:
        raise DataError(
            f"{day} was never extracted for source {source.name}",
            safe="nothing was written",
            next_step=f"run `usertags extract --day {day}` first",
        )
    definition = [(c.name, c.type, c.sql, c.timezone, c.format, c.pii) for c in source.columns]
    rules = [source.key, source.repeats, source.version, source.time, source.user, source.reject]
    stamp = version_of(
        [known[day].commit, definition, rules, [check.model_dump() for check in source.checks]]
    )
    return Batch(source, day, stamp)


def _already_clean(lake: Lake, batch: Batch) -> Cleaned | None:
    table = find_table(lake, batch.table)
    for snapshot in history(table) if table else ():
        if summary_value(snapshot, "batch") != batch.day.isoformat():
            continue
        if summary_value(snapshot, "stamp") != batch.stamp:
            return None
        counts = {name: int(summary_value(snapshot, name) or 0) for name in _COUNTS}
        line = _line(batch.source, counts, written=0, note="batch is clean already")
        return Cleaned(batch, line, (reconciliation(batch.source, counts),))
    return None


def _line(source: Source, counts: dict[str, int], *, written: int, note: str = "") -> Line:
    return Line(
        source.name,
        read=counts["read"],
        kept=counts["kept"],
        superseded=counts["superseded"],
        repeats=counts["repeats"],
        quarantined=counts["quarantined"],
        written=written,
        note=note,
    )


_COUNTS = ("read", "kept", "superseded", "repeats", "quarantined")


def _clean(
    spark: SparkSession, catalogue: Catalogue, lake: Lake, batch: Batch, run_id: str, validator: Validator
) -> Cleaned:
    source, day = batch.source, batch.day
    raw = spark.table(spark_table(raw_name(source))).where(F.col("batch") == F.lit(day))
    rows = typed(raw, source, catalogue.timezone).persist()
    good = rows.where("_reason is null").drop("_reason", "_raw")
    table = ensure_table(
        lake,
        batch.table,
        to_arrow_schema(good.schema),
        ("event_day",) if source.kind == "events" else (),
    )
    everything = spark.table(spark_table(batch.table))
    others = everything.where(F.col("_batch") != F.lit(day))
    resolved = _persisted(resolve(good, others, source))
    counts = _counts(raw, rows, resolved)
    _write_quarantine(lake, rows, batch, run_id)
    days = _touched_days(resolved, everything.where(F.col("_batch") == F.lit(day)), source)
    written = _write_branch(spark, table, batch, resolved, others, days, counts)
    checks = _checks(spark, catalogue, batch, days, counts, validator)
    resolved.batch.unpersist()
    resolved.replaced.unpersist()
    rows.unpersist()
    return Cleaned(batch, _line(source, counts, written=written), checks)


def _persisted(resolved: Resolved) -> Resolved:
    return Resolved(resolved.batch.persist(), resolved.replaced.persist())


def _counts(raw: DataFrame, rows: DataFrame, resolved: Resolved) -> dict[str, int]:
    by_status = {row["_status"]: row["count"] for row in resolved.batch.groupBy("_status").count().collect()}
    return {
        "read": raw.count(),
        "kept": by_status.get(KEPT, 0),
        "superseded": by_status.get(SUPERSEDED, 0),
        "repeats": by_status.get(REPEAT, 0),
        "quarantined": rows.where("_reason is not null").count(),
    }


def _write_quarantine(lake: Lake, rows: DataFrame, batch: Batch, run_id: str) -> None:
    ensure_table(lake, QUARANTINE.name, QUARANTINE.schema, QUARANTINE.partition)
    key = [name for name in key_columns(batch.source) if name != "_content"]
    set_aside = rows.where("_reason is not null").select(
        F.lit(batch.day).alias("batch"),
        F.lit(run_id).alias("run_id"),
        F.lit(batch.source.name).alias("source"),
        F.col("_reason").alias("reason"),
        F.concat_ws("|", *[F.col(name).cast("string") for name in key]).alias("key"),
        F.col("_raw").alias("raw"),
    )
    same = (F.col("source") == F.lit(batch.source.name)) & (F.col("batch") == F.lit(batch.day))
    set_aside.writeTo(spark_table(QUARANTINE.name)).overwrite(same)


def _touched_days(resolved: Resolved, of_batch: DataFrame, source: Source) -> list[date]:
    """The event days whose rows change; of a profile, which has none, nothing to list."""
    if source.kind != "events":
        return []
    kept = resolved.batch.where(F.col("_status") == KEPT).select("event_day")
    touched = kept.union(resolved.replaced.select("event_day")).union(of_batch.select("event_day")).distinct()
    return sorted(row["event_day"] for row in touched.collect())


def _write_branch(
    spark: SparkSession,
    table: Table,
    batch: Batch,
    resolved: Resolved,
    others: DataFrame,
    days: list[date],
    counts: dict[str, int],
) -> int:
    """Rewrite the touched days on the batch's branch, in one commit that says what it did."""
    source = batch.source
    kept = resolved.batch.where(F.col("_status") == KEPT).drop("_status")
    stay = others
    if source.repeats != "keep":
        stay = others.join(resolved.replaced.select(*key_columns(source)), key_columns(source), "left_anti")
    touched = F.lit(True)
    if source.kind == "events":
        touched = F.col("event_day").isin(days) if days else F.lit(False)
    columns = table.schema().column_names
    result = stay.where(touched).select(*columns).unionByName(kept.select(*columns))
    spark.sql(f"ALTER TABLE {spark_table(batch.table)} CREATE OR REPLACE BRANCH {batch.branch}")
    properties = {"batch": batch.day.isoformat(), "stamp": batch.stamp, "days": _days_text(source, days)}
    writer = result.writeTo(spark_table(batch.table, batch.branch))
    for name, value in (properties | counts).items():
        writer = writer.option(f"snapshot-property.usertags.{name}", str(value))
    writer.overwrite(touched)
    return counts["kept"]


def _days_text(source: Source, days: list[date]) -> str:
    return ",".join(day.isoformat() for day in days) if source.kind == "events" else "all"


def _checks(
    spark: SparkSession,
    catalogue: Catalogue,
    batch: Batch,
    days: list[date],
    counts: dict[str, int],
    validator: Validator,
) -> tuple[CheckResult, ...]:
    source = batch.source
    branch = spark.table(spark_table(batch.table, batch.branch))
    results = [reconciliation(source, counts)]
    results += validator.validate(
        f"clean.{source.name}", branch.where(F.col("_batch") == F.lit(batch.day)), declared_checks(source)
    )
    if days:
        touched = spark.createDataFrame([(day,) for day in days], "event_day date")
        results += distinct_within_day(source, catalogue.measures_of(source.name), branch, touched)
    return tuple(results)


def _gate(
    catalogue: Catalogue,
    lake: Lake,
    day: date,
    run_id: str,
    cleaned: list[Cleaned],
    validator: Validator,
) -> None:
    results = [result for item in cleaned for result in item.checks]
    publish_docs(lake, catalogue, day, run_id, "clean", validator.write_docs())
    save_checks(lake, day, run_id, "clean", results)
    verdict = judge(results)
    record_run(lake, RunRecord(day, run_id, "clean", verdict.status, warnings=verdict.warnings))
    if verdict.status == "refused":
        raise GateRefused(day, "clean", results)


def _take_over(lake: Lake, batch: Batch) -> None:
    table = lake.catalog.load_table(batch.table)
    if batch.branch in table.metadata.refs:
        fast_forward(table, batch.branch)
        drop_branch(table, batch.branch)
