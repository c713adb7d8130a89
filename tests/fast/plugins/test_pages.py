"""The pages without Airflow and without a lake: what they say, who gets in, which addresses are refused."""

import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from plugins.usertags_quality.app import make_app
from plugins.usertags_quality.page_data import PageData, View, masked_key, masked_row
from plugins.usertags_quality.page_language import PageLanguage
from plugins.usertags_quality.pages import _precision
from tests.support.pages import D1, D2, FakePageData
from tests.support.places import CASES, ROOT
from tests.support.quality_rows import check, ended, history_of, publication, run_of
from usertags.project.build import load_project
from usertags.quality.kinds import CheckKind
from usertags.quality.sentences import looks_at

PAGE = {"accept": "text/html"}
FAILED = "clean.orders.amount_in_its_range"


@pytest.fixture
def page_data() -> FakePageData:
    return FakePageData()


def served(page_data: PageData, reader: Callable[[], None] = lambda: None) -> TestClient:
    app = FastAPI()
    app.mount("/usertags", make_app(page_data, reader=reader, secret="of the test"))
    return TestClient(app, follow_redirects=False)


@pytest.fixture
def client(page_data: FakePageData) -> Iterator[TestClient]:
    with served(page_data) as found:
        yield found


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_first_page_answers_what_is_asked_in_the_morning(client: TestClient) -> None:
    text = text_of(client.get("/usertags/quality").text)
    assert "2026-03-02 blocked" in text
    assert "2 of 2 checks failed; readers see none of its data" in text
    assert "Readers have 2026-03-01" in text
    assert "2026-03-03: waiting, 2 days since the last good one" in text
    assert "amount in its range clean.orders Observed 3 failing rows of 40 Expected 0 to 100" in text
    assert "3 of 40 rows, 7.5 %" in text and "1 tag, 9 tables" in text
    assert "Owner finance" in text and "Do: have it corrected" in text


def test_a_filter_shows_the_checks_of_an_owner_alone(client: TestClient) -> None:
    text = text_of(client.get("/usertags/quality?owner=growth").text)
    assert "city in its form" in text and "amount in its range" not in text
    as_list = text_of(client.get("/usertags/quality?view=list").text)
    assert as_list.index("2026-03-03 … Waiting") < as_list.index("2026-03-01 ✓ Good")


def test_a_day_shows_its_checks_the_rows_set_aside_and_its_runs(client: TestClient) -> None:
    text = text_of(client.get("/usertags/quality/day/2026-03-02").text)
    assert "A critical check failed: readers see no data of this day" in text
    assert "orders missing_user 7 A9 status paid" in text
    assert f"{run_of(D2)} clean 2026-03-03 02:05 refused" in text
    assert "This day waits until 2026-03-02" in text_of(client.get("/usertags/quality/day/2026-03-03").text)


def test_a_check_shows_its_failing_rows_as_text_and_who_is_hit(client: TestClient) -> None:
    page = client.get(f"/usertags/quality/check/{FAILED}").text
    assert "&lt;b&gt;A1&lt;/b&gt;" in page and "<b>A1" not in page
    text = text_of(page)
    assert "Since this day, last passed 2026-03-01" in text
    assert "年消费金额 yearly_spend, operations" in text
    earlier = text_of(client.get(f"/usertags/quality/check/{FAILED}?day=2026-03-01").text)
    assert "✓ passed" in earlier and "The latest result is from 2026-03-02" in earlier


def test_a_blocked_day_leads_to_its_release_and_to_the_question_once_it_is_asked(
    client: TestClient, page_data: FakePageData
) -> None:
    for page in ("quality", "quality/day/2026-03-02"):
        page_data.waiting = None
        found = client.get(f"/usertags/{page}").text
        assert 'href="/dags/user_tags_release" data-host>Release this day' in found
        assert "Trigger it with day 2026-03-02 and a reason" in text_of(found)
        page_data.waiting = "manual__2026-03-03T01:00:00+00:00"
        found = client.get(f"/usertags/{page}").text
        run = "manual__2026-03-03T01%3A00%3A00%2B00%3A00"
        assert f'href="/dags/user_tags_release/runs/{run}/tasks/approve/required_actions" data-host' in found
        assert "Release this day" not in found
    assert "user_tags_release" not in client.get("/usertags/quality/day/2026-03-01").text


SAID: list[tuple[dict[str, Any], str]] = [
    (
        {"kind": CheckKind.ROWS_AS_BEFORE, "value": 65, "usual": 130, "unit": "rows", "rows": 65,
         "details": {"day": "2026-03-02", "days": 4, "compared": "weekday", "fall": {}, "rise": {}}},
        "-50 % against the usual",
    ),
    (
        {"kind": CheckKind.EMPTY_AS_BEFORE, "column": "channel", "severity": "warning", "value": 1.0,
         "usual": 0.331, "unit": "share", "rows": 130, "unexpected": 130,
         "details": {"bounds": {"warning": 0.1}, "days": 14, "compared": "before"}},
        "33.1 % → 100 % without a value; 130 of 130 rows, 100 %",
    ),
    (
        {"kind": CheckKind.LENGTH_AS_BEFORE, "column": "customer", "value": 6.0, "usual": 8.0,
         "unit": "characters"},
        "-2.00 characters against the usual",
    ),
    (
        {"kind": CheckKind.SCALE_AS_BEFORE, "column": "amount", "value": 50320.0, "usual": 503.2,
         "unit": "number"},
        "the usual × 100",
    ),
    (
        {"kind": CheckKind.CONTENT, "value": 1, "unit": "batches", "details": {"batch": "2026-03-01"}},
        "the same rows as 2026-03-01",
    ),
    (
        {"kind": CheckKind.COVERAGE_DRIFT, "table": "tags.tag_statistics", "column": "city", "value": 1.97,
         "high": 0.1, "unit": "index", "details": {"before": 0.03, "now": 0.6, "days": 3}},
        "3 % → 60 % of the users",
    ),
    ({"kind": CheckKind.ROWS_CHECKED, "value": 0, "low": 1, "unit": "rows"}, "0 rows"),
    (
        {"kind": CheckKind.SUITE_RAN, "value": 0, "low": 7, "unit": "checks",
         "error": "RuntimeError"},
        "0 checks ran: RuntimeError; see the log of the task",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "how_bad"), SAID, ids=[row["kind"] for row, _ in SAID])
def test_every_fault_of_a_source_is_reported_with_how_bad_it_is_and_what_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, row: dict[str, Any], how_bad: str
) -> None:
    failed = check(D2, **{"success": False, **row})
    found = history_of([failed], [ended(D2, "clean", "refused")], [], D2)
    view = View(load_project(CASES / "tiny_shop"), found, datetime(2026, 3, 3, tzinfo=UTC))
    monkeypatch.setattr(FakePageData, "_view", lambda self: view)
    with served(FakePageData()) as client:
        (result,) = found.days[D2].results
        for page in ("quality", "quality/day/2026-03-02"):
            text = text_of(client.get(f"/usertags/{page}").text)
            assert f"Deviation {how_bad} Since" in text
        text = text_of(client.get(f"/usertags/quality/check/{result.check_id}").text)
        assert f"Deviation {how_bad} Since" in text
        assert looks_at(result) in html.unescape(text)


def test_tags_are_listed_by_what_changed_most_and_a_tag_shows_its_values(client: TestClient) -> None:
    text = text_of(client.get("/usertags/tags").text)
    assert text.index("City 10 % +6.0 pts 10 +6 +150 %") < text.index("Gender 50 % 0 50 0")
    tag = text_of(client.get("/usertags/tags/city").text)
    assert "上海 10 10 %" in tag and "added data 6" in tag
    assert "Precision Unknown: no source confirms" in tag


def test_a_tag_is_counted_in_the_level_that_the_catalogue_of_its_run_has(
    client: TestClient, page_data: FakePageData
) -> None:
    client.get("/usertags/tags/city")
    # The id of the level, which `user_tags` has, and not its Chinese name.
    assert page_data.asked == [(D1, run_of(D1), "city", "first")]


def test_precision_is_what_people_said_of_those_who_carry_it() -> None:
    tags = load_project(ROOT / "configs").tags
    tag = next(tag for tag in tags.values() if tag.set_by is not None)
    assert tag.set_by is not None
    text = f"Set manually in {tag.set_by.source} for 2 of the 10 users who carry it (20 %)"
    say = PageLanguage("en")
    assert _precision({"explicit": 2, "rule": 8}, tag, say).startswith(text)
    assert "no user carries it" in _precision({}, tag, say)
    assert _precision(None, None, say).startswith("Unknown")


def test_the_tile_says_the_verdict_and_how_far_readers_are_behind(client: TestClient) -> None:
    tile = client.get("/usertags/quality/tile.json").json()
    assert (tile["tone"], tile["title"]) == ("bad", "2026-03-02: blocked")
    assert tile["lines"] == ["2 of 2 checks failed", "readers have 2026-03-01, 2 days behind"]
    assert tile["href"] == "plugin/data-quality/usertags/quality"


# ---- who may read -------------------------------------------------------------------------------------

PAGES = [
    "",
    "quality",
    "quality/tile.json",
    "quality/day/2026-03-02",
    f"quality/check/{FAILED}",
    f"quality/report/2026-03-02/{run_of(D2)}/clean",
    "quality/of?dag_id=user_tags_daily",
    "tags",
    "tags/city",
    "runbook",
]


@pytest.mark.parametrize("path", PAGES)
def test_whoever_may_not_read_the_dag_gets_403_and_no_word_of_the_data(
    page_data: FakePageData, path: str
) -> None:
    def refuse() -> None:
        raise HTTPException(403, "Forbidden")

    answer = served(page_data, refuse).get(f"/usertags/{path}", headers=PAGE)
    assert answer.status_code == 403
    assert (
        "2026-03" not in answer.text
        and "requires access to the runs of the DAG user_tags_daily" in answer.text
    )


@pytest.mark.parametrize("path", PAGES)
def test_whoever_is_not_logged_in_is_led_to_the_login_page(
    page_data: FakePageData, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.responses import RedirectResponse

    def refuse() -> None:
        raise HTTPException(401, "Not authenticated")

    monkeypatch.setattr(
        "plugins.usertags_quality.security.to_login", lambda request: RedirectResponse("/auth/login", 303)
    )
    client = served(page_data, refuse)
    assert client.get(f"/usertags/{path}", headers=PAGE).headers["location"] == "/auth/login"
    assert client.get(f"/usertags/{path}").status_code == 401


def test_whoever_may_read_another_dag_alone_sees_nothing(
    page_data: FakePageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.core_api import security as airflow_security
    from airflow.models import DagModel

    from plugins.usertags_quality import security

    class FakeAuthManager:
        """A fake of Airflow's: each person may read one DAG."""

        def is_authorized_dag(self, *, details: Any, user: str, **_: Any) -> bool:
            return bool(details.id == user)

    monkeypatch.setattr(airflow_security, "get_auth_manager", FakeAuthManager)
    monkeypatch.setattr(DagModel, "get_team_name", lambda dag_id: None)
    app = make_app(page_data, reader=security.reader(), secret="of the test")
    client = TestClient(app, follow_redirects=False)
    for dag, status in (("another_dag", 403), ("user_tags_daily", 200)):
        app.dependency_overrides[airflow_security.get_user] = lambda dag=dag: dag
        for path in ("/quality", "/quality?dag_id=another_dag", "/tags", "/quality/tile.json"):
            assert client.get(path).status_code == status


# ---- addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "quality/day/2026-3-2",
        "quality/day/20260302",
        "quality/day/2031-01-01",
        "quality/day/..%2f..%2fetc",
        "quality/day/2026-03-02'%20or%20'1'='1",
        "quality/day/2026-03-02?run=../../x",
        "quality/check/clean.orders.unknown",
        "quality/check/..%2f..%2fpasswd",
        "quality/check/A%00",
        f"quality/check/{FAILED}?day=2026-02-30",
        f"quality/check/{FAILED}?day=2026-03-03",
        "tags/unknown",
        "tags/city'",
        "tags/..%2fx",
        "static/..%2fapp.py",
        "static/%2e%2e/app.py",
        "static/x.css",
        f"quality/report/2026-03-02/{run_of(D2)}/tag",
        "quality/report/2026-03-02/..%2f..%2fx/clean",
        f"quality/report/2026-03-01/{run_of(D2)}/clean",
    ],
)
def test_an_address_that_names_nothing_known_is_404(
    client: TestClient, page_data: FakePageData, path: str
) -> None:
    answer = client.get(f"/usertags/{path}", headers=PAGE)
    assert answer.status_code == 404
    assert "Not found" in answer.text
    assert page_data.asked == []


def _frame(client: TestClient) -> str:
    """The address of the report in its frame."""
    page = client.get(f"/usertags/quality/report/2026-03-02/{run_of(D2)}/clean").text
    frame = re.search(r'<iframe class="report" sandbox="allow-scripts" src="([^"]+)"', page)
    assert frame is not None
    return frame[1]


def test_a_report_runs_in_a_sandbox_with_an_origin_of_its_own(
    client: TestClient, page_data: FakePageData
) -> None:
    answer = client.get(_frame(client))
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;") and "allow-same-origin" not in policy
    assert "connect-src 'none'" in policy
    assert page_data.asked == [(f"2026-03-02/{run_of(D2)}/quality/clean/index.html",)]


@pytest.mark.parametrize(
    "path",
    [
        "..%2f..%2fsecret.html",
        "%2e%2e/x.html",
        "a/%2e%2e/%2e%2e/x.html",
        "a//x.html",
        "/x.html",
        ".x.html",
        "a/.b/x.html",
        "x.html%00",
        "x.json",
        "x",
        "a\\x.html",
        "",
    ],
)
def test_a_path_that_leaves_its_report_reaches_no_storage(
    client: TestClient, page_data: FakePageData, path: str
) -> None:
    answer = client.get(_frame(client).removesuffix("index.html") + path, headers=PAGE)
    assert answer.status_code in (403, 404)
    assert page_data.asked == []


@pytest.mark.parametrize(
    "path",
    [
        f"2026-03-02/{run_of(D2)}/quality/audit/index.html",
        f"2026-03-02/{run_of(D1)}/quality/clean/index.html",
        f"2026-03-01/{run_of(D2)}/quality/clean/index.html",
        f"2026-03-02/{run_of(D2)}/clean.json",
        "assets/%2e%2e/index.html",
        "index.html",
    ],
)
def test_a_key_opens_one_report_alone(client: TestClient, page_data: FakePageData, path: str) -> None:
    key = _frame(client).partition("/report/")[2].partition("/")[0]
    assert client.get(f"/usertags/report/{key}/{path}", headers=PAGE).status_code == 404
    assert page_data.asked == []


def test_a_report_that_was_removed_says_how_long_reports_are_kept(
    client: TestClient, page_data: FakePageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_data, "report_file", lambda path: None)
    answer = client.get(_frame(client), headers=PAGE)
    assert answer.status_code == 404
    assert "Reports are removed after 90 days" in answer.text


def test_a_report_finds_what_the_pages_of_all_reports_load(
    client: TestClient, page_data: FakePageData
) -> None:
    """From the folder of a stage's pages, four folders up and down into `assets`."""
    frame = _frame(client)
    answer = client.get(urljoin(frame, "../../../../assets/1a2b/x.min.css"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert page_data.asked == [("assets/1a2b/x.min.css",)]


def test_a_key_that_was_made_elsewhere_or_changed_opens_no_report(
    client: TestClient, page_data: FakePageData
) -> None:
    from plugins.usertags_quality.security import ReportKeys

    foreign = ReportKeys("another secret").make(D2, run_of(D2), "clean")
    _, _, rest = _frame(client).partition("/report/")
    key, _, path = rest.partition("/")
    for other in (foreign, key[:-2] + "xx", "x"):
        assert client.get(f"/usertags/report/{other}/{path}").status_code == 403
    assert page_data.asked == []


def test_pages_run_no_script_and_load_nothing_from_elsewhere(client: TestClient) -> None:
    for path in (
        "quality",
        "quality/day/2026-03-02",
        f"quality/check/{FAILED}",
        "tags",
        "tags/city",
        "runbook",
    ):
        answer = client.get(f"/usertags/{path}")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        addresses = re.findall(r'(?:src|href|action)="([^"#?]*)', answer.text)
        assert [found for found in addresses if "//" in found] == []
        assert not re.search(r"<script>|<script [^>]*>[^<]|\son\w+=|\sstyle=", answer.text)


# ---- when the lake is down ----------------------------------------------------------------------------


def test_without_a_lake_the_page_says_what_happened_and_what_is_safe(page_data: FakePageData) -> None:
    page_data.down = True
    answer = served(page_data).get("/usertags/quality", headers=PAGE)
    assert answer.status_code == 503
    text = text_of(answer.text)
    assert "the embedded store is not running. Still safe the tables are unchanged Next start it" in text
    text = served(page_data).get("/usertags/quality/tile.json").json()
    assert text["detail"] == "the embedded store is not running"
    assert (text["tile"]["title"], text["tile"]["lines"]) == ("not available", ["the lake does not respond"])


def test_when_the_lake_goes_down_what_was_read_stays_and_is_called_old(page_data: FakePageData) -> None:
    page_data.view._fresh_for = 0
    client = served(page_data)
    assert "Not up to date" not in client.get("/usertags/quality").text
    page_data.down = True
    text = text_of(client.get("/usertags/quality").text)
    assert (
        "Not up to date. the embedded store is not running. The data shown was read at 2026-03-03 08:00"
        in text
    )
    assert "2026-03-02 blocked" in text


# ---- personal data ------------------------------------------------------------------------------------


def test_personal_columns_of_rows_set_aside_are_hidden() -> None:
    source = load_project(CASES / "pii_shop").sources["members"]
    hidden = set(source.raw_pii)
    assert hidden
    row = dict.fromkeys(hidden, "hash") | {"plain": "kept"}
    shown = masked_row(json.dumps(row), source)
    assert shown == dict.fromkeys(hidden, "***") | {"plain": "kept"}
    assert masked_row("line that is no JSON", source) == {}
    assert masked_row(json.dumps(row), None) == {}
    assert masked_key("13800138000", None) == "***"


# ---- a year -------------------------------------------------------------------------------------------


def test_a_year_of_runs_is_shown_in_parts_and_whole_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long that takes is measured in bench/pages.py."""
    days = [date(2025, 3, 1) + timedelta(days=number) for number in range(365)]
    checks = [check(day, CheckKind.GIVEN, f"column_{number}") for day in days for number in range(5)]
    runs = [ended(day, stage, "passed") for day in days for stage in ("clean", "tag", "audit")]
    found = history_of(checks, runs, [publication(day) for day in days])
    view = View(load_project(CASES / "tiny_shop"), found, datetime(2026, 3, 3, tzinfo=UTC))
    monkeypatch.setattr(FakePageData, "_view", lambda self: view)
    with served(FakePageData()) as client:
        shown = {
            path: client.get(f"/usertags/quality{path}").text
            for path in ("", "?view=list", "?all=1", "?view=list&all=1")
        }
        trend = client.get("/usertags/quality/check/clean.orders.column_3_is_given").text
    cells = [text.count('class="cell good"') for text in shown.values()]
    rows = [text.count("<tr><td>") for text in shown.values()]
    assert cells == [31 + 31 + 28, 0, 365, 0] and rows == [0, 60, 0, 365]
    assert "Show all 365 days" in shown[""] and "Show all" not in shown["?all=1"]
    assert "The last 30 days" in trend


def test_failing_rows_of_a_check_hide_personal_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that was written before its column was declared personal holds what nobody may see."""
    rows = ({"member_no": "m1", "phone": "13800000001", "city": "上海"},)
    failed = check(D2, CheckKind.IN_FORM, "phone", success=False, table="clean.members", samples=rows)
    found = history_of([failed], [ended(D2, "clean", "refused")], [], D2)
    view = View(load_project(CASES / "pii_shop"), found, datetime(2026, 3, 3, tzinfo=UTC))
    monkeypatch.setattr(FakePageData, "_view", lambda self: view)
    (result,) = found.days[D2].results
    with served(FakePageData()) as client:
        page = client.get(f"/usertags/quality/check/{result.check_id}").text
    assert "13800000001" not in page
    assert "m1 *** 上海" in text_of(page)
