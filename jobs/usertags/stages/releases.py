"""Releases by a person: the decision, recorded in `ops.runs`, and the resulting verdict of the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from usertags.errors import DataError
from usertags.quality.checks import CheckResult, failed_critical
from usertags.quality.register import RunRecord, Stage
from usertags.stages.batch_register import on_main, registered
from usertags.stages.runs import record_run, run_records, stage_record
from usertags.stages.source_tables import tables_of
from usertags.store.lake import Lake

_STAGES: dict[str, Stage] = {"clean": "release_clean", "audit": "release_audit"}


@dataclass(frozen=True)
class Verdict:
    """The verdict of a published day as shown to readers. `warnings` includes the released checks."""

    status: str
    warnings: tuple[CheckResult, ...] = ()
    released_by: str | None = None
    release_reason: str | None = None


def decide(lake: Lake, refused: RunRecord, by: str, reason: str) -> RunRecord:
    """Record that a person releases what a stage refused; an existing decision is kept.

    It covers the failed critical checks, and for a clean stage the batches that failed them.
    """
    failed = failed_critical(lake, refused.data_day, refused.run_id, refused.stage)
    stamps = refused.inputs.get("batches", {})
    tables = {result.table for result in failed}
    # The release is about the batches that failed: it ends when these are read again, although batches of
    # other sources, which passed, still stand.
    bad = {table: stamp for table, stamp in stamps.items() if table in tables}
    record = RunRecord(
        refused.data_day,
        refused.run_id,
        _STAGES[refused.stage],
        "released",
        inputs={
            "checks": [result.check_id for result in failed],
            "batches": bad or stamps,
        },
        warnings=tuple(failed),
        released_by=by,
        release_reason=reason,
    )
    earlier = stage_record(lake, refused.data_day, refused.run_id, record.stage)
    if earlier is not None and _decision(earlier) == _decision(record):
        return earlier
    record_run(lake, record)
    return record


def _decision(record: RunRecord) -> tuple[object, ...]:
    return dict(record.inputs), record.released_by, record.release_reason


def not_released(release: RunRecord, failed: Sequence[str]) -> list[str]:
    """Of failed critical checks, by id, those that a decision does not cover."""
    return sorted(set(failed) - set(release.inputs["checks"]))


def verdict_of(lake: Lake, built: RunRecord, audited: RunRecord) -> Verdict | None:
    """The verdict of a run, from its audit, the clean checks of its batch, and releases.

    None if the audit refused the run and it was not released.
    """
    records = run_records(lake, built.data_day)
    valid = [record for record in records if _is_valid(lake, record)]
    of_audit = stage_record(lake, built.data_day, built.run_id, "release_audit")
    failed = failed_critical(lake, built.data_day, built.run_id, "audit")
    cleaned = [record for record in records if record.stage == "clean"][-1:]
    return verdict(audited, [result.check_id for result in failed], of_audit, valid, cleaned)


def verdict(
    audited: RunRecord,
    failed: Sequence[str],
    of_audit: RunRecord | None,
    valid: Sequence[RunRecord],
    cleaned: Sequence[RunRecord],
) -> Verdict | None:
    """The verdict derived from the records of a day.

    In: the audit of the run, the ids of the critical checks that failed in it, the decision to release
    it, the valid releases of batches, oldest first, and the newest clean record of the day, if there is
    one. None where the audit refused the run and no decision covers all that failed.
    """
    releases = list(valid)
    if of_audit is not None and not not_released(of_audit, failed):
        releases.append(of_audit)
    elif audited.status == "refused":
        return None
    warnings = [each for record in (*releases, *cleaned, audited) for each in record.warnings]
    if not releases:
        return Verdict("warned" if warnings else "passed", tuple(warnings))
    names = [record.released_by or "" for record in releases]
    reasons = [record.release_reason or "" for record in releases]
    return Verdict("released", tuple(warnings), _together(names, ", "), _together(reasons, "; "))


def require_clean_batch(lake: Lake, data_day: date) -> None:
    """No tags are built on a refused batch: raises DataError if the newest clean checks of the day
    refused its batch, unless it was released and promoted."""
    records = [record for record in run_records(lake, data_day) if record.stage == "clean"]
    if not records or records[-1].status != "refused":
        return
    refused = records[-1]
    released = stage_record(lake, data_day, refused.run_id, "release_clean") is not None
    if not released or not all(
        _is_on_main(lake, data_day, *batch) for batch in refused.inputs.get("batches", {}).items()
    ):
        raise DataError(
            f"the batch of {data_day} was refused by its clean checks (run {refused.run_id})",
            safe="readers keep the last good day",
            next_step=f"see `usertags checks --day {data_day}`, then run {data_day} again "
            "or release it (`usertags release`)",
        )


def _together(texts: Sequence[str], separator: str) -> str:
    return separator.join(dict.fromkeys(texts))


def _is_valid(lake: Lake, release: RunRecord) -> bool:
    """Whether the released batch is still in the clean tables: a batch that was extracted again or has a
    new definition since then is a different one."""
    if release.stage != "release_clean":
        return False
    return any(_is_on_main(lake, release.data_day, *batch) for batch in release.inputs["batches"].items())


def _is_on_main(lake: Lake, data_day: date, table: str, fingerprint: str) -> bool:
    """Whether the batch of a day in a clean table has this fingerprint."""
    source = table.removeprefix("clean.")
    record = on_main(registered(lake, [tables_of(lake, source)])[source], data_day)
    return record is not None and record.input_fingerprint == fingerprint
