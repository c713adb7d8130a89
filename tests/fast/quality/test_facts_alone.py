"""Every sentence about checks is replaced by `x`: the gate, releases, recipients of alerts, trends and the
numbers on the pages stay the same, because they are made of columns."""

import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from plugins.usertags_quality.app import make_app
from plugins.usertags_quality.page_data import View
from tests.support.pages import FakePageData
from tests.support.places import CASES
from tests.support.quality_rows import check, ended, history_of, publication, run_of
from usertags.config.alert_models import KINDS as MESSAGES
from usertags.language import Words
from usertags.project.build import load_project
from usertags.quality import kinds
from usertags.quality.alert_texts import Place, message_of
from usertags.quality.alerting import due
from usertags.quality.checks import CheckResult, CheckRow, result_of
from usertags.quality.gate import GateRefused, judge
from usertags.quality.kinds import KINDS, CheckKind, KindText
from usertags.quality.register import RunRecord
from usertags.quality.runbook import section_of
from usertags.quality.sentences import sentence
from usertags.quality.timeline import History
from usertags.stages.clean_gate import still_warned
from usertags.stages.releases import not_released, verdict
from usertags.stages.summary import RunFacts, refused_report, summarise

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
NIGHT = datetime(2026, 3, 2, 19, 0, tzinfo=UTC)
X = Words("x", "x")

# One failed result of each kind, and what it looked like the day before.
NUMBERS: dict[CheckKind, dict[str, Any]] = {
    CheckKind.ROWS_AS_BEFORE: {"value": 65, "usual": 130, "unit": "rows", "rows": 65},
    CheckKind.EMPTY_AS_BEFORE: {
        "value": 1.0,
        "usual": 0.331,
        "unit": "share",
        "rows": 130,
        "unexpected": 130,
    },
    CheckKind.SCALE_AS_BEFORE: {"value": 50320.0, "usual": 503.2, "unit": "number"},
    CheckKind.LENGTH_AS_BEFORE: {"value": 6.0, "usual": 8.0, "unit": "characters"},
    CheckKind.FRESH: {"value": 360, "high": 120, "unit": "minutes", "subject": "2h"},
    CheckKind.COVERAGE_DRIFT: {"value": 1.97, "high": 0.1, "unit": "index"},
    CheckKind.SUITE_RAN: {"value": 1, "low": 2, "unit": "checks", "error": "ValueError"},
    CheckKind.IN_RANGE: {
        "value": 0.075,
        "unit": "share",
        "rows": 40,
        "unexpected": 3,
        "samples": ({"order_id": "A1"},),
        "details": {"min": 0, "max": 100},
    },
    CheckKind.RECONCILED: {
        "value": 40,
        "unit": "rows",
        "rows": 40,
        "unexpected": 1,
        "details": {"kept": 36, "superseded": 1, "repeats": 1, "quarantined": 1},
    },
}


def columns_of(kind: CheckKind) -> dict[str, Any]:
    given = {"value": 0.5, "high": 0.25, "unit": "share", "rows": 8, "unexpected": 4, "subject": "part"}
    return NUMBERS.get(kind, given)


def severity_of(kind: CheckKind) -> Any:
    """Every third kind warns, so that there are both."""
    return "warning" if list(CheckKind).index(kind) % 3 == 0 else "critical"


def results() -> list[CheckResult]:
    return [
        result_of(kind, "clean.orders", severity_of(kind), success=False, column="amount", **columns_of(kind))
        for kind in CheckKind
    ]


def blocked_history() -> History:
    rows = [
        check(day, kind, "amount", success=day == D1, severity=severity_of(kind), **columns_of(kind))
        for day in (D1, D2)
        for kind in CheckKind
    ]
    runs = [ended(D1, "clean", "passed"), ended(D1, "audit", "passed"), ended(D2, "clean", "refused")]
    return history_of(rows, runs, [publication(D1)], D2)


def warned_history() -> History:
    rows = [
        check(D2, kind, "amount", success=False, severity="warning", **columns_of(kind)) for kind in CheckKind
    ]
    return history_of(rows, [ended(D2, "audit", "warned")], [publication(D1), publication(D2, "warned")], D2)


def gate() -> object:
    """The verdict, what refuses, and the counts that a refused stage reports."""
    found = judge(results())
    refused = GateRefused(D2, "clean", results())
    lines = refused_report(refused, D2, "r1", 1.0).lines
    return (
        found.status,
        [each.check_id for each in found.warnings],
        [each.check_id for each in refused.failed],
        [judge([each]).status for each in results()],
        lines,
    )


def releases() -> object:
    """What a decision covers, what readers see of it, and which warnings are still valid."""
    failed = [each for each in results() if each.severity == "critical"]
    ids = [each.check_id for each in failed]
    decision = RunRecord(
        D2, "r1", "release_audit", "released", inputs={"checks": ids[:-1]}, warnings=tuple(failed),
        released_by="mei", release_reason="a sale",
    )  # fmt: skip
    whole = replace(decision, inputs={"checks": ids})
    refused = RunRecord(D2, "r1", "audit", "refused", warnings=judge(results()).warnings)
    published = verdict(refused, ids, whole, [], [])
    assert published is not None
    stamps = {"clean.orders": "o1"}
    cleaned = RunRecord(D2, "r0", "clean", "warned", inputs={"batches": stamps}, warnings=refused.warnings)
    still = still_warned([cleaned], stamps, results()[:5])
    return (
        not_released(decision, ids),
        verdict(refused, ids, decision, [], []),
        (published.status, published.released_by, [each.check_id for each in published.warnings]),
        [each.check_id for each in still],
    )


def recipients() -> object:
    """Who gets which message, about which checks, with which links; and what of a result is not shown."""
    channels = {"duty": MESSAGES, "chat": ("late", "recovered"), "owner": ("warned",)}
    place = Place("shop", "https://airflow.example", time(8), {("clean.orders", "phone")})
    found = []
    for known in (blocked_history(), warned_history()):
        for now in (NIGHT, NIGHT + timedelta(hours=12)):
            for item in due(known, {D1, D2}, [], channels, time(8), "Asia/Shanghai", now):
                message = message_of(item, known, place)
                shown = [(each.id, each.severity, each.runbook, each.owner) for each in message.failed]
                assert "A1" not in str(message)
                found.append((item.channel, item.kind, item.wanted, shown, message.runbook))
    return found


def trends() -> object:
    known = blocked_history()
    by_check = {
        name: [(each.data_day, each.success, each.value, each.usual, each.unexpected_share) for each in days]
        for name, days in known.results.items()
    }
    since = {each.check_id: known.failing_since(each) for each in known.days[D2].failed}
    summed = summarise(RunFacts("shop", D2, run_of(D2), "v1", checks=known.days[D2].results), NIGHT)
    in_words = {"check", "observed", "bounds", "action"}
    failed = [{key: value for key, value in each.items() if key not in in_words} for each in summed["failed"]]
    days = [(day.state, day.pass_rate, day.rows_read) for day in known.days.values()]
    return by_check, since, days, failed, summed["checks"], [section_of(kind) for kind in CheckKind]


NUMBER = re.compile(r"-?\d[\d,.]*")


def figures() -> object:
    """The pages' charts, as they are drawn, and the numbers beside them and in their tables."""
    view = View(load_project(CASES / "tiny_shop"), blocked_history(), NIGHT)

    class Shown(FakePageData):
        def _view(self) -> View:
            return view

    app = FastAPI()
    app.mount("/usertags", make_app(Shown(), reader=lambda: None, secret="of the test"))
    found: dict[str, object] = {}
    with TestClient(app) as client:
        tile = client.get("/usertags/quality/tile.json").json()
        found["tile"] = (tile["tone"], tile["title"], tile["lines"])
        paths = ["quality", f"quality/day/{D2}", *(f"quality/check/{name}" for name in view.history.results)]
        for path in paths:
            page = client.get(f"/usertags/{path}").text
            drawn = re.findall(r"<(?:rect|line|a) [^>]*>", page)
            beside = [NUMBER.findall(each) for each in re.findall(r"<figcaption>.*?</figcaption>", page)]
            cells = re.findall(r'<td class="num">(.*?)</td>', page)
            found[path] = (drawn, beside, cells, re.findall(r'href="[^"]*"', page))
    return found


@pytest.mark.parametrize("decided", [gate, releases, recipients, trends, figures])
def test_nothing_but_sentences_changes_when_every_sentence_is_x(
    monkeypatch: pytest.MonkeyPatch, decided: Callable[[], object]
) -> None:
    before = decided()
    _replace_sentences(monkeypatch)
    assert [sentence(each, language) for each in results() for language in ("en", "zh")] == ["x"] * 2 * len(
        KINDS
    )  # type: ignore[arg-type]
    assert decided() == before


def _replace_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text of the table in every language; anchors are no sentences."""
    for kind, text in KINDS.items():
        monkeypatch.setitem(KINDS, kind, _x(text))  # type: ignore[arg-type]
    for name, words in vars(kinds).items():
        if isinstance(words, Words):
            monkeypatch.setattr(kinds, name, X)


def _x(text: KindText) -> KindText:
    texts = {each.name for each in fields(text) if isinstance(getattr(text, each.name), Words)}
    return replace(text, **dict.fromkeys(texts, X))  # type: ignore[arg-type]


def test_what_is_compared_is_there() -> None:
    """The comparison above is about something: both severities, every kind, more than one channel."""
    assert isinstance(blocked_history().days[D2].results[0], CheckRow)
    assert {each.severity for each in results()} == {"critical", "warning"}
    channels = {item[0] for item in recipients()}  # type: ignore[attr-defined]
    assert channels == {"duty", "chat", "owner"}
    drawn = figures()
    assert isinstance(drawn, dict)
    assert drawn["quality/check/clean.orders.rows_as_before"][1] == [["65"]]
