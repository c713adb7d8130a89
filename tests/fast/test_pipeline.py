"""What a stage leaves of itself, whatever it ends with. The stage is given, the lake is in files."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.support.lakes import ReportsInMemory
from usertags.pipeline import Pipeline
from usertags.project.model import Project
from usertags.quality.checks import result_of, save_checks
from usertags.quality.gate import GateRefused
from usertags.quality.kinds import CheckKind
from usertags.quality.register import RunRecord
from usertags.stages.runs import record_run
from usertags.store.lake import Lake

DAY, RUN = date(2026, 3, 2), "r1"
COUNTS = {"kept": 95, "superseded": 2, "repeats": 1, "quarantined": 2}


def refuse(spark: object, project: Project, lake: Lake, day: date, run_id: str) -> Any:
    """A clean stage that refuses its batch for one check."""
    orders = "clean.orders"
    results = [
        result_of(CheckKind.RECONCILED, orders, "critical", success=True, rows=100, details=COUNTS),
        result_of(CheckKind.IN_RANGE, orders, "critical", success=False, column="amount"),
    ]
    save_checks(lake, day, run_id, "clean", results)
    record_run(lake, RunRecord(day, run_id, "clean", "refused"))
    raise GateRefused(day, "clean", results)


@pytest.fixture
def refused(
    build: Callable[..., Project], lake_in_files: Lake, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Runs a stage that refuses the day."""
    monkeypatch.setattr("usertags.stages.clean.clean", refuse)
    pipeline = Pipeline(build())
    pipeline.lake = lake_in_files
    pipeline._session = None  # type: ignore[assignment]

    def run() -> None:
        with pytest.raises(GateRefused):
            list(pipeline.stage("clean", DAY, RUN))

    return run


def test_a_stage_that_refuses_leaves_its_report_and_the_summary_of_the_run(
    refused: Callable[[], None], reports: ReportsInMemory
) -> None:
    refused()
    files = {key: json.loads(body) for key, body in reports.files.items()}
    assert set(files) == {"small/2026-03-02/r1/clean.json", "small/2026-03-02/r1/summary.json"}
    summary = files["small/2026-03-02/r1/summary.json"]
    assert (summary["verdict"], summary["refused_by"]) == ("refused", "clean")
    assert summary["rows"]["sources"] == {"orders": {"read": 100, **COUNTS}}
    assert [check["id"] for check in summary["failed"]] == ["clean.orders.amount_in_its_range"]


def test_a_refusal_is_reported_even_if_nothing_can_be_kept(
    refused: Callable[[], None], reports: ReportsInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(reports, "put_object", full)
    refused()
