"""Old reports are removed on a real S3 server, by literal keys and days."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.lakes import catalog_in_files
from tests.support.places import TINY_SHOP
from usertags import services
from usertags.errors import ConfigError
from usertags.project.build import load_project
from usertags.project.model import Project
from usertags.quality.register import RunRecord
from usertags.sources.s3 import S3Access
from usertags.stages import reports_store, retention
from usertags.stages.retention import remove_old_reports
from usertags.stages.runs import record_run
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS
from usertags.store.tables import ensure_table

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
# With 90 days, runs that began before the 2nd of April, 12:00 UTC, are old.
OLD = "r20260402_115959_000"
YOUNG = "r20260402_120001_000"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return with_retention(tmp_path, None)


def with_retention(folder: Path, text: str | None) -> Project:
    """The tiny shop as project `kept`."""
    for path in TINY_SHOP.rglob("*.yml"):
        copy = folder / "configs" / path.relative_to(TINY_SHOP)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    project_yml = yaml.safe_load((TINY_SHOP / "project.yml").read_text()) | {"project": "kept"}
    project_yml |= {"retention": {"reports": text}} if text else {}
    (folder / "configs" / "project.yml").write_text(yaml.safe_dump(project_yml))
    return load_project(folder / "configs")


@pytest.fixture
def lake(running: services.Endpoints, s3_access: S3Access, tmp_path: Path) -> Iterator[Lake]:
    """Tables of its own, and reports in the shared store."""
    lake = Lake(catalog_in_files(tmp_path / "lake"), s3_access, running.reports_bucket)
    yield lake
    for key in keys_under(lake, "kept"):
        lake.boto.delete_object(Bucket=lake.reports_bucket, Key=key)


def keys_under(lake: Lake, prefix: str) -> list[str]:
    return list(reports_store.keys_under(lake, prefix))


def put(lake: Lake, *keys: str) -> None:
    for key in keys:
        lake.boto.put_object(Bucket=lake.reports_bucket, Key=key, Body=b"x")


def publish(lake: Lake, *days: date) -> None:
    import pyarrow as pa

    rows = [
        {
            "dt": day,
            "run_id": "r20260301_000000_000",
            "published_at": datetime(day.year, day.month, day.day, 20, tzinfo=UTC),
            "verdict": "passed",
            "row_counts": "{}",
        }
        for day in days
    ]
    table = ensure_table(lake, PUBLICATIONS.name, PUBLICATIONS.schema, PUBLICATIONS.partition)
    table.append(pa.Table.from_pylist(rows, schema=PUBLICATIONS.schema))


def test_runs_before_the_time_go_and_all_else_stays(lake: Lake, project: Project) -> None:
    gone = [
        f"kept/2026-03-05/{OLD}/clean.json",
        f"kept/2026-03-05/{OLD}/quality/clean/index.html",
        f"kept/2026-03-05/{OLD}/quality/clean/validations/clean/orders/x.html",
        "kept/2025-12-31/r20260101_020000_000/audit.json",
    ]
    stays = [
        # Computed again, later: its run is young.
        f"kept/2026-03-05/{YOUNG}/clean.json",
        f"kept/2026-04-01/{YOUNG}/clean.json",
        # What all pages load, other projects, and whatever is no run of a day.
        "kept/assets/1a2b/bootstrap.min.css",
        f"kept_too/2026-03-05/{OLD}/clean.json",
        f"other/2026-03-05/{OLD}/clean.json",
        f"kept/{OLD}/clean.json",
        "kept/2026-03-05/notes.txt",
        "kept/2026-03-05/by_hand/clean.json",
        f"kept/2026-3-5/{OLD}/clean.json",
    ]
    put(lake, *gone, *stays)
    try:
        assert remove_old_reports(lake, project, NOW) == "2 old reports removed"
        assert set(keys_under(lake, "kept")) == {key for key in stays if key.startswith("kept")}
        assert keys_under(lake, "other/") == [f"other/2026-03-05/{OLD}/clean.json"]
        assert remove_old_reports(lake, project, NOW) == ""
    finally:
        lake.boto.delete_object(Bucket=lake.reports_bucket, Key=f"other/2026-03-05/{OLD}/clean.json")


def test_the_last_published_days_and_blocked_days_keep_theirs(lake: Lake, project: Project) -> None:
    """Nothing ran for months: eight days were published, the ninth is blocked, a tenth was blocked once."""
    days = [date(2026, 2, number) for number in range(1, 9)]
    publish(lake, *days, date(2025, 12, 24))
    for day in (date(2026, 2, 9), date(2025, 12, 24)):
        record_run(lake, RunRecord(day, OLD, "audit", "refused" if day.month == 2 else "passed"))
    every = [*days, date(2026, 2, 9), date(2025, 12, 24)]
    put(lake, *(f"kept/{day}/{OLD}/audit.json" for day in every))
    assert remove_old_reports(lake, project, NOW) == "2 old reports removed"
    assert [key.split("/")[1] for key in keys_under(lake, "kept/")] == [
        "2026-02-02",
        "2026-02-03",
        "2026-02-04",
        "2026-02-05",
        "2026-02-06",
        "2026-02-07",
        "2026-02-08",
        "2026-02-09",
    ]


def test_the_time_is_what_the_configuration_says(lake: Lake, tmp_path: Path) -> None:
    put(lake, f"kept/2026-03-05/{OLD}/clean.json", "kept/2024-01-01/r20240102_020000_000/clean.json")
    assert remove_old_reports(lake, with_retention(tmp_path, "730d"), NOW) == "1 old reports removed"
    assert keys_under(lake, "kept/") == [f"kept/2026-03-05/{OLD}/clean.json"]
    assert remove_old_reports(lake, with_retention(tmp_path, "1d"), NOW) == "1 old reports removed"


def test_more_files_than_one_request_takes_are_removed(
    lake: Lake, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 3)
    put(lake, *(f"kept/2026-03-05/{OLD}/quality/clean/{number}.html" for number in range(8)))
    assert remove_old_reports(lake, project, NOW) == "1 old reports removed"
    assert keys_under(lake, "kept/") == []


def test_a_removal_that_fails_is_reported_and_fails_no_day(
    lake: Lake, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(lake, f"kept/2026-03-05/{OLD}/clean.json")

    def refuse(*_: Any) -> None:
        raise OSError("no")

    monkeypatch.setattr(retention, "_remove", refuse)
    assert remove_old_reports(lake, project, NOW) == "old reports not removed (OSError)"
    assert len(keys_under(lake, "kept/")) == 1


@pytest.mark.parametrize("text", ["0d", "90", "3 months", "-1d"])
def test_a_time_that_is_none_is_reported_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        with_retention(tmp_path, text)
    (problem,) = raised.value.problems
    assert problem.file.endswith("project.yml") and problem.line > 0
