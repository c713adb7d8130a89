"""The checks of batches on their branches."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from usertags.project.masking import masked_of
from usertags.project.model import CLEAN_DATA_DAY, Project, Source
from usertags.quality.checks import Check, CheckResult
from usertags.quality.clean_checks import (
    distinct_within_day,
    every_file_read,
    frequent_id,
    one_definition,
    one_row_per_key,
    reconciliation,
    rows_gone,
    usable_ids,
)
from usertags.quality.comparison import compared
from usertags.quality.expectations import Sampling, Validator
from usertags.quality.freshness_references import freshness_checks, reference_checks, referred
from usertags.quality.kinds import CheckKind
from usertags.quality.suites import clean_suite
from usertags.stages.batch_register import files_in_doubt, landed
from usertags.stages.batch_statistics import earlier_statistics, save_statistics
from usertags.stages.clean_batch import Batch, ends_at
from usertags.stages.clean_writing import Written
from usertags.stages.days import end_of
from usertags.stages.deliveries import described
from usertags.store.lake import Lake
from usertags.store.spark import spark_table
from usertags.transform.presence import of_day


@dataclass(frozen=True)
class Checked:
    """A batch on its branch and the results of its checks."""

    batch: Batch
    written: Written
    checks: tuple[CheckResult, ...]


def check_batches(
    spark: SparkSession,
    project: Project,
    lake: Lake,
    run_id: str,
    written: Iterable[tuple[Batch, Written]],
    validator: Validator,
) -> list[Checked]:
    """All checks of the batches of one day, each as soon as it is written; saves their statistics in
    `ops.batch_statistics`."""
    before = None
    done: list[Checked] = []
    for batch, item in written:
        before = earlier_statistics(lake, batch.data_day, project.quality) if before is None else before
        results = _checks(spark, project, batch, item, validator)
        results.append(one_definition(batch.source, batch.other_definitions))
        results += every_file_read(batch.source, batch.data_day, _left_out(lake, batch))
        earlier = before.get(batch.source.name, [])
        not_over = ends_at(batch, project.timezone) < end_of(batch.data_day, project.timezone)
        results += compared(
            batch.source,
            batch.data_day,
            item.statistics,
            earlier,
            project.quality,
            not_over=not_over,
            nothing_new=has_nothing_new(batch.source, item),
        )
        done.append(Checked(batch, item, tuple(results)))
    if not done:
        return []
    statistics = [each for one in done for each in one.written.statistics]
    save_statistics(lake, done[0].batch.data_day, run_id, statistics)
    batches = [one.batch for one in done]
    return [replace(one, checks=(*one.checks, *_references(spark, one, batches))) for one in done]


def _checks(
    spark: SparkSession, project: Project, batch: Batch, written: Written, validator: Validator
) -> list[CheckResult]:
    source = batch.source
    branch = spark.table(spark_table(batch.table, batch.branch))
    suite = clean_suite(project, source)
    declared = [check for check in suite.checks if not needs_news(check, source, written)]
    kept = _kept(branch, batch, written)
    results = [reconciliation(source, written.counts)]
    results += one_row_per_key(source, written.tied)
    results += rows_gone(source, written.departures)
    results += validator.validate(suite.name, kept, declared, sampling=_sampling(source))
    results += frequent_id(source, kept, written.counts["kept"])
    results += usable_ids(source, written.unusable, _rows_read(batch))
    results += freshness_checks(source, written.statistics, ends_at(batch, project.timezone))
    if written.days:
        touched = spark.createDataFrame([(day,) for day in written.days], "event_day date")
        there = of_day(branch, batch.data_day)
        results += distinct_within_day(source, project.measures_of(source.name), there, touched)
    return results


def _left_out(lake: Lake, batch: Batch) -> list[str]:
    """The files of a batch that extract left out in doubt."""
    if batch.source.read.files is None:
        return []
    found = files_in_doubt(lake, batch.source.name, batch.data_day, batch.attempt)
    return [described(each) for each in found]


def _rows_read(batch: Batch) -> int:
    """The rows of the valid reading of the batch: those of earlier ones are not counted."""
    return landed(batch.records)[batch.data_day].rows_read


def needs_news(check: Check, source: Source, written: Written) -> bool:
    """Whether the check fails only because a table that is read whole has not changed: it has rows, all of
    them known."""
    whole = source.read_whole and has_nothing_new(source, written)
    return check.kind is CheckKind.ROWS_CHECKED and whole


def has_nothing_new(source: Source, written: Written) -> bool:
    """Whether a table, or a source of which each delivery is the whole, was read and all its rows are known
    from before."""
    table = source.read.table is not None
    return (table or source.read_whole) and not written.counts["kept"] and written.counts["repeats"] > 0


def _sampling(source: Source) -> Sampling:
    return Sampling(source.key or tuple(name for _, name in source.ids), masked_of(source))


def _kept(branch: DataFrame, batch: Batch, written: Written) -> DataFrame:
    """The rows of the batch on its branch. Spark opens no file if none was kept."""
    return branch.where(
        F.col(CLEAN_DATA_DAY) == F.lit(batch.data_day) if written.counts["kept"] else F.lit(False)
    )


def _references(spark: SparkSession, one: Checked, written: list[Batch]) -> list[CheckResult]:
    """The checks that read other sources, once all sources have their rows of the day."""
    batch = one.batch
    names = referred(batch.source)
    if not names:
        return []
    branches = {other.source.name: other.branch for other in written}
    others = {
        name: of_day(spark.table(spark_table(f"clean.{name}", branches.get(name))), batch.data_day)
        for name in names
    }
    rows = _kept(spark.table(spark_table(batch.table, batch.branch)), batch, one.written)
    return reference_checks(batch.source, rows, others, _sampling(batch.source))
