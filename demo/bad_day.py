"""`make demo-bad-day`: one more day of the demo, for which the source has switched to cents.

Only the data is wrong; the checks are the usual ones. The day ends up blocked and can be inspected and
released.
"""

import sys

from rich.console import Console
from rich.table import Table

from demo import DATA_DAYS, DAYS, HISTORY_FROM, NEXT_DAY, SEED, USERS
from demo.airflow import demo_airflow, has_next_day
from demo.load import add_files, add_to_database
from demo.next_day import in_cents, next_day
from demo.run import CONFIGS, run_days, step
from usertags.cli.render import show_checks
from usertags.errors import InfrastructureError, UsageError, UsertagsError
from usertags.pipeline import Pipeline
from usertags.project.build import ROOT, load_project
from usertags.quality.checks import checks_of
from usertags.release import blocked_by
from usertags.stages.days import end_of
from usertags.stages.runs import publication_of
from usertags.store.connections import endpoints

out = Console(highlight=False)
LOG = ROOT / ".usertags" / "demo" / "logs" / "airflow_bad_day.log"


def main() -> int:
    try:
        _bad_day(Pipeline(load_project(CONFIGS), lambda text: out.print(f"  [dim]{text}[/dim]")))
    except UsertagsError as error:
        out.print(f"[red]error[/red]: {error}")
        return error.exit_code
    return 0


def _bad_day(pipeline: Pipeline) -> None:
    _require_new(pipeline)
    airflow = demo_airflow()
    step(f"1/2  Loading {NEXT_DAY}, with all amounts in cents", lambda: _send(pipeline))
    step(
        "2/2  Running user_tags_daily for that day", lambda: run_days(has_next_day(airflow), [NEXT_DAY], LOG)
    )
    _show(pipeline)


def _require_new(pipeline: Pipeline) -> None:
    """The day after the days of the demo; it can be loaded with wrong data only once."""
    endpoints(pipeline.project, pipeline.progress)
    if publication_of(pipeline.lake, DATA_DAYS[-1]) is None:
        raise UsageError("the demo has not been run yet", next_step="run `make demo` first")
    published = publication_of(pipeline.lake, NEXT_DAY)
    if published is not None:
        by = f" by {published.released_by}" if published.released_by else ""
        raise UsageError(
            f"{NEXT_DAY} is already published ({published.verdict}{by})",
            safe="published data is unchanged",
            next_step="run `make clean` and `make demo` to start over",
        )


def _send(pipeline: Pipeline) -> None:
    shop = in_cents(next_day(SEED, USERS, HISTORY_FROM, DAYS))
    running = endpoints(pipeline.project)
    assert running.postgres_url is not None
    add_to_database(running.postgres_url, shop, since=end_of(DATA_DAYS[-1], pipeline.project.timezone))
    add_files(pipeline.lake.s3, shop)


def _show(pipeline: Pipeline) -> None:
    try:
        blocked = blocked_by(pipeline.project, NEXT_DAY)
    except UsageError as error:
        raise InfrastructureError(
            f"{NEXT_DAY} should have been refused, but was not: {error.message}",
            safe="published data is unchanged",
            next_step=f"see {LOG.relative_to(ROOT)}, then run `make demo-bad-day` again",
        ) from error
    out.print(f"\n[red bold]{NEXT_DAY} is blocked[/red bold] by its {blocked['stage']} checks:")
    rows = checks_of(pipeline.lake, NEXT_DAY, blocked["run_id"])
    show_checks([row for row in rows if not row.success], pipeline.project.quality.language)
    out.print(f"\n[green bold]Readers still see {blocked['readers_see']}.[/green bold] Next commands:")
    _show_places()


def _show_places() -> None:
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    rows = {
        "look": f".venv/bin/usertags checks --day {NEXT_DAY}",
        "what readers see": '.venv/bin/usertags query "select dt, verdict, released_by from publications"',
        "in Airflow": "make up, then Data quality in the navigation, or the failed task of user_tags_daily",
        "release it there": f"trigger user_tags_release with day {NEXT_DAY} and a reason, then approve it",
        "release it here": f'.venv/bin/usertags release --day {NEXT_DAY} --by "$USER" --reason "known"',
        "stop": "make down",
    }
    for name, command in rows.items():
        table.add_row(name, command)
    out.print(table)


if __name__ == "__main__":
    sys.exit(main())
