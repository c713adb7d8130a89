"""What the person on duty sees, from the rows of three tables."""

from datetime import date
from typing import Any

from tests.support.quality_rows import check, ended, history_of, publication, run_of
from usertags.quality.kinds import CheckKind
from usertags.quality.timeline import Filter

RANGE, GIVEN, RECONCILED = CheckKind.IN_RANGE, CheckKind.GIVEN, CheckKind.RECONCILED
D1, D2, D3, D4 = (date(2026, 3, number) for number in (1, 2, 3, 4))


def good(day: date) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """A published day with two checks."""
    checks = [check(day, RANGE, "amount"), check(day, RECONCILED, rows=40, unexpected=0)]
    return checks, [ended(day, "clean", "passed"), ended(day, "audit", "passed")], [publication(day)]


def test_a_refused_day_is_blocked_the_next_wait_and_readers_keep_the_last_good_one() -> None:
    checks, runs, published = good(D1)
    checks.append(check(D2, RANGE, "amount", success=False, rows=50, unexpected=3))
    runs.append(ended(D2, "clean", "refused"))
    found = history_of(checks, runs, published, D4)
    assert [(day.data_day, day.state) for day in found.days.values()] == [
        (D1, "passed"), (D2, "blocked"), (D3, "waiting"), (D4, "waiting"),
    ]  # fmt: skip
    assert found.days[D4].blocked_by == D2
    assert found.last_good() is found.days[D1]
    assert [day.data_day for day in found.blocked] == [D2]
    (failed,) = found.days[D2].failed
    assert (failed.unexpected_share, found.failing_since(failed)) == (0.06, D2)


def test_a_day_that_is_published_after_it_was_refused_is_good_and_one_refused_again_is_not() -> None:
    runs = [ended(D1, "clean", "refused", hour=10), ended(D1, "clean", "passed", hour=12)]
    runs.append(ended(D1, "audit", "passed", hour=12))
    put_right = history_of([], runs, [publication(D1, hour=12)])
    assert put_right.days[D1].state == "passed"
    again = history_of([], [*runs, ended(D1, "audit", "refused", hour=14)], [publication(D1, hour=12)])
    assert again.days[D1].state == "blocked"


def test_a_released_day_was_refused_before_it_was_published() -> None:
    released = publication(D1, "released", released_by="Lin", release_reason="known outage")
    found = history_of([], [ended(D1, "audit", "refused")], [released]).days[D1]
    assert (found.state, found.good) == ("released", True)
    assert found.published is not None
    assert (found.published.released_by, found.published.release_reason) == ("Lin", "known outage")


def test_a_day_without_a_run_is_missing_and_a_built_one_is_not_finished() -> None:
    found = history_of([], [ended(D1, "clean", "passed"), ended(D3, "tag", "built")], [], D3)
    assert [day.state for day in found.days.values()] == ["unfinished", "missing", "unfinished"]


def test_the_newest_result_of_a_check_counts_and_those_a_rerun_left_out_stay() -> None:
    checks = [
        check(D1, GIVEN, "a", success=False, hour=10),
        check(D1, GIVEN, "b", hour=10),
        check(D1, GIVEN, "a", hour=12),
    ]
    (a, b) = history_of(checks, [], []).days[D1].results
    assert (a.column, a.success, a.run_id) == ("a", True, run_of(D1, 12))
    assert (b.column, b.run_id) == ("b", run_of(D1, 10))


def test_since_is_the_first_day_of_the_failures_in_a_row() -> None:
    outcomes = {D1: False, D2: True, D3: False, D4: False}
    checks = [check(day, GIVEN, "a", success=success) for day, success in outcomes.items()]
    found = history_of(checks, [], [])
    newest = found.of_check("clean.orders.a_is_given")[-1]
    assert (newest.data_day, found.failing_since(newest)) == (D4, D3)
    assert found.failing_since(found.of_check("clean.orders.a_is_given")[1]) is None


def test_the_worst_comes_first_and_a_filter_shows_what_is_asked_for() -> None:
    checks = [
        check(D1, GIVEN, "passes", severity="critical"),
        check(D1, GIVEN, "warns", severity="warning", success=False, owner="growth"),
        check(D1, GIVEN, "refuses", severity="critical", success=False),
        check(D1, GIVEN, "elsewhere", table="clean.users", owner="growth"),
    ]
    found = history_of(checks, [], [])
    assert [result.column for result in found.days[D1].results][:2] == ["refuses", "warns"]
    assert found.days[D1].pass_rate == 0.5
    shown = found.filtered(Filter(owner="growth")).days[D1]
    assert [result.column for result in shown.results] == ["warns", "elsewhere"]
    assert found.filtered(Filter("clean.users", "critical", "growth")).days[D1].pass_rate == 1
    assert found.choices("table") == ["clean.orders", "clean.users"]


def test_rows_are_those_read_and_the_duration_is_from_the_runs_name_to_its_publication() -> None:
    checks, runs, published = good(D1)
    checks.append(check(D1, RECONCILED, table="clean.users", rows=8, unexpected=0))
    # A check that counts the rows it looked at reads no row of the day a second time.
    checks.append(check(D1, CheckKind.IN_RANGE, "amount", rows=40, unexpected=0))
    day = history_of(checks, runs, published).days[D1]
    assert (day.rows_read, day.seconds) == (48, 360)


def test_a_row_is_read_as_it_was_written() -> None:
    facts: dict[str, Any] = {
        "value": 0.25,
        "usual": 0.1,
        "high": 0.2,
        "unit": "share",
        "rows": 8,
        "unexpected": 2,
        "samples": ({"order_id": "甲1"},),
        "details": {"values": ["a", 1]},
        "error": "none",
    }
    (row,) = history_of([check(D1, CheckKind.IN_VALUES, "city", **facts)], [], []).days[D1].results
    assert (row.kind, row.check_id, row.stage) == (
        CheckKind.IN_VALUES, "clean.orders.city_in_its_values", "clean"
    )  # fmt: skip
    assert {name: getattr(row, name) for name in facts} == facts


def test_nothing_is_known_before_the_first_run() -> None:
    empty = history_of([], [], [], D4)
    assert (empty.newest, empty.last_good(), empty.blocked, len(empty.days)) == (None, None, [], 0)
