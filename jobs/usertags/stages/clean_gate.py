"""The verdict on a day's batches: it is recorded, and the day is refused if a critical check failed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from usertags.language import Language
from usertags.quality.checks import CheckResult, save_checks
from usertags.quality.gate import GateRefused, judge
from usertags.quality.register import RunRecord
from usertags.stages.runs import record_run, run_records
from usertags.store.lake import Lake


def pass_gate(
    lake: Lake,
    data_day: date,
    run_id: str,
    fingerprints: Mapping[str, str],
    results: Sequence[CheckResult],
    language: Language,
) -> None:
    """Record the verdict of the checks of a day. `fingerprints` are those of its batches, by clean table.
    Raises GateRefused, in the language of the project, if a critical check failed."""
    save_checks(lake, data_day, run_id, "clean", results)
    verdict = judge(results)
    warnings = (*verdict.warnings, *still_warned(run_records(lake, data_day), fingerprints, results))
    status = "warned" if warnings and verdict.status == "passed" else verdict.status
    inputs = {"batches": dict(fingerprints)}
    record_run(lake, RunRecord(data_day, run_id, "clean", status, inputs=inputs, warnings=warnings))
    if verdict.status == "refused":
        raise GateRefused(data_day, "clean", results, language)


def still_warned(
    records: Sequence[RunRecord], stamps: Mapping[str, str], results: Iterable[CheckResult]
) -> tuple[CheckResult, ...]:
    """The warnings of already clean batches, from the last time they were checked.

    In: the records of the day, oldest first; the fingerprint of the batch of each clean table now; the checks
    that ran now, whose old warnings are not repeated.
    """
    earlier = [record for record in records if record.stage == "clean"][-1:]
    checked = {result.check_id for result in results}
    known = {
        table
        for record in earlier
        for table, stamp in record.inputs["batches"].items()
        if stamps.get(table) == stamp
    }
    return tuple(
        warning
        for record in earlier
        for warning in record.warnings
        if warning.table in known and warning.check_id not in checked
    )
