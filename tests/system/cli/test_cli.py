"""The command line as a person runs it: what it prints, and the code that it ends with."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.folders import MEASURES, ORDERS, SMALL, TAGS, Folder
from tests.support.places import ROOT
from usertags.cli.app import _guarded, app
from usertags.errors import ConfigError, ConfigProblem, DataError, InfrastructureError, UsageError
from usertags.pipeline import Pipeline
from usertags.project.build import load_project
from usertags.stages import days

USERTAGS = Path(sys.executable).parent / "usertags"
STAGES = ("extract", "clean", "aggregate", "tag", "audit", "publish")
COMMANDS = ("check", "run", *STAGES, "query", "tags", "explain", "report", "checks", "services")


def usertags(
    *arguments: str, configs: Path | None = SMALL, **environment: str
) -> subprocess.CompletedProcess[str]:
    folder = ["--configs", str(configs)] if configs else []
    outside = {name: value for name, value in os.environ.items() if name != "USERTAGS_CONFIGS"}
    return subprocess.run(
        [str(USERTAGS), *folder, *arguments],
        cwd=ROOT,
        env=outside | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """The same command line in this process: what it does is the same, and it starts at once."""

    def run(*arguments: str) -> Ended:
        code = _guarded(lambda **options: app(["--configs", str(SMALL), *arguments], "usertags", **options))
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


# ---- check ------------------------------------------------------------------------------------


def test_check_finds_no_problem_in_what_ships() -> None:
    done = usertags("check", configs=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("configs: ")
    assert "no problems (version " in done.stdout


def test_check_says_what_it_has_read() -> None:
    done = usertags("check")
    version = load_project(SMALL).version
    assert done.stdout == (
        f"{SMALL}: 2 sources, 6 measures, 4 tags: no problems (version {version})\n"
        "6 measures lack a description or an owner: orders_180d, orders_365d, orders_lifetime, paid_365d, "
        "last_order_at, last_status\n"
    )


def test_check_shows_every_problem_word_for_word(folder: Folder) -> None:
    """Brackets are no markup, and no line is cut."""
    lines = [
        (ORDERS, folder.replace(ORDERS, "key: [order_id, line_no]", "key: [order_id, lin_no]")),
        (MEASURES, folder.replace(MEASURES, "window: 180d\n", "window: '[red]'\n")),
        (TAGS, folder.replace(TAGS, "name: 城市", "name: 分群", "name")),
        (TAGS, folder.line(TAGS, "name: 分群\n    title: Segment")),
    ]
    messages = [
        "orders_180d.window: '[red]' is not a number of days such as 180d",
        "`key` must name a declared column, not 'lin_no' (did you mean line_no?)",
        "duplicate tag name '分群'",
        "duplicate tag name '分群'",
    ]
    done = usertags("check", configs=folder.path, COLUMNS="40")
    places = sorted(f"{folder.path}/{file}:{line:04}" for file, line in lines)
    shown = [f"{place[:-4]}{int(place[-4:])}: {text}" for place, text in zip(places, messages, strict=True)]
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: 4 problems in the configuration:",
        *shown,
        "still safe: nothing was read or written",
        "next: correct the lines above and run `usertags check`",
    ]


@pytest.mark.parametrize("command", ["tags", "run"])
def test_a_broken_configuration_stops_every_command(folder: Folder, command: str) -> None:
    folder.replace(TAGS, "status: draft", "status: drafted")
    day = ["--day", "2026-11-01"] if command == "run" else []
    done = usertags(command, *day, configs=folder.path)
    assert done.returncode == 2
    assert "1 problem in the configuration" in done.stderr


def test_a_folder_that_is_not_there() -> None:
    done = usertags("check", configs=Path("nowhere"))
    assert done.returncode == 2
    assert "nowhere: folder does not exist" in done.stderr
    assert "--configs or USERTAGS_CONFIGS" in done.stderr


def test_the_folder_comes_from_the_environment_or_the_option() -> None:
    assert usertags("check", configs=None, USERTAGS_CONFIGS=str(SMALL)).stdout.startswith(f"{SMALL}: ")
    assert usertags("check", configs=SMALL, USERTAGS_CONFIGS="nowhere").returncode == 0
    assert usertags("check", configs=None, USERTAGS_CONFIGS="nowhere").returncode == 2


def test_check_and_tags_start_no_spark() -> None:
    """They answer at once, so they are used before every commit."""
    program = (
        "import sys; from usertags.cli.app import app\n"
        "for command in ('check', 'tags'):\n"
        f"    app(['--configs', {str(SMALL)!r}, command], standalone_mode=False)\n"
        "print(sorted({'pyspark', 'py4j', 'airflow', 'great_expectations'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


# ---- help and wrong use -------------------------------------------------------------------------


def test_help_lists_every_command_and_the_exit_codes() -> None:
    done = usertags("--help", configs=None)
    assert done.returncode == 0
    for command in COMMANDS:
        assert f" {command} " in done.stdout
    assert "Exit codes: 0 done" in done.stdout


def test_a_wrong_option_ends_with_2_and_a_message() -> None:
    done = usertags("run", "--nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: No such option: --nope")
    assert done.stderr.endswith("next: see `usertags run --help`\n")


def test_a_day_that_is_none_ends_with_2() -> None:
    done = usertags("run", "--day", "tomorrow")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "error: invalid date 'tomorrow', expected YYYY-MM-DD\nnext: write it like 2026-11-01\n"
    )


@pytest.mark.parametrize("command", [*[(name,) for name in COMMANDS], ("services", "start")])
def test_every_command_has_help(here: Callable[..., Ended], command: tuple[str, ...]) -> None:
    done = here(*command, "--help")
    assert done.returncode == 0
    assert "Usage: usertags" in done.stdout


def test_no_command_shows_the_help() -> None:
    done = usertags(configs=None)
    assert done.returncode == 2
    assert "Commands" in done.stdout
    assert "error" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message", "next_step"),
    [
        (("run", "--nope"), "No such option: --nope", "usertags run --help"),
        (("nope",), "No such command 'nope'.", "usertags --help"),
        (("services", "nope"), "No such command 'nope'.", "usertags services --help"),
        (("check", "--day", "2026-11-01"), "No such option: --day", "usertags check --help"),
        (("extract",), "Missing option '--day'.", "usertags extract --help"),
        (("explain", "--day", "2026-11-01"), "Missing option '--user'.", "usertags explain --help"),
        (("run", "--until", "lunch"), "Invalid value for '--until': 'lunch' is not one of 'extract', 'clean'",
         "usertags run --help"),
        (("run", "--day"), "Option '--day' requires an argument.", "usertags --help"),
        (("query", "select 1", "--format", "xml"), "Invalid value for '--format'", "usertags query --help"),
    ],
)  # fmt: skip
def test_wrong_use_says_what_is_wrong_and_where_help_is(
    here: Callable[..., Ended], arguments: tuple[str, ...], message: str, next_step: str
) -> None:
    done = here(*arguments)
    assert done.returncode == 2
    assert f"error: {message}" in done.stderr
    assert f"`{next_step}`" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


# ---- days ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "2026-13-01", "1.11.2026", ""])
@pytest.mark.parametrize(
    "command",
    [("run",), ("extract",), ("clean",), ("audit",), ("report",), ("checks",), ("explain", "--user", "1")],
)
def test_a_day_that_is_none_is_refused_before_anything_starts(
    here: Callable[..., Ended], command: tuple[str, ...], text: str
) -> None:
    done = here(*command, "--day", text)
    assert done.returncode == 2
    assert f"error: invalid date {text!r}, expected YYYY-MM-DD" in done.stderr
    assert "write it like 2026-11-01" in done.stderr
    assert not (ROOT / ".usertags" / "small").exists(), "no service was started"


@pytest.mark.parametrize(
    "arguments", [(), ("--from", "2026-11-01"), ("--to", "2026-11-01"), ("--day", "2026-11-01", "--from",
                  "2026-11-01", "--to", "2026-11-02")]
)  # fmt: skip
def test_run_needs_one_day_or_a_span_of_days(here: Callable[..., Ended], arguments: tuple[str, ...]) -> None:
    done = here("run", *arguments)
    assert done.returncode == 2
    assert "give one day with --day, or a range of days with --from and --to" in done.stderr


def test_a_span_of_days_goes_forward(here: Callable[..., Ended]) -> None:
    done = here("run", "--from", "2026-11-02", "--to", "2026-11-01")
    assert done.returncode == 2
    assert "2026-11-02 is after 2026-11-01" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        (("run", "--day", "2026-11-02"), "2026-11-02 is not over: it is 12:00 in Asia/Shanghai"),
        (("run", "--from", "2026-11-01", "--to", "2026-11-02"), "2026-11-02 is not over"),
        (("extract", "--day", "2026-11-02"), "2026-11-02 is not over"),
        (("run", "--day", "2062-11-03"), "2062-11-03 is in the future: today is 2026-11-02"),
        (("run", "--day", "2062-11-03", "--partial"), "2062-11-03 is in the future"),
        (("extract", "--day", "2026-11-03", "--partial"), "2026-11-03 is in the future"),
    ],
)
def test_a_day_that_is_not_over_is_refused_before_anything_starts(
    here: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], refused: str
) -> None:
    monkeypatch.setattr(days, "clock", lambda: datetime(2026, 11, 2, 4, tzinfo=UTC))
    done = here(*arguments)
    assert done.returncode == 2
    assert f"error: {refused}" in done.stderr
    assert ("--partial" in done.stderr) == ("--partial" not in arguments and "future" not in refused)
    assert not (ROOT / ".usertags" / "small").exists(), "no service was started"


@pytest.mark.parametrize(("day", "until"), [("2026-11-02", 4), ("2026-11-01", None)])
def test_the_stages_are_told_until_when_a_day_is_read(
    here: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, day: str, until: int | None
) -> None:
    asked: list[Any] = []

    def run(self: Pipeline, data_day: date, run_id: str, **options: Any) -> list[Any]:
        asked.append((data_day.isoformat(), options["read_until"]))
        return []

    monkeypatch.setattr(days, "clock", lambda: datetime(2026, 11, 2, 4, tzinfo=UTC))
    monkeypatch.setattr(Pipeline, "run", run)
    assert here("run", "--day", day, "--partial").returncode == 0
    assert asked == [(day, until and datetime(2026, 11, 2, until, tzinfo=UTC))]


def test_a_source_that_does_not_exist(here: Callable[..., Ended]) -> None:
    done = here("extract", "--day", "2026-11-01", "--source", "order")
    assert done.returncode == 2
    assert "unknown source 'order'" in done.stderr
    assert "the sources are orders, users" in done.stderr


# ---- tags ---------------------------------------------------------------------------------------


def test_tags_shows_the_tag_catalogue_as_a_tree() -> None:
    done = usertags("tags")
    assert done.returncode == 0
    lines = [line.strip("│├─└ ") for line in done.stdout.splitlines()]
    assert lines[0] == "small: 4 tags"
    assert "消费属性 consumption" in lines
    assert "交易 orders" in lines
    assert "重要客户 important" in lines
    assert "orders_180d >= vip_orders or users.gender = 'f'" in lines
    assert "城市 city draft" in lines
    assert "分群 segment retired" in lines


def test_tags_names_every_tag_that_ships() -> None:
    done = usertags("tags", configs=Path("configs"))
    for tag in load_project(ROOT / "configs").tags.values():
        assert f"{tag.name} {tag.id}" in done.stdout


# ---- exit codes -----------------------------------------------------------------------------------


def test_a_command_that_ends_itself_with_a_code_keeps_it() -> None:
    assert _guarded(lambda **_: 3) == 3


def ending(error: BaseException) -> int:
    """The code of a command that ends with the error."""

    def command(**_: Any) -> None:
        raise error

    return _guarded(command)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError([ConfigProblem("a.yml", 1, "is wrong")]), 2),
        (UsageError("no such day"), 2),
        (DataError("no rows"), 3),
        (InfrastructureError("no server"), 4),
        (typer.Abort(), 130),
        (typer.BadParameter("not so"), 2),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert ending(error) == code


def test_an_error_says_what_is_safe_and_what_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    ending(DataError("no [rows] of a", safe="the last day [stands]", next_step="look [at] it"))
    assert capsys.readouterr().err.splitlines() == [
        "error: no [rows] of a",
        "still safe: the last day [stands]",
        "next: look [at] it",
    ]


def test_a_failure_of_the_store_may_be_retried_and_a_defect_of_ours_is_not_hidden() -> None:
    from botocore.exceptions import EndpointConnectionError

    assert ending(EndpointConnectionError(endpoint_url="http://127.0.0.1:1")) == 4
    with pytest.raises(KeyError):
        ending(KeyError("a defect"))
