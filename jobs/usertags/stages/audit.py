"""audit: the checks on the branch of a run. A critical failure stops the run; readers keep the last good
day."""

import time
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from usertags.errors import UsageError
from usertags.language import name_of
from usertags.project.masking import masked_columns
from usertags.project.model import Project
from usertags.published import RFM, RFM_THRESHOLDS, TAG_COVERAGE, TAG_STATISTICS, USER_PROFILE, USER_TAGS
from usertags.quality import texts
from usertags.quality.checks import CheckResult, owned, save_checks
from usertags.quality.expectations import Sampling, Validator
from usertags.quality.gate import GateRefused, judge
from usertags.quality.register import RunRecord
from usertags.quality.suites import USER_TAGS_VALUES, tag_suites
from usertags.quality.tag_checks import (
    as_profile,
    exclusive_paths,
    in_user_tags_alone,
    refused_links,
    spread_scores,
    tied_edges,
)
from usertags.quality.tag_drift import coverage_bounds, distributions, numbers, sizes, tag_drift
from usertags.stages.report import Line, StageReport
from usertags.stages.reports_store import write_docs
from usertags.stages.runs import publications, record_run, stage_record
from usertags.stages.tag import Run
from usertags.store.lake import Lake
from usertags.store.schemas import REFUSED_LINKS, USER_MEASURES, TableSpec
from usertags.store.spark import spark_table
from usertags.transform.tag_statistics import users_of_tags, users_together


def audit(spark: SparkSession, project: Project, lake: Lake, data_day: date, run_id: str) -> StageReport:
    """Check the branch of a run and record the verdict: results in `ops.checks`, the verdict in `ops.runs`,
    the pages of Great Expectations with the reports.

    Raises UsageError if the run has not built anything, and GateRefused if a critical check fails.
    """
    started = time.monotonic()
    built = stage_record(lake, data_day, run_id, "tag")
    if built is None:
        raise UsageError(f"run {run_id} of {data_day} has no tags", next_step="run the tag stage first")
    language = project.quality.language
    run = Run(spark, project, lake, data_day, run_id)
    validator = Validator()
    found = _results(run, validator, built.row_counts[USER_MEASURES.name])
    found.append(write_docs(lake, project, data_day, run_id, "audit", validator))
    results = owned(found, project.quality.owner)
    save_checks(lake, data_day, run_id, "audit", results)
    verdict = judge(results)
    record_run(lake, RunRecord(data_day, run_id, "audit", verdict.status, warnings=verdict.warnings))
    if verdict.status == "refused":
        raise GateRefused(data_day, "audit", results, language)
    failed = sum(not result.success for result in results)
    status = name_of(verdict.status, texts.STATUSES, language)
    note = texts.AUDITED.filled(language, status=status, failed=failed)
    line = Line("checks", read=len(results), note=note)
    return StageReport("audit", data_day, run_id, time.monotonic() - started, (line,))


def _results(run: Run, validator: Validator, population: int) -> list[CheckResult]:
    project = run.project
    profile, rows = run.read(USER_PROFILE), run.read(USER_TAGS)
    frames = {
        USER_TAGS.name: rows,
        USER_TAGS_VALUES: as_profile(rows, in_user_tags_alone(project)),
        USER_PROFILE.name: profile,
        RFM.name: run.read(RFM),
    }
    results: list[CheckResult] = []
    for suite in tag_suites(project):
        results += validator.validate(
            suite.name, frames[suite.name], suite.checks, {"population": population}, sampling(project)
        )
    if project.rfm is not None:
        results += tied_edges([row.asDict() for row in run.read(RFM_THRESHOLDS).collect()])
        results += spread_scores(frames[RFM.name], project.rfm.entry.scoring)
    if project.identity is not None:
        results.append(refused_links(_refused(run)))
    return [*results, *exclusive_paths(profile, project), *_against_before(run, rows, population)]


def sampling(project: Project) -> Sampling:
    """How failing rows of the tag tables are shown: by user_id, with the masked columns of users."""
    return Sampling(("user_id",), masked_columns(project, USER_TAGS.name))


def _against_before(run: Run, rows: DataFrame, population: int) -> list[CheckResult]:
    """The users of each tag compared with its bounds and with the last published days."""
    bounded = [tag for tag in run.project.published_tags() if tag.coverage is not None]
    users = {row["tag_id"]: row["users"] for row in users_of_tags(rows).collect()} if bounded else {}
    results = coverage_bounds(run.project, users, population)
    days = publications(run.lake, before=run.data_day)[-run.project.quality.published :]
    if not days:
        return results
    runs = [(each.data_day, each.run_id) for each in days]
    summed = users_together(_published(run, TAG_STATISTICS), runs, "tag_id", "tag_value")
    today = run.read(TAG_STATISTICS).where(F.col("users") > 0)
    found = distributions(today, summed, numbers(run.project.published_tags()))
    covered = sizes(run.read(TAG_COVERAGE), users_together(_published(run, TAG_COVERAGE), runs, "tag_id"))
    populations = [each.row_counts.get(USER_PROFILE.name, 0) for each in days]
    return results + tag_drift(run.project, found, covered, population, populations)


def _published(run: Run, table: TableSpec) -> DataFrame:
    """The rows of all days and runs of a table."""
    return run.spark.table(spark_table(table.name))


def _refused(run: Run) -> dict[str, int]:
    """The number of refused links of the run by reason."""
    counted = run.read(REFUSED_LINKS, branch=False).groupBy("reason").agg(F.count("*").alias("links"))
    return {row["reason"]: row["links"] for row in counted.collect()}
