"""`ops.batch_statistics` in a lake in files: what is kept of a batch for those after it."""

from dataclasses import replace
from datetime import date

import pytest

from usertags.config.quality_models import QualityEntry
from usertags.quality.statistics import Statistic
from usertags.stages.batch_statistics import earlier_statistics, save_statistics
from usertags.store.lake import Lake

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))
ORDERS = Statistic(source="orders", data_day=D1, first=False, day=D1, column="", rows=10)
USERS = replace(ORDERS, source="users", rows=3)


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    return lake_in_files


def rows_before(lake: Lake, day: date) -> dict[str, list[int]]:
    found = earlier_statistics(lake, day, QualityEntry())
    return {source: [item.rows for item in items] for source, items in found.items()}


def test_sources_that_are_cleaned_one_after_the_other_are_both_remembered(lake: Lake) -> None:
    save_statistics(lake, D1, "r1", [ORDERS])
    save_statistics(lake, D1, "r1", [USERS])
    assert rows_before(lake, D2) == {"orders": [10], "users": [3]}


def test_another_try_takes_the_place_of_the_first_one_of_the_same_source(lake: Lake) -> None:
    save_statistics(lake, D1, "r1", [ORDERS, USERS])
    save_statistics(lake, D1, "r2", [replace(ORDERS, rows=12)])
    assert rows_before(lake, D2) == {"orders": [12], "users": [3]}


def test_a_batch_is_compared_with_those_before_it_alone(lake: Lake) -> None:
    save_statistics(lake, D1, "r1", [ORDERS])
    save_statistics(lake, D2, "r2", [replace(ORDERS, data_day=D2, day=D2, rows=20)])
    assert rows_before(lake, D1) == {}
    assert rows_before(lake, D2) == {"orders": [10]}
    assert sorted(rows_before(lake, D3)["orders"]) == [10, 20]
