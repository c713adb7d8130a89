"""What Airflow loads: cheap for every component, and ready before the first page in the API server."""

import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest

from plugins import usertags_plugin
from plugins.usertags_plugin import LazyApp, UsertagsPlugin


class FakeTimer:
    """A fake of a timer: it is kept, and runs when a test says so."""

    started: list["FakeTimer"]

    def __init__(self, seconds: float, work: Any) -> None:
        self.work = work

    def start(self) -> None:
        self.started.append(self)


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[FakeTimer]:
    FakeTimer.started = []
    monkeypatch.setattr(usertags_plugin, "Timer", FakeTimer)
    return FakeTimer.started


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened to the application of a `LazyApp`."""
    calls: list[str] = []

    class FakeApp:
        """A fake of the application: it says what was asked of it."""

        def __init__(self) -> None:
            calls.append("made")
            self.state = self

        def warm(self) -> None:
            calls.append("warmed")

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            calls.append(scope)

    monkeypatch.setattr(LazyApp, "_make", staticmethod(FakeApp))
    return calls


def test_many_first_requests_make_one_application(made: list[str]) -> None:
    app = LazyApp()

    async def ask() -> None:
        await asyncio.gather(*(app(f"request {number}", None, None) for number in range(5)))

    asyncio.run(ask())
    assert sorted(made) == ["made", *(f"request {number}" for number in range(5))]


def test_the_api_server_alone_makes_ready_before_the_first_request(
    monkeypatch: pytest.MonkeyPatch, timers: list[FakeTimer], made: list[str]
) -> None:
    monkeypatch.delitem(sys.modules, "airflow.api_fastapi.main", raising=False)
    UsertagsPlugin.on_load()
    assert timers == []
    monkeypatch.setitem(sys.modules, "airflow.api_fastapi.main", ModuleType("main"))
    monkeypatch.setattr(usertags_plugin, "_APP", LazyApp())
    UsertagsPlugin.on_load()
    (timer,) = timers
    assert made == []
    timer.work()
    assert made == ["made", "warmed"]


def test_what_cannot_be_made_ready_is_reported_by_the_page_that_meets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise OSError("the configuration is gone")

    monkeypatch.setattr(LazyApp, "_make", staticmethod(broken))
    app = LazyApp()
    app.warm()
    with pytest.raises(OSError, match="the configuration is gone"):
        asyncio.run(app({}, None, None))
