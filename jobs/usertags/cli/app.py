"""The command line `usertags`."""

import sys
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from usertags.errors import InfrastructureError, UsageError, UsertagsError

app = typer.Typer(
    name="usertags",
    help="User tags from orders and behaviour: extract, clean, aggregate, tag, audit, publish.",
    epilog="Exit codes: 0 done · 2 configuration or usage · 3 data (readers keep the last good day) "
    "· 4 infrastructure (run it again).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
services_app = typer.Typer(
    help="Start, stop and show the embedded database, store and Spark server.", no_args_is_help=True
)
app.add_typer(services_app, name="services")

ConfigsOption = Annotated[
    Path,
    typer.Option(
        "--configs", envvar="USERTAGS_CONFIGS", help="The configuration folder.", show_default="configs"
    ),
]
DayOption = Annotated[str, typer.Option("--day", help="Data day, in the format YYYY-MM-DD.")]
RunOption = Annotated[
    str | None, typer.Option("--run-id", help="Run id; default: a new run, or the day's newest built run.")
]

PartialOption = Annotated[
    bool, typer.Option("--partial", help="Also run today, which is not over: with the data until now.")
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-files",
        help="Also read files that have changed, or whose content was read under another name.",
    ),
]


class Form(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


class Until(StrEnum):
    extract = "extract"
    clean = "clean"
    aggregate = "aggregate"
    tag = "tag"
    audit = "audit"
    publish = "publish"


class _State:
    configs = Path("configs")


@app.callback()
def _main(configs: ConfigsOption = Path("configs")) -> None:
    _State.configs = configs


def _project() -> Any:
    from usertags.project.build import load_project

    return load_project(_State.configs)


def _progress_on(console: Any) -> Callable[[str], None]:
    """Shows progress on a console."""

    def show(text: str) -> None:
        console.print(f"[dim]{text}[/dim]")

    return show


def _pipeline() -> Any:
    from usertags.cli.console import out
    from usertags.pipeline import Pipeline

    return Pipeline(_project(), _progress_on(out))


def _day(text: str) -> date:
    from usertags.stages.days import parse_day

    return parse_day(text)


@app.command()
def check(
    strict: Annotated[
        bool, typer.Option("--strict", help="Also list pairs of published tags with nearly the same users.")
    ] = False,
    threshold: Annotated[
        float, typer.Option(min=0.01, max=1, help="Minimum Jaccard index of such a pair.")
    ] = 0.95,
) -> None:
    """Check the configuration; reports all errors of all files at once, with line numbers."""
    from usertags.cli.measure_list import undescribed

    project = _project()
    measures = len(project.measures) + len(project.percentiles)
    typer.echo(
        f"{_State.configs}: {len(project.sources)} sources, {measures} measures, "
        f"{len(project.tags)} tags: no problems (version {project.version})"
    )
    if lacking := undescribed(project):
        typer.echo(f"{len(lacking)} measures lack a description or an owner: {', '.join(lacking)}")
    if asking := [source.name for source in project.sources.values() if source.asks_for_whole]:
        typer.echo(
            f"what becomes of rows that are gone at the source? {', '.join(asking)}: add to `read` either "
            "`whole: replace` (they are gone here from the next data day, earlier days keep them) or "
            "`whole: keep` (they stay; so it is until you say)"
        )
    if strict:
        from usertags.cli.render import show_overlaps
        from usertags.overlap import overlaps

        show_overlaps(overlaps(project, _quiet_pipeline().lake, threshold), threshold)


@app.command()
def migrate(
    apply: Annotated[bool, typer.Option("--apply", help="Apply the steps; default: show them.")] = False,
) -> None:
    """Migrate tables written by an earlier version. Shows the steps; `--apply` runs them."""
    from usertags.migrate import steps

    found = steps(_project(), _quiet_pipeline().lake)
    for step in found:
        typer.echo(step.description)
        if apply:
            step.do()
    if not found:
        typer.echo("the state is up to date: nothing to do")
    elif apply:
        typer.echo("done: the state is up to date")
    else:
        typer.echo("nothing was written: run `usertags migrate --apply` to apply these steps")


@app.command()
def run(
    day: Annotated[str | None, typer.Option("--day", help="Data day, in the format YYYY-MM-DD.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First day of a range of days.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last day of a range of days.")] = None,
    until: Annotated[Until, typer.Option(help="Stop after this stage.")] = Until.publish,
    re_extract: Annotated[
        bool, typer.Option(help="Read the sources again even if the day already has a batch.")
    ] = False,
    partial: PartialOption = False,
    accept_files: AcceptOption = False,
) -> None:
    """Run all stages of a data day in order, or of several days; rerunning a day is safe.

    A day that is not over in the project's time zone is refused.
    """
    from usertags.cli.console import out
    from usertags.cli.render import show_report
    from usertags.stages.days import days_between, reading_until
    from usertags.stages.runs import new_run_id

    several = from_ is not None and to is not None
    if (day is None) != several or (day is not None and (from_ or to)):
        raise UsageError("give one day with --day, or a range of days with --from and --to")
    days = [_day(day)] if day else days_between(_day(from_ or ""), _day(to or ""))
    pipeline = _pipeline()
    timezone = pipeline.project.timezone
    ends = {one: reading_until(one, timezone, partial=partial) for one in days}
    for one, read_until in ends.items():
        run_id = new_run_id()
        out.print(f"[bold]{one}[/bold] run {run_id}")
        stages = pipeline.run(
            one,
            run_id,
            until=until.value,
            re_extract=re_extract,
            read_until=read_until,
            accept_files=accept_files,
        )
        for report in stages:
            show_report(report, pipeline.project.quality.language)


@app.command()
def extract(
    day: DayOption,
    source: Annotated[str | None, typer.Option(help="Extract only this source; default: all.")] = None,
    run_id: RunOption = None,
    re_extract: Annotated[bool, typer.Option(help="Read again even if the day already has a batch.")] = False,
    partial: PartialOption = False,
    accept_files: AcceptOption = False,
) -> None:
    """Read new rows of the sources into the raw tables; does not need Spark.

    A day that is not over in the project's time zone is refused.
    """
    from usertags.stages.days import reading_until

    wanted = _day(day)
    pipeline = _pipeline()
    if source is not None and source not in pipeline.project.sources:
        raise UsageError(
            f"unknown source {source!r}", next_step=f"the sources are {', '.join(pipeline.project.sources)}"
        )
    read_until = reading_until(wanted, pipeline.project.timezone, partial=partial)
    _stage(
        pipeline,
        "extract",
        day,
        run_id,
        source=source,
        re_extract=re_extract,
        read_until=read_until,
        accept_files=accept_files,
    )


@app.command()
def clean(day: DayOption, run_id: RunOption = None) -> None:
    """Type, deduplicate and check the batch of a day; bad rows are quarantined."""
    _stage(_pipeline(), "clean", day, run_id)


@app.command()
def aggregate(day: DayOption, run_id: RunOption = None) -> None:
    """Update the roll-ups from the clean tables."""
    _stage(_pipeline(), "aggregate", day, run_id)


@app.command()
def tag(day: DayOption, run_id: RunOption = None) -> None:
    """Compute all tags of a day on a branch that readers do not see."""
    _stage(_pipeline(), "tag", day, run_id)


@app.command()
def audit(day: DayOption, run_id: RunOption = None) -> None:
    """Check the newest built run of the day, or the given run."""
    _stage_of_built_run("audit", day, run_id)


@app.command()
def publish(day: DayOption, run_id: RunOption = None) -> None:
    """Publish the newest built run of the day, or the given run; completes an interrupted publication."""
    _stage_of_built_run("publish", day, run_id)


def _stage_of_built_run(stage: str, day: str, run_id: str | None) -> None:
    from usertags.stages.runs import latest_run

    wanted = _day(day)
    pipeline = _pipeline()
    _stage(pipeline, stage, day, run_id or latest_run(pipeline.lake, wanted))


def _stage(pipeline: Any, stage: str, day: str, run_id: str | None, **options: Any) -> None:
    from usertags.cli.render import show_report
    from usertags.stages.runs import new_run_id

    for report in pipeline.stage(stage, _day(day), run_id or new_run_id(), **options):
        show_report(report, pipeline.project.quality.language)


@app.command()
def release(
    day: DayOption,
    by: Annotated[str, typer.Option("--by", help="Name of the person who releases the day.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the day may be published anyway.")],
) -> None:
    """Publish a day that a check refused, with name and reason in `publications`; later days can then run."""
    from usertags.cli.render import show_report
    from usertags.release import release as release_day

    pipeline = _pipeline()
    for report in release_day(pipeline, _day(day), by=by, reason=reason):
        show_report(report, pipeline.project.quality.language)


@app.command()
def alert(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent.")] = False,
) -> None:
    """Send alerts about blocked, warned, late and recovered days; each alert is sent once."""
    from usertags.alerts import pending, require_sent, send_due
    from usertags.quality.alert_texts import text_of

    pipeline = _quiet_pipeline()
    if pipeline.project.alerts is None:
        raise UsageError("`alerts` is missing in project.yml", next_step="add it, see docs/alerts.md")
    if dry_run:
        for channel, message in pending(pipeline.project, pipeline.lake):
            typer.echo(f"{channel}:\n{text_of(message)}\n")
        return
    deliveries = send_due(pipeline.project, pipeline.lake)
    for item in deliveries:
        typer.echo(str(item))
    require_sent(deliveries)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help='For example "select * from tag_statistics_latest".')],
    form: Annotated[Form, typer.Option("--format", help="How the rows are shown.")] = Form.table,
) -> None:
    """Query the published tables with DuckDB SQL; `show tables` lists them."""
    from usertags.cli.console import show_answer
    from usertags.query import query as ask

    pipeline = _quiet_pipeline()
    show_answer(ask(pipeline.project, pipeline.lake, sql), form.value)


def _quiet_pipeline() -> Any:
    """For commands that print data: nothing else is written to stdout."""
    from usertags.cli.console import err
    from usertags.pipeline import Pipeline

    return Pipeline(_project(), _progress_on(err))


@app.command()
def tags(
    book: Annotated[
        Path | None,
        typer.Option(help="Write the tag catalogue to this Markdown file instead.", dir_okay=False),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check whether it is up to date.")] = False,
) -> None:
    """Show the tag catalogue as a tree, or write it as a tag book."""
    from usertags.cli.render import show_tags
    from usertags.cli.tag_book import check_book, write_book

    if book is None:
        if check:
            raise UsageError("`--check` requires a file", next_step="name the file with `--book FILE`")
        show_tags(_project())
    elif check:
        check_book(_project(), book)
    else:
        write_book(_project(), book)


@app.command()
def measures(
    form: Annotated[Form, typer.Option("--format", help="How the list is shown.")] = Form.table,
) -> None:
    """List the measures: what each counts, over which days, its owner and its description."""
    from usertags.cli.console import show_answer
    from usertags.cli.measure_list import COLUMNS, measure_lines
    from usertags.query import Answer

    lines = [line.cells for line in measure_lines(_project())]
    show_answer(Answer(list(COLUMNS), lines), form.value)


@app.command()
def explain(
    day: DayOption,
    user: Annotated[str, typer.Option(help="user_id such as customer:17850, or any id of the user.")],
    tag: Annotated[str | None, typer.Option(help="Explain only this tag, carried or not.")] = None,
) -> None:
    """Explain why a user carries each tag: the rule and the values that it read."""
    from usertags.cli.render import show_explanations
    from usertags.explain import explain as ask

    wanted = _day(day)
    pipeline = _quiet_pipeline()
    explanations = ask(pipeline.project, pipeline.lake, user, wanted, tag)
    show_explanations(explanations, pipeline.project)


@app.command()
def verify(
    day: DayOption,
    sample: Annotated[
        str | None, typer.Option(help="Only so many users (500) or a share of them (5%), drawn by a hash.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Differences shown of each table and column.")] = 20,
) -> None:
    """Compute a published day again from the clean tables, without Spark, and compare every row.

    Exit code 3 if anything differs.
    """
    from usertags.cli.verification import show_verification
    from usertags.verify.verify import verify as verify_day

    wanted = _day(day)
    pipeline = _quiet_pipeline()
    show_verification(verify_day(pipeline.project, pipeline.lake, wanted, sample, most))


@app.command()
def report(day: DayOption, run_id: RunOption = None) -> None:
    """Show the row counts of a run by stage: rows read, kept, quarantined and written."""
    from usertags.cli.render import show_reports
    from usertags.quality.texts import REPORT_TITLE
    from usertags.stages.report import load_reports
    from usertags.stages.runs import latest_run

    wanted = _day(day)
    pipeline = _quiet_pipeline()
    chosen = run_id or latest_run(pipeline.lake, wanted)
    reports = load_reports(pipeline.lake, pipeline.project, wanted, chosen)
    language = pipeline.project.quality.language
    show_reports(reports, REPORT_TITLE.filled(language, day=day, run_id=chosen), language)


@app.command()
def checks(day: DayOption, form: Annotated[Form, typer.Option("--format")] = Form.table) -> None:
    """Show the check results of a day's runs, failures first."""
    from usertags.cli.console import show_answer
    from usertags.cli.render import show_checks
    from usertags.quality.checks import checks_of
    from usertags.query import query as ask
    from usertags.store.schemas import CHECKS

    pipeline, wanted = _quiet_pipeline(), _day(day)
    if form is Form.table:
        show_checks(checks_of(pipeline.lake, wanted), pipeline.project.quality.language)
        return
    columns = ", ".join(f'"{name}"' for name in CHECKS.schema.names if name not in ("dt", "samples"))
    order = "order by success, run_id desc, stage, check_id"
    sql = f"select {columns} from ops.checks where dt = date '{wanted}' {order}"
    show_answer(ask(pipeline.project, pipeline.lake, sql), form.value)


@app.command()
def expectations(
    write: Annotated[bool, typer.Option("--write", help="Write the files that are out of date.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with code 2 if any file is out of date.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="The folder of the files.")] = Path("expectations"),
) -> None:
    """Write the checks of every table as files for people to read, from the configuration."""
    from usertags.quality.suite_files import differences, write_suites
    from usertags.quality.suites import all_suites

    if write == check:
        raise UsageError("give either --write or --check")
    project = _project()
    if write:
        changed = write_suites(project, folder)
        typer.echo(f"{folder}: {len(changed)} files written or removed")
        return
    changed = differences(project, folder)
    if changed:
        shown = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")
        raise UsageError(
            f"{len(changed)} files of {folder} are out of date: {shown}",
            next_step=f"run `usertags expectations --write --folder {folder}` and commit the files",
        )
    suites = all_suites(project)
    count = sum(len(suite.checks) for suite in suites)
    typer.echo(f"{folder}: {count} expectations in {len(suites)} suites: up to date")


@services_app.command("start")
def services_start() -> None:
    """Start the embedded services that are not running."""
    from usertags.cli.console import out
    from usertags.store.connections import endpoints
    from usertags.store.spark import start_server

    project = _project()
    endpoints(project, _progress_on(out))
    if project.spark.remote == "embedded":
        start_server(project, _progress_on(out))
    services_status()


@services_app.command("stop")
def services_stop() -> None:
    """Stop the embedded services; their data is kept."""
    from usertags import services

    services.stop(_project().state)
    services_status()


@services_app.command("status")
def services_status() -> None:
    """Show which embedded services are running, and their addresses."""
    from usertags import services
    from usertags.cli.console import show_answer
    from usertags.query import Answer

    rows = [(item.name, item.state, item.pid, item.url) for item in services.status(_project().state)]
    show_answer(Answer(["service", "state", "pid", "address"], rows), "table")


def main() -> None:
    """Run the command line; errors of this project end with a message and an exit code."""
    sys.exit(_guarded(app))


def _guarded(command: Callable[..., Any]) -> int:
    try:
        # Where a command ends itself with a code, it is what this call returns.
        code = command(standalone_mode=False)
    except UsertagsError as error:
        return _fail(error)
    except typer.Abort:
        return 130
    except typer.TyperException as error:
        return _misused(error)
    except Exception as error:
        wrapped = _infrastructure(error)
        if wrapped is None:
            raise
        return _fail(wrapped)
    return code if isinstance(code, int) else 0


def _misused(error: typer.TyperException) -> int:
    """An unknown command, option or value. Without a command the help is shown, which needs no further
    message."""
    message = error.format_message().replace("Value error, ", "")
    if not message:
        return UsageError.exit_code
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context else "usertags"
    return _fail(UsageError(message, next_step=f"see `{command} --help`"))


def _fail(error: UsertagsError) -> int:
    from rich.markup import escape

    from usertags.cli.console import err
    from usertags.errors import COLON, ERROR, NEXT, SAFE

    parts = (("red", ERROR, error.message), ("green", SAFE, error.safe), ("cyan", NEXT, error.next_step))
    for colour, words, text in parts:
        if text:
            name = f"[{colour}]{words.of(error.language).lower()}[/{colour}]{COLON.of(error.language)}"
            err.print(f"{name}{escape(text)}", soft_wrap=True)
    return error.exit_code


def _infrastructure(error: Exception) -> InfrastructureError | None:
    """A failure of Java, the network or the store as a one-line error; None for any other error."""
    if type(error).__module__.split(".")[0] not in (
        "py4j",
        "pyspark",
        "grpc",
        "botocore",
        "requests",
        "pyiceberg",
    ):
        return None
    first = str(error).strip().splitlines()[0] if str(error).strip() else ""
    return InfrastructureError(
        f"{type(error).__name__}: {first}"[:500],
        safe="no partial write is visible to readers: every write is one commit",
        next_step="see `usertags services status`, then run the same command again",
    )
