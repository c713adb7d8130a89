"""Releasing a blocked day: a person takes responsibility for what the checks refused, with name and reason.

If the audit refused the tags, the day is published as the held run built it. If the clean checks refused the
batch, it is promoted in all sources and the remaining stages run: the tags are audited as usual.
Every step can be repeated, so the same command completes an interrupted release.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from usertags.errors import UsageError
from usertags.language import Language, name_of
from usertags.pipeline import Pipeline
from usertags.project.model import Project
from usertags.quality import texts
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


def release(pipeline: Pipeline, data_day: date, *, by: str, reason: str) -> Iterator[StageReport]:
    """Release a blocked day and publish it; yields one report as each part ends.

    Raises UsageError when no person or reason is given, when the day is unknown or not blocked, and when what
    was refused no longer exists; GateRefused when a check fails that had not failed before.
    """
    by, reason = _given(by, "a name", "--by"), _given(reason, "a reason", "--reason")
    lake = pipeline.lake
    published = publication_of(lake, data_day)
    refused = _blocked(lake, data_day)
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
        raise _not_blocked(lake, data_day)
    yield from pipeline.stage("publish", data_day, run_id)


def blocked_by(project: Project, data_day: date) -> dict[str, Any]:
    """What blocks a day, for the person who decides: the run, the stage that refused it, the failed
    checks, what readers see, and the texts of the question. Raises UsageError if the day is unknown or not
    blocked."""
    lake = open_lake(project)
    refused = _blocked(lake, data_day)
    if refused is None:
        raise _not_blocked(lake, data_day)
    published = publication_of(lake, data_day)
    newest = publications(lake)[-1:]
    failed = failed_critical(lake, data_day, refused.run_id, refused.stage)
    language = project.quality.language
    readers_see = _what_readers_see(data_day, published, newest[0] if newest else None, language)
    return {
        "day": data_day.isoformat(),
        "run_id": refused.run_id,
        "stage": refused.stage,
        "failed": [sentence(each, language) for each in failed],
        "readers_see": readers_see,
        "question": question(data_day, refused.stage, readers_see, language),
    }


def question(data_day: date, stage: str, readers_see: str, language: Language) -> dict[str, str]:
    """The texts of the question to the person who decides, by their places in it."""
    return {
        "subject": texts.RELEASE_QUESTION.filled(
            language, day=data_day, stage=name_of(stage, texts.STAGES, language)
        ),
        "reason": texts.RELEASE_REASON.of(language),
        "failed": texts.RELEASE_FAILED.of(language),
        "readers": texts.RELEASE_READERS.filled(language, readers_see=readers_see),
        "page": texts.RELEASE_PAGE.filled(language, day=data_day),
    }


def _what_readers_see(
    data_day: date, published: Publication | None, newest: Publication | None, language: Language
) -> str:
    if published is not None:
        return texts.SEE_RUN.filled(language, run_id=published.run_id, day=data_day)
    return texts.SEE_DAY.filled(language, day=newest.data_day) if newest else texts.SEE_NOTHING.of(language)


def _given(text: str, what: str, option: str) -> str:
    if not text.strip():
        raise UsageError(
            f"a release needs {what}",
            safe="nothing was released; readers keep the last good day",
            next_step=f"give {option}: it is recorded in `publications`, where readers see it",
        )
    return text.strip()


def _blocked(lake: Lake, data_day: date) -> RunRecord | None:
    return next((record for record in blocked_days(lake) if record.data_day == data_day), None)


def _not_blocked(lake: Lake, data_day: date) -> UsageError:
    if not run_records(lake, data_day):
        return UsageError(
            f"{data_day} has no run", next_step="check the day; `usertags report` shows the runs"
        )
    published = publication_of(lake, data_day)
    if published is None:
        return UsageError(
            f"{data_day} is not blocked: it is not published yet, and no check has refused it",
            next_step=f"run it with `usertags run --day {data_day}`",
        )
    released = f", released by {published.released_by}" if published.released_by else ""
    return UsageError(
        f"{data_day} is not blocked: run {published.run_id} of it is published "
        f"({published.verdict}{released})",
        safe="published data is unchanged",
    )


def _clean_day(pipeline: Pipeline, decision: RunRecord) -> Iterator[StageReport]:
    """Promote the refused batch and run the remaining stages; the tags have to pass their audit."""
    data_day, run_id = decision.data_day, decision.run_id
    yield pipeline.saved(take_over(lambda: pipeline.spark, pipeline.project, pipeline.lake, decision))
    for stage in ("aggregate", "tag", "audit"):
        yield from pipeline.stage(stage, data_day, run_id)


def _held_run(pipeline: Pipeline, decision: RunRecord) -> Iterator[StageReport]:
    """Move the held rows onto the current main; what had to be recomputed is audited again."""
    lake, data_day, run_id = pipeline.lake, decision.data_day, decision.run_id
    built = _record(lake, data_day, run_id, "tag")
    yield pipeline.saved(
        rebase_run(
            lambda: Run(pipeline.spark, pipeline.project, lake, data_day, run_id),
            lake,
            built,
            pipeline.project.version,
            pipeline.project.quality.language,
        )
    )
    if _later(_record(lake, data_day, run_id, "tag"), _record(lake, data_day, run_id, "audit")):
        yield from _audit_again(pipeline, decision)


def _audit_again(pipeline: Pipeline, decision: RunRecord) -> Iterator[StageReport]:
    try:
        yield from pipeline.stage("audit", decision.data_day, decision.run_id)
    except GateRefused as refusal:
        if not_released(decision, [result.check_id for result in refusal.failed]):
            raise


def _record(lake: Lake, data_day: date, run_id: str, stage: str) -> RunRecord:
    found = stage_record(lake, data_day, run_id, stage)
    assert found is not None, f"run {run_id} was audited without {stage}"
    return found


def _later(one: RunRecord, other: RunRecord) -> bool:
    assert one.recorded_at is not None and other.recorded_at is not None
    return one.recorded_at > other.recorded_at
