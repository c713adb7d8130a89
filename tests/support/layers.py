"""The layers of the tests: a test is in one by its folder, and may start only what that layer may.

- `tests/fast`: no Spark, no server, no process, no connection.
- `tests/spark`: frames in one Spark session; nothing else is started.
- `tests/system`: servers, processes, whole data days.
- `tests/long`: what does not fit the time of CI.

What a test does is seen by Python's own audit events, so that no library can hide it.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

# It asks the program `file` about this machine when it is imported, by Airflow and whenever that is: now, not
# in a test.
import croniter  # noqa: F401
import pytest

# Its import asks which kinds of addresses the machine has, by opening a socket.
import urllib3  # noqa: F401
from xdist.scheduler import LoadScopeScheduling

_PROCESSES = {
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.spawn": "starts a process",
    "os.exec": "starts a process",
    "os.system": "starts a process",
}
_SERVERS = {"socket.bind": "opens a server"}
_CONNECTIONS = {"socket.connect": "connects to a server"}
REFUSED: dict[str, dict[str, str]] = {
    "fast": _PROCESSES | _SERVERS | _CONNECTIONS,
    "spark": _PROCESSES | _SERVERS,
    "system": {},
    "long": {},
}


class LayerError(RuntimeError):
    """A test does what its layer may not."""


@dataclass
class _Running:
    """The layer of the test that runs now, and what it did that it may not."""

    layer: str = "system"
    allowed: int = 0
    done: list[str] = field(default_factory=list)


_running = _Running()


def layer_of(item: pytest.Item) -> str:
    """The layer of a test. Raises UsageError for a test outside the folders of layers."""
    tests = item.config.rootpath / "tests"
    parts = item.path.relative_to(tests).parts if item.path.is_relative_to(tests) else ()
    if not parts or parts[0] not in REFUSED:
        folders = ", ".join(f"tests/{name}" for name in REFUSED)
        raise pytest.UsageError(f"{item.path} is in no layer: tests are in {folders}")
    return parts[0]


@contextmanager
def in_layer(layer: str) -> Iterator[list[str]]:
    """Everything inside is held to a layer; gives what was done against it, as it happens."""
    before = _running.layer, _running.done
    _running.layer, _running.done = layer, []
    try:
        yield _running.done
    finally:
        _running.layer, _running.done = before


@contextmanager
def starting_what_is_shared() -> Iterator[None]:
    """Inside, a fixture starts what all tests of the layer share."""
    _running.allowed += 1
    try:
        yield
    finally:
        _running.allowed -= 1


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    refused = REFUSED[_running.layer].get(event)
    if refused is None or _running.allowed or not _is_network(event, arguments):
        return
    what = f"a test in tests/{_running.layer} {refused} ({event})"
    _running.done.append(what)
    raise LayerError(what)


def _is_network(event: str, arguments: tuple[Any, ...]) -> bool:
    """A pair of sockets inside the process is no server."""
    return not event.startswith("socket.") or isinstance(arguments[1], tuple)


sys.addaudithook(_watch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    with in_layer(layer_of(item)):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Also when the code under test swallowed the refusal, the test has failed."""
    report = yield
    if call.when == "call" and report.passed and _running.done:
        report.outcome, report.longrepr = "failed", "\n".join(_running.done)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Any:
    """The session server may run already, and its client's connection is not seen by Python."""
    if layer_of(item) == "fast" and "spark" in getattr(item, "fixturenames", ()):
        raise LayerError("a test in tests/fast uses Spark")
    return (yield)


# Groups that take minutes, longest first: begun first, so that no process waits for the other at the end.
LONGEST = ("airflow", "good_days", "bad_days", "system/e2e/test_pii_sentinels.py", "spark/test_tag_cases.py")


class Groups(LoadScopeScheduling):
    """Tests of a group run in one process.

    The plugin's own `loadgroup` marks a group in the name of a test, which pytest 9.2 no longer lets it do.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group(self.config.rootpath, nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    return Groups(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest groups come first, whatever the order of the others."""
    places: dict[str, int] = {}
    for item in items:
        layer_of(item)
        group = _group(config.rootpath, item.nodeid)
        places.setdefault(group, LONGEST.index(group) if group in LONGEST else len(LONGEST) + len(places))
    items.sort(key=lambda item: places[_group(config.rootpath, item.nodeid)])


@cache
def _group_of(path: Path) -> str | None:
    found = re.search(r'pytest\.mark\.shared\("(\w+)"\)', path.read_text(encoding="utf-8"))
    return found[1] if found else None


def _group(root: Path, nodeid: str) -> str:
    """The file of a test, or what its module shares with others: read from the file, because the process that
    hands out the tests has not collected them."""
    file = nodeid.partition("::")[0]
    return _group_of(root / file) or file.removeprefix("tests/")
