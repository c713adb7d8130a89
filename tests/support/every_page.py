"""Every page in every state, from literal rows: a day in each state, a failed check of each kind, tags of
each kind, and what is shown where there is nothing to show or the lake is down.

Whatever a person of the project wrote in these rows (owners, actions, descriptions, reasons) is Chinese.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from plugins.usertags_quality import pages as pages_module
from plugins.usertags_quality.app import make_app
from plugins.usertags_quality.page_data import PageData, SetAside, View
from plugins.usertags_quality.security import ReportKeys
from usertags.catalogue.build import load_catalogue
from usertags.catalogue.model import Catalogue
from usertags.errors import ConfigError, ConfigProblem, InfrastructureError
from usertags.quality.kinds import CheckKind
from usertags.quality.tag_trends import tag_trends
from usertags.quality.timeline import History

from .places import TINY_SHOP
from .quality_rows import check, ended, entry, history_of, publication, run_of, statistic

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
        "table": "tags.rfm_thresholds", "subject": "r", "value": 1, "unit": "edges",
        "details": {"edges": [8, 31, 31, 91]},
    },
    CheckKind.LINKS: {
        "table": "ops.refused_links", "value": 7, "unit": "links", "details": {"reasons": {"limit": 4}},
    },
    CheckKind.POPULATION: {"table": "tags.user_profile", "value": 2, "low": 3, "high": 3, "unit": "rows"},
    CheckKind.IN_RANGE: {**_FAILING, "details": {"min": 0, "max": 100, "mostly": 0.9}},
    CheckKind.IN_VALUES: {**_FAILING, "details": {"values": [f"甲{number}" for number in range(14)]}},
    CheckKind.IN_FORM: {**_FAILING, "details": {"form": "^A"}, "samples": ({"order_id": "<b>A1</b>"},)},
    CheckKind.ROW_COUNT: {"value": 7, "low": 10, "high": 20, "unit": "rows"},
    CheckKind.OWN: {"subject": "退款合计", "value": 12.5, "low": 1, "unit": "number"},
}  # fmt: skip
# Kinds whose results are of a table or a subject, not of a column.
_OF_NO_COLUMN = {
    CheckKind.SUITE_RAN, CheckKind.REPORT, CheckKind.ROWS_CHECKED, CheckKind.COLUMNS, CheckKind.RECONCILED,
    CheckKind.DEFINITION, CheckKind.CONTENT, CheckKind.ROWS_AS_BEFORE, CheckKind.FRESH, CheckKind.EXCLUSIVE,
    CheckKind.LINKS, CheckKind.POPULATION, CheckKind.ROW_COUNT, CheckKind.OWN, CheckKind.ONE_ROW_PER_USER,
    CheckKind.ONE_ROW_PER_RANK, CheckKind.WITHIN_DAY, CheckKind.EDGES,
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
    broken = {"owner": "财务", "action": "请更正", "error": "ValueError"}
    one = {"success": success, "severity": severity or "critical"}
    found += [
        check(day, CheckKind.GIVEN, "paid_at", **one, owner="财务", action="请更正"),
        check(day, CheckKind.IN_VALUES, "channel", **one, **({} if success else broken)),
        check(day, CheckKind.FRESH, subject="30m", **one, high=30, unit="minutes", owner="财务"),
        check(day, CheckKind.FRESH, subject="2d", **one, value=20, high=2880, unit="minutes", owner="财务"),
    ]
    return found


def every_state() -> History:
    """A day in each state."""
    checks = [
        *results_of(PASSED, success=True),
        *results_of(WARNED, success=False, severity="warning"),
        *results_of(BLOCKED, success=False),
    ]
    runs = [
        ended(PASSED, "clean", "passed"),
        ended(PASSED, "audit", "passed"),
        ended(WARNED, "audit", "warned"),
        ended(RELEASED, "clean", "refused"),
        ended(RELEASED, "release_clean", "released"),
        ended(RELEASED, "audit", "refused"),
        ended(RELEASED, "release_audit", "released"),
        ended(UNFINISHED, "tag", "built"),
        ended(BLOCKED, "clean", "refused"),
    ]
    released = publication(RELEASED, "released", released_by="王芳", release_reason="已确认")
    published = [publication(PASSED), publication(WARNED, "warned"), released]
    return history_of(checks, runs, published, WAITING)


def long_history() -> History:
    """More days than the pages show at once, all good."""
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(66)]
    checks = [check(day, CheckKind.GIVEN, "amount", owner="财务") for day in days]
    return history_of(
        checks, [ended(day, "audit", "passed") for day in days], [publication(day) for day in days]
    )


class EveryPage(PageData):
    """Stands in for PageData: the rows of this file, in the language of a project."""

    def __init__(self, language: str, known: History | None = None, *, complete: bool = True) -> None:
        super().__init__(TINY_SHOP)
        self._chosen, self._known, self._whole = language, known or every_state(), complete
        self.failure: Exception | None = None
        self.waiting: str | None = None
        self.no_tags = False
        self.too_many = False
        self.nothing_changed = False

    def catalogue(self) -> Catalogue:
        found = load_catalogue(TINY_SHOP)
        quality = found.quality.model_copy(update={"language": self._chosen})
        tags = {name: replace(tag, owner="运营") for name, tag in found.tags.items()}
        return replace(found, quality=quality, tags=tags)

    def _view(self) -> View:
        catalogue = self.catalogue()
        if self.failure:
            raise self.failure
        return View(catalogue, self._known, READ_AT, self._whole)

    def _tags(self) -> list[Any]:
        if self.failure:
            raise self.failure
        if self.no_tags:
            return []
        own = {"owner": "运营", "description": "说明"}
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
        return tag_trends(statistics, entries, {PASSED: run_of(PASSED), WARNED: run_of(WARNED)})

    def set_aside(self, day: date) -> list[SetAside]:
        if self.failure:
            raise self.failure
        reasons = ("missing_user", "missing_key", "missing_time", "unparsable", "type_amount", "测试订单")
        samples = (("A9", {"status": "1"}), ("", {}))
        return [SetAside("orders", reason, 7, samples) for reason in reasons] if day == BLOCKED else []

    def changes(self, day: date, run_id: str, tag: str) -> list[tuple[str, str, int]] | None:
        if self.failure:
            raise self.failure
        if self.too_many or self.nothing_changed:
            return None if self.too_many else []
        reasons = ("data", "definition", "identity", "retired")
        return [(change, reason, 6) for change in ("added", "removed", "changed") for reason in reasons]

    def speakers(self, day: date, run_id: str, tag: str) -> dict[str, int] | None:
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
    found = _in_every_state(language) | _of_tags(language) | _of_nothing(language) | _of_errors(language)
    return found | _of_airflow(language)


def _get(client: TestClient, path: str) -> str:
    return client.get(f"/usertags/{path}", headers=PAGE).text


def _in_every_state(language: str) -> dict[str, str]:
    page_data = EveryPage(language)
    with served(page_data) as client:
        paths = [
            "quality",
            "quality?view=list",
            "quality?owner=%E8%B4%A2%E5%8A%A1",
            "quality/tile.json",
            "runbook",
        ]
        paths += ["quality?table=clean.orders&severity=warning"]
        paths += [f"quality/day/{day}" for day in every_state().days]
        paths += [f"quality/day/{BLOCKED}?run={run_of(BLOCKED)}", f"quality/day/{BLOCKED}?stage=clean"]
        paths += [f"quality/day/{BLOCKED}?severity=info"]
        for name in every_state().results:
            paths += [f"quality/check/{name}", f"quality/check/{name}?day={PASSED}"]
        paths += [f"quality/report/{RELEASED}/{run_of(RELEASED)}/{stage}" for stage in ("clean", "audit")]
        found = {path: _get(client, path) for path in paths}
        page_data.waiting = "manual__1"
        found["waiting for approval"] = _get(client, f"quality/day/{BLOCKED}")
        page_data.view._fresh_for, page_data.failure = 0, _down()
        found["stale"] = _get(client, "quality")
        found["stale tile"] = _get(client, "quality/tile.json")
        found["no quarantine"] = _get(client, f"quality/day/{PASSED}")
    with served(EveryPage(language, long_history(), complete=False)) as client:
        for path in ("quality", "quality?view=list", "quality/tile.json"):
            found[f"long {path}"] = _get(client, path)
    behind = [publication(PASSED)], WARNED
    for name, known in {
        "newest": history_of([check(PASSED, CheckKind.GIVEN, "amount")], [], [publication(PASSED)]),
        "behind": history_of([], [ended(WARNED, "tag", "built")], *behind),
        "none": history_of([], [ended(WARNED, "clean", "refused")], []),
    }.items():
        with served(EveryPage(language, known)) as client:
            found[f"tile {name}"] = _get(client, "quality/tile.json")
            found[f"overview {name}"] = _get(client, "quality")
    return found


def _down() -> InfrastructureError:
    return InfrastructureError(
        "The embedded store is not running.", safe="its data is on disk", next_step="start it"
    )


def _of_tags(language: str) -> dict[str, str]:
    page_data = EveryPage(language)
    with served(page_data) as client:
        names = [trend.id for trend in page_data._tags()]
        paths = ["tags", "tags?kind=manual&owner=%E8%BF%90%E8%90%A5", *(f"tags/{name}" for name in names)]
        found = {path: _get(client, path) for path in paths}
        page_data.too_many = True
        found["too many changes"] = _get(client, "tags/city")
        page_data.too_many, page_data.nothing_changed = False, True
        found["no change"] = _get(client, "tags/city")
        page_data.failure = _down()
        found["no changes known"] = _get(client, "tags/city")
    with served(EveryPage(language)) as client:
        found["no tag matches"] = _get(client, "tags?owner=x")
    for owner in ("运营", "无人"):
        for kind in ("fact", "无"):
            with served(EveryPage(language)) as client:
                found[f"tags {owner} {kind}"] = _get(client, f"tags?owner={owner}&kind={kind}")
    return found


def _of_nothing(language: str) -> dict[str, str]:
    empty = EveryPage(language, history_of([], [], []))
    empty.no_tags = True
    with served(empty) as client:
        found = {f"empty {path}": _get(client, path) for path in ("quality", "quality/tile.json", "tags")}
    missing = EveryPage(language)
    with served(missing) as client:
        keys = ReportKeys(SECRET)
        key = keys.make(BLOCKED, run_of(BLOCKED), "clean")
        place = f"{BLOCKED}/{run_of(BLOCKED)}/quality/clean"
        found["no report"] = _get(client, f"report/{key}/{place}/index.html")
        found["no such file of a report"] = _get(client, f"report/{key}/{place}/x.json")
        found["no such place in a report"] = _get(client, f"report/{key}/x.html")
        found["old key"] = _get(client, f"report/x/{place}/index.html")
    return found


def _of_errors(language: str) -> dict[str, str]:
    found = {}
    with served(EveryPage(language)) as client:
        known = next(iter(every_state().results))
        paths = [
            "x",
            "static/x.css",
            "quality/day/2026-3-2",
            "quality/day/2031-01-01",
            "quality/day/2026-03-06?run=x",
            "quality/check/A",
            "quality/check/a",
            f"quality/check/{known}?day=2026-03-07",
            "tags/A",
            "tags/a",
            "quality/report/2026-03-06/x/clean",
        ]
        found |= {f"404 {path}": _get(client, path) for path in paths}
        found["404 as data"] = client.get("/usertags/quality/day/x").text
    for status in (403, 418):
        with served(EveryPage(language), status) as client:
            found[str(status)] = _get(client, "quality")
    failures = {
        "down": _down(),
        "library": OSError("x"),
        "configuration": ConfigError([ConfigProblem("project.yml", 3, "x")]),
    }
    for name, failure in failures.items():
        page_data = EveryPage(language)
        page_data.failure = failure
        with served(page_data) as client:
            found[f"503 {name}"] = _get(client, "quality")
            found[f"503 {name} tags"] = _get(client, "tags")
            found[f"503 {name} tile"] = client.get("/usertags/quality/tile.json").text
    return found


def _of_airflow(language: str) -> dict[str, str]:
    found = {}
    planned = pages_module.planned
    try:
        with served(EveryPage(language)) as client:
            for name, answer in {"unknown": None, "unknown run": (BLOCKED, "r1")}.items():
                pages_module.planned = lambda run, answer=answer: answer  # type: ignore[assignment]
                found[f"of {name}"] = _get(client, "quality/of?dag_id=user_tags_daily&run_id=1")
            found["of another DAG"] = _get(client, "quality/of?dag_id=x")
    finally:
        pages_module.planned = planned
    return found
