"""Data days that do not go as planned: out of order, refused, corrected, under a changed configuration."""

import json
from datetime import datetime
from decimal import Decimal

import pytest

from usertags.quality.checks import CheckRow
from usertags.quality.sentences import action

from .bad_days import Backfilled, Extended, Forgotten, Held, LeftOut, Moved, PutRight, Refused, Relaxed
from .expected import D1, D2, D3, D4, D5, D6, MOVED, NEVER, PEOPLE, PROFILES, carries, people

pytestmark = pytest.mark.shared("bad_days")


def test_a_day_that_is_left_out_hands_its_files_to_the_next(left_out: LeftOut) -> None:
    expected = people(PROFILES[D3], MOVED)
    # What D2 would have remembered is not known.
    for user in ("u1", "u5", "u7"):
        expected[user].pop("just_bought")
    assert left_out.profile == expected


def test_an_earlier_day_is_filled_in_with_what_is_known_by_now(backfilled: Backfilled) -> None:
    expected = people(PROFILES[D2], MOVED)
    expected["u5"] = carries("fresh", "90.00", "has_ordered") | PEOPLE["u5"]
    expected["u7"] = NEVER | PEOPLE["u7"]
    assert backfilled.profiles[D2] == expected


def test_an_earlier_day_is_compared_with_the_day_before_it(backfilled: Backfilled) -> None:
    of_u2 = {change for change in backfilled.changes if change[0] == "u2"}
    assert of_u2 == {
        ("u2", "bought_today", "removed", "true", None, "data"),
        ("u2", "important_customer", "removed", "true", None, "data"),
    }


def test_filling_in_an_earlier_day_leaves_the_later_and_the_earlier_as_published(
    backfilled: Backfilled,
) -> None:
    assert backfilled.after == backfilled.before
    assert backfilled.profiles[D1] == people(PROFILES[D1])
    assert backfilled.order == [D1, D2, D3, D4]


def test_a_critical_check_stops_the_day_before_anything_is_built_on_it(refused: Refused) -> None:
    assert refused.error.exit_code == 3
    assert "amount in its range" in str(refused.error)
    assert "have the order corrected and run the day again" in str(refused.error)
    assert "5000000" not in str(refused.error)
    for table, (before, after) in refused.moved.items():
        assert before == after, table
    assert refused.published == [D1, D3]


def test_the_failed_check_is_kept_with_its_bounds_owner_and_action(refused: Refused) -> None:
    (row,) = refused.checks
    assert (row["stage"], row["table_name"], row["column_name"], row["severity"]) == (
        "clean",
        "clean.orders",
        "amount",
        "critical",
    )
    assert (row["check_id"], row["kind"]) == ("clean.orders.amount_in_its_range", "in_range")
    assert json.loads(row["details"]) == {"min": 0, "max": 100000}
    assert (row["rows_checked"], row["unexpected_rows"], row["owner"]) == (3, 1, "finance")
    assert row["action"] == "have the order corrected and run the day again"


def test_a_later_day_waits(refused: Refused) -> None:
    assert refused.waiting.exit_code == 3
    assert f"{D5} waits: {D4} was refused by its clean checks" in str(refused.waiting)
    assert f"run {D4} again" in str(refused.waiting)


def test_a_corrected_file_is_taken_in(put_right: PutRight) -> None:
    # Both files are in the batch. A4 and G3 gave way to their corrections, the one with the same version and
    # the other with an older one; G2 came twice, and the first G1 stays aside.
    assert put_right.line == {"read": 8, "kept": 4, "superseded": 2, "repeats": 1, "quarantined": 1}
    assert put_right.amounts == {"A4": Decimal(50), "G1": Decimal(70), "G2": Decimal(30), "G3": Decimal(40)}
    assert put_right.profile["u1"]["yearly_spend"] == Decimal("260.00")
    assert put_right.profile["u6"]["has_ordered"] is True


def test_an_audit_that_refuses_keeps_the_run_from_readers(moved: Moved, held: Held) -> None:
    assert "exactly one tag of 生命周期/阶段/下单" in str(moved.refusal)
    assert "was refused by its audit" in str(held.unpublished)
    assert f"{D6} waits: {D5} was refused by its audit checks" in str(held.waiting)
    assert held.published == [D1, D3, D4]


def test_later_days_go_on_once_the_day_is_right(extended: Extended) -> None:
    assert extended.publication["verdict"] == "passed"
    assert extended.profile["u1"]["yearly_spend"] == Decimal("260.00")


def test_a_new_measure_builds_its_missing_history_and_no_other(extended: Extended) -> None:
    biggest = {user: row.get("biggest_order") for user, row in extended.profile.items()}
    assert {user: value for user, value in biggest.items() if value is not None} == {
        "u1": Decimal("100.00"),
        "u2": Decimal("300.00"),
        "u5": Decimal("2000000.00"),
        "u6": Decimal("70.00"),
        "u7": Decimal("30.00"),
    }
    before, after = extended.rollups["referrals"]
    assert before == after
    before, after = extended.rollups["orders"]
    assert before != after
    files_before, files_after = extended.files
    assert files_before < files_after


def test_changes_distinguish_a_new_rule_and_a_retired_one_from_data(extended: Extended) -> None:
    by_reason: dict[str, set[tuple[str, str, str]]] = {"data": set(), "definition": set(), "retired": set()}
    for user, tag, change, _, _, reason in extended.changes:
        by_reason[reason].add((user, tag, change))
    assert by_reason["definition"] == {
        (user, "biggest_order", "added") for user in ("u1", "u2", "u5", "u6", "u7")
    }
    assert by_reason["retired"] == {
        (user, "gender", "removed") for user in ("u1", "u2", "u3", "u5", "u6", "u7", "u8")
    }
    # The held tags of D5 did not know of the corrections of D4; D6 does.
    assert by_reason["data"] == {
        ("u1", "yearly_spend", "changed"),
        ("u2", "yearly_spend", "changed"),
        ("u5", "bought_today", "removed"),
        ("u5", "no_order_yet", "removed"),
        ("u6", "has_ordered", "added"),
        ("u6", "no_order_yet", "removed"),
        ("u6", "rfm_segment", "changed"),
        ("u6", "yearly_spend", "changed"),
    }


def test_a_retired_tag_is_in_no_table_but_the_tag_catalogue(extended: Extended) -> None:
    assert extended.statuses["gender"] == "retired"
    assert all("gender" not in row for row in extended.profile.values())
    on_d5, on_d6 = extended.genders
    assert on_d5 == {"u1", "u2", "u3", "u5", "u6", "u7", "u8"}
    assert on_d6 == set()


def test_rows_set_aside_are_taken_in_again_once_the_rule_is_right(relaxed: Relaxed) -> None:
    assert relaxed.reasons == {"missing_user": 1, "type_amount": 1, "unparsable": 1}
    assert relaxed.line == {"read": 12, "kept": 7, "superseded": 1, "repeats": 1, "quarantined": 3}
    taken_in = relaxed.orders["X3"]
    assert (taken_in["status"], taken_in["customer"], taken_in["_batch"]) == ("paid", "u8", D1)
    assert taken_in["ordered_at"] == datetime.fromisoformat("2026-03-01 12:00:00+08:00")


def test_cleaning_a_batch_again_leaves_the_rows_of_the_others(relaxed: Relaxed) -> None:
    data_days = {name: row["_batch"] for name, row in relaxed.orders.items()}
    assert data_days == {
        **dict.fromkeys(("A1", "A2", "B1", "B2", "B3", "H1", "X3"), D1),
        **dict.fromkeys(("A3", "B4", "E1", "F1", "L1"), D3),
        **dict.fromkeys(("A4", "G1", "G2", "G3"), D4),
        **dict.fromkeys(("K1", "K2"), D5),
    }
    assert relaxed.orders["E1"]["amount"] == Decimal("90.00")


def test_batches_that_stand_by_another_definition_are_a_warning_with_what_to_run(relaxed: Relaxed) -> None:
    """The others keep the old meaning until they are cleaned anew: said, not silent."""
    assert {row["severity"] for row in relaxed.checks} == {"warning"}
    (failed,) = [row for row in relaxed.checks if not row["success"]]
    assert (failed["table_name"], failed["action"]) == ("clean.orders", None)
    assert f"usertags run --from {D2} --to {D6}" in action(CheckRow.of(failed))


def test_a_refused_try_is_forgotten_when_its_definition_is_taken_back(forgotten: Forgotten) -> None:
    """The branch that the gate refused must not reach main with the next run, which finds the batch clean."""
    assert forgotten.amounts == {"A4": Decimal(50), "G1": Decimal(70), "G2": Decimal(30), "G3": Decimal(40)}
    assert forgotten.branches == {"main"}
