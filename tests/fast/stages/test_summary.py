"""The summary of a run, from what is known of it, as literal JSON."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from tests.support.quality_rows import check
from usertags.config.quality_models import Severity
from usertags.quality.checks import CheckRow, result_of
from usertags.quality.gate import GateRefused
from usertags.quality.kinds import CheckKind
from usertags.quality.register import Publication, RunRecord
from usertags.stages.report import Line, StageReport
from usertags.stages.summary import RunFacts, refused_report, summarise

DAY, RUN = date(2026, 3, 2), "r20260303_020000_000"
NOW = datetime(2026, 3, 3, 2, 9, tzinfo=UTC)
COUNTS: dict[str, int] = {"kept": 95, "superseded": 2, "repeats": 1, "quarantined": 2}


def row(
    kind: CheckKind, column: str, severity: Severity, *, success: bool = False, **details: Any
) -> CheckRow:
    """A result; the sample never reaches a summary."""
    written = check(
        DAY, kind, column, severity=severity, success=success, value=0.03, unit="share", rows=95,
        unexpected=3, samples=({"order_id": "A4"},), details=details,
    )  # fmt: skip
    return CheckRow.of(written)


def published(run_id: str = RUN, day: date = DAY, **more: Any) -> Publication:
    return Publication(day, run_id, more.pop("verdict", "passed"), NOW, **more)


REFUSED = RunFacts(
    project="shop",
    data_day=DAY,
    run_id=RUN,
    definition_version="v1",
    reports=[
        StageReport("extract", DAY, RUN, 1.5, (Line("orders", read=100),), part="orders"),
        StageReport("clean", DAY, RUN, 4.25, (Line("orders", read=100, **COUNTS), Line("checks", read=3))),
    ],
    records=[RunRecord(DAY, RUN, "clean", "refused")],
    checks=[
        row(CheckKind.IN_VALUES, "status", "warning", values=["paid", "sent"]),
        row(CheckKind.GIVEN, "order_id", "critical", success=True),
        row(CheckKind.IN_RANGE, "amount", "critical", min=0, max=100),
    ],
    newest=published("r1", date(2026, 3, 1)),
)


def test_a_refused_run() -> None:
    assert summarise(REFUSED, NOW) == {
        "project": "shop",
        "day": "2026-03-02",
        "run_id": "r20260303_020000_000",
        "verdict": "refused",
        "refused_by": "clean",
        "definition_version": "v1",
        "written_at": "2026-03-03T02:09:00+00:00",
        "seconds": 5.75,
        "stages": [
            {"stage": "extract", "part": "orders", "seconds": 1.5},
            {"stage": "clean", "part": "", "seconds": 4.25},
        ],
        "rows": {
            "sources": {"orders": {"read": 100, "kept": 95, "superseded": 2, "repeats": 1, "quarantined": 2}},
            "tables": {},
        },
        "checks": {"run": 3, "failed": {"critical": 1, "warning": 1, "info": 0}},
        "failed": [
            {
                "id": "clean.orders.amount_in_its_range",
                "kind": "in_range",
                "table": "clean.orders",
                "column": "amount",
                "stage": "clean",
                "severity": "critical",
                "owner": "finance",
                "value": 0.03,
                "usual": None,
                "low": None,
                "high": None,
                "unit": "share",
                "rows": 95,
                "unexpected_rows": 3,
                "check": "amount in its range",
                "observed": "3 failing rows of 95",
                "bounds": "0 to 100",
                "action": "have it corrected",
                "runbook": "in-its-range",
            },
            {
                "id": "clean.orders.status_in_its_values",
                "kind": "in_values",
                "table": "clean.orders",
                "column": "status",
                "stage": "clean",
                "severity": "warning",
                "owner": "finance",
                "value": 0.03,
                "usual": None,
                "low": None,
                "high": None,
                "unit": "share",
                "rows": 95,
                "unexpected_rows": 3,
                "check": "status in its values",
                "observed": "3 failing rows of 95",
                "bounds": "one of paid, sent",
                "action": "have it corrected",
                "runbook": "in-its-values",
            },
        ],
        "readers_get": {"day": "2026-03-01", "run_id": "r1"},
        "released_by": None,
        "release_reason": None,
    }


def test_a_published_run_says_what_it_built() -> None:
    built = RunRecord(DAY, RUN, "tag", "built", row_counts={"tags.user_tags": 40})
    facts = replace(REFUSED, records=[built], checks=[], published=published(), newest=published())
    found = summarise(facts, NOW)
    assert (found["verdict"], found["refused_by"]) == ("passed", None)
    assert found["rows"]["tables"] == {"tags.user_tags": 40}
    assert found["readers_get"] == {"day": "2026-03-02", "run_id": RUN}


def test_a_released_run_says_by_whom_and_why() -> None:
    own = published(verdict="released", released_by="Wang Fang", release_reason="confirmed")
    found = summarise(replace(REFUSED, published=own), NOW)
    assert (found["verdict"], found["released_by"], found["release_reason"]) == (
        "released",
        "Wang Fang",
        "confirmed",
    )
    assert found["checks"]["failed"]["critical"] == 1


def test_readers_keep_the_run_of_the_day_that_was_published_before() -> None:
    own = published("r0", verdict="released", released_by="Wang Fang")
    found = summarise(replace(REFUSED, published=own), NOW)
    assert (found["verdict"], found["readers_get"]["run_id"], found["released_by"]) == ("refused", "r0", None)


def test_a_released_batch_whose_tags_are_refused_is_refused_by_the_audit() -> None:
    released = RunRecord(DAY, RUN, "release_clean", "released")
    records = [*REFUSED.records, released]
    assert summarise(replace(REFUSED, records=records), NOW)["verdict"] == "unfinished"
    records.append(RunRecord(DAY, RUN, "audit", "refused"))
    found = summarise(replace(REFUSED, records=records), NOW)
    assert (found["verdict"], found["refused_by"]) == ("refused", "audit")


def test_before_the_first_publication_readers_get_nothing() -> None:
    assert summarise(replace(REFUSED, newest=None), NOW)["readers_get"] is None


def test_the_report_of_a_refused_stage_counts_the_rows_of_its_sources() -> None:
    orders = "clean.orders"
    counted = result_of(
        CheckKind.RECONCILED, orders, "critical", success=True, value=100, rows=100, details=COUNTS
    )
    failed = result_of(CheckKind.IN_RANGE, orders, "critical", success=False, column="amount")
    report = refused_report(GateRefused(DAY, "clean", [counted, failed]), DAY, RUN, 4.25)
    assert report == StageReport(
        "clean",
        DAY,
        RUN,
        4.25,
        (
            Line("orders", read=100, **COUNTS),
            Line("checks", read=2, note="refused, 1 critical checks failed"),
        ),
    )


def test_who_and_what_is_in_no_table_of_the_day() -> None:
    lines = (
        Line("tags.user_tags", written=7),
        Line("members", later=3, users=2, note="x"),
        Line("without_events", users=4, note="x"),
    )
    found = summarise(replace(REFUSED, reports=[StageReport("tag", DAY, RUN, 1.0, lines)]), NOW)["rows"]
    assert found["after_the_day"] == {"members": {"rows": 3, "users_in_no_table": 2}}
    assert found["users_without_events"] == 4
    nobody = [StageReport("tag", DAY, RUN, 1.0, lines[:1])]
    found = summarise(replace(REFUSED, reports=nobody), NOW)["rows"]
    assert (found["after_the_day"], found["users_without_events"]) == ({}, 0)
