"""The pages of Great Expectations in a real browser: styled, and no other host is asked for anything.

The checks run on pandas here: what the library writes of a result is the same.
"""

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.library_pages import library_pages
from usertags.quality.docs import assets, self_contained

STAGE = "shop/2026-03-02/r20260303_020000_000/quality/clean"
HOME = "../../../../assets"
FAILED = "validations/clean/orders/failed/"


@pytest.fixture(scope="module")
def raw() -> dict[str, str]:
    return library_pages()


@pytest.fixture(scope="module")
def pages(raw: dict[str, str]) -> dict[str, str]:
    return self_contained(raw, HOME)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def served(pages: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The folders as they lie on object storage, from a server of static files."""
    for path, text in pages.items():
        (tmp_path / STAGE / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / STAGE / path).write_text(text, encoding="utf-8")
    for path, body in assets().items():
        (tmp_path / "shop" / "assets" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / "assets" / path).write_bytes(body)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser_page(served: str) -> Iterator[tuple[Page, list[str]]]:
    """A page in Chromium, and what goes wrong on it: requests to other hosts, files not found, errors."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    installed = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=installed or driver.chromium.executable_path)
        page = browser.new_page()
        wrong: list[str] = []

        def ask(route: Any) -> None:
            if route.request.url.startswith((served, "data:")):
                route.continue_()
            else:
                wrong.append(route.request.url)
                route.abort()

        page.route("**/*", ask)
        page.on("response", lambda answer: answer.ok or wrong.append(f"{answer.status} {answer.url}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        yield page, wrong
        browser.close()


def test_in_a_browser_the_results_are_shown_and_no_other_host_is_asked(
    served: str, browser_page: tuple[Page, list[str]], pages: dict[str, str]
) -> None:
    page, wrong = browser_page
    page.goto(f"{served}/{STAGE}/index.html")
    # The table comes with its filters once the scripts have run; the row leads to the results.
    row = page.locator("tbody tr", has_text="clean.orders.failed").first
    expect(row).to_be_visible()
    expect(page.locator(".fixed-table-container").first).to_be_visible()
    assert page.locator(".alert-secondary").first.evaluate("e => getComputedStyle(e).backgroundColor") == (
        "rgb(226, 227, 229)"
    )
    row.locator("td").nth(1).click()
    page.wait_for_url(f"**/{FAILED}**")
    expect(page.get_by_text("Statistics").first).to_be_visible()
    amount = page.locator("tr", has_text="greater than or equal to").first
    expect(amount).to_contain_text("-7")
    icon = amount.locator("i.fas").first
    assert "Font Awesome" in icon.evaluate("e => getComputedStyle(e).fontFamily")
    assert page.evaluate(
        "document.fonts.load('900 16px \"Font Awesome 6 Free\"').then(found => found.length)"
    )
    # A script of bootstrap's that a click runs.
    page.locator("a[data-toggle=collapse]").first.click()
    expect(page.get_by_text("Great Expectations Version")).to_be_visible()
    assert wrong == []
