"""Response time of the quality pages with a year of runs: on a new API server, and on a warm one.

    python -m bench.pages [--days 365] [--folder DIR]

Writes the checks, runs, publications and tag statistics of a year of the shipped configuration into a lake
of their own, then requests each page in a new process, and again. Data written to DIR is reused by
the next run. The pages are rendered as the API server does, without its network and its log-in.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import yaml

from usertags import services
from usertags.project.build import ROOT, load_project
from usertags.project.model import Project
from usertags.published import TAG_CATALOGUE, TAG_COVERAGE, TAG_STATISTICS
from usertags.quality.checks import CheckResult, check_row, result_of
from usertags.quality.kinds import CheckKind
from usertags.quality.register import RunRecord, record_row
from usertags.quality.suites import all_suites
from usertags.store.lake import Lake, open_lake
from usertags.store.schemas import CHECKS, PUBLICATIONS, QUARANTINE, RUNS
from usertags.store.tables import ensure_table
from usertags.transform.tag_catalogue import tag_catalogue_rows

AGAIN = 10
TABLES = (CHECKS, RUNS, PUBLICATIONS, TAG_STATISTICS, TAG_COVERAGE, TAG_CATALOGUE)
LAST = date(2026, 10, 31)
PATHS = ("quality", "quality?view=list&all=1", "quality?all=1", "quality/day/{day}", "quality/check/{check}",
         "quality/tile.json", "tags", "tags/{tag}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--ask", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="usertags_pages_"))
    configs = folder / "configs"
    if options.ask:
        _ask(configs)
        return
    if not configs.exists():
        _copy_configs(folder, configs)
    project = load_project(configs)
    try:
        lake = open_lake(project)
        if not (folder / "written").exists():
            write_year(project, lake, options.days)
            (folder / "written").touch()
        command = [sys.executable, "-m", "bench.pages", "--ask", "--folder", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"USERTAGS_LAST_DAY": str(LAST)})
    finally:
        services.stop(project.state)


def _copy_configs(folder: Path, configs: Path) -> None:
    shutil.copytree(ROOT / "configs", configs)
    project_yml = yaml.safe_load((configs / "project.yml").read_text()) | {"state": str(folder / "state")}
    (configs / "project.yml").write_text(yaml.safe_dump(project_yml, allow_unicode=True))


def write_year(project: Project, lake: Lake, days: int) -> None:
    """A file a day, stage and table, as the stages leave them, in commits of thirty days. Every tenth day
    warns, the others pass."""
    clean, audit = _results(project)
    print(f"{len(clean) + len(audit)} checks a day, {days} days", flush=True)
    all_days = [LAST - timedelta(days=number) for number in reversed(range(days))]
    for first in range(0, days, 30):
        rows: dict[str, list[dict[str, Any]]] = {spec.name: [] for spec in TABLES}
        for number, day in enumerate(all_days[first : first + 30]):
            warned = number % 10 == 9
            run = {"dt": day, "run_id": f"r{day + timedelta(days=1):%Y%m%d}_020000_000"}
            of_clean = [_failed(clean[0]) if warned else clean[0], *clean[1:]]
            for stage, results in (("clean", of_clean), ("audit", audit)):
                rows[CHECKS.name] += [
                    check_row(each, day, run["run_id"], stage, _at(day, 1)) for each in results
                ]
            verdict = "warned" if warned else "passed"
            for minute, (stage, status) in enumerate(
                (("clean", verdict), ("tag", "built"), ("audit", "passed"))
            ):
                record = RunRecord(day, run["run_id"], stage, status)  # type: ignore[arg-type]
                rows[RUNS.name].append(record_row(record, _at(day, minute)))
            published = {"published_at": _at(day, 5), "verdict": verdict, "row_counts": "{}"}
            rows[PUBLICATIONS.name].append(run | published)
            rows[TAG_STATISTICS.name] += [run | row for row in _statistics(project)]
            rows[TAG_COVERAGE.name] += [run | row for row in _sizes(project)]
            rows[TAG_CATALOGUE.name] += [run | row for row in _entries(project)]
        for spec in TABLES:
            table = ensure_table(lake, spec.name, spec.schema, spec.partition)
            table.append(pa.Table.from_pylist(rows[spec.name], schema=spec.schema))
        print(f"{all_days[min(first + 29, days - 1)]} is written", flush=True)
    ensure_table(lake, QUARANTINE.name, QUARANTINE.schema, QUARANTINE.partition)


def _at(day: date, minute: int) -> datetime:
    """A moment of the night after a day."""
    return datetime(day.year, day.month, day.day, 18, minute, tzinfo=UTC)


def _results(project: Project) -> tuple[list[CheckResult], list[CheckResult]]:
    """What the stages would find: the declared checks, and the comparisons of every column and tag."""
    declared = [
        CheckResult(
            check.check_id, check.kind, check.table, check.severity, True, check.column, check.subject,
            value=0.0, unit="share", details={"arguments": dict(check.arguments)}, owner=check.owner,
            action=check.action,
        )
        for suite in all_suites(project)
        for check in suite.checks
    ]  # fmt: skip
    bounds: dict[str, Any] = {"bounds": {"warning": 0.15, "critical": 0.3}, "days": 14, "compared": "before"}
    compared = [
        result_of(
            CheckKind.EMPTY_AS_BEFORE, f"clean.{source.name}", "critical", success=True, column=column.name,
            value=0.01, usual=0.01, high=0.16, unit="share", rows=1000, details=bounds,
            owner=project.quality.owner,
        )
        for source in project.sources.values()
        for column in source.kept_columns
    ]  # fmt: skip
    moved: dict[str, Any] = {"before": 0.03, "now": 0.031, "days": 7, **bounds}
    drift = [
        result_of(
            CheckKind.COVERAGE_DRIFT, "tags.tag_statistics", "critical", success=True, column=tag.id,
            value=0.001, high=0.1, unit="index", rows=1000, details=moved, owner=tag.owner,
        )
        for tag in project.published_tags()
    ]  # fmt: skip
    clean = [each for each in declared if each.table.startswith("clean.")]
    return [*clean, *compared], [*(each for each in declared if each not in clean), *drift]


def _failed(result: CheckResult) -> CheckResult:
    return replace(result, severity="warning", success=False, value=0.003, rows=1000, unexpected=3)


def _statistics(project: Project) -> list[dict[str, Any]]:
    return [
        {"tag_id": tag.id, "tag_value": str(value), "users": 500, "share": 0.025, "users_before": 490,
         "change": 10}
        for tag in project.published_tags()
        for value in (tag.values or ["true"])
    ]  # fmt: skip


def _sizes(project: Project) -> list[dict[str, Any]]:
    return [
        {"tag_id": tag.id, "users": 500, "share": 0.025, "users_before": 490, "change": 10}
        for tag in project.published_tags()
    ]


def _entries(project: Project) -> list[dict[str, Any]]:
    entries = [dict(zip(TAG_CATALOGUE.columns, row, strict=True)) for row in tag_catalogue_rows(project)]
    return [entry for entry in entries if entry["status"] == "active"]


def _ask(configs: Path) -> None:
    """In a new process, as an API server begins: import, read, render."""
    began = time.monotonic()
    from fastapi.testclient import TestClient

    from plugins.usertags_quality.app import make_app
    from plugins.usertags_quality.page_data import PageData

    print(f"imports {time.monotonic() - began:.2f} s")
    began = time.monotonic()
    app = make_app(PageData(configs), reader=lambda: None, secret="of the bench")
    with TestClient(app) as client:
        first = client.get("/quality")
        print(f"first page {time.monotonic() - began:.2f} s, {len(first.content) / 1000:.0f} kB")
        while "Older days are still being loaded" in client.get("/quality").text:
            time.sleep(0.1)
        print(f"the whole year {time.monotonic() - began:.2f} s after it was asked for")
        project = load_project(configs)
        check, tag = all_suites(project)[0].checks[0].check_id, project.published_tags()[0].id
        for path in PATHS:
            _time_page(client, "/" + path.format(day=LAST, check=check, tag=tag))
        _after_a_commit(client, open_lake(project))
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB at most")


def _after_a_commit(client: Any, lake: Lake) -> None:
    """A stage has ended since the page was read."""
    time.sleep(5)
    row = record_row(RunRecord(LAST, "r20261101_030000_000", "clean", "passed"), _at(LAST, 0))
    ensure_table(lake, RUNS.name, RUNS.schema).append(pa.Table.from_pylist([row], schema=RUNS.schema))
    began = time.monotonic()
    client.get("/quality")
    print(f"/quality after a commit: {time.monotonic() - began:.2f} s")


def _time_page(client: Any, path: str) -> None:
    took = []
    for _ in range(AGAIN):
        began = time.monotonic()
        answer = client.get(path)
        took.append(time.monotonic() - began)
        assert answer.status_code == 200, answer.text
    size = len(answer.content) / 1000
    print(f"{path}: first {took[0]:.2f} s, then {median(took[1:]):.2f} s, at most {max(took[1:]):.2f} s, "
          f"{size:.0f} kB")  # fmt: skip


if __name__ == "__main__":
    main()
