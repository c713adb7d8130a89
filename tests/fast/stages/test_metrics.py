"""What is sent to monitoring after each stage: literal names and numbers."""

from datetime import date
from typing import Any

import pytest

from usertags.stages.metrics import Metric, age, stage_metrics
from usertags.stages.report import Line, StageReport

DAY, RUN = date(2026, 3, 2), "r20260303_020000_000"
SUMMARY: dict[str, Any] = {
    "seconds": 61.5,
    "rows": {
        "sources": {"orders": {"read": 100, "kept": 95, "superseded": 2, "repeats": 1, "quarantined": 2}},
        "tables": {"tags.user_tags": 40, "ops.user_measures": 12},
    },
    "checks": {"run": 30, "failed": {"critical": 1, "warning": 2, "info": 0}},
}
CHECKS = [
    Metric("usertags.shop.checks.run", 30),
    Metric("usertags.shop.checks.failed.critical", 1),
    Metric("usertags.shop.checks.failed.warning", 2),
    Metric("usertags.shop.checks.failed.info", 0),
]


def report(stage: str, *lines: Line, part: str = "") -> StageReport:
    return StageReport(stage, DAY, RUN, 1.5, lines, part)


@pytest.mark.parametrize(
    ("stage", "reports", "metrics"),
    [
        (
            "extract",
            [report("extract", Line("orders", read=100), part="orders")],
            [
                Metric("usertags.shop.stage.extract.orders.seconds", 1.5, "seconds"),
                Metric("usertags.shop.source.orders.extracted", 100),
            ],
        ),
        (
            "clean",
            [report("clean")],
            [
                Metric("usertags.shop.stage.clean.seconds", 1.5, "seconds"),
                Metric("usertags.shop.source.orders.read", 100),
                Metric("usertags.shop.source.orders.kept", 95),
                Metric("usertags.shop.source.orders.superseded", 2),
                Metric("usertags.shop.source.orders.repeats", 1),
                Metric("usertags.shop.source.orders.quarantined", 2),
                *CHECKS,
            ],
        ),
        ("tag", [report("tag")], [Metric("usertags.shop.stage.tag.seconds", 1.5, "seconds")]),
        ("audit", [report("audit")], [Metric("usertags.shop.stage.audit.seconds", 1.5, "seconds"), *CHECKS]),
        (
            "publish",
            [report("publish")],
            [
                Metric("usertags.shop.stage.publish.seconds", 1.5, "seconds"),
                Metric("usertags.shop.table.user_tags.rows", 40),
                Metric("usertags.shop.run.seconds", 61.5, "seconds"),
            ],
        ),
    ],
)
def test_each_stage_has_its_numbers(stage: str, reports: list[StageReport], metrics: list[Metric]) -> None:
    assert stage_metrics("shop", stage, reports, SUMMARY) == metrics


def test_a_stage_that_left_nothing_has_no_numbers() -> None:
    assert stage_metrics("shop", "clean", [], None) == []


@pytest.mark.parametrize(("published", "days"), [(1, 1), (2, 0), (3, 0)])
def test_how_far_behind_readers_are(published: int, days: int) -> None:
    found = age("shop", DAY, date(2026, 3, published))
    assert found == Metric("usertags.shop.days_since_published", days)
