"""Coverage and growth of tags."""

from datetime import date

import pytest

from tests.support.quality_rows import entry, run_of, statistic
from usertags.quality.tag_trends import tag_trends

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
RUNS = {D1: run_of(D1), D2: run_of(D2)}


def test_what_changed_most_of_all_users_comes_first_in_either_direction() -> None:
    statistics = [
        statistic(D2, "grew", "true", 12, 10),
        statistic(D2, "shrank", "true", 20, 50),
        statistic(D2, "stayed", "true", 90, 90),
        statistic(D2, "gone", "true", 0, 5),
    ]
    trends = tag_trends(statistics, [entry(D2, name) for name in ("stayed", "grew", "gone", "shrank")], RUNS)
    by_name = {trend.id: trend for trend in trends}
    assert [trend.id for trend in trends][1:] == ["shrank", "grew", "stayed"]
    assert by_name["shrank"].newest is not None and by_name["shrank"].moved == pytest.approx(-0.3)
    assert by_name["shrank"].newest.growth == pytest.approx(-0.6)
    assert by_name["grew"].moved == pytest.approx(0.02)


def test_a_tag_that_grew_with_the_population_did_not_move() -> None:
    statistics = [
        statistic(D1, "everybody", "true", 100, 0, of=100),
        statistic(D2, "everybody", "true", 200, 100, of=200),
        statistic(D1, "some", "true", 10, 0, of=100),
        statistic(D2, "some", "true", 10, 10, of=200),
    ]
    trends = tag_trends(statistics, [entry(D2, "everybody"), entry(D2, "some")], RUNS)
    assert [(trend.id, trend.moved) for trend in trends] == [("some", pytest.approx(-0.05)), ("everybody", 0)]


def test_values_of_a_tag_add_up_and_those_of_a_tag_with_several_do_not() -> None:
    statistics = [
        statistic(D2, name, value, users, before)
        for name in ("one", "several")
        for value, users, before in (("b", 30, 20), ("a", 50, 50))
    ]
    tag_catalogue = [entry(D2, "one"), entry(D2, "several", type="array<struct<value:string>>")]
    by_name = {trend.id: trend.newest for trend in tag_trends(statistics, tag_catalogue, RUNS)}
    one, several = by_name["one"], by_name["several"]
    assert one is not None and several is not None
    assert (one.users, one.users_before, one.share) == (80, 70, pytest.approx(0.8))
    assert [value.value for value in one.values] == ["a", "b"]
    assert (several.users, several.share) == (50, 0.5)


def test_rows_of_runs_that_are_not_published_and_tags_that_are_gone_are_left_out() -> None:
    other = statistic(D2, "a", "true", 99, 0) | {"run_id": "r_other"}
    statistics = [statistic(D1, "a", "true", 10, 0), statistic(D2, "a", "true", 11, 10), other]
    (trend,) = tag_trends(
        [*statistics, statistic(D2, "b", "true", 1, 1)], [entry(D2, "a"), entry(D1, "b")], RUNS
    )
    assert [(day.data_day, day.users) for day in trend.days] == [(D1, 10), (D2, 11)]
    assert tag_trends(statistics, [entry(D2, "a")], {}) == []
