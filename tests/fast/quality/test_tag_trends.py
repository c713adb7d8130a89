"""Coverage and growth of tags."""

from datetime import date

import pytest

from tests.support.quality_rows import entry, run_of, size, statistic
from usertags.quality.tag_trends import tag_trends

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
RUNS = {D1: run_of(D1), D2: run_of(D2)}


def test_what_changed_most_of_all_users_comes_first_in_either_direction() -> None:
    coverage = [
        size(D2, "grew", 12, 10),
        size(D2, "shrank", 20, 50),
        size(D2, "stayed", 90, 90),
        size(D2, "gone", 0, 5),
    ]
    names = ("stayed", "grew", "gone", "shrank")
    trends = tag_trends(coverage, [], [entry(D2, name) for name in names], RUNS)
    by_name = {trend.id: trend for trend in trends}
    assert [trend.id for trend in trends][1:] == ["shrank", "grew", "stayed"]
    assert by_name["shrank"].newest is not None and by_name["shrank"].moved == pytest.approx(-0.3)
    assert by_name["shrank"].newest.growth == pytest.approx(-0.6)
    assert by_name["grew"].moved == pytest.approx(0.02)


def test_a_tag_that_grew_with_the_population_did_not_move() -> None:
    coverage = [
        size(D1, "everybody", 100, 0, of=100),
        size(D2, "everybody", 200, 100, of=200),
        size(D1, "some", 10, 0, of=100),
        size(D2, "some", 10, 10, of=200),
    ]
    trends = tag_trends(coverage, [], [entry(D2, "everybody"), entry(D2, "some")], RUNS)
    assert [(trend.id, trend.moved) for trend in trends] == [("some", pytest.approx(-0.05)), ("everybody", 0)]


def test_a_tag_has_the_users_of_its_coverage_whatever_its_values_add_up_to() -> None:
    """Of 60 users 20 have both values: neither their sum nor the larger of them is the size of the tag."""
    statistics = [statistic(D2, "hours", "b", 30, 20), statistic(D2, "hours", "a", 50, 50)]
    coverage = [size(D2, "hours", 60, 55)]
    (trend,) = tag_trends(coverage, statistics, [entry(D2, "hours")], RUNS)
    assert trend.newest is not None
    assert (trend.newest.users, trend.newest.users_before, trend.newest.share) == (60, 55, 0.6)
    assert [(value.value, value.users) for value in trend.newest.values] == [("a", 50), ("b", 30)]


def test_a_tag_that_everybody_lost_stays_at_nobody_and_one_that_nobody_had_has_no_days() -> None:
    coverage = [
        size(D1, "lost", 7, 9),
        size(D2, "lost", 0, 7),
        size(D1, "never", 0, 0),
        size(D2, "never", 0, 0),
    ]
    lost, never = tag_trends(coverage, [], [entry(D2, "lost"), entry(D2, "never")], RUNS)
    assert [(day.users, day.change) for day in lost.days] == [(7, -2), (0, -7)]
    assert never.days == ()


def test_rows_of_runs_that_are_not_published_and_tags_that_are_gone_are_left_out() -> None:
    other = {"run_id": "r_other"}
    coverage = [
        size(D1, "a", 10, 0),
        size(D2, "a", 11, 10),
        size(D2, "a", 99, 0) | other,
        size(D2, "b", 1, 1),
    ]
    statistics = [statistic(D2, "a", "true", 11, 10), statistic(D2, "a", "true", 99, 0) | other]
    (trend,) = tag_trends(coverage, statistics, [entry(D2, "a"), entry(D1, "b")], RUNS)
    assert [(day.data_day, day.users) for day in trend.days] == [(D1, 10), (D2, 11)]
    assert [value.users for value in trend.days[-1].values] == [11]
    assert tag_trends(coverage, statistics, [entry(D2, "a")], {}) == []
