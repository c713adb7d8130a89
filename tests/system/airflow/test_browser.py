"""As a person sees it: headless Chromium in a real Airflow, after days of which its audit refused the last.

The pictures in docs/images are taken here.
"""

import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Request, expect, sync_playwright

from tests.support.places import ROOT

from .served import PASSWORDS, RELEASE, Served, until
from .shop_days import EARLY, FEWER_ORDERS, GOOD, ORDERS, REFUSED, UNKNOWN_GENDERS

pytestmark = pytest.mark.shared("airflow")

# Where the pictures go: into docs/images where that is asked for, so that a test alone changes no file.
PICTURES = os.environ.get("USERTAGS_PICTURES")
# A busy machine shows the same later.
expect.set_options(timeout=30_000)
FAILED, UNUSUAL = "gender in its values", "rows as on the days before"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    installed = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as driver:
        path = installed or driver.chromium.executable_path
        if not Path(path).exists():
            pytest.fail("there is no Chromium: `scripts/install dev` installs one or says how")
        launched = driver.chromium.launch(executable_path=path)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def anna(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """The admin, logged in by the form; nothing outside the machine is asked for."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    context.set_default_timeout(30_000)
    elsewhere: list[str] = []
    context.on("request", lambda asked: None if _here(asked.url) else elsewhere.append(asked.url))
    # What a page's policy forbids never leaves: a report may ask for it all the same.
    context.on("requestfailed", lambda asked: _forbidden(asked) and elsewhere.remove(asked.url))
    page = context.new_page()
    page.goto(f"{served.url}/usertags/quality")
    assert "/auth/login" in page.url
    _log_in(page, "anna")
    page.wait_for_url("**/usertags/quality")
    page.close()
    yield context
    context.close()
    assert elsewhere == []


def _here(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))


def _forbidden(asked: Request) -> bool:
    return not _here(asked.url) and "csp" in (asked.failure or "").lower()


def _log_in(page: Page, user: str) -> None:
    page.get_by_label("Username").fill(user)
    page.locator("input[type=password]").fill(PASSWORDS[user])
    page.get_by_role("button", name=re.compile("sign in|log in", re.IGNORECASE)).click()


@pytest.fixture
def page(anna: BrowserContext) -> Iterator[Page]:
    opened = anna.new_page()
    yield opened
    opened.close()


def frame_of(page: Page, name: str = "Data quality") -> FrameLocator:
    return page.frame_locator(f'iframe[title="{name}"]')


def test_from_the_home_page_to_the_reason_in_two_clicks(page: Page, served: Served) -> None:
    page.goto(served.url)
    tile = page.locator("#usertags-tile")
    expect(tile).to_contain_text(f"{REFUSED}: blocked")
    expect(tile).to_contain_text(f"readers have {GOOD}, 1 day behind")
    tile.click()
    quality = frame_of(page)
    expect(quality.locator(".verdict .big")).to_contain_text(f"{REFUSED} blocked")
    expect(quality.locator(".verdict")).to_contain_text(re.compile(rf"Readers have\s*{GOOD}"))
    quality.get_by_role("link", name=FAILED).click()
    expect(quality.locator("h1")).to_contain_text("✕ failed")
    expect(quality.locator(".verdict")).to_contain_text("one of female, male")
    expect(quality.locator(".verdict")).to_contain_text(f"{UNKNOWN_GENDERS} of ")
    expect(quality.locator(".verdict")).to_contain_text(f"last passed {GOOD}")
    expect(quality.locator(".do")).to_contain_text("add it to `values`, or correct the source")
    expect(quality.locator("ul.tags")).to_contain_text("性别")


def test_the_navigation_leads_to_the_days_and_the_address_can_be_passed_on(
    page: Page, served: Served
) -> None:
    page.goto(served.url)
    page.get_by_role("link", name="Data quality", exact=True).first.click()
    quality = frame_of(page)
    quality.get_by_role("link", name=f"{GOOD}: Good").click()
    expect(quality.locator("h1")).to_contain_text(str(GOOD))
    page.wait_for_url(f"**/plugin/data-quality/usertags/quality/day/{GOOD}")
    page.reload()
    expect(frame_of(page).locator("h1")).to_contain_text(f"{GOOD} ✓ Good")


def test_a_warning_is_published_and_its_check_shows_what_was_usual(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/usertags/quality/day/{EARLY}")
    expect(page.locator("h1")).to_contain_text("! Published with warnings")
    page.get_by_role("link", name="newest row within 2h of the end of the day").click()
    expect(page.locator("figure")).to_contain_text("at most 2.0 h")
    page.goto(f"{served.url}/usertags/quality/day/{REFUSED}")
    page.get_by_role("link", name=UNUSUAL).click()
    expect(page.locator("figure figcaption")).to_contain_text(
        re.compile(rf"Rows of the day\s*{FEWER_ORDERS}")
    )
    expect(page.locator("figure")).to_contain_text(f"usual {ORDERS}")
    picture(page, "check")


def test_the_day_shows_the_rows_set_aside(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/usertags/quality/day/{REFUSED}")
    row = page.get_by_role("row", name=re.compile("orders .*amount.* 2"))
    expect(row).to_be_visible()


def test_the_link_of_the_audit_task_leads_to_its_checks(page: Page, served: Served, refused_run: str) -> None:
    page.goto(f"{served.url}/dags/user_tags_daily/runs/{refused_run}/tasks/audit/details")
    page.locator("a[href*='quality/of?']", has_text="Data quality").click()
    quality = frame_of(page)
    expect(quality.locator("h1")).to_contain_text("Blocked")
    expect(quality.locator("main")).to_contain_text("Shown: the audit stage of run")
    assert "run_id=" not in page.url


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("dags/user_tags_daily/plugin/quality", f"{REFUSED} blocked"),
        ("dags/user_tags_daily/runs/{run}/plugin/quality-of-run", f"{REFUSED} ✕ Blocked"),
        ("dags/user_tags_daily/runs/{run}/tasks/audit/plugin/quality-of-try", "the audit stage of run"),
    ],
)
def test_dag_run_and_task_have_a_quality_tab(
    page: Page, served: Served, refused_run: str, path: str, text: str
) -> None:
    page.goto(f"{served.url}/{path.format(run=refused_run)}")
    expect(page.get_by_role("link", name="Quality", exact=True)).to_be_visible()
    expect(frame_of(page, "Quality").locator("main")).to_contain_text(text)


def test_the_report_is_shown_and_has_no_part_in_airflow(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/usertags/quality/day/{REFUSED}")
    page.get_by_role("row", name=re.compile("audit .* refused")).get_by_role("link").click()
    report = page.frame_locator("iframe.report")
    expect(report.locator("body")).to_contain_text("Great Expectations")
    frame = next(frame for frame in page.frames if "/usertags/report/" in frame.url)
    assert frame.evaluate("self.origin") == "null"
    with pytest.raises(Exception, match="sandboxed"):
        frame.evaluate("document.cookie")
    assert frame.evaluate("fetch('/api/v2/dags').then(() => 'read').catch(() => 'refused')") == "refused"


def test_tags_are_sorted_by_what_changed_and_a_tag_says_what_it_is(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/plugin/user-tags")
    tags = frame_of(page, "Tags")
    expect(tags.locator("tbody tr")).to_have_count(2)
    # Everybody has a gender: more users move nothing.
    expect(tags.locator("tbody tr").first).to_contain_text("高消费客户")
    tags.get_by_role("link", name="性别").click()
    expect(tags.locator(".verdict")).to_contain_text("users.gender")


def test_the_keyboard_is_enough(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/usertags/quality")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == FAILED:
            break
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(FAILED)


def test_it_follows_airflows_colours(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/plugin/data-quality")
    body = frame_of(page).locator("body")
    expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    picture(page, "data-quality")
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    expect(body).to_have_css("background-color", "rgb(17, 19, 21)")
    frame_of(page).get_by_role("link", name=UNUSUAL).click()
    expect(frame_of(page).locator("h1")).to_contain_text(UNUSUAL)
    expect(body).to_have_css("background-color", "rgb(17, 19, 21)")
    page.evaluate("localStorage.setItem('theme', 'light')")
    page.reload()
    expect(body).to_have_css("background-color", "rgb(255, 255, 255)")


@pytest.mark.parametrize(
    "path", ["quality", "quality?view=list", f"quality/day/{REFUSED}", "tags", "runbook"]
)
def test_nothing_is_wider_than_a_phone(page: Page, served: Served, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{served.url}/usertags/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if path == "quality":
        picture(page, "data-quality-phone")


def test_who_may_not_read_the_dag_sees_nothing(browser: Browser, served: Served) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served.url}/usertags/quality/day/{REFUSED}")
    _log_in(page, "nobody")
    expect(page.locator("h1")).to_have_text("Access denied")
    assert "gender" not in page.content()
    page.goto(served.url)
    expect(page.locator("#usertags-tile")).to_have_count(0)
    context.close()


@pytest.mark.parametrize(
    "path", ["quality", "quality/tile.json", f"quality/day/{REFUSED}", "tags", "quality?dag_id=another"]
)
def test_roles_are_those_of_airflow(served: Served, path: str) -> None:
    assert _status(served, path, "vera") == 200
    assert _status(served, path, "nobody") == 403
    assert _status(served, path, None) == 401


def _status(served: Served, path: str, user: str | None) -> int:
    headers = {"Authorization": f"Bearer {served.token(user)}"} if user else {}
    request = urllib.request.Request(f"{served.url}/usertags/{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_person_releases_the_day_and_readers_have_it(page: Page, served: Served) -> None:
    """From the blocked day to the trigger of its release, to the question, to the published day."""
    reason = "growth: they left the field open"
    page.goto(f"{served.url}/plugin/data-quality")
    frame_of(page).get_by_role("link", name="Release this day").click()
    page.wait_for_url("**/dags/user_tags_release")
    page.get_by_role("button", name="Trigger").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name='element_day']").fill(str(REFUSED))
    dialog.locator("[name='element_reason']").fill(reason)
    dialog.get_by_role("button", name="Trigger").click()
    run = until(lambda: served.newest(RELEASE), lambda: "nothing was triggered")
    served.question(run)
    assert REFUSED not in served.published()
    page.goto(f"{served.url}/plugin/data-quality")
    frame_of(page).get_by_role("link", name="Approve or reject the release").click()
    page.wait_for_url("**/tasks/approve/required_actions")
    main = page.locator("body")
    expect(main).to_contain_text(f"Release {REFUSED} although its audit checks failed?")
    expect(main).to_contain_text(reason)
    expect(main).to_contain_text("tags.user_profile: gender in its values")
    picture(page, "approve")
    at = f"/plugin/data-quality/usertags/quality/day/{REFUSED}"
    expect(page.get_by_role("link", name=f"All checks of {REFUSED}")).to_have_attribute(
        "href", f"{served.url}{at}"
    )
    page.get_by_role("button", name="Approve").click()
    assert served.ended(RELEASE, run)["state"] == "success"
    page.goto(f"{served.url}/plugin/data-quality")
    quality = frame_of(page)
    expect(quality.locator(".verdict .big")).to_contain_text(f"{REFUSED} released by a person")
    expect(quality.locator(".verdict")).to_contain_text(f"Released by anna: {reason}")
    expect(quality.locator(".verdict")).to_contain_text(re.compile(rf"Readers have\s*{REFUSED}"))
    page.goto(served.url)
    expect(page.locator("#usertags-tile")).to_contain_text(f"readers have {REFUSED}, the newest")


def picture(page: Page, name: str) -> None:
    """A picture for the documentation, when it is asked for."""
    if PICTURES:
        page.wait_for_timeout(500)
        page.screenshot(path=ROOT / PICTURES / f"{name}.png")
