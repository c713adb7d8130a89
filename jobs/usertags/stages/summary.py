"""The summary of a run: one JSON file with its reports, for programs that monitor the pipeline.

It is written when the checks of a stage have ended, whatever the verdict, and when the run is published. Its
fields are in docs/checks.md.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from usertags.config.quality_models import SEVERITIES
from usertags.language import Language
from usertags.project.model import Project
from usertags.quality import texts
from usertags.quality.checks import CheckResult, CheckRow, by_gravity, checks_of
from usertags.quality.gate import GateRefused
from usertags.quality.kinds import CheckKind
from usertags.quality.register import Publication, RunRecord
from usertags.quality.runbook import section_of
from usertags.quality.sentences import action, observed, title, wanted
from usertags.stages.left_out import WITHOUT_EVENTS
from usertags.stages.report import COUNTS, SUMMARY, Line, StageReport, load_reports, run_folder
from usertags.stages.runs import publications, run_records
from usertags.store.lake import Lake


@dataclass(frozen=True)
class RunFacts:
    """What is known of one run. `records` and `checks` are those of the run alone, `published` is the
    publication of its day, `newest` that of the newest published day; `language` is that of the sentences."""

    project: str
    data_day: date
    run_id: str
    definition_version: str
    reports: Sequence[StageReport] = ()
    records: Sequence[RunRecord] = ()
    checks: Sequence[CheckRow] = ()
    published: Publication | None = None
    newest: Publication | None = None
    language: Language = "en"


def save_summary(lake: Lake, project: Project, data_day: date, run_id: str) -> dict[str, Any]:
    """Write the current summary of a run, replacing an earlier one; returns it."""
    found = summarise(_facts(lake, project, data_day, run_id), datetime.now(UTC))
    lake.boto.put_object(
        Bucket=lake.reports_bucket,
        Key=f"{run_folder(project, data_day, run_id)}/{SUMMARY}",
        Body=json.dumps(found, ensure_ascii=False, indent=1).encode(),
        ContentType="application/json",
    )
    return found


def load_summary(lake: Lake, project: Project, data_day: date, run_id: str) -> dict[str, Any] | None:
    """The summary of a run; None if none of its checks has ended."""
    key = f"{run_folder(project, data_day, run_id)}/{SUMMARY}"
    try:
        body = lake.boto.get_object(Bucket=lake.reports_bucket, Key=key)["Body"].read()
    except lake.boto.exceptions.NoSuchKey:
        return None
    found: dict[str, Any] = json.loads(body)
    return found


def refused_report(refusal: GateRefused, data_day: date, run_id: str, seconds: float) -> StageReport:
    """The report of a stage that refused the day, from its checks: for the clean stage the row counts
    per source."""
    lines = [_counted(result) for result in refusal.results if result.kind is CheckKind.RECONCILED]
    failed = len(refusal.failed)
    note = texts.REFUSED_CHECKS.filled(refusal.language, failed=failed)
    return StageReport(
        refusal.stage,
        data_day,
        run_id,
        seconds,
        (*lines, Line("checks", read=len(refusal.results), note=note)),
    )


def _counted(result: CheckResult) -> Line:
    return Line(result.table.partition(".")[2], read=result.rows, **result.details)


def summarise(facts: RunFacts, written_at: datetime) -> dict[str, Any]:
    """The summary of a run as JSON-compatible values: counts, bounds and names, but no rows or users."""
    failed = [row for row in facts.checks if not row.success]
    counts = Counter(row.severity for row in failed)
    verdict, stage = _verdict(facts)
    own = facts.published if facts.published and facts.published.run_id == facts.run_id else None
    return {
        "project": facts.project,
        "day": facts.data_day.isoformat(),
        "run_id": facts.run_id,
        "verdict": verdict,
        "refused_by": stage,
        "definition_version": facts.definition_version,
        "written_at": written_at.isoformat(timespec="seconds"),
        "seconds": round(sum(report.seconds for report in facts.reports), 3),
        "stages": [
            {"stage": report.stage, "part": report.part, "seconds": round(report.seconds, 3)}
            for report in facts.reports
        ],
        "rows": {"sources": _sources(facts.reports), "tables": _tables(facts.records)}
        | _left_out(facts.reports),
        "checks": {
            "run": len(facts.checks),
            "failed": {severity: counts[severity] for severity in SEVERITIES},
        },
        "failed": [_failed(row, facts.language) for row in sorted(failed, key=by_gravity)],
        "readers_get": _readers(facts),
        "released_by": own.released_by if own else None,
        "release_reason": own.release_reason if own else None,
    }


def _verdict(facts: RunFacts) -> tuple[str, str | None]:
    """The verdict, and the stage that refused the run. A run without a verdict yet is unfinished."""
    if facts.published is not None and facts.published.run_id == facts.run_id:
        return facts.published.verdict, None
    refused = [record.stage for record in facts.records if record.status == "refused"]
    released = {record.stage.removeprefix("release_") for record in facts.records if _is_release(record)}
    unreleased = [stage for stage in refused if stage not in released]
    return ("refused", unreleased[-1]) if unreleased else ("unfinished", None)


def _is_release(record: RunRecord) -> bool:
    return record.status == "released"


def _sources(reports: Iterable[StageReport]) -> dict[str, dict[str, int]]:
    """By source: its row counts in the clean stage."""
    return {
        line.name: {part: getattr(line, part) or 0 for part in COUNTS}
        for report in reports
        if report.stage == "clean"
        for line in report.lines
        if line.kept is not None
    }


def _left_out(reports: Iterable[StageReport]) -> dict[str, Any]:
    """By source the rows of a time after the data day and their users in no table, and the users without any
    event; empty before the tag stage has ended."""
    lines = [line for report in reports if report.stage == "tag" for line in report.lines]
    if not lines:
        return {}
    return {
        "after_the_day": {
            line.name: {"rows": line.later, "users_in_no_table": line.users}
            for line in lines
            if line.later is not None
        },
        "users_without_events": sum(line.users or 0 for line in lines if line.name == WITHOUT_EVENTS),
    }


def _tables(records: Iterable[RunRecord]) -> dict[str, int]:
    """By table: the rows built by the run."""
    built = [record for record in records if record.stage == "tag"]
    return dict(built[-1].row_counts) if built else {}


def _failed(row: CheckRow, language: Language) -> dict[str, Any]:
    return {
        "id": row.check_id,
        "kind": row.kind.value,
        "table": row.table,
        "column": row.column,
        "stage": row.stage,
        "severity": row.severity,
        "owner": row.owner,
        "value": row.value,
        "usual": row.usual,
        "low": row.low,
        "high": row.high,
        "unit": row.unit,
        "rows": row.rows,
        "unexpected_rows": row.unexpected,
        "check": title(row, language),
        "observed": observed(row, language),
        "bounds": wanted(row, language),
        "action": action(row, language),
        "runbook": section_of(row.kind),
    }


def _readers(facts: RunFacts) -> dict[str, str] | None:
    """The day and run that readers see, up to this day; None before the first publication."""
    found = facts.published or facts.newest
    return {"day": found.data_day.isoformat(), "run_id": found.run_id} if found else None


def _facts(lake: Lake, project: Project, data_day: date, run_id: str) -> RunFacts:
    known = publications(lake)
    records = [record for record in run_records(lake, data_day) if record.run_id == run_id]
    built = [record.catalogue_version for record in records if record.stage == "tag"]
    return RunFacts(
        project=project.name,
        data_day=data_day,
        run_id=run_id,
        definition_version=(built[-1] if built else None) or project.version,
        reports=load_reports(lake, project, data_day, run_id),
        records=records,
        checks=checks_of(lake, data_day, run_id),
        published=next((item for item in known if item.data_day == data_day), None),
        newest=known[-1] if known else None,
        language=project.quality.language,
    )
