"""clean: turns a batch of raw rows into typed, deduplicated rows by event day, and quarantined rows.

It is written on a branch of `clean.<source>` and checked there; a bad batch never reaches the roll-ups.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial

from pyspark.sql import SparkSession

from usertags.language import Language, Words
from usertags.project.model import Project
from usertags.quality import texts
from usertags.quality.checks import CheckResult, owned
from usertags.quality.clean_checks import one_definition, reconciliation
from usertags.quality.expectations import Validator
from usertags.quality.gate import GateRefused, refuses
from usertags.quality.register import RunRecord
from usertags.quality.sentences import observed
from usertags.stages.batch_register import register
from usertags.stages.clean_batch import Batch, batches_of
from usertags.stages.clean_checking import Checked, check_batches
from usertags.stages.clean_gate import pass_gate
from usertags.stages.clean_promotion import held, promote
from usertags.stages.clean_writing import Written, clean_record, write_batch
from usertags.stages.releases import not_released
from usertags.stages.report import Line, StageReport
from usertags.stages.reports_store import write_docs
from usertags.stages.runs import require_no_blocked_day
from usertags.store.lake import Lake

SOURCES_AT_ONCE = 3


def clean(spark: SparkSession, project: Project, lake: Lake, data_day: date, run_id: str) -> StageReport:
    """Clean the batch of a data day of every source; a batch that is already clean is skipped.

    Raises DataError when an earlier day is blocked or a source's batch was never extracted, UsageError when
    batches are not registered (`registered`) or a column would change its type, and GateRefused when a
    critical check fails: then no source of the batch is promoted, and the branches are kept for inspection.
    """
    started = time.monotonic()
    require_no_blocked_day(lake, data_day)
    language = project.quality.language
    batches = batches_of(project, lake, data_day)
    # One validator for all sources: the report of the stage shows what it validated.
    validator = Validator()
    todo = [batch for batch in batches if not batch.clean_already]
    checked = _written_and_checked(spark, project, lake, todo, run_id, validator)
    report = write_docs(lake, project, data_day, run_id, "clean", validator)
    known = [result for batch in batches if batch.clean_already for result in _known_checks(batch)]
    results = owned(
        (*(result for one in checked for result in one.checks), *known, report), project.quality.owner
    )
    # A release covers these batches alone: one that is extracted again has another fingerprint.
    fingerprints = {batch.table: batch.fingerprint for batch in batches}
    try:
        pass_gate(lake, data_day, run_id, fingerprints, results, language)
    except GateRefused:
        register(lake, [clean_record(one.batch, one.written, "held", run_id) for one in checked])
        raise
    promote(lake, batches, [clean_record(one.batch, one.written, "clean", run_id) for one in checked])
    lines = _lines(batches, checked, language)
    lines += [] if report.success else [Line("report", note=observed(report, language))]
    return StageReport("clean", data_day, run_id, time.monotonic() - started, tuple(lines))


def _written_and_checked(
    spark: SparkSession,
    project: Project,
    lake: Lake,
    batches: list[Batch],
    run_id: str,
    validator: Validator,
) -> list[Checked]:
    """Several sources concurrently, in order: while one waits for the store or is checked, others compute."""
    write = partial(write_batch, spark, project, lake, run_id=run_id)
    with ThreadPoolExecutor(max_workers=SOURCES_AT_ONCE) as pool:
        written = zip(batches, pool.map(write, batches), strict=True)
        return check_batches(spark, project, lake, run_id, written, validator)


def _known_checks(batch: Batch) -> list[CheckResult]:
    """The checks of an already clean batch that do not read its rows."""
    known = batch.clean_already
    assert known is not None
    return [
        reconciliation(batch.source, known.counts),
        one_definition(batch.source, batch.other_definitions),
    ]


def _lines(batches: list[Batch], checked: list[Checked], language: Language) -> list[Line]:
    written = {one.batch.source.name: one.written for one in checked}
    lines = []
    for batch in batches:
        name, known = batch.source.name, batch.clean_already
        if known is not None:
            already = texts.ALREADY_CLEAN.of(language)
            lines.append(Line(name, **known.counts, written=0, note=already))
        else:
            done = written[name]
            note = _note(batch, done, language)
            lines.append(Line(name, **done.counts, written=done.counts["kept"], note=note))
    return lines


def _note(batch: Batch, written: Written, language: Language) -> str:
    gone = written.departures.gone if written.departures else 0
    if not gone or not batch.source.loses_rows:
        return ""
    return texts.GONE_AT_THE_SOURCE.filled(language, count=gone)


def take_over(
    session: Callable[[], SparkSession], project: Project, lake: Lake, release: RunRecord
) -> StageReport:
    """Promote the batch of every source of a day that a person has released.

    A branch that main can be fast-forwarded to is used unchanged. If main has moved since then, the batch is
    cleaned again on top of it and checked again. Raises GateRefused if a critical check fails that the
    release does not cover.
    """
    started = time.monotonic()
    data_day, run_id = release.data_day, release.run_id
    batches = batches_of(project, lake, data_day)
    todo = [batch for batch in batches if not batch.clean_already]
    on_branch = {batch.source.name: record for batch in todo if (record := held(lake, batch))}
    again = [batch for batch in todo if batch.source.name not in on_branch]
    records = [*on_branch.values()]
    if again:
        checked = _cleaned_again(session(), project, lake, release, again)
        records += [clean_record(one.batch, one.written, "clean", run_id) for one in checked]
    promote(lake, batches, records)
    lines = tuple(
        Line(
            batch.source.name,
            note=_taken_over(batch in todo, batch in again).of(project.quality.language),
        )
        for batch in batches
    )
    return StageReport("release", data_day, run_id, time.monotonic() - started, lines)


def _taken_over(written: bool, again: bool) -> Words:
    if again:
        return texts.CLEANED_AGAIN
    return texts.PROMOTED if written else texts.ALREADY_CLEAN


def _cleaned_again(
    spark: SparkSession, project: Project, lake: Lake, release: RunRecord, batches: list[Batch]
) -> list[Checked]:
    checked = _written_and_checked(spark, project, lake, batches, release.run_id, Validator())
    results = [result for one in checked for result in one.checks]
    failed = [result.check_id for result in results if refuses(result)]
    if not_released(release, failed):
        raise GateRefused(release.data_day, "clean", results, project.quality.language)
    return checked
