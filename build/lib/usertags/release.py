"""Releasing a blocked day: a person takes responsibility for what the checks refused, with name and reason.

If the audit refused the tags, the day is published as the held run built it. If the clean checks refused the
batch, it is promoted in all sources and the remaining stages run: the tags are audited as usual.
Every step can be repeated, so the same command completes an interrupted release.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from usertags.errors import UsageError
from usertags.pipeline import Pipeline
from usertags.project.model import Project
from usertags.quality.checks import failed_critical
from usertags.quality.gate import GateRefused
from usertags.quality.register import Publication, RunRecord
from usertags.quality.sentences import sentence
from usertags.stages.clean import take_over
from usertags.stages.clean_batch import require_same_batch
from usertags.stages.rebase import rebase_run
from usertags.stages.releases import decide, not_released
from usertags.stages.report import StageReport
from usertags.stages.runs import blocked_days, publication_of, publications, run_records, stage_record
from usertags.stages.tag import Run
from usertags.store.lake import Lake, open_lake


def release(pipeline: Pipeline, day: date, *, by: str, reason: str) -> Iterator[StageReport]:
    """Release a blocked day and publish it; yields one report as each part ends.

    Raises UsageError when no person or reason is given, when the day is unknown or not blocked, and when what
    was refused no longer exists; GateRefused when a check fails that had not failed before.
    """
    by, reason = _given(by, "a name", "--by"), _given(reason, "a reason", "--reason")
    lake = pipeline.lake
    published = publication_of(lake, day)
    refused = _blocked(lake, day)
    if refused is not None:
        if refused.stage == "clean":
            require_same_batch(pipeline.project, lake, refused)
        decision = decide(lake, refused, by, reason)
        run_id = refused.run_id
        yield from (
            _clean_day(pipeline, decision) if refused.stage == "clean" else _held_run(pipeline, decision)
        )
    elif published is not None and (published.released_by, published.release_reason) == (by, reason):
        run_id = published.run_id
    else:
        raise _not_blocked(lake, day)
    yield from pipeline.stage("publish", day, run_id)


def blocked_by(project: Project, day: date) -> dict[str, Any]:
    """What blocks a day, for the person who decides: the run, the stage that refused it, the failed
    checks, and what readers see. Raises UsageError if the day is unknown or not blocked."""
    lake = open_lake(project)
    refused = _blocked(lake, day)
    if refused is None:
        raise _not_blocked(lake, day)
    published = publication_of(lake, day)
    newest = publications(lake)[-1:]
    failed = failed_critical(lake, day, refused.run_id, refused.stage)
    return {
        "day": day.isoformat(),
        "run_id": refused.run_id,
        "stage": refused.stage,
        "failed": [sentence(each, project.quality.language) for each in failed],
        "readers_see": _what_readers_see(day, published, newest[0] if newest else None),
    }


def _what_readers_see(day: date, published: Publication | None, newest: Publication | None) -> str:
    if published is not None:
        return f"run {published.run_id} of {day}"
    return f"{newest.day}, the newest published day" if newest else "no data: no day is published yet"


def _given(text: str, what: str, option: str) -> str:
    if not text.strip():
        raise UsageError(
            f"a release needs {what}",
            safe="nothing was released; readers keep the last good day",
            next_step=f"give {option}: it is recorded in `publications`, where readers see it",
        )
    return text.strip()


def _blocked(lake: Lake, day: date) -> RunRecord | None:
    return next((record for record in blocked_days(lake) if record.day == day), None)


def _not_blocked(lake: Lake, day: date) -> UsageError:
    if not run_records(lake, day):
        return UsageError(f"{day} has no run", next_step="check the day; `usertags report` shows the runs")
    published = publication_of(lake, day)
    if published is None:
        return UsageError(
            f"{day} is not blocked: it is not published yet, and no check has refused it",
            next_step=f"run it with `usertags run --day {day}`",
        )
    released = f", released by {published.released_by}" if published.released_by else ""
    return UsageError(
        f"{day} is not blocked: run {published.run_id} of it is published ({published.verdict}{released})",
        safe="published data is unchanged",
    )


def _clean_day(pipeline: Pipeline, decision: RunRecord) -> Iterator[StageReport]:
    """Promote the refused batch and run the remaining stages; the tags have to pass their audit."""
    day, run_id = decision.day, decision.run_id
    yield pipeline.saved(take_over(lambda: pipeline.spark, pipeline.project, pipeline.lake, decision))
    for stage in ("aggregate", "tag", "audit"):
        yield from pipeline.stage(stage, day, run_id)


def _held_run(pipeline: Pipeline, decision: RunRecord) -> Iterator[StageReport]:
    """Move the held rows onto the current main; what had to be recomputed is audited again."""
    lake, day, run_id = pipeline.lake, decision.day, decision.run_id
    built = _record(lake, day, run_id, "tag")
    yield pipeline.saved(
        rebase_run(
            lambda: Run(pipeline.spark, pipeline.project, lake, day, run_id),
            lake,
            built,
            pipeline.project.version,
        )
    )
    if _later(_record(lake, day, run_id, "tag"), _record(lake, day, run_id, "audit")):
        yield from _audit_again(pipeline, decision)


def _audit_again(pipeline: Pipeline, decision: RunRecord) -> Iterator[StageReport]:
    try:
        yield from pipeline.stage("audit", decision.day, decision.run_id)
    except GateRefused as refusal:
        if not_released(decision, [result.check_id for result in refusal.failed]):
            raise


def _record(lake: Lake, day: date, run_id: str, stage: str) -> RunRecord:
    found = stage_record(lake, day, run_id, stage)
    assert found is not None, f"run {run_id} was audited without {stage}"
    return found


def _later(one: RunRecord, other: RunRecord) -> bool:
    assert one.recorded_at is not None and other.recorded_at is not None
    return one.recorded_at > other.recorded_at
