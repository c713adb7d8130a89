"""audit: the checks of a run's branch. A critical failure stops the run; readers keep the last good day."""

import time
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.catalogue.model import Catalogue
from jobs.errors import UsageError
from jobs.quality.checks import CheckResult, GateRefused, judge, save_checks
from jobs.quality.expectations import Validator
from jobs.quality.tag_checks import (
    as_profile,
    exclusive_paths,
    in_user_tags_alone,
    refused_links,
    rfm_checks,
    tied_edges,
    user_profile_checks,
    user_tags_checks,
    user_tags_value_checks,
)
from jobs.stages.report import Line, StageReport
from jobs.stages.reports_store import publish_docs, quality_folder
from jobs.stages.runs import RunRecord, record_run, stage_record
from jobs.stages.tag import Run
from jobs.store.lake import Lake
from jobs.store.schemas import REFUSED_LINKS, RFM, RFM_THRESHOLDS, USER_MEASURES, USER_PROFILE, USER_TAGS


def audit(spark: SparkSession, catalogue: Catalogue, lake: Lake, day: date, run_id: str) -> StageReport:
    """Check the branch of a run and record the verdict.

    Raises UsageError when the run has built nothing, and GateRefused when a critical check fails.
    """
    started = time.monotonic()
    built = stage_record(lake, day, run_id, "tag")
    if built is None:
        raise UsageError(f"run {run_id} of {day} has built no tags", next_step="run the tag stage first")
    run = Run(spark, catalogue, lake, day, run_id)
    validator = Validator(quality_folder(catalogue, day, run_id, "audit"))
    results = _results(run, validator, built.row_counts[USER_MEASURES.name])
    publish_docs(lake, catalogue, day, run_id, "audit", validator.write_docs())
    save_checks(lake, day, run_id, "audit", results)
    verdict = judge(results)
    record_run(lake, RunRecord(day, run_id, "audit", verdict.status, warnings=verdict.warnings))
    if verdict.status == "refused":
        raise GateRefused(day, "audit", results)
    failed = sum(not result.success for result in results)
    line = Line("checks", read=len(results), note=f"{verdict.status}, {failed} failed")
    return StageReport("audit", day, run_id, time.monotonic() - started, (line,))


def _results(run: Run, validator: Validator, population: int) -> list[CheckResult]:
    profile = run.read(USER_PROFILE)
    rows = run.read(USER_TAGS)
    results = validator.validate("tags.user_tags", rows, user_tags_checks())
    unseen = in_user_tags_alone(run.catalogue)
    if unseen:
        values = as_profile(rows, unseen)
        results += validator.validate("tags.user_tags (values)", values, user_tags_value_checks(unseen))
    results += validator.validate(
        "tags.user_profile", profile, user_profile_checks(run.catalogue, population)
    )
    if run.catalogue.rfm is not None:
        results += validator.validate("tags.rfm", run.read(RFM), rfm_checks(run.catalogue, population))
        results += tied_edges([row.asDict() for row in run.read(RFM_THRESHOLDS).collect()])
    if run.catalogue.identity is not None:
        results.append(refused_links(_refused(run)))
    return results + exclusive_paths(profile, run.catalogue)


def _refused(run: Run) -> dict[str, int]:
    """The refused links of the run, counted by reason."""
    counted = run.read(REFUSED_LINKS, branch=False).groupBy("reason").agg(F.count("*").alias("links"))
    return {row["reason"]: row["links"] for row in counted.collect()}
