"""Population stability of tags: shares by hand, and the bounds at which a day is warned or refused."""

from collections.abc import Callable
from math import log
from typing import Any

import pytest

from tests.support.frames import tag as entry
from usertags.project.model import Project
from usertags.quality.checks import CheckResult
from usertags.quality.tag_drift import Distribution, Size, coverage_bounds, psi, tag_drift


def test_the_index_is_that_of_the_textbook() -> None:
    assert psi({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}) == 0
    by_hand = (0.6 - 0.5) * log(0.6 / 0.5) + (0.4 - 0.5) * log(0.4 / 0.5)
    assert psi({"a": 0.6, "b": 0.4}, {"a": 0.5, "b": 0.5}) == pytest.approx(by_hand)
    # Nobody counts as one in ten thousand.
    assert psi({"a": 1.0}, {"a": 0.9, "b": 0.1}) == pytest.approx(
        0.1 * log(1 / 0.9) + (0.0001 - 0.1) * log(0.0001 / 0.1)
    )


def drift(
    build: Callable[..., Project],
    today: dict[str, float],
    before: dict[str, float],
    population: int = 10_000,
    size: Size | None = None,
    **tag: Any,
) -> dict[str, str | None]:
    project = build(tags={"buyer": entry(name="买家", when="orders_30d >= 1", **tag)}, **MEASURES)
    size = size or Size(int(sum(today.values())), int(sum(before.values())))
    found = {"buyer": Distribution(today, before)}
    results = tag_drift(project, found, {"buyer": size}, population, [10_000])
    return severities(results)


MEASURES: dict[str, Any] = {
    "measures": {"orders_30d": {"source": "orders", "value": "count(*)", "window": "30d"}}
}


def severities(results: list[CheckResult]) -> dict[str, str | None]:
    return {
        item.check_id.removeprefix("tags.tag_statistics.buyer_"): None if item.success else item.severity
        for item in results
    }


@pytest.mark.parametrize(
    ("users", "severity"),
    [(300, None), (400, None), (1000, None), (1100, "warning"), (6000, "critical"), (0, "warning")],
)
def test_coverage_that_jumps_is_reported_whatever_became_of_the_rule(
    build: Callable[..., Project], users: int, severity: str | None
) -> None:
    """3 % of the users before. 10 %: 0.07·ln(0.1/0.03) + 0.07·ln(0.97/0.9) = 0.09; 11 %: 0.11."""
    assert drift(build, {"true": users}, {"true": 300}) == {"coverage_drift": severity}


def test_coverage_counts_users_and_not_the_values_that_they_have(build: Callable[..., Project]) -> None:
    """Both days each of 300 users has the tag, with one value and then with all eleven of them."""
    after, before = {str(hour): 300.0 for hour in range(11)}, {"0": 300.0}
    found = drift(build, after, before, size=Size(300, 300))
    assert found["coverage_drift"] is None
    found = drift(build, before, before, size=Size(6000, 300))
    assert found["coverage_drift"] == "critical"
    # Nobody is left, and no value either.
    assert drift(build, {}, before, size=Size(0, 300))["coverage_drift"] == "warning"
    assert drift(build, before, before, size=Size(300, 0)) == {}


def test_a_small_population_and_a_tag_without_drift_are_left_alone(build: Callable[..., Project]) -> None:
    assert drift(build, {"true": 60}, {"true": 300}, population=99) == {}
    assert drift(build, {"true": 9000}, {"true": 300}, drift="off") == {}
    mild = {"coverage": {"warning": 5}}
    assert drift(build, {"true": 9000}, {"true": 300}, drift=mild) == {"coverage_drift": None}


def test_coverage_bounds_are_of_the_whole_population(build: Callable[..., Project]) -> None:
    project = build(
        tags={"buyer": entry(name="买家", when="orders_30d >= 1", coverage={"min": 0.1, "max": 0.2})},
        **MEASURES,
    )
    shares = {users: coverage_bounds(project, {"buyer": users}, 100)[0].success for users in (9, 10, 20, 21)}
    assert shares == {9: False, 10: True, 20: True, 21: False}
    (nobody,) = coverage_bounds(project, {}, 100)
    assert (nobody.success, nobody.severity, nobody.check_id) == (
        False,
        "critical",
        "tags.user_tags.buyer_coverage",
    )


@pytest.mark.parametrize(
    ("rule", "compared"),
    [
        ({"kind": "fact", "value": "orders_30d", "type": "int"}, True),
        ({"kind": "fact", "value": "last_at", "type": "date"}, False),
    ],
)
def test_values_that_go_on_by_themselves_are_not_compared(
    build: Callable[..., Project], rule: dict[str, Any], compared: bool
) -> None:
    measures = MEASURES["measures"] | {
        "last_at": {"source": "orders", "value": "max(ordered_at)", "window": "30d"}
    }
    tags = {"buyer": entry(name="买家", **({"when": None} | rule))}
    project = build(tags={name: _given(tag) for name, tag in tags.items()}, measures=measures)
    item = Distribution({"0": 5000.0, "1": 200.0}, {"0": 200.0, "1": 5000.0})
    found = severities(tag_drift(project, {"buyer": item}, {"buyer": Size(5200, 5200)}, 10_000, [10_000]))
    assert found == {"coverage_drift": None} | ({"value_drift": "critical"} if compared else {})


def _given(tag: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tag.items() if value is not None}
