"""A report of Great Expectations in the sandbox of its page: styled, and no other host is asked for anything.

No Airflow: the plugin's application alone, with a report in memory, in a real Chromium.
"""

import shutil
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pandas as pd
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Route, expect, sync_playwright

from plugins.usertags_quality.app import make_app
from tests.support.on_pandas import PandasValidator
from tests.support.pages import D2, FakePageData
from tests.support.quality_rows import run_of
from usertags.quality.checks import Check
from usertags.quality.docs import assets, self_contained
from usertags.quality.kinds import CheckKind

FOLDER = f"2026-03-02/{run_of(D2)}/quality/clean"


class DeskWithReport(FakePageData):
    """Its report is of five orders, one with an amount of -7."""

    def __init__(self) -> None:
        super().__init__()
        validator = PandasValidator()
        frame: Any = pd.DataFrame({"amount": [3.0, -7.0, 5.0, 4.0, 2.0]})
        arguments = {"column": "amount", "min_value": 0}
        check = Check(
            "clean.orders",
            CheckKind.IN_RANGE,
            "ExpectColumnValuesToBeBetween",
            arguments,
            "critical",
            "o",
            "a",
        )
        validator.validate("clean.orders", frame, [check])
        pages = self_contained(validator.pages(), "../../../../assets")
        self.files = {f"{FOLDER}/{path}": text.encode() for path, text in pages.items()}
        self.files |= {f"assets/{path}": body for path, body in assets().items()}

    def report_file(self, *address: object) -> bytes | None:
        return self.files.get(str(address[0]))


@pytest.fixture
def url() -> Iterator[str]:
    app = FastAPI()
    app.mount("/usertags", make_app(DeskWithReport(), reader=lambda: None, secret="test"))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_a_report_in_its_sandbox_is_styled_and_asks_no_other_host(url: str) -> None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    installed = next(filter(None, map(shutil.which, names)), None)
    wrong: list[str] = []

    def ask(route: Route) -> None:
        if route.request.url.startswith((url, "data:")):
            route.continue_()
        else:
            wrong.append(route.request.url)
            route.abort()

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=installed or driver.chromium.executable_path)
        page = browser.new_page()
        page.route("**/*", ask)
        page.on("response", lambda answer: answer.ok or wrong.append(f"{answer.status} {answer.url}"))
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.goto(f"{url}/usertags/quality/report/2026-03-02/{run_of(D2)}/clean")
        report = page.frame_locator("iframe.report")
        row = report.locator("tbody tr", has_text="clean.orders.failed").first
        expect(row).to_be_visible()
        grey = report.locator(".alert-secondary").first.evaluate("e => getComputedStyle(e).backgroundColor")
        row.locator("td").nth(1).click()
        expect(report.get_by_text("1 unexpected values found")).to_be_visible()
        inside = next(frame for frame in page.frames if "/usertags/report/" in frame.url)
        assert inside.evaluate("self.origin") == "null"
        fonts = inside.evaluate("document.fonts.load('900 16px \"Font Awesome 6 Free\"').then(f => f.length)")
        browser.close()
    assert wrong == []
    assert (grey, fonts) == ("rgb(226, 227, 229)", 1)
