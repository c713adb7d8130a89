"""How long the quality pages take with a year of runs: on a new API server, and on one that has been asked.

    python -m bench.pages [--days 365] [--folder DIR]

Writes the checks, runs and publications of a year of the shipped configuration into a lake of their own, in
the commits that the stages make, then asks for each page in a new process, and again. What was written into
DIR is used again by the next run. The pages are rendered as the API server does, without its network.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import pyarrow as pa
import yaml

from jobs import services
from jobs.catalogue.build import ROOT, load_catalogue
from jobs.catalogue.model import Catalogue
from jobs.quality.checks import CheckResult, save_checks
from jobs.quality.suites import all_suites
from jobs.stages.runs import RunRecord, record_run
from jobs.store.filters import rows_where
from jobs.store.lake import Lake, open_lake
from jobs.store.schemas import PUBLICATIONS, QUARANTINE, TAG_CATALOGUE, TAG_STATISTICS
from jobs.store.tables import ensure_table

AGAIN = 10
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
    catalogue = load_catalogue(configs)
    try:
        lake = open_lake(catalogue)
        if not (folder / "written").exists():
            write_year(catalogue, lake, options.days)
            (folder / "written").touch()
        command = [sys.executable, "-m", "bench.pages", "--ask", "--folder", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"USERTAGS_LAST_DAY": str(LAST)})
    finally:
        services.stop(catalogue.state)


def _copy_configs(folder: Path, configs: Path) -> None:
    shutil.copytree(ROOT / "configs", configs)
    project = yaml.safe_load((configs / "project.yml").read_text()) | {"state": str(folder / "state")}
    (configs / "project.yml").write_text(yaml.safe_dump(project, allow_unicode=True))


def write_year(catalogue: Catalogue, lake: Lake, days: int) -> None:
    """Every day passes, but for a tenth that warns and one that a check refused."""
    clean, audit = _results(catalogue)
    print(f"{len(clean) + len(audit)} checks a day, {days} days", flush=True)
    for number in range(days):
        day = LAST - timedelta(days=days - 1 - number)
        run_id = f"r{day + timedelta(days=1):%Y%m%d}_020000_000"
        warned = number % 10 == 9
        for stage, results in (("clean", clean), ("audit", audit)):
            found = [_failed(results[0], "warning"), *results[1:]] if warned and stage == "clean" else results
            save_checks(lake, day, run_id, stage, found)
            record_run(lake, RunRecord(day, run_id, stage, "warned" if found is not results else "passed"))  # type: ignore[arg-type]
        record_run(lake, RunRecord(day, run_id, "tag", "passed"))
        _publish(lake, day, run_id, "warned" if warned else "passed")
        _write_tags(catalogue, lake, day, run_id)
        if number % 30 == 29:
            print(f"{day}", flush=True)
    ensure_table(lake, QUARANTINE.name, QUARANTINE.schema, QUARANTINE.partition)


def _results(catalogue: Catalogue) -> tuple[list[CheckResult], list[CheckResult]]:
    """What the stages would find: the declared checks, and the comparisons of every column and tag."""
    declared = [
        CheckResult(
            check.table, check.name, check.severity, True, "as wanted", json.dumps(dict(check.arguments)),
            check.owner, check.action, column=check.column, slug=check.slug,
        )
        for suite in all_suites(catalogue)
        for check in suite.checks
    ]  # fmt: skip
    compared = [
        CheckResult(
            f"clean.{source.name}", f"{column.name} empty as often as before", "critical", True,
            "0.010 of the rows without it, usual 0.010 (14 days before)", "rise warning 0.15, critical 0.3",
            "data engineering", "ask the owner", column=column.name, rows=1000,
        )
        for source in catalogue.sources.values()
        for column in source.kept_columns
    ]  # fmt: skip
    drift = [
        CheckResult(
            "tags.tag_statistics", f"{tag.id} coverage as before", "critical", True,
            "0.001 (3.00% → 3.10% of the users, 7 published days)",
            "population stability index below warning 0.1, critical 0.25", tag.owner, "look at it",
            column=tag.id, rows=1000,
        )
        for tag in catalogue.published_tags()
    ]  # fmt: skip
    clean = [each for each in declared if each.table.startswith("clean.")]
    return [*clean, *compared], [*(each for each in declared if each not in clean), *drift]


def _failed(result: CheckResult, severity: str) -> CheckResult:
    return CheckResult(
        result.table, result.name, severity, False, "3 failing rows (0.30 %)", result.bounds, result.owner,  # type: ignore[arg-type]
        result.action, column=result.column, rows=1000, failing=3, slug=result.slug,
    )  # fmt: skip


def _publish(lake: Lake, day: date, run_id: str, verdict: str) -> None:
    row = {
        "dt": day,
        "run_id": run_id,
        "published_at": datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=27),
        "verdict": verdict,
        "row_counts": '{"tags.user_tags": 400000}',
    }
    table = ensure_table(lake, PUBLICATIONS.name, PUBLICATIONS.schema, PUBLICATIONS.partition)
    rows = pa.Table.from_pylist([row], schema=PUBLICATIONS.schema)
    table.overwrite(rows, overwrite_filter=rows_where(dt=day))


def _write_tags(catalogue: Catalogue, lake: Lake, day: date, run_id: str) -> None:
    run = {"dt": day, "run_id": run_id}
    tags = catalogue.published_tags()
    statistics = [
        {"tag_id": tag.id, "tag_value": str(value), "users": 500, "share": 0.025, "users_before": 490,
         "change": 10} | run
        for tag in tags
        for value in (tag.values or ["true"])
    ]  # fmt: skip
    entries = [
        {"tag_id": tag.id, "name_zh": tag.name, "name_en": tag.id, "level1_zh": tag.path[0], "kind": tag.kind,
         "level2_zh": tag.path[1], "level3_zh": tag.path[2], "type": tag.type, "definition": "of the bench",
         "owner": tag.owner, "validity": tag.validity, "status": tag.status,
         "definition_version": tag.definition_version} | run
        for tag in tags
    ]  # fmt: skip
    for spec, rows in ((TAG_STATISTICS, statistics), (TAG_CATALOGUE, entries)):
        table = ensure_table(lake, spec.name, spec.schema, spec.partition)
        table.append(pa.Table.from_pylist(rows, schema=spec.schema))


def _ask(configs: Path) -> None:
    """In a new process, as an API server begins: import, read, render."""
    began = time.monotonic()
    from fastapi.testclient import TestClient

    from plugins.usertags_quality.app import make_app
    from plugins.usertags_quality.desk import Desk

    print(f"imports {time.monotonic() - began:.2f} s")
    began = time.monotonic()
    app = make_app(Desk(configs), reader=lambda: None, secret="of the bench")
    with TestClient(app) as client:
        first = client.get("/quality")
        print(f"first page {time.monotonic() - began:.2f} s, {len(first.content) / 1000:.0f} kB")
        while "Older days are still being read" in client.get("/quality").text:
            time.sleep(0.1)
        print(f"the whole year {time.monotonic() - began:.2f} s after it was asked for")
        catalogue = load_catalogue(configs)
        check = f"clean.{next(iter(catalogue.sources))}.every_declared_check_ran"
        for path in PATHS:
            tag = catalogue.published_tags()[0].id
            _tell(client, "/" + path.format(day=LAST, check=_a_check(catalogue) or check, tag=tag))


def _a_check(catalogue: Catalogue) -> str:
    return next(check.check_id for suite in all_suites(catalogue) for check in suite.checks)


def _tell(client: "Iterable[object]", path: str) -> None:
    took = []
    for _ in range(AGAIN):
        began = time.monotonic()
        answer = client.get(path)  # type: ignore[attr-defined]
        took.append(time.monotonic() - began)
        assert answer.status_code == 200, answer.text
    size = len(answer.content) / 1000
    print(f"{path}: first {took[0]:.2f} s, then {median(took[1:]):.2f} s, at most {max(took[1:]):.2f} s, "
          f"{size:.0f} kB")  # fmt: skip


if __name__ == "__main__":
    main()
