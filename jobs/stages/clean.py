"""clean: a batch of raw rows becomes typed, deduplicated rows by event day, and rows set aside.

Written on a branch of `clean.<source>` and audited there; a bad batch never reaches the roll-ups.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.catalogue.masking import masked_of
from jobs.catalogue.model import Catalogue, Source
from jobs.catalogue.versions import version_of
from jobs.errors import DataError, UsageError
from jobs.quality.beyond import freshness_checks, reference_checks, referred
from jobs.quality.checks import CheckResult, GateRefused, judge, refuses, save_checks
from jobs.quality.clean_checks import distinct_within_day, one_definition, reconciliation
from jobs.quality.comparison import compared
from jobs.quality.expectations import Sampling, Validator
from jobs.quality.statistics import Statistic, statistics
from jobs.quality.suites import clean_suite
from jobs.stages.batch_statistics import earlier_statistics, save_statistics
from jobs.stages.clean_commits import commits, earlier_days, other_definitions
from jobs.stages.days import end_of
from jobs.stages.extract import known_batches, raw_name
from jobs.stages.releases import not_released
from jobs.stages.report import COUNTS, Line, StageReport
from jobs.stages.reports_store import write_docs
from jobs.stages.runs import RunRecord, record_run, require_no_blocked_day, run_records
from jobs.store.filters import rows_where
from jobs.store.lake import Lake
from jobs.store.schemas import QUARANTINE
from jobs.store.spark import one_file_at_a_time, spark_table
from jobs.store.tables import (
    branch_snapshot,
    can_fast_forward,
    drop_branch,
    ensure_table,
    fast_forward,
    find_table,
    history,
    summary_value,
)
from jobs.transform.batches import Outcome, comparable, outcome, rewritten, set_aside, touched
from jobs.transform.typed import typed
from jobs.transform.versions import Resolved, resolve

T = TypeVar("T")

SOURCES_AT_ONCE = 3


@dataclass(frozen=True)
class Batch:
    """One source's batch of a data day. `definition` is the version of the source's columns and rules;
    `stamp` names the raw commit as well, and the checks: the same stamp gives the same rows. `last` is the
    data day of the source's batch before it."""

    source: Source
    day: date
    definition: str
    stamp: str
    last: date | None = None

    @property
    def table(self) -> str:
        return clean_name(self.source)

    @property
    def branch(self) -> str:
        return f"batch_{self.day:%Y%m%d}"


@dataclass(frozen=True)
class Written:
    """A batch on its branch: what became of its rows, the event days that it touches, what it holds."""

    counts: dict[str, int]
    days: list[date]
    statistics: list[Statistic]


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
    batches = [_batch(catalogue, lake, source, day) for source in catalogue.sources.values()]
    done = {batch.source.name: old for batch in batches if (old := _already_clean(lake, batch))}
    todo = [batch for batch in batches if batch.source.name not in done]
    validator = Validator()
    written = _in_parallel(lambda batch: _clean(spark, catalogue, lake, batch, run_id), todo)
    for batch, item, checks in _audited(spark, catalogue, lake, run_id, todo, written, validator):
        line = _line(batch.source, item.counts, written=item.counts["kept"])
        done[batch.source.name] = Cleaned(batch, line, checks)
    cleaned = [done[batch.source.name] for batch in batches]
    report = _gate(catalogue, lake, day, run_id, cleaned, validator)
    for batch in batches:
        _settle(lake, batch, written=batch in todo)
    lines = [item.line for item in cleaned]
    lines += [] if report.success else [Line("report", note=report.observed)]
    return StageReport("clean", day, run_id, time.monotonic() - started, tuple(lines))


def take_over(
    session: Callable[[], SparkSession], catalogue: Catalogue, lake: Lake, release: RunRecord
) -> StageReport:
    """Take over the batch of every source of a day that a person has released.

    A branch that today's main leads to is taken as it stands. Where main has moved since, the batch is
    cleaned again on top of it, and checked again. Raises GateRefused when a critical check fails that the
    release does not cover.
    """
    started = time.monotonic()
    day, run_id = release.day, release.run_id
    batches = [_batch(catalogue, lake, source, day) for source in catalogue.sources.values()]
    todo = [batch for batch in batches if not _already_clean(lake, batch)]
    again = [batch for batch in todo if not _held(lake, batch)]
    if again:
        _clean_again(session(), catalogue, lake, release, again)
    for batch in batches:
        _settle(lake, batch, written=batch in todo)
    lines = tuple(
        Line(batch.source.name, note=_taken_over(batch in todo, batch in again)) for batch in batches
    )
    return StageReport("release", day, run_id, time.monotonic() - started, lines)


def _taken_over(written: bool, again: bool) -> str:
    if again:
        return "cleaned again on today's table"
    return "the held batch is taken over" if written else "batch is clean already"


def require_same_batch(catalogue: Catalogue, lake: Lake, refused: RunRecord) -> None:
    """Raises UsageError when the batch of a day, in any source, is not the one that was refused any more."""
    day, stamps = refused.day, refused.inputs.get("batches", {})
    batches = [_batch(catalogue, lake, source, day) for source in catalogue.sources.values()]
    other = [batch.source.name for batch in batches if stamps.get(batch.table) != batch.stamp]
    if other:
        raise UsageError(
            f"the batch of {day} is not the one that was refused: {', '.join(other)} was extracted again, "
            "or its configuration changed",
            safe="nothing was taken over; readers keep the last good day",
            next_step=f"run {day} again (`usertags run --day {day}`)",
        )


def _held(lake: Lake, batch: Batch) -> bool:
    """Whether the branch of a refused try holds the batch, and main can be moved to it."""
    table = lake.catalog.load_table(batch.table)
    snapshot = branch_snapshot(table, batch.branch)
    return (
        snapshot is not None
        and summary_value(snapshot, "stamp") == batch.stamp
        and can_fast_forward(table, batch.branch)
    )


def _clean_again(
    spark: SparkSession, catalogue: Catalogue, lake: Lake, release: RunRecord, batches: list[Batch]
) -> None:
    day, run_id = release.day, release.run_id
    validator = Validator()
    written = _in_parallel(lambda batch: _clean(spark, catalogue, lake, batch, run_id), batches)
    results: list[CheckResult] = []
    for _, _, checks in _audited(spark, catalogue, lake, run_id, batches, written, validator):
        results += checks
    failed = [result.title for result in results if refuses(result)]
    if not_released(release, failed):
        raise GateRefused(day, "clean", results)


def _in_parallel(work: Callable[[Batch], T], batches: list[Batch]) -> Iterator[T]:
    """Several sources at a time, in order: while one waits for the store or is checked, others compute."""
    with ThreadPoolExecutor(max_workers=SOURCES_AT_ONCE) as pool:
        yield from pool.map(work, batches)


def _batch(catalogue: Catalogue, lake: Lake, source: Source, day: date) -> Batch:
    table = find_table(lake, raw_name(source))
    known = known_batches(table) if table else {}
    if day not in known:
        raise DataError(
            f"{day} was never extracted for source {source.name}",
            safe="nothing was written",
            next_step=f"run `usertags extract --day {day}` first",
        )
    columns = [(c.name, c.type, c.sql, c.timezone, c.format, c.pii) for c in source.columns]
    whose = source.ids if source.kind == "links" else source.user
    rules = [source.key, source.repeats, source.version, source.time, whose, source.reject]
    definition = version_of([columns, rules])
    checks = [[check.model_dump() for check in source.checks], source.may_be_empty]
    own = [repr(check) for check in catalogue.own_checks_of(clean_name(source))]
    stamp = version_of([known[day].commit, columns, rules, *checks, own])
    last = max((other for other in known if other < day), default=None)
    return Batch(source, day, definition, stamp, last)


def _already_clean(lake: Lake, batch: Batch) -> Cleaned | None:
    table = find_table(lake, batch.table)
    for snapshot in history(table) if table else ():
        if summary_value(snapshot, "batch") != batch.day.isoformat():
            continue
        if summary_value(snapshot, "stamp") != batch.stamp:
            return None
        counts = {name: int(summary_value(snapshot, name) or 0) for name in COUNTS}
        line = _line(batch.source, counts, written=0, note="batch is clean already")
        definition = one_definition(batch.source, _others_of(table, batch))
        return Cleaned(batch, line, (reconciliation(batch.source, counts), definition))
    return None


def _others_of(table: Table | None, batch: Batch) -> list[date]:
    return other_definitions(commits(table), batch.day, batch.definition)


def _line(source: Source, counts: dict[str, int], *, written: int, note: str = "") -> Line:
    return Line(source.name, **counts, written=written, note=note)


def _clean(spark: SparkSession, catalogue: Catalogue, lake: Lake, batch: Batch, run_id: str) -> Written:
    """Write the batch on its branch and its set-aside rows to quarantine."""
    source, day = batch.source, batch.day
    raw = spark.table(spark_table(raw_name(source))).where(F.col("batch") == F.lit(day))
    rows = typed(raw, source, catalogue.timezone).persist()
    good = rows.where("_reason is null").drop("_reason", "_raw")
    partition = ("event_day",) if source.kind == "events" else ()
    table = ensure_table(lake, batch.table, to_arrow_schema(good.drop("_reading").schema), partition)
    others = _others(spark, table, batch)
    resolved = Resolved(resolve(good, _comparable(good, others, table, source), source).rows.persist())
    found = outcome(rows, resolved, source)
    counts = _counts(lake, batch, found)
    _write_quarantine(lake, rows, batch, run_id, counts["quarantined"])
    days = sorted(found.changed | earlier_days(commits(table), day))
    _write_branch(spark, table, batch, resolved, others, days, counts)
    end = end_of(day, catalogue.timezone)
    described = statistics(resolved.batch, source, day, batch.last, end)
    resolved.rows.unpersist()
    rows.unpersist()
    return Written(counts, days, described)


def _others(spark: SparkSession, table: Table, batch: Batch) -> DataFrame:
    """The clean rows of other batches; a table without files is known to have none."""
    everything = spark.table(spark_table(batch.table))
    if not _rows(table):
        return everything.limit(0)
    return everything.where(F.col("_batch") != F.lit(batch.day))


def _rows(table: Table) -> int:
    """The rows of a table, from its metadata."""
    current = table.current_snapshot()
    summary = current.summary if current else None
    return int(summary.additional_properties.get("total-records", 0)) if summary else 0


def _comparable(good: DataFrame, others: DataFrame, table: Table, source: Source) -> DataFrame:
    """The clean rows that a row of the batch can meet; nothing is read for a table without rows."""
    return comparable(good, others, source) if _rows(table) else others.limit(0)


def _counts(lake: Lake, batch: Batch, found: Outcome) -> dict[str, int]:
    """What became of the rows of the batch.

    The rows read are counted by the raw table's own metadata, not by what was computed from them.
    """
    raw = lake.catalog.load_table(raw_name(batch.source))
    return {"read": raw.scan(row_filter=rows_where(batch=batch.day)).count(), **found.counts}


def _write_quarantine(lake: Lake, rows: DataFrame, batch: Batch, run_id: str, count: int) -> None:
    """Keep the rows set aside, in the place of those that an earlier try of the batch set aside."""
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
    counts: dict[str, int],
) -> None:
    """Rewrite the touched days on the batch's branch, in one commit that says what it did."""
    source = batch.source
    result = rewritten(others, resolved, source, days, table.schema().column_names)
    spark.sql(f"ALTER TABLE {spark_table(batch.table)} CREATE OR REPLACE BRANCH {batch.branch}")
    properties = {
        "batch": batch.day.isoformat(),
        "definition": batch.definition,
        "stamp": batch.stamp,
        "days": _days_text(source, days),
    }
    writer = one_file_at_a_time(result.writeTo(spark_table(batch.table, batch.branch)))
    for name, value in (properties | counts).items():
        writer = writer.option(f"snapshot-property.usertags.{name}", str(value))
    writer.overwrite(touched(source, days))


def _days_text(source: Source, days: list[date]) -> str:
    return ",".join(day.isoformat() for day in days) if source.kind == "events" else "all"


def _audited(
    spark: SparkSession,
    catalogue: Catalogue,
    lake: Lake,
    run_id: str,
    batches: list[Batch],
    written: Iterable[Written],
    validator: Validator,
) -> list[tuple[Batch, Written, tuple[CheckResult, ...]]]:
    """Every check of batches of one day that stand on their branches; keeps what the batches hold."""
    if not batches:
        return []
    day = batches[0].day
    before = earlier_statistics(lake, day, catalogue.quality)
    done: list[tuple[Batch, Written, list[CheckResult]]] = []
    for batch, item in zip(batches, written, strict=True):
        checks = _checks(spark, catalogue, batch, item, validator)
        checks.append(one_definition(batch.source, _others_of(find_table(lake, batch.table), batch)))
        earlier = before.get(batch.source.name, [])
        checks += compared(batch.source, day, item.statistics, earlier, catalogue.quality)
        done.append((batch, item, checks))
    save_statistics(lake, day, run_id, [each for _, item, _ in done for each in item.statistics])
    return [(batch, item, (*checks, *_references(spark, batch, batches))) for batch, item, checks in done]


def _checks(
    spark: SparkSession, catalogue: Catalogue, batch: Batch, written: Written, validator: Validator
) -> list[CheckResult]:
    source = batch.source
    branch = spark.table(spark_table(batch.table, batch.branch))
    suite = clean_suite(catalogue, source)
    kept = branch.where(F.col("_batch") == F.lit(batch.day))
    results = [reconciliation(source, written.counts)]
    results += validator.validate(suite.name, kept, suite.checks, sampling=_sampling(source))
    results += freshness_checks(source, written.statistics, end_of(batch.day, catalogue.timezone))
    if written.days:
        touched = spark.createDataFrame([(day,) for day in written.days], "event_day date")
        results += distinct_within_day(source, catalogue.measures_of(source.name), branch, touched)
    return results


def _sampling(source: Source) -> Sampling:
    return Sampling(source.key or tuple(name for _, name in source.ids), masked_of(source))


def _references(spark: SparkSession, batch: Batch, todo: list[Batch]) -> list[CheckResult]:
    """The checks that look into other sources, once all of them have their rows of the day."""
    names = referred(batch.source)
    if not names:
        return []
    branches = {other.source.name: other.branch for other in todo}
    others = {name: spark.table(spark_table(f"clean.{name}", branches.get(name))) for name in names}
    rows = spark.table(spark_table(batch.table, batch.branch)).where(F.col("_batch") == F.lit(batch.day))
    return reference_checks(batch.source, rows, others, _sampling(batch.source))


def _gate(
    catalogue: Catalogue,
    lake: Lake,
    day: date,
    run_id: str,
    cleaned: list[Cleaned],
    validator: Validator,
) -> CheckResult:
    """Record what the checks add up to; raises GateRefused. Returns whether the report was written."""
    report = write_docs(lake, catalogue, day, run_id, "clean", validator)
    results = [*(result for item in cleaned for result in item.checks), report]
    save_checks(lake, day, run_id, "clean", results)
    verdict = judge(results)
    stamps = {item.batch.table: item.batch.stamp for item in cleaned}
    warnings = (*verdict.warnings, *still_warned(run_records(lake, day), stamps, results))
    status = "warned" if warnings and verdict.status == "passed" else verdict.status
    record_run(lake, RunRecord(day, run_id, "clean", status, inputs={"batches": stamps}, warnings=warnings))
    if verdict.status == "refused":
        raise GateRefused(day, "clean", results)
    return report


def still_warned(
    records: Sequence[RunRecord], stamps: Mapping[str, str], results: Iterable[CheckResult]
) -> tuple[str, ...]:
    """The warnings of batches that are clean already, from the last time they were checked.

    In: the records of the day, oldest first; the stamp of the batch of each clean table now; the checks that
    ran now, whose old warnings are not repeated.
    """
    earlier = [record for record in records if record.stage == "clean"][-1:]
    checked = tuple(f"{result.title} (" for result in results)
    known = {
        table
        for record in earlier
        for table, stamp in record.inputs["batches"].items()
        if stamps.get(table) == stamp
    }
    return tuple(
        text
        for record in earlier
        for text in record.warnings
        if text.split(": ")[0] in known and not text.startswith(checked)
    )


def _settle(lake: Lake, batch: Batch, *, written: bool) -> None:
    """Take over the branch that this run wrote; one that an earlier, refused try left is dropped."""
    table = lake.catalog.load_table(batch.table)
    if batch.branch in table.metadata.refs:
        if written:
            fast_forward(table, batch.branch)
        drop_branch(table, batch.branch)
