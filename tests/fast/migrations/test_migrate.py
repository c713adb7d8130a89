"""`ops.checks` and `ops.runs` of the first round become those of today, in tables in files."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from tests.support.folders import Folder
from usertags.migrate import steps
from usertags.quality.checks import checks_of
from usertags.stages.runs import run_records
from usertags.store.lake import Lake
from usertags.store.schemas import RUNS
from usertags.store.tables import ensure_table

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
TEXT, COUNT = pa.string(), pa.int64()
OLD_CHECKS = pa.schema(
    [
        *((name, TEXT) for name in ("stage", "table", "check", "column", "severity")),
        ("success", pa.bool_()),
        *((name, TEXT) for name in ("observed", "bounds")),
        ("rows", COUNT),
        ("failing", COUNT),
        *((name, TEXT) for name in ("owner", "action")),
        ("checked_at", pa.timestamp("us", tz="UTC")),
        *((name, TEXT) for name in ("check_id", "sample", "run_id")),
        ("dt", pa.date32()),
    ]
)
CHECK: dict[str, Any] = {
    "stage": "clean",
    "table": "clean.orders",
    "check": "amount in its range",
    "column": "amount",
    "severity": "warning",
    "success": False,
    "observed": "3 failing rows",
    "bounds": '{"min_value": 0}',
    "rows": 40,
    "failing": 3,
    "owner": "shop",
    "action": "look",
    "checked_at": AT,
    "check_id": "clean.orders.amount_in_its_range",
    "sample": None,
    "run_id": "r1",
    "dt": DAY,
}
WARNING = 'clean.orders: amount in its range (observed 3 failing rows, wanted {"min_value": 0})'


def run_row(**more: Any) -> dict[str, Any]:
    row = dict.fromkeys(RUNS.schema.names) | {
        "dt": DAY,
        "run_id": "r1",
        "stage": "clean",
        "status": "warned",
        "recorded_at": AT,
        "inputs": "{}",
        "row_counts": "{}",
        "warnings": json.dumps([WARNING]),
    }
    return row | more


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    checks = ensure_table(lake_in_files, "ops.checks", OLD_CHECKS, ("dt", "run_id", "stage"))
    checks.append(pa.Table.from_pylist([CHECK], schema=OLD_CHECKS))
    runs = ensure_table(lake_in_files, RUNS.name, RUNS.schema, RUNS.partition)
    rows = [run_row(), run_row(run_id="r2", warnings="[]")]
    runs.append(pa.Table.from_pylist(rows, schema=RUNS.schema))
    return lake_in_files


def test_results_and_warnings_become_facts_once(lake: Lake, folder: Folder) -> None:
    project = folder.project()
    found = steps(project, lake)
    assert [step.description for step in found] == [
        "ops.runs: write the warnings of 1 records as facts",
        "ops.checks: write 1 results as columns",
    ]
    # Shown, and not done.
    assert lake.catalog.load_table("ops.checks").schema().column_names == OLD_CHECKS.names
    for step in found:
        step.do()
    assert steps(project, lake) == []
    (check,) = checks_of(lake, DAY)
    assert (check.check_id, check.unexpected, check.rows, check.severity) == (
        "clean.orders.amount_in_its_range",
        3,
        40,
        "warning",
    )
    warned, other = sorted(run_records(lake), key=lambda record: record.run_id)
    assert [warning.check_id for warning in warned.warnings] == [check.check_id]
    assert other.warnings == ()
    assert "observed" not in lake.catalog.load_table("ops.checks").schema().column_names


def test_a_migration_that_broke_off_is_finished(lake: Lake, folder: Folder) -> None:
    steps(folder.project(), lake)[0].do()
    (left,) = steps(folder.project(), lake)
    left.do()
    warned = {record.run_id: record.warnings for record in run_records(lake)}["r1"]
    assert [warning.check_id for warning in warned] == ["clean.orders.amount_in_its_range"]


@pytest.fixture
def folder(tmp_path: Any) -> Folder:
    return Folder.small(tmp_path / "configs")
