"""What the records of runs add up to: blocked days, verdicts, publications, warnings that stand. Literal
records, no store."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from usertags.quality.checks import CheckResult, result_of
from usertags.quality.kinds import CheckKind
from usertags.quality.register import Publication, RunRecord, blocked, record_of, record_row
from usertags.stages.clean_gate import still_warned
from usertags.stages.publish import publication_row
from usertags.stages.releases import Verdict, not_released, verdict
from usertags.store.schemas import PUBLICATIONS, RUNS

D1, D2, D3 = (date(2026, 3, day) for day in (1, 2, 3))
START = datetime(2026, 3, 4, 2, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def record(
    day: date, stage: str, status: str, minutes: int = 0, run_id: str = "r1", **more: Any
) -> RunRecord:
    return RunRecord(day, run_id, stage, status, recorded_at=at(minutes), **more)  # type: ignore[arg-type]


# ---- blocked days ------------------------------------------------------------------------------------


def days_blocked(
    records: list[RunRecord], published: dict[date, datetime] | None = None
) -> list[tuple[date, str]]:
    return [(item.data_day, item.run_id) for item in blocked(records, published or {})]


def test_a_day_whose_newest_checks_refused_it_is_blocked() -> None:
    records = [
        record(D2, "clean", "refused", 0),
        record(D1, "clean", "passed", 1),
        record(D1, "tag", "built", 2),
        record(D1, "audit", "refused", 3),
        record(D3, "clean", "warned", 4),
    ]
    found = blocked(records, {})
    assert [(item.data_day, item.stage) for item in found] == [(D1, "audit"), (D2, "clean")]
    assert blocked([], {D1: at(0)}) == []


@pytest.mark.parametrize(("status", "still"), [("passed", []), ("warned", []), ("refused", [(D1, "r2")])])
def test_the_newest_record_of_a_stage_counts(status: str, still: list[tuple[date, str]]) -> None:
    records = [record(D1, "clean", "refused", 0), record(D1, "clean", status, 5, "r2")]
    assert days_blocked(records) == still


def test_of_two_refusals_of_a_day_the_later_is_reported() -> None:
    clean, audit = record(D1, "clean", "refused", 9, "r2"), record(D1, "audit", "refused", 4, "r1")
    assert days_blocked([audit, clean]) == [(D1, "r2")]
    # The order of the stages is that in which they last ended, not by when they first did.
    assert days_blocked([record(D1, "clean", "refused", 0), audit, clean]) == [(D1, "r2")]
    # A batch that passes anew does not clear what the audit refused.
    assert days_blocked([audit, record(D1, "clean", "passed", 9, "r2")]) == [(D1, "r1")]


@pytest.mark.parametrize(("minutes", "still"), [(4, [(D1, "r1")]), (5, [(D1, "r1")]), (6, [])])
def test_a_day_published_after_its_refusal_is_blocked_no_more(
    minutes: int, still: list[tuple[date, str]]
) -> None:
    assert days_blocked([record(D1, "audit", "refused", 5)], {D1: at(minutes), D2: at(99)}) == still


def test_a_release_alone_does_not_clear_a_day() -> None:
    records = [record(D1, "audit", "refused", 0), record(D1, "release_audit", "released", 1)]
    assert days_blocked(records) == [(D1, "r1")]


def warning(table: str, name: str) -> CheckResult:
    return result_of(
        CheckKind.OWN, table, "warning", success=False, subject=name, value=3, high=2, unit="number"
    )


def named(found: Verdict | None) -> list[str]:
    return [each.subject or "" for each in found.warnings] if found else []


# ---- verdicts ----------------------------------------------------------------------------------------


def release(*checks: str, by: str = "mei", reason: str = "a sale", **more: Any) -> RunRecord:
    return record(
        D1,
        "release_audit",
        "released",
        inputs={"checks": list(checks)},
        warnings=tuple(warning("tags.user_tags", name) for name in checks),
        released_by=by,
        release_reason=reason,
        **more,
    )


OF_AUDIT, OF_CLEAN = warning("tags.rfm", "audit"), warning("clean.orders", "clean")
PASSED = record(D1, "audit", "passed")
REFUSED = record(D1, "audit", "refused", warnings=(OF_AUDIT,))
CLEAN = record(D1, "clean", "warned", warnings=(OF_CLEAN,))


def test_a_run_that_nothing_was_said_of_has_passed() -> None:
    assert verdict(PASSED, [], None, [], []) == Verdict("passed")
    assert verdict(PASSED, [], None, [], [record(D1, "clean", "passed")]) == Verdict("passed")


def test_warnings_of_the_batch_and_of_the_audit_are_reported_in_that_order() -> None:
    audited = record(D1, "audit", "warned", warnings=(OF_AUDIT,))
    assert verdict(audited, [], None, [], [CLEAN]) == Verdict("warned", (OF_CLEAN, OF_AUDIT))


def test_a_refused_run_has_no_verdict_until_all_that_failed_is_released() -> None:
    failed = ["t.a", "t.b"]
    assert verdict(REFUSED, failed, None, [], [CLEAN]) is None
    assert verdict(REFUSED, failed, release("t.a"), [], [CLEAN]) is None
    found = verdict(REFUSED, failed, release("t.b", "t.a", "t.c"), [], [CLEAN])
    assert named(found) == ["t.b", "t.a", "t.c", "clean", "audit"]
    assert found == Verdict("released", found.warnings, "mei", "a sale") if found else False
    # A batch that was let through is no word about the audit.
    assert verdict(REFUSED, failed, None, [release("c.x")], []) is None


def test_an_audit_that_passes_again_needs_no_release() -> None:
    assert verdict(PASSED, ["t.a"], release("t.b"), [], []) == Verdict("passed")


def test_who_released_what_stands_once_each() -> None:
    batches = [release("c.x", reason="late file"), release("c.y", by="lin")]
    found = verdict(PASSED, [], release("t.a"), batches, [])
    assert named(found) == ["c.x", "c.y", "t.a"]
    assert found is not None
    assert (found.status, found.released_by) == ("released", "mei, lin")
    assert found.release_reason == "late file; a sale"


def test_what_a_decision_does_not_cover_is_reported_once_in_order() -> None:
    assert not_released(release("t.a"), ["t.c", "t.a", "t.b", "t.c"]) == ["t.b", "t.c"]
    assert not_released(release("t.a", "t.b"), ["t.a"]) == []


# ---- the row of a publication ------------------------------------------------------------------------


def test_a_publication_says_what_it_was_made_of_and_what_it_replaces() -> None:
    built = record(
        D1,
        "tag",
        "built",
        run_id="r2",
        catalogue_version="v7",
        inputs={"rollup.orders": "12"},
        row_counts={"tags.user_tags": 3},
    )
    verdict_of_day = Verdict("released", (warning("clean.orders", "金额 low"),), "mei", "a sale")
    row = publication_row(built, verdict_of_day, Publication(D1, "r1", "passed", at(0)), at(9))
    assert set(row) == set(PUBLICATIONS.schema.names)
    assert {name: json.loads(row.pop(name)) for name in ("warnings", "inputs", "row_counts")} == {
        "warnings": ["clean.orders: 金额 low (observed 3, expected at most 2)"],
        "inputs": {"rollup.orders": "12"},
        "row_counts": {"tags.user_tags": 3},
    }
    assert row == {
        "dt": D1,
        "run_id": "r2",
        "published_at": at(9),
        "catalogue_version": "v7",
        "verdict": "released",
        "replaces": "r1",
        "released_by": "mei",
        "release_reason": "a sale",
    }


def test_a_first_publication_replaces_none_and_keeps_warnings_readable() -> None:
    verdict_of_day = Verdict("warned", (warning("clean.orders", "金额"),))
    row = publication_row(record(D1, "tag", "built"), verdict_of_day, None, at(1), "zh")
    assert (row["replaces"], row["released_by"]) == (None, None)
    assert row["warnings"] == '["clean.orders：金额（观测：3，要求：至多 2）"]'


def test_a_record_is_read_as_it_was_put_down() -> None:
    """Warnings of a record are results; the samples of theirs stay in `ops.checks`."""
    shown = replace(OF_CLEAN, samples=({"order_id": "A1"},), details={"days": 3}, owner="data")
    written = record(D1, "clean", "warned", 3, inputs={"batches": {"clean.orders": "o1"}}, warnings=(shown,))
    row = record_row(written, at(3))
    assert set(row) == set(RUNS.schema.names) and "A1" not in row["warnings"]
    assert record_of(row) == replace(written, warnings=(replace(shown, samples=()),))


# ---- warnings of batches that are clean already ------------------------------------------------------


ROWS, FRESH = (
    result_of(kind, table, "warning", success=False)
    for kind, table in (
        (CheckKind.ROWS_AS_BEFORE, "clean.orders"),
        (CheckKind.FRESH, "clean.users"),
    )
)


def cleaned(minutes: int = 0, **stamps: str) -> RunRecord:
    batches = {f"clean.{name}": stamp for name, stamp in stamps.items()}
    return record(D1, "clean", "warned", minutes, inputs={"batches": batches}, warnings=(ROWS, FRESH))


def test_warnings_stand_while_the_batch_that_they_are_about_does() -> None:
    now = {"clean.orders": "o1", "clean.users": "u2"}
    assert still_warned([cleaned(orders="o1", users="u1")], now, []) == (ROWS,)
    assert still_warned([cleaned(orders="o0", users="u1")], now, []) == ()
    assert still_warned([], now, []) == ()


def test_a_check_that_ran_again_speaks_for_itself() -> None:
    now = {"clean.orders": "o1", "clean.users": "u1"}
    earlier = [cleaned(orders="o1", users="u1")]
    again = replace(ROWS, success=True, value=7)
    assert still_warned(earlier, now, [again]) == (FRESH,)
    # Another check of the table, and the same of another table.
    others = [
        result_of(CheckKind.FRESH, "clean.orders", "warning", success=True),
        result_of(CheckKind.ROWS_AS_BEFORE, "clean.users", "warning", success=True),
    ]
    assert still_warned(earlier, now, others) == (ROWS, FRESH)


def test_only_the_last_time_that_a_batch_was_checked_counts() -> None:
    now = {"clean.orders": "o1", "clean.users": "u1"}
    last = record(D1, "clean", "passed", 5, inputs={"batches": now})
    later_stage = record(D1, "audit", "warned", 6, warnings=(ROWS,))
    assert still_warned([cleaned(orders="o1", users="u1"), last, later_stage], now, []) == ()
