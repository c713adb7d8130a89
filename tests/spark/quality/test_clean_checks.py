"""Checks of a clean batch that are no expectations of the library."""

from collections.abc import Callable
from datetime import date

from pyspark.sql import SparkSession

from tests.support.frames import frame
from usertags.project.model import Project
from usertags.quality.clean_checks import distinct_within_day

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))


def test_a_value_that_comes_back_on_another_day_is_counted(
    spark: SparkSession, build: Callable[..., Project]
) -> None:
    """A1 is on two days of which one was touched; A2 on two that were not; A3 twice on one day."""
    within = {"source": "orders", "value": "count(distinct order_id)", "distinct_within": "day"}
    project = build(measures={"orders": within, "orders_30d": within | {"window": "30d"}})
    clean = frame(
        spark,
        "order_id string, event_day date",
        [("A1", D1), ("A1", D3), ("A2", D1), ("A2", D2), ("A3", D3), ("A3", D3), (None, D3)],
    )
    touched = frame(spark, "event_day date", [(D3,)])
    source = project.sources["orders"]
    (result,) = distinct_within_day(source, project.measures_of("orders"), clean, touched)
    assert (result.success, result.rows, result.unexpected) == (False, 2, 1)
    assert result.severity == "critical"
    fine = clean.where("order_id <> 'A1' or event_day = date '2026-03-03'")
    (result,) = distinct_within_day(source, project.measures_of("orders"), fine, touched)
    assert (result.success, result.rows, result.unexpected) == (True, 2, 0)
