"""What a measure is, in words: how `usertags explain` says it."""

from collections.abc import Callable
from typing import Any

import pytest

from usertags.project.model import Project


@pytest.mark.parametrize(
    ("entry", "explained"),
    [
        ({"value": "count(*)"}, "number of rows (orders, all days)"),
        ({"value": "sum(amount)", "window": "30d"}, "sum (orders, 30 days)"),
        (
            {"value": "stddev(amount)", "window": "30d", "offset": "7d"},
            "sample standard deviation (orders, 30 days, up to 7 days ago)",
        ),
        (
            {"value": "count(distinct order_id)", "distinct_within": "window", "window": "9d"},
            "number of different values (orders, 9 days)",
        ),
        ({"value": "count(*)", "by": "status"}, "number of rows for each status (orders, all days)"),
    ],
)
def test_a_measure_says_what_it_is(
    build: Callable[..., Project], entry: dict[str, Any], explained: str
) -> None:
    measure = build(measures={"m": {"source": "orders"} | entry}).measures["m"]
    assert measure.explained == explained
