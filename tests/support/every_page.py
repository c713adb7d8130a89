"""Every page in every state, from literal rows: a day in each state, a failed check of each kind, tags of
each kind, and what is shown where there is nothing to show or the lake is down.

Whatever a person of the project wrote in these rows (owners, actions, descriptions, reasons) is Chinese.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from plugins.usertags_quality import pages
from plugins.usertags_quality.app import make_app
from plugins.usertags_quality.page_data import PageData, QuarantinedRows, View
from plugins.usertags_quality.security import ReportKeys
from usertags.config.expression_tree import Constant
from usertags.errors import ConfigError, ConfigProblem, InfrastructureError
from usertags.kinds.people import KIND, SetByPeople
from usertags.project.build import load_project
from usertags.project.model import Project, Tag
from usertags.project.tag_entry import Example
from usertags.quality.kinds import CheckKind
from usertags.quality.tag_trends import tag_trends
from usertags.quality.timeline import History

from .places import TINY_SHOP
from .quality_rows import at, check, ended, entry, history_of, publication, run_of, size, statistic

PASSED, WARNED, RELEASED, MISSING, UNFINISHED, BLOCKED, WAITING = (
    date(2026, 3, number) for number in range(1, 8)
)
READ_AT = datetime(2026, 3, 8, tzinfo=UTC)
SECRET = "of the test"
PAGE = {"accept": "text/html"}

_BEFORE = {"days": 14, "compared": "before"}
_WEEKS = {"days": 4, "compared": "weekday"}
_BOUNDS = {"bounds": {"warning": 0.1, "critical": 0.3}}
_FAILING = {"value": 0.075, "unit": "share", "rows": 40, "unexpected": 3}
# What a failed result of each kind holds.
COLUMNS: dict[CheckKind, dict[str, Any]] = {
    CheckKind.SUITE_RAN: {
        "value": 1, "low": 2, "unit": "checks", "details": {"left_out": ["clean.orders.x"]},
    },
    CheckKind.REPORT: {"table": "ops.reports", "subject": "clean", "error": "OSError"},
    CheckKind.ROWS_CHECKED: {"value": 0, "low": 1, "unit": "rows"},
    CheckKind.COLUMNS: {
        "value": 1, "unit": "columns", "details": {"missing": ["amount"], "columns": ["order_id", "amount"]},
    },
    CheckKind.RECONCILED: {
        "value": 40, "unit": "rows", "rows": 40, "unexpected": 1,
        "details": {"kept": 36, "superseded": 1, "repeats": 1, "quarantined": 1},
    },
    CheckKind.DEFINITION: {
        "value": 2, "high": 0, "unit": "batches", "details": {"first": "2026-02-01", "last": "2026-02-02"},
    },
    CheckKind.CONTENT: {"value": 1, "high": 0, "unit": "batches", "details": {"batch": "2026-03-05"}},
    CheckKind.ROWS_AS_BEFORE: {
        "value": 65, "usual": 130, "unit": "rows", "rows": 65,
        "details": {"day": "2026-03-06", "fall": {"warning": 0.3, "critical": 0.45},
                    "rise": {"warning": None, "critical": None}, **_WEEKS},
    },
    CheckKind.EMPTY_AS_BEFORE: {
        "value": 1.0, "usual": 0.331, "unit": "share", "rows": 130, "unexpected": 130,
        "details": {**_BOUNDS, **_BEFORE},
    },
    CheckKind.SCALE_AS_BEFORE: {
        "value": 50320.0, "usual": 503.2, "unit": "number", "details": {**_BOUNDS, **_BEFORE},
    },
    CheckKind.LENGTH_AS_BEFORE: {
        "value": 6.0, "usual": 8.0, "unit": "characters", "details": {**_BOUNDS, **_BEFORE},
    },
    CheckKind.KNOWN: {
        "subject": "users.customer", "value": 0.25, "low": 0.98, "unit": "share", "rows": 120,
        "unexpected": 90,
    },
    CheckKind.FRESH: {
        "subject": "2h", "value": 360, "high": 90, "unit": "minutes",
        "details": {"newest": "2026-03-06 18:00"},
    },
    CheckKind.WITHIN_DAY: {"subject": "order_id", "value": 3, "high": 0, "unit": "number", "unexpected": 3},
    CheckKind.KEY_TIES: {
        "subject": "order_id", "value": 3, "high": 0, "unit": "number", "unexpected": 3,
        "samples": ({"order_id": "A1"},),
    },
    CheckKind.ROWS_GONE: {"value": 30, "high": 20, "unit": "rows", "rows": 100, "unexpected": 30},
    CheckKind.ROWS_GONE_KEPT: {"value": 3, "high": 0, "unit": "rows", "rows": 100, "unexpected": 3},
    CheckKind.COVERAGE: {
        "table": "tags.user_tags", "value": 0.6, "high": 0.1, "unit": "share", "rows": 100,
        "details": {"users": 60},
    },
    CheckKind.COVERAGE_DRIFT: {
        "table": "tags.tag_statistics", "value": 1.97, "high": 0.1, "unit": "index",
        "details": {"before": 0.03, "now": 0.6, "days": 3, **_BOUNDS},
    },
    CheckKind.VALUE_DRIFT: {
        "table": "tags.tag_statistics", "value": 1.97, "high": 0.1, "unit": "index",
        "details": {"groups": 5, "days": 3, **_BOUNDS},
    },
    CheckKind.EXCLUSIVE: {
        "table": "tags.user_tags", "unexpected": 4, "rows": 40, "details": {"path": "生命周期/阶段/下单"},
    },
    CheckKind.EDGES: {
        "table": "tags.rfm_thresholds", "subject": "recency", "value": 1, "unit": "edges",
        "details": {"edges": [8, 31, 31, 91]},
    },
    CheckKind.SCORES: {
        "table": "tags.rfm", "subject": "monetary", "value": 3, "high": 0, "unit": "number",
        "details": {"empty": [4, 5], "most": [1]},
    },
    CheckKind.LINKS: {
        "table": "ops.refused_links", "value": 7, "unit": "links", "details": {"reasons": {"limit": 4}},
    },
    CheckKind.POPULATION: {"table": "tags.user_profile", "value": 2, "low": 3, "high": 3, "unit": "rows"},
    CheckKind.IN_RANGE: {**_FAILING, "details": {"min": 0, "max": 100, "mostly": 0.9}},
    CheckKind.IN_VALUES: {**_FAILING, "details": {"values": [f"甲{number}" for number in range(14)]}},
    CheckKind.IN_FORM: {**_FAILING, "details": {"form": "^[0-9]+$"}, "samples": ({"order_id": "A1"},)},
    CheckKind.ROW_COUNT: {"value": 7, "low": 10, "high": 20, "unit": "rows"},
    CheckKind.OWN: {"subject": "退款合计", "value": 12.5, "low": 1, "unit": "number"},
    CheckKind.USABLE_IDS: {
        "value": 0.02, "high": 0.01, "unit": "share", "rows": 200, "unexpected": 4,
        "details": {"placeholder": 2, "masked": 0, "shortened": 1, "form": 1},
    },
    CheckKind.FREQUENT_ID: {
        "value": 0.31, "high": 0.05, "unit": "share", "rows": 4000, "unexpected": 1240,
        "samples": ({"amount": "游客"},),
    },
    CheckKind.FILES: {
        "value": 2, "high": 0, "unit": "number",
        "details": {"files": "订单副本 = 订单 (2026-03-05), .草稿", "day": "2026-03-06"},
    },
}  # fmt: skip
# Kinds whose results are of a table or a subject, not of a column.
_OF_NO_COLUMN = {
    CheckKind.SUITE_RAN, CheckKind.REPORT, CheckKind.ROWS_CHECKED, CheckKind.COLUMNS, CheckKind.RECONCILED,
    CheckKind.DEFINITION, CheckKind.CONTENT, CheckKind.ROWS_AS_BEFORE, CheckKind.FRESH, CheckKind.EXCLUSIVE,
    CheckKind.LINKS, CheckKind.POPULATION, CheckKind.ROW_COUNT, CheckKind.OWN, CheckKind.ONE_ROW_PER_USER,
    CheckKind.ONE_ROW_PER_RANK, CheckKind.WITHIN_DAY, CheckKind.EDGES, CheckKind.SCORES, CheckKind.KEY_TIES,
    CheckKind.FILES,
    CheckKind.ROWS_GONE, CheckKind.ROWS_GONE_KEPT,
}  # fmt: skip


def results_of(day: date, *, success: bool, severity: Any = None) -> list[dict[str, Any]]:
    """A result of each kind. Of those that failed every third warns and every fifth is only recorded."""
    found = []
    for number, kind in enumerate(CheckKind):
        column = None if kind in _OF_NO_COLUMN else "amount"
        written = {"owner": "财务", "action": None, **COLUMNS.get(kind, _FAILING)}
        if success:
            written |= {"samples": (), "error": None, "unexpected": None, "value": 0.0}
        graded = "info" if number % 5 == 0 else "warning" if number % 3 == 0 else "critical"
        found.append(check(day, kind, column, success=success, severity=severity or graded, **written))
    broken = {"error": "ValueError"}
    one = {"success": success, "severity": severity or "critical", "owner": "财务", "action": "请更正"}
    age = one | {"unit": "minutes"}
    found += [
        check(day, CheckKind.GIVEN, "paid_at", **one),
        check(day, CheckKind.IN_VALUES, "channel", **(one if success else one | broken)),
        check(day, CheckKind.FRESH, subject="30m", table="clean.users", **age, high=30),
        check(day, CheckKind.FRESH, subject="2d", table="clean.referrals", **age, value=20, high=2880),
    ]
    return found


def every_state() -> History:
    """A day in each state."""
    checks = [
        *results_of(PASSED, success=True),
        *results_of(WARNED, success=False, severity="warning"),
        *results_of(BLOCKED, success=False),
        check(BLOCKED, CheckKind.GIVEN, "status", success=False, owner="财务", action="请更正"),
    ]
    runs = [
        ended(PASSED, "clean", "passed"),
        ended(PASSED, "audit", "passed"),
        ended(WARNED, "audit", "warned"),
        ended(RELEASED, "clean", "refused"),
        ended(RELEASED, "release_clean", "released"),
        ended(RELEASED, "audit", "refused"),
        ended(RELEASED, "release_audit", "released"),
        ended(UNFINISHED, "tag", "built", minute=1),
        ended(BLOCKED, "clean", "refused"),
    ]
    by_hand = {"released_by": "王芳", "release_reason": "已确认", "published_at": at(RELEASED, 21)}
    published = [publication(PASSED), publication(WARNED, "warned")]
    published.append(publication(RELEASED, "released", **by_hand))
    return history_of(checks, runs, published, WAITING + timedelta(days=1))


def long_history() -> History:
    """More days than the pages show at once, all good."""
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(66)]
    checks = [check(day, CheckKind.GIVEN, "amount", owner="财务") for day in days]
    return history_of(
        checks, [ended(day, "audit", "passed") for day in days], [publication(day) for day in days]
    )


def by_people(tag: Tag, source: str) -> Tag:
    """The tag, as people set it in a source."""
    return replace(tag, set_by=SetByPeople(source, tag.id, Constant(None)), kinds=(*tag.kinds, KIND))


@lru_cache(maxsize=2)
def _shop(language: str) -> Project:
    """A project of the language: Chinese owners, tags that people set, a tag with an example."""
    found = load_project(TINY_SHOP)
    quality = found.quality.model_copy(update={"language": language})
    tags = {name: replace(tag, owner="运营") for name, tag in found.tags.items()}
    tags |= {name: by_people(tags[name], "referrals") for name in ("city", "gender")}
    example = Example(given={"amount": 3}, expect=4)
    tags["yearly_spend"] = replace(tags["yearly_spend"], examples=(example,))
    return replace(found, quality=quality, tags=tags)


class EveryPage(PageData):
    """Stands in for PageData: the rows of this file, in the language of a project."""

    def __init__(self, language: str, known: History | None = None, *, complete: bool = True) -> None:
        super().__init__(TINY_SHOP)
        self._chosen, self._known, self._whole = language, known or every_state(), complete
        self.failure: Exception | None = None
        self.hangs: Event | None = None
        self.waiting: str | None = None
        self.no_tags = False
        self.too_many = False
        self.nothing_changed = False

    def project(self) -> Project:
        return _shop(self._chosen)

    def _view(self) -> View:
        project = self.project()
        if self.hangs:
            self.hangs.wait(10)
        if self.failure:
            raise self.failure
        return View(project, self._known, READ_AT, self._whole)

    def _tags(self) -> list[Any]:
        if self.failure:
            raise self.failure
        if self.no_tags:
            return []
        own = {"owner": "运营", "description": "说明", "name_en": "Name", "definition_version": "0" * 16}
        kinds = ("fact", "rule", "preference", "manual", "rfm")
        entries = [entry(WARNED, f"tag_{kind}", kind=kind, **own) for kind in kinds]
        entries += [
            entry(WARNED, "city", validity="static", **own),
            entry(WARNED, "gender", validity="30d", sensitivity="健康", **own),
            entry(WARNED, "big_spender", status="draft", **own),
            entry(WARNED, "important_customer", status="retired", type="boolean", **own),
            entry(WARNED, "yearly_spend", type="decimal(18,2)", **own),
            entry(WARNED, "health", sensitivity="健康", **own),
        ]
        values = [statistic(WARNED, "city", f"城{number}", 5, 4) for number in range(32)]
        statistics = [
            *values,
            statistic(PASSED, "city", "城0", 10, 0),
            statistic(WARNED, "gender", "女", 50, 50),
            statistic(WARNED, "yearly_spend", "1", 5, 0),
            statistic(WARNED, "important_customer", "1", 5, 9),
        ]
        coverage = [
            size(PASSED, "city", 10, 0),
            size(WARNED, "city", 90, 70),
            size(WARNED, "gender", 50, 50),
            size(WARNED, "yearly_spend", 5, 0),
            size(WARNED, "important_customer", 5, 9),
        ]
        return tag_trends(coverage, statistics, entries, {PASSED: run_of(PASSED), WARNED: run_of(WARNED)})

    def quarantined(self, day: date) -> list[QuarantinedRows]:
        if self.failure:
            raise self.failure
        reasons = ("missing_user", "missing_key", "missing_time", "unparsable", "type_amount", "测试订单")
        samples = (("A9", {"status": "1"}), ("", {}))
        return [QuarantinedRows("orders", reason, 7, samples) for reason in reasons] if day == BLOCKED else []

    def changes(self, day: date, run_id: str, tag: str) -> list[tuple[str, str, int]] | None:
        if self.failure:
            raise self.failure
        if self.too_many or self.nothing_changed:
            return None if self.too_many else []
        reasons = ("data", "definition", "identity", "retired")
        return [(change, reason, 6) for change in ("added", "removed", "changed") for reason in reasons]

    def speakers(self, day: date, run_id: str, tag: str, level1: str) -> dict[str, int] | None:
        return {"explicit": 2, "rule": 8} if tag == "city" else None

    def asked_release(self, day: date) -> str | None:
        return self.waiting

    def report_file(self, path: str) -> bytes | None:
        return None


@contextmanager
def served(page_data: PageData, status: int = 200) -> Iterator[TestClient]:
    def reader() -> None:
        if status != 200:
            raise HTTPException(status, "Forbidden")

    app = FastAPI()
    app.mount("/usertags", make_app(page_data, reader=reader, secret=SECRET))
    with TestClient(app, follow_redirects=False) as client:
        yield client


def every_page(language: str) -> dict[str, str]:
    """All pages and answers, by what they show."""
    parts = (_of_days, _of_histories, _of_tags, _of_nothing, _of_refusals, _of_failures, _of_airflow)
    return {name: answer for part in parts for name, answer in part(language).items()}


def _get(client: TestClient, path: str) -> str:
    return client.get(f"/usertags/{path}", headers=PAGE).text


def _of_days(language: str) -> dict[str, str]:
    """The pages of `every_state`, then with a release that waits, then with a lake that went down."""
    page_data, known = EveryPage(language), every_state()
    run = f"quality/day/{BLOCKED}?run={run_of(BLOCKED)}"
    paths = ["quality", "quality?view=list", "quality?severity=warning", "quality/tile.json", "runbook"]
    paths += [*(f"quality/day/{day}" for day in known.days), run, f"{run}&stage=clean"]
    paths += [f"quality/day/{BLOCKED}?stage=clean", f"quality/day/{BLOCKED}?severity=info"]
    paths += [*(f"quality/check/{name}" for name in known.results)]
    paths += [f"quality/check/{next(iter(known.results))}?day={PASSED}"]
    paths += [f"quality/report/{RELEASED}/{run_of(RELEASED)}/{stage}" for stage in ("clean", "audit")]
    with served(page_data) as client:
        found = {path: _get(client, path) for path in paths}
        page_data.waiting = "manual__1"
        found["a release waits"] = _get(client, f"quality/day/{BLOCKED}")
        page_data.view._fresh_for, page_data.failure = 0, _down()
        found["old data"] = _get(client, "quality")
        found["old data on the tile"] = _get(client, "quality/tile.json")
        found["no quarantine"] = _get(client, f"quality/day/{PASSED}")
    return found


def _of_histories(language: str) -> dict[str, str]:
    """The first page and the tile of other histories."""
    good = [check(PASSED, CheckKind.GIVEN, "amount", owner="财务")]
    histories = {
        "many days": long_history(),
        "the newest is good": history_of(good, [], [publication(PASSED)]),
        "a day behind": history_of([], [ended(WARNED, "tag", "built")], [publication(PASSED)]),
        "no good day": history_of([], [ended(WARNED, "clean", "refused")], [], RELEASED),
        "nobody's release": history_of([], [], [publication(PASSED, "released")]),
    }
    found = {}
    for name, known in histories.items():
        with served(EveryPage(language, known, complete=False)) as client:
            for path in ("quality", "quality?view=list", "quality/tile.json", f"quality/day/{PASSED}"):
                found[f"{name}: {path}"] = _get(client, path)
    return found


def _of_tags(language: str) -> dict[str, str]:
    page_data = EveryPage(language)
    names = [trend.id for trend in page_data._tags()]
    paths = ["tags", "tags?kind=manual&owner=运营", "tags?owner=无人", *(f"tags/{name}" for name in names)]
    with served(page_data) as client:
        found = {path: _get(client, path) for path in paths}
        page_data.too_many = True
        found["too many changes"] = _get(client, "tags/city")
        page_data.too_many, page_data.nothing_changed = False, True
        found["no change"] = _get(client, "tags/city")
        page_data.failure = _down()
        found["changes unknown"] = _get(client, "tags/city")
    return found


def _of_nothing(language: str) -> dict[str, str]:
    """Before the first day, and where files are missing."""
    empty = EveryPage(language, history_of([], [], []))
    empty.no_tags = True
    with served(empty) as client:
        paths = ["quality", "quality/tile.json", "tags"]
        found = {f"before the first day: {path}": _get(client, path) for path in paths}
    key = ReportKeys(SECRET).make(BLOCKED, run_of(BLOCKED), "clean")
    place = f"{BLOCKED}/{run_of(BLOCKED)}/quality/clean"
    paths = [f"{key}/{place}/index.html", f"{key}/{place}/x.json", f"{key}/x.html", f"x/{place}/index.html"]
    with served(EveryPage(language)) as client, pytest.MonkeyPatch.context() as patch:
        found |= {f"no file {number}": _get(client, f"report/{path}") for number, path in enumerate(paths)}
        patch.setattr(pages, "RUNBOOKS", dict.fromkeys(("en", "zh"), Path("none/runbook.md")))
        found["no runbook"] = _get(client, "runbook")
    return found


def _of_refusals(language: str) -> dict[str, str]:
    known = next(iter(every_state().results))
    paths = ["x", "static/x.css", "quality/day/2026-3-2", "quality/day/2031-01-01", "tags/A", "tags/a"]
    paths += [f"quality/day/{BLOCKED}?run=x", "quality/check/A", "quality/check/a"]
    paths += [f"quality/check/{known}?day={WAITING}", f"quality/report/{BLOCKED}/x/clean"]
    with served(EveryPage(language)) as client:
        found = {f"refused {path}": _get(client, path) for path in paths}
        found["refused as data"] = client.get("/usertags/quality/day/x").text
    for status in (403, 418):
        with served(EveryPage(language), status) as client:
            found[f"status {status}"] = _get(client, "quality")
    return found


def _down() -> InfrastructureError:
    return InfrastructureError(
        "The embedded store is not running.", safe="its data is on disk", next_step="start it"
    )


def _of_failures(language: str) -> dict[str, str]:
    """The pages and the tile while nothing can be read."""
    wrong = ConfigError([ConfigProblem("project.yml", 3, "unknown key")])
    failures = {"down": _down(), "a library": OSError("refused"), "wrong": wrong, "slow": None}
    found = {}
    for name, failure in failures.items():
        page_data = EveryPage(language)
        page_data.failure, page_data.hangs = failure, None if failure else Event()
        if page_data.hangs:
            page_data.view._patience = 0
        with served(page_data) as client:
            found[f"{name}: page"] = _get(client, "quality")
            found[f"{name}: tile"] = client.get("/usertags/quality/tile.json").text
        if page_data.hangs:
            page_data.hangs.set()
    return found


def _of_airflow(language: str) -> dict[str, str]:
    """Where tabs in Airflow lead when the day of a run cannot be shown."""
    found = {}
    with served(EveryPage(language)) as client, pytest.MonkeyPatch.context() as patch:
        for name, planned in {"no day yet": None, "no check yet": (BLOCKED, "r1")}.items():
            patch.setattr(pages, "planned", lambda run, planned=planned: planned)
            found[name] = _get(client, "quality/of?dag_id=user_tags_daily&run_id=1")
        found["another DAG"] = _get(client, "quality/of?dag_id=x")
    return found
