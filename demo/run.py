"""`make demo`: runs the whole pipeline on the demo shop through Airflow and shows its progress."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo import DATA_DAYS, DAYS, HISTORY_FROM, SEED, USERS
from demo.airflow import Airflow, demo_airflow
from demo.load import land_files, load_database
from demo.shop import generate
from usertags.cli.console import show_answer
from usertags.cli.render import show_reports
from usertags.cli.verification import show_verification
from usertags.errors import InfrastructureError, UsertagsError
from usertags.pipeline import Pipeline
from usertags.project.build import ROOT, load_project
from usertags.query import query
from usertags.stages.report import load_reports
from usertags.stages.runs import publication_of
from usertags.store.connections import endpoints
from usertags.verify.verify import verify

out = Console(highlight=False)
CONFIGS = ROOT / "configs"


def main() -> int:
    try:
        _demo()
    except UsertagsError as error:
        out.print(f"[red]error[/red]: {error}")
        return error.exit_code
    return 0


def _demo() -> None:
    started = time.monotonic()
    pipeline = Pipeline(load_project(CONFIGS), lambda text: out.print(f"  [dim]{text}[/dim]"))
    step(
        "1/5  Starting the embedded database and store",
        lambda: endpoints(pipeline.project, pipeline.progress),
    )
    step(f"2/5  Loading a demo shop with {USERS:,} users", lambda: _fill(pipeline))
    step("3/5  Preparing Airflow", demo_airflow().ensure_metadata)
    step(f"4/5  Running user_tags_daily for {len(DATA_DAYS)} data days", _run_days)
    step(f"5/5  Computing {DATA_DAYS[-1]} again with DuckDB", lambda: _verify(pipeline))
    _show(pipeline, time.monotonic() - started)


def step(title: str, work: Callable[[], object]) -> None:
    out.print(f"[bold]{title}[/bold]")
    began = time.monotonic()
    work()
    out.print(f"  [green]done in {time.monotonic() - began:.0f} s[/green]")


def _fill(pipeline: Pipeline) -> None:
    shop = generate(SEED, USERS, HISTORY_FROM, DAYS)
    running = endpoints(pipeline.project)
    assert running.postgres_url is not None
    load_database(running.postgres_url, shop)
    land_files(pipeline.lake.s3, shop, bucket="landing")


def _run_days() -> None:
    log = ROOT / ".usertags" / "demo" / "logs" / "airflow_demo.log"
    if run_days(demo_airflow(), DATA_DAYS, log) != 0:
        raise InfrastructureError(
            "a data day failed; see the lines above",
            safe="published data is unchanged",
            next_step=f"see {log.relative_to(ROOT)}, then run `make demo` again",
        )


def run_days(airflow: Airflow, days: Iterable[date], log: Path) -> int:
    """Run days in a separate process with a complete log; prints its progress lines and returns its
    exit code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "demo.airflow_days", *map(str, days)]
    with (
        log.open("w") as kept,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=airflow.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            kept.write(line)
            shown = _progress(line)
            if shown:
                out.print(shown, soft_wrap=True)
    return process.returncode


def _progress(line: str) -> str | None:
    """A line of Airflow's log as a progress line: the start of a day or a task."""
    if line.startswith("progress: "):
        return f"  [bold]{line.removeprefix('progress: ').strip()}[/bold]"
    task = re.search(r"starting task_id=(\w+) map_index=(-?\d+)", line)
    if task is None:
        return None
    part = f" {int(task[2]) + 1}" if int(task[2]) >= 0 else ""
    return f"    [dim]{time.strftime('%H:%M:%S')}[/dim] {task[1]}{part}"


def _verify(pipeline: Pipeline) -> None:
    """Raises DataError if another engine computes anything else from the clean tables."""
    show_verification(verify(pipeline.project, pipeline.lake, DATA_DAYS[-1]))


def _show(pipeline: Pipeline, seconds: float) -> None:
    for day in DATA_DAYS:
        published = publication_of(pipeline.lake, day)
        if published is not None:
            reports = load_reports(pipeline.lake, pipeline.project, day, published.run_id)
            title = f"{day}, run {published.run_id}, {published.verdict}"
            show_reports(reports, title, pipeline.project.quality.language)
    out.print("[bold]Users of each tag on the newest day[/bold]")
    show_answer(query(pipeline.project, pipeline.lake, _TAGS), "table")
    _show_places(pipeline, seconds)


_TAGS = """
SELECT c.name_zh AS tag, c.tag_id, s.users, round(100 * s.share, 1) AS percent, v.values
FROM tag_coverage_latest AS s
JOIN tag_catalogue_latest AS c USING (tag_id)
JOIN (
  SELECT tag_id, count(*) AS values FROM tag_statistics_latest WHERE users > 0 GROUP BY tag_id
) AS v USING (tag_id)
ORDER BY c.level1, c.level2, c.level3, c.tag_id
"""


def _show_places(pipeline: Pipeline, seconds: float) -> None:
    table = Table(show_header=False, box=None)
    running = endpoints(pipeline.project)
    table.add_row(
        "tables", f"Iceberg catalog {running.catalog_uri}, namespace tags, on {running.s3_endpoint}"
    )
    table.add_row("quality report", "s3://reports/demo/<day>/<run>/, and in Airflow under Data quality")
    table.add_row("checks", f".venv/bin/usertags checks --day {DATA_DAYS[-1]}")
    table.add_row("ask", '.venv/bin/usertags query "select * from rfm_latest limit 5"')
    table.add_row("why", f".venv/bin/usertags explain --user {_some_user(pipeline)} --day {DATA_DAYS[-1]}")
    table.add_row("Airflow", "make up")
    table.add_row("a bad day", "make demo-bad-day")
    table.add_row("stop", "make down")
    out.print(f"\n[green bold]The demo took {seconds / 60:.1f} minutes.[/green bold] Next commands:")
    out.print(table)


def _some_user(pipeline: Pipeline) -> str:
    sql = "SELECT user_id FROM user_tags_latest WHERE tag_id = 'important_customer' ORDER BY user_id LIMIT 1"
    return str(query(pipeline.project, pipeline.lake, sql).rows[0][0]).split(":")[-1]


if __name__ == "__main__":
    sys.exit(main())
