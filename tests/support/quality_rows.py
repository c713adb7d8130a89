"""Rows of the tables as the stages write them, for tests that need no lake."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from usertags.config.quality_models import Severity
from usertags.quality.checks import CheckRow, Row, check_row, result_of
from usertags.quality.kinds import CheckKind
from usertags.quality.register import RunRecord, publication_from, record_of, record_row
from usertags.quality.timeline import History, history

DAYS = [date(2026, 3, number) for number in range(1, 8)]


def run_of(day: date, hour: int = 18) -> str:
    return f"r{day:%Y%m%d}_{hour:02d}0000_000"


def at(day: date, hour: int = 18, minute: int = 5) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def check(
    day: date,
    kind: CheckKind,
    column: str | None = None,
    *,
    table: str = "clean.orders",
    subject: str | None = None,
    success: bool = True,
    severity: Severity = "critical",
    hour: int = 18,
    stage: str = "clean",
    **columns: Any,
) -> dict[str, Any]:
    """A row of `ops.checks`, by default of clean.orders and critical."""
    written = {"owner": "finance", "action": "have it corrected"} | columns
    result = result_of(kind, table, severity, success=success, column=column, subject=subject, **written)
    return check_row(result, day, run_of(day, hour), stage, at(day, hour))


def ended(day: date, stage: str, status: str, *, hour: int = 18, minute: int = 5) -> dict[str, Any]:
    """A row of `ops.runs`."""
    record = RunRecord(day, run_of(day, hour), stage, status)  # type: ignore[arg-type]
    return record_row(record, at(day, hour, minute))


def publication(day: date, verdict: str = "passed", *, hour: int = 18, **more: Any) -> dict[str, Any]:
    """A row of `tags.publications`, six minutes after the hour of its run."""
    return {
        "dt": day,
        "run_id": run_of(day, hour),
        "verdict": verdict,
        "published_at": at(day, hour, 6),
        "catalogue_version": "0123456789abcdef",
        "warnings": "[]",
        "inputs": "{}",
        "replaces": None,
        "row_counts": '{"tags.user_tags": 40}',
        "released_by": None,
        "release_reason": None,
    } | more


def history_of(
    checks: Iterable[Row],
    runs: Iterable[Row],
    publications: Iterable[Row],
    expected: date | None = None,
) -> History:
    """The days of rows of the three tables."""
    return history(
        map(CheckRow.of, checks), map(record_of, runs), map(publication_from, publications), expected
    )


def statistic(day: date, tag: str, value: str, users: int, before: int, of: int = 100) -> dict[str, Any]:
    """A row of `tags.tag_statistics`; `of` is the population."""
    return {
        "dt": day,
        "run_id": run_of(day),
        "tag_id": tag,
        "tag_value": value,
        "users": users,
        "share": users / of,
        "users_before": before,
        "change": users - before,
    }


def size(day: date, tag: str, users: int, before: int, of: int = 100) -> dict[str, Any]:
    """A row of `tags.tag_coverage`; `of` is the population."""
    return {
        "dt": day,
        "run_id": run_of(day),
        "tag_id": tag,
        "users": users,
        "share": users / of,
        "users_before": before,
        "change": users - before,
    }


def entry(day: date, tag: str, **more: Any) -> dict[str, Any]:
    """A row of `tags.tag_catalogue`."""
    return {
        "dt": day,
        "run_id": run_of(day),
        "tag_id": tag,
        "name_zh": "标签",
        "name_en": tag.title(),
        "level1": "first",
        "level2": "second",
        "level3": "third",
        "level1_zh": "甲",
        "level2_zh": "乙",
        "level3_zh": "丙",
        "kind": "rule",
        "type": "string",
        "values": None,
        "definition": "orders >= 3",
        "description": "",
        "owner": "growth",
        "validity": "dynamic",
        "sensitivity": None,
        "kept_out_of": [],
        "status": "active",
        "definition_version": "0123456789abcdef",
    } | more
