"""Faults put into the code one at a time, and whether the tests that are named for each notice it.

`python -m tests.mutations.run` works on a copy of the checkout, so that a run that is ended leaves nothing
behind in it. A fault is one exact text of one file and what stands in its place; they are in the YAML files
beside this one.
"""

import argparse
import ast
import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from tests.support.servers import KEPT_SERVERS
from usertags import services

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent
# Large, and the same in every copy.
LINKED = (".venv", ".jars")
KEYS = {"id", "fault", "file", "find", "replace", "tests"}
# Exit codes of pytest: all passed, and some failed. Any other end says nothing of the fault.
PASSED, FAILED = 0, 1
_FIRST = re.compile(r"^(?:FAILED|ERROR) (\S+::.*?)(?: - .*)?$", re.MULTILINE)

Verdict = Literal["caught", "SURVIVED", "broken"]


@dataclass(frozen=True)
class Fault:
    """One fault: `find` stands once in `file`, and `tests` are the files of which one has to fail."""

    id: str
    fault: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]
    area: str


@dataclass(frozen=True)
class Outcome:
    """What became of a fault; `failed` is the first test that failed, or why there is none."""

    fault: Fault
    verdict: Verdict
    seconds: float
    failed: str


# ---- the faults ----------------------------------------------------------------------------------------


def load_faults(folder: Path = FOLDER) -> list[Fault]:
    """The faults of all files in their order. Raises ValueError for an entry whose keys are wrong."""
    return [_fault(entry, path.stem) for path in sorted(folder.glob("*.yml")) for entry in _entries(path)]


def _entries(path: Path) -> list[dict[str, object]]:
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    for entry in entries:
        if entry.keys() != KEYS:
            raise ValueError(f"{path.name}: {entry.get('id')} has {sorted(entry)}, not {sorted(KEYS)}")
    return list(entries)


def _fault(entry: dict[str, object], area: str) -> Fault:
    texts = {name: str(value) for name, value in entry.items() if name != "tests"}
    tests = entry["tests"]
    assert isinstance(tests, list), f"{texts['id']}: `tests` is a list"
    return Fault(**texts, tests=tuple(map(str, tests)), area=area)


def problems(faults: Sequence[Fault], root: Path = ROOT) -> list[str]:
    """Why faults cannot be tried: a name that stands twice, a file or text that is missing, broken Python."""
    twice = [name for name, count in Counter(fault.id for fault in faults).items() if count > 1]
    return [f"{name}: stands twice" for name in twice] + [
        f"{fault.id}: {problem}" for fault in faults for problem in _problems(fault, root)
    ]


def _problems(fault: Fault, root: Path) -> Iterator[str]:
    yield from (f"no file {name}" for name in fault.tests if not (root / name).is_file())
    path = root / fault.file
    if not path.is_file():
        yield f"no file {fault.file}"
        return
    text = path.read_text(encoding="utf-8")
    times = text.count(fault.find)
    if times != 1:
        yield f"its text stands {times} times in {fault.file}"
    elif fault.find == fault.replace:
        yield "changes nothing"
    elif path.suffix == ".py":
        yield from _broken_python(text.replace(fault.find, fault.replace))


def _broken_python(text: str) -> Iterator[str]:
    try:
        ast.parse(text)
    except SyntaxError as error:
        yield f"is no Python any more: line {error.lineno}, {error.msg}"


def chosen(faults: Sequence[Fault], ids: Sequence[str], draw: int | None, seed: int) -> list[Fault]:
    """The faults with these ids, by default all; of them so many as are drawn, in the order of the files."""
    unknown = sorted(set(ids) - {fault.id for fault in faults})
    if unknown:
        raise SystemExit(f"no fault {', '.join(unknown)}: see --list")
    wanted = [fault for fault in faults if not ids or fault.id in ids]
    if draw is None or draw >= len(wanted):
        return wanted
    places = sorted(random.Random(seed).sample(range(len(wanted)), draw))
    return [wanted[place] for place in places]


# ---- the copy of the checkout --------------------------------------------------------------------------


@contextmanager
def copy_of(root: Path) -> Iterator[Path]:
    """A temporary folder with the files of a checkout that git does not ignore; removed at the end."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, capture_output=True, check=True
    )
    names = [name for name in os.fsdecode(listed.stdout).split("\0") if name and name not in LINKED]
    with tempfile.TemporaryDirectory(prefix="usertags_mutations_") as folder:
        copy = Path(folder).resolve() / "checkout"
        for name in names:
            if (root / name).is_file() or (root / name).is_symlink():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, copy / name, follow_symlinks=False)
        for name in LINKED:
            if (root / name).exists():
                (copy / name).symlink_to((root / name).resolve())
        try:
            yield copy
        finally:
            services.stop(servers_of(copy))


def servers_of(copy: Path) -> Path:
    """The folder of the Spark session server that all runs of tests/spark in the copy share."""
    return copy.parent / "servers"


def _shares_servers(fault: Fault) -> bool:
    """Tests of data frames leave nothing in the server; those of the system leave tables, and a fault in what
    starts servers would stay in the one that it started."""
    return fault.area != "services" and all(name.startswith("tests/spark/") for name in fault.tests)


@contextmanager
def applied(fault: Fault, copy: Path) -> Iterator[None]:
    """The fault stands in the copy until the end."""
    path = copy / fault.file
    text = path.read_text(encoding="utf-8")
    assert text.count(fault.find) == 1, f"{fault.id}: its text does not stand once in {fault.file}"
    _write(path, text.replace(fault.find, fault.replace))
    try:
        yield
    finally:
        _write(path, text)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    if path.suffix == ".py":
        # Python compares bytecode by size and whole seconds: it could take that of the other text.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def run_tests(
    copy: Path, tests: Sequence[str], *options: str, share_servers: bool = False
) -> tuple[int, str]:
    """The exit code of pytest in the copy, and what it said. Subprocesses import from the copy too."""
    kept = {KEPT_SERVERS: str(servers_of(copy))} if share_servers else {}
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "--no-header"]
    done = subprocess.run(
        [*command, *options, *tests],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": f"{copy}:{copy / 'jobs'}"} | kept,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def first_failed(output: str) -> str:
    """The node id of the first test that failed, or whose fixture did; empty where no test did. A file that
    cannot be collected has no node of a test."""
    found = _FIRST.search(output)
    return found[1] if found else ""


# ---- trying them -----------------------------------------------------------------------------------------


def tried(fault: Fault, copy: Path) -> Outcome:
    """Put the fault in, run its tests, and take it out again."""
    if not fault.tests:
        return Outcome(fault, "SURVIVED", 0.0, "no test is named")
    started = time.monotonic()
    with applied(fault, copy):
        code, output = run_tests(copy, fault.tests, "-x", share_servers=_shares_servers(fault))
    seconds = time.monotonic() - started
    failed = first_failed(output)
    if code == FAILED and failed:
        return Outcome(fault, "caught", seconds, failed)
    if code == PASSED:
        return Outcome(fault, "SURVIVED", seconds, "")
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "nothing was said")
    return Outcome(fault, "broken", seconds, f"exit code {code}: {last.strip()[:200]}")


def try_all(faults: Sequence[Fault], root: Path, show: Callable[[str], None]) -> list[Outcome]:
    """Each fault in turn, one line as it ends."""
    outcomes = []
    with copy_of(root) as copy:
        for fault in faults:
            outcome = tried(fault, copy)
            outcomes.append(outcome)
            show(f"{fault.id:<44} {outcome.verdict:<8} {outcome.seconds:6.1f} s  {outcome.failed}")
    return outcomes


def baseline(faults: Sequence[Fault], root: Path, show: Callable[[str], None]) -> bool:
    """Run every file of tests that is named once without any fault; whether all of them pass."""
    files = sorted({name for fault in faults for name in fault.tests})
    show(f"{len(files)} files of tests without any fault")
    with copy_of(root) as copy:
        code, output = run_tests(copy, files)
    show(output.rstrip() if code != PASSED else "all of them pass")
    return code == PASSED


def summary(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(outcome.verdict for outcome in outcomes)
    return f"{counts['caught']} caught, {counts['SURVIVED']} survived, {counts['broken']} broken"


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table, with the summary below it."""
    lines = [
        "| area | fault | what is wrong | outcome | seconds | first failing test |",
        "|---|---|---|---|--:|---|",
    ]
    for outcome in outcomes:
        fault, failed = outcome.fault, _cell(outcome.failed)
        shown = f"`{failed}`" if outcome.verdict == "caught" else failed
        cells = (
            fault.area,
            f"`{fault.id}`",
            _cell(fault.fault),
            outcome.verdict,
            f"{outcome.seconds:.0f}",
            shown,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{summary(outcomes)}.", ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# ---- the command line ------------------------------------------------------------------------------------


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations.run", description=__doc__)
    parser.add_argument("ids", nargs="*", help="the faults to try; default: all")
    parser.add_argument("--draw", type=int, metavar="N", help="try N of them, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="what --draw draws by; default: 0")
    parser.add_argument("--list", action="store_true", help="show the faults and their tests, and end")
    parser.add_argument("--check", action="store_true", help="only see whether every fault can be put in")
    parser.add_argument("--baseline", action="store_true", help="run the named tests once without any fault")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the outcomes as a Markdown table")
    return parser.parse_args()


def _print(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Returns 1 where a fault cannot be put in, was not noticed, or says nothing; else 0."""
    arguments = _arguments()
    faults = load_faults()
    wanted = chosen(faults, arguments.ids, arguments.draw, arguments.seed)
    if arguments.list:
        for fault in wanted:
            _print(f"{fault.area:<10} {fault.id:<44} {', '.join(fault.tests) or 'nothing catches it yet'}")
        return 0
    wrong = problems(faults if arguments.check else wanted)
    if wrong or arguments.check:
        _print("\n".join(wrong) or f"{len(faults)} faults can be put in")
        return int(bool(wrong))
    if arguments.baseline:
        return int(not baseline(wanted, ROOT, _print))
    outcomes = try_all(wanted, ROOT, _print)
    _print(summary(outcomes))
    if arguments.table is not None:
        arguments.table.write_text(table(outcomes), encoding="utf-8")
    return int(any(outcome.verdict != "caught" for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
