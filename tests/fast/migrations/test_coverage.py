"""`tags.tag_coverage` of days that were published before the table existed, in tables in files."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.support.folders import Folder
from tests.support.quality_rows import entry, publication, run_of
from usertags.migrate import steps
from usertags.published import TAG_CATALOGUE, TAG_COVERAGE, USER_TAGS
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS, TableSpec
from usertags.store.tables import ensure_table, find_table

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


def write(lake: Lake, spec: TableSpec, rows: list[dict[str, Any]]) -> None:
    table = ensure_table(lake, spec.name, spec.schema, spec.partition)
    table.append(pa.Table.from_pylist(rows, schema=spec.schema))


def carried(day: date, user: str, tag: str, rank: int = 1, **more: Any) -> dict[str, Any]:
    row = {"dt": day, "run_id": run_of(day), "user_id": user, "tag_id": tag, "rank": rank, "level1": "first"}
    return row | more


def published(day: date, users: int) -> dict[str, Any]:
    return publication(day, row_counts=json.dumps({"tags.user_profile": users}))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path / "configs")


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    """Two days. `hours` has several values a user; `secret` was left out of the statistics, also when it was
    gone; `never` is carried by nobody; r_old is a run that was replaced."""
    write(lake_in_files, PUBLICATIONS, [published(D1, 4), published(D2, 5)])
    first = [
        carried(D1, "a", "hours"),
        carried(D1, "a", "hours", 2),
        carried(D1, "b", "hours"),
        carried(D1, "a", "secret"),
        carried(D1, "a", "gone"),
    ]
    second = [
        carried(D2, "a", "hours"),
        carried(D2, "a", "hours", 2),
        carried(D2, "b", "hours"),
        carried(D2, "c", "hours"),
        carried(D2, "x", "hours", run_id="r_old"),
    ]
    write(lake_in_files, USER_TAGS, [*first, *second])
    hidden = {"kept_out_of": ["tag_statistics"]}
    catalogue = [entry(D1, "hours"), entry(D1, "gone"), entry(D1, "secret", **hidden)]
    catalogue += [entry(D2, "hours"), entry(D2, "never"), entry(D2, "draft", status="draft")]
    write(lake_in_files, TAG_CATALOGUE, catalogue)
    return lake_in_files


def test_published_days_are_counted_as_a_run_would_have_counted_them(lake: Lake, folder: Folder) -> None:
    (step,) = steps(folder.project(), lake)
    assert step.description == "tags.tag_coverage: count the users of the tags of 2 published days"
    assert find_table(lake, TAG_COVERAGE.name) is None
    step.do()
    assert steps(folder.project(), lake) == []
    table = find_table(lake, TAG_COVERAGE.name)
    assert table is not None
    rows = table.scan().to_arrow().to_pylist()
    assert {row["run_id"] for row in rows} == {run_of(D1), run_of(D2)}
    found = {
        (row["dt"], row["tag_id"]): (row["users"], row["share"], row["users_before"], row["change"])
        for row in rows
    }
    assert found == {
        (D1, "hours"): (2, 0.5, 0, 2),
        (D1, "gone"): (1, 0.25, 0, 1),
        (D2, "hours"): (3, 0.6, 2, 1),
        (D2, "never"): (0, 0.0, 0, 0),
        (D2, "gone"): (0, 0.0, 1, -1),
    }


def test_a_lake_without_a_published_day_needs_no_step(lake_in_files: Lake, folder: Folder) -> None:
    assert steps(folder.project(), lake_in_files) == []
