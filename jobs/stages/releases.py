"""What a person lets through: the decision, kept in `ops.runs`, and what it makes of a day's publication."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pyiceberg.table import Table

from jobs.quality.checks import failed_critical
from jobs.stages.runs import RunRecord, Stage, record_run, run_records, stage_record
from jobs.store.lake import Lake
from jobs.store.tables import find_table, history, summary_value

_STAGES: dict[str, Stage] = {"clean": "release_clean", "audit": "release_audit"}


@dataclass(frozen=True)
class Verdict:
    """What readers are told of a published day. `warnings` holds what was released as well."""

    status: str
    warnings: tuple[str, ...] = ()
    released_by: str | None = None
    release_reason: str | None = None


def decide(lake: Lake, refused: RunRecord, by: str, reason: str) -> RunRecord:
    """Keep that a person releases what a stage refused; the decision that stands already is left alone.

    It covers the critical checks that had failed, and of a clean stage the batches that failed them.
    """
    failed = failed_critical(lake, refused.day, refused.run_id, refused.stage)
    stamps = refused.inputs.get("batches", {})
    bad = {table: stamp for table, stamp in stamps.items() if _of_table(table, failed)}
    record = RunRecord(
        refused.day,
        refused.run_id,
        _STAGES[refused.stage],
        "released",
        inputs={
            "checks": sorted(failed),
            "batches": bad or stamps,
        },
        warnings=tuple(failed[name] for name in sorted(failed)),
        released_by=by,
        release_reason=reason,
    )
    standing = stage_record(lake, refused.day, refused.run_id, record.stage)
    if standing is not None and _decision(standing) == _decision(record):
        return standing
    record_run(lake, record)
    return record


def _decision(record: RunRecord) -> tuple[object, ...]:
    return dict(record.inputs), record.released_by, record.release_reason


def _of_table(table: str, names: Iterable[str]) -> bool:
    return any(name.startswith(f"{table}: ") for name in names)


def not_released(release: RunRecord, failed: Sequence[str]) -> list[str]:
    """The failed critical checks that a decision does not cover."""
    return sorted(set(failed) - set(release.inputs["checks"]))


def verdict_of(lake: Lake, built: RunRecord, audited: RunRecord) -> Verdict | None:
    """The verdict of a run, from its audit, the clean checks of the batch that it stands on, and releases.

    None where the audit refused the run and nobody has released that.
    """
    records = run_records(lake, built.day)
    releases = [record for record in records if _stands(lake, record)]
    of_audit = stage_record(lake, built.day, built.run_id, "release_audit")
    failed = failed_critical(lake, built.day, built.run_id, "audit")
    if of_audit is not None and not not_released(of_audit, list(failed)):
        releases.append(of_audit)
    elif audited.status == "refused":
        return None
    cleaned = [record for record in records if record.stage == "clean"][-1:]
    warnings = [text for record in (*releases, *cleaned, audited) for text in record.warnings]
    if not releases:
        return Verdict("warned" if warnings else "passed", tuple(warnings))
    names = [record.released_by or "" for record in releases]
    reasons = [record.release_reason or "" for record in releases]
    return Verdict("released", tuple(warnings), _together(names, ", "), _together(reasons, "; "))


def _together(texts: Sequence[str], separator: str) -> str:
    return separator.join(dict.fromkeys(texts))


def _stands(lake: Lake, release: RunRecord) -> bool:
    """Whether readers of clean tables still see a batch that the decision let through: a batch that was
    extracted or defined anew since is another one."""
    if release.stage != "release_clean":
        return False
    for table, stamp in release.inputs["batches"].items():
        found = find_table(lake, table)
        if found is not None and batch_stamp(found, release.day) == stamp:
            return True
    return False


def batch_stamp(table: Table, day: date) -> str | None:
    """The stamp of the batch of a day that stands in a clean table."""
    for snapshot in history(table):
        if summary_value(snapshot, "batch") == day.isoformat():
            return summary_value(snapshot, "stamp")
    return None
