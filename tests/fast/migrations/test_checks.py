"""Rows that an earlier version wrote, as literals, and what becomes of them."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from usertags.migrations.checks import migrated_check, migrated_run
from usertags.quality.checks import CheckRow
from usertags.quality.kinds import CheckKind
from usertags.quality.register import record_of
from usertags.quality.sentences import observed, sentence
from usertags.store.schemas import CHECKS, RUNS

DAY, NOW = date(2026, 3, 2), datetime(2026, 3, 3, 2, tzinfo=UTC)


def old(check: str, observed: str, bounds: str, **more: Any) -> dict[str, Any]:
    return {
        "stage": "clean",
        "table": "clean.orders",
        "check": check,
        "column": None,
        "severity": "critical",
        "success": False,
        "observed": observed,
        "bounds": bounds,
        "rows": None,
        "failing": None,
        "owner": "finance",
        "action": "have it corrected",
        "checked_at": NOW,
        "check_id": None,
        "sample": None,
        "run_id": "r1",
        "dt": DAY,
    } | more


BEFORE = "14 days before"
PAST = {"days": 14, "compared": "before"}
RANGE = '{"min_value": 0, "max_value": 100}'


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        (
            old("amount in its range", "3 failing rows (7.50 %)", RANGE, column="amount", rows=40, failing=3,
                sample='[{"order_id": "A4", "amount": -1}]'),
            {"kind": CheckKind.IN_RANGE, "check_id": "clean.orders.amount_in_its_range", "column": "amount",
             "value": 0.075, "unit": "share", "rows": 40, "unexpected": 3, "details": {"min": 0, "max": 100},
             "samples": ({"order_id": "A4", "amount": -1},)},
        ),
        (
            old("status in its values", "as wanted", '{"value_set": ["a"], "mostly": 0.9}', success=True,
                column="status", sample="not json"),
            {"kind": CheckKind.IN_VALUES, "value": None, "high": 0.1, "samples": (),
             "details": {"values": ["a"], "mostly": 0.9}},
        ),
        (
            old("rows as on the days before",
                "65 rows of 2026-03-02, usual 130 (the same weekday of 4 weeks)",
                "less: warning 0.3, critical 0.45 of the usual missing, more: any times the usual",
                rows=65, check_id="clean.orders.rows_as_before"),
            {"kind": CheckKind.ROWS_AS_BEFORE, "check_id": "clean.orders.rows_as_before", "value": 65,
             "usual": 130, "unit": "rows",
             "details": {"day": "2026-03-02", "days": 4, "compared": "weekday", "rise": {},
                         "fall": {"warning": 0.3, "critical": 0.45}}},
        ),
        (
            old("channel empty as often as before", f"1.000 of the rows without it, usual 0.331 ({BEFORE})",
                "rise warning 0.1", column="channel"),
            {"kind": CheckKind.EMPTY_AS_BEFORE, "check_id": "clean.orders.channel_empty_as_before",
             "value": 1.0, "usual": 0.331, "unit": "share", "details": {"bounds": {"warning": 0.1}} | PAST},
        ),
        (
            old("amount in its usual scale", f"5.03e+04 in the middle, usual 503.2 ({BEFORE})",
                "times warning 2, critical 10", column="amount"),
            {"value": 50300, "usual": 503.2, "unit": "number",
             "details": {"bounds": {"warning": 2, "critical": 10}} | PAST},
        ),
        (
            old("customer in its usual length", f"6.00 characters on average, usual 8.00 ({BEFORE})",
                "difference warning 0.5, critical 1.5", column="customer"),
            {"value": 6, "usual": 8, "unit": "characters"},
        ),
        (
            old("customer is known in users.customer", "0.2500 of the rows (90 of 120 unknown)",
                "at least 0.98", column="customer", rows=120, failing=90),
            {"kind": CheckKind.KNOWN, "check_id": "clean.orders.customer_is_known_in_users_customer",
             "subject": "users.customer", "value": 0.25, "low": 0.98, "unit": "share", "unexpected": 90},
        ),
        (
            old("newest row within 2d of the end of the day",
                "2026-03-01 18:00 (4 days, 6:00:00 before the end of the day)",
                "at most 2d before the end of the day", column="ordered_at", check_id="clean.orders.fresh"),
            {"kind": CheckKind.FRESH, "subject": "2d", "value": 6120, "high": 2880, "unit": "minutes",
             "details": {"newest": "2026-03-01 18:00"}},
        ),
        (
            old("newest row within 2h of the end of the day", "no row",
                "at most 2h before the end of the day"),
            {"check_id": "clean.orders.fresh", "value": None, "high": 120},
        ),
        (
            old("big_spender in its coverage", "0.6000 of the users (60 of 100)", "0 to 0.1", rows=100,
                table="tags.user_tags", column="big_spender"),
            {"check_id": "tags.user_tags.big_spender_coverage", "value": 0.6, "low": None, "high": 0.1,
             "details": {"users": 60}},
        ),
        (
            old("big_spender coverage as before", "1.970 (3.00% → 60.00% of the users, 3 published days)",
                "population stability index below warning 0.1, critical 0.25", column="big_spender",
                table="tags.tag_statistics"),
            {"check_id": "tags.tag_statistics.big_spender_coverage_drift", "value": 1.97, "high": 0.1,
             "unit": "index", "details": {"before": 0.03, "now": 0.6, "days": 3,
                                          "bounds": {"warning": 0.1, "critical": 0.25}}},
        ),
        (
            old("every row is accounted for", '{"kept": 9, "superseded": 0, "repeats": 1, "quarantined": 0}',
                "read 10", success=True, rows=10, failing=0),
            {"value": 10, "unit": "rows", "unexpected": 0,
             "details": {"kept": 9, "superseded": 0, "repeats": 1, "quarantined": 0}},
        ),
        (
            old("every declared check ran", "0 checks ran: RuntimeError: Wang Fang", "7 checks",
                table="tags.user_tags", check_id="tags.user_tags.every_declared_check_ran_values"),
            {"kind": CheckKind.SUITE_RAN, "subject": "values", "value": 0, "low": 7, "unit": "checks",
             "error": "RuntimeError"},
        ),
        (
            old("exactly one tag of 人口/性别", "2 users with none or several", "0", rows=4, failing=2,
                table="tags.user_profile", check_id="tags.user_profile.exclusive_people_gender"),
            {"kind": CheckKind.EXCLUSIVE, "subject": "people_gender", "value": 0.5,
             "details": {"path": "人口/性别"}},
        ),
        (
            old("the sum of refunds", '{"a": 1}', '{"max_value": 3}', check_id="clean.orders.refund_sum"),
            {"kind": CheckKind.OWN, "check_id": "clean.orders.refund_sum", "subject": "refund_sum",
             "value": None, "details": {"arguments": {"max_value": 3}, "observed": '{"a": 1}'}},
        ),
        (
            old("7 links", "?", "?", check_id=None),
            {"kind": CheckKind.OWN, "check_id": "clean.orders.7_links", "value": None},
        ),
        (
            old("rows as on the days before", "another sentence", "as before"),
            {"value": None, "unit": None, "details": {"observed": "another sentence"}},
        ),
    ],
    ids=lambda value: value.get("check", ""),
)  # fmt: skip
def test_an_old_row_keeps_its_id_and_its_numbers_become_columns(
    row: dict[str, Any], facts: dict[str, Any]
) -> None:
    new = migrated_check(row)
    assert set(new) == set(CHECKS.schema.names)
    found = CheckRow.of(new)
    assert {name: getattr(found, name) for name in facts} == facts
    assert (found.data_day, found.run_id, found.stage, found.checked_at) == (DAY, "r1", "clean", NOW)
    assert (found.severity, found.success, found.owner) == ("critical", row["success"], "finance")
    assert observed(found) and sentence(found)


def test_every_kind_of_an_old_name_is_reported() -> None:
    names = {
        "x is never empty": CheckKind.NEVER_EMPTY,
        "x, y stands once": CheckKind.UNIQUE_KEY,
        "one row a user": CheckKind.ONE_ROW_PER_USER,
        "one row a user, tag and rank": CheckKind.ONE_ROW_PER_RANK,
        "columns as declared": CheckKind.COLUMNS,
        "order_id stays within one day": CheckKind.WITHIN_DAY,
        "edges of recency differ": CheckKind.EDGES,
        "the report of the clean stage is there": CheckKind.REPORT,
    }
    found = {name: CheckRow.of(migrated_check(old(name, "", ""))) for name in names}
    assert {name: row.kind for name, row in found.items()} == names
    assert [row.check_id for row in found.values()] == [
        "clean.orders.x_is_never_empty",
        "clean.orders.x_y_stands_once",
        "clean.orders.one_row_a_user",
        "clean.orders.one_row_a_user_tag_and_rank",
        "clean.orders.columns_as_declared",
        "clean.orders.order_id_stays_within_one_day",
        "clean.orders.edges_of_recency_differ",
        "clean.orders.the_report_of_the_clean_stage_is_there",
    ]


def test_warnings_of_a_record_become_results_and_released_checks_ids() -> None:
    checks = [
        old("rows as on the days before", "", "", check_id="clean.orders.rows_as_before"),
        old("exactly one tag of 甲/乙", "", "", table="tags.user_profile",
            check_id="tags.user_profile.exclusive_a_b"),
    ]  # fmt: skip
    row = {
        "dt": DAY,
        "run_id": "r1",
        "stage": "release_audit",
        "status": "released",
        "recorded_at": NOW,
        "previous_dt": None,
        "previous_run_id": None,
        "catalogue_version": None,
        "inputs": json.dumps(
            {"checks": ["tags.user_profile: exactly one tag of 甲/乙", "clean.users: age is given"]}
        ),
        "row_counts": "{}",
        "warnings": json.dumps(
            [
                "clean.orders: rows as on the days before (observed 65 rows of 2026-03-02, usual 130 "
                "(the same weekday of 4 weeks), wanted less: warning 0.3 of the usual missing, more: any)",
                "said by hand",
            ]
        ),
        "released_by": "mei",
        "release_reason": "a sale",
    }
    new = migrated_run(row, checks)
    # By which rules an earlier version joined ids is not known.
    assert set(new) == {*RUNS.schema.names} - {"identity_version"}
    record = record_of(new)
    assert record.inputs == {"checks": ["clean.users.age_is_given", "tags.user_profile.exclusive_a_b"]}
    one, other = record.warnings
    assert (one.check_id, one.value, one.usual, one.severity) == (
        "clean.orders.rows_as_before", 65, 130, "critical"
    )  # fmt: skip
    assert (other.kind, other.success) == (CheckKind.OWN, False)
