"""Messages, the gate, the question of a release, reports and what a terminal shows, in the language of the
project: Chinese texts have no English word left."""

import re
from datetime import UTC, date, datetime, time
from io import StringIO

import pytest
from rich.console import Console

from tests.support.every_page import BLOCKED, PASSED, RELEASED, UNFINISHED, WAITING, WARNED, results_of
from tests.support.languages import english_in, every_text, texts_of
from tests.support.places import ROOT
from tests.support.quality_rows import at, ended, history_of, publication
from usertags.cli import app, console, render
from usertags.config.alert_models import KINDS, AlertKind
from usertags.language import Language
from usertags.quality import texts
from usertags.quality.alert_texts import Message, Place, html_of, message_of, text_of, unknown_message
from usertags.quality.alerting import Due
from usertags.quality.checks import CheckRow
from usertags.quality.gate import GateRefused
from usertags.quality.timeline import History
from usertags.release import question
from usertags.stages.report import Line, StageReport
from usertags.stages.summary import RunFacts, refused_report, summarise

RUN, NOW = "r20260306_180000_000", datetime(2026, 3, 8, tzinfo=UTC)
PLACE = Place("shop", "https://airflow.example", time(8), {("clean.orders", "amount")}, "zh")
# The project, columns and values of the rows.
NAMES = frozenset({"shop", "amount", "paid_at", "channel", "order_id", "orders", "users.customer", "r_score"})
NAMES |= {"limit", "tangled", "OSError", "ValueError"}


def histories() -> dict[str, tuple[History, date]]:
    """Every state of a day that a message may be about."""
    failed, warned = results_of(BLOCKED, success=False), results_of(WARNED, success=False, severity="warning")
    good = publication(PASSED)
    refused = ended(BLOCKED, "clean", "refused")
    by_hand = publication(BLOCKED, "released", released_by="王芳", published_at=at(BLOCKED, 23))
    earlier = publication(BLOCKED, published_at=at(BLOCKED, 17), hour=17)
    return {
        "blocked": (history_of(failed, [refused], [good], WAITING), BLOCKED),
        "by the audit": (history_of(failed, [ended(BLOCKED, "audit", "refused")], []), BLOCKED),
        "an earlier run is published": (history_of(failed, [refused], [good, earlier]), BLOCKED),
        "waiting": (history_of(failed, [refused], [good], WAITING), WAITING),
        "unfinished": (history_of([], [ended(UNFINISHED, "tag", "built")], [good]), UNFINISHED),
        "not started": (history_of([], [], [good], UNFINISHED), UNFINISHED),
        "good": (history_of([], [], [good]), PASSED),
        "warned": (history_of(warned, [], [publication(WARNED, "warned")]), WARNED),
        "released": (history_of(failed, [refused], [by_hand]), BLOCKED),
    }


def messages(language: Language = "zh") -> dict[str, Message]:
    place = Place(PLACE.project, PLACE.base_url, PLACE.deadline, PLACE.masked, language)
    found = {"unknown": unknown_message(RELEASED, place)}
    for name, (known, day) in histories().items():
        item = known.days[day]
        kinds: tuple[AlertKind, ...] = ("recovered", "warned") if item.good else ("blocked", "late")
        found |= {f"{name}: {kind}": message_of(Due("chat", kind, item), known, place) for kind in kinds}
    return found


def plain(text: str) -> str:
    """Without addresses."""
    return re.sub(r"https?://[^\s'<]+", "", text)


def test_a_chinese_message_has_no_english_word() -> None:
    found = messages()
    assert {message.kind for message in found.values()} == set(KINDS)
    left = {
        name: english_in([plain(text_of(message)), *texts_of(html_of(message))], NAMES)
        for name, message in found.items()
    }
    assert {name: english for name, english in left.items() if english} == {}


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "blocked: blocked",
            [
                "[shop] 2026-03-06 被阻断：24 项严重检查未通过",
                "该日被清洗检查拒绝。其数据均未发布，后面的数据日等待。",
                "使用者仍看到 2026-03-01。",
            ],
        ),
        ("waiting: late", ["[shop] 2026-03-07 到 08:00 仍未发布", "该日等待 2026-03-06，后者被阻断。"]),
        (
            "unfinished: late",
            ["[shop] 2026-03-05 到 08:00 仍未发布", "该日的运行尚未结束：最后完成的阶段是标签。"],
        ),
        ("released: recovered", ["[shop] 2026-03-06 恢复正常：经人工放行已发布", "使用者可见该日。"]),
        ("unknown", ["[shop] 无法得知 2026-03-03 是否已发布：数据表没有响应"]),
    ],
)
def test_a_chinese_message_reads_plainly(name: str, lines: list[str]) -> None:
    message = messages()[name]
    assert text_of(message).splitlines()[: len(lines)] == lines
    if message.failed:
        assert "\n严重：clean.orders：" in text_of(message)
        assert "负责人：财务。处理：" in text_of(message)


def test_the_language_of_a_message_is_not_sent() -> None:
    found = messages("en")["blocked: blocked"]
    assert "language" not in found.fields()
    assert found.fields()["failed"][0]["severity"] == "critical"


def refusal(stage: str = "clean") -> GateRefused:
    rows = [CheckRow.of(row) for row in results_of(BLOCKED, success=False)]
    return GateRefused(BLOCKED, stage, rows, "zh")


def test_the_gate_and_the_question_of_a_release_are_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = StringIO()
    monkeypatch.setattr(console, "err", Console(file=shown, width=200))
    assert app._fail(refusal()) == 3
    asked = [question(BLOCKED, stage, "", "zh") for stage in ("clean", "audit")]
    shown_texts = [
        str(refusal("audit")),
        shown.getvalue(),
        *(text for each in asked for text in each.values()),
    ]
    assert english_in(shown_texts, NAMES | {"ValueError"}) == []
    assert str(refusal()).startswith("2026-03-06 的清洗阶段有 24 项严重检查未通过：\n")
    assert "\n仍然安全：使用者仍看到最近一个正常的数据日" in str(refusal())
    assert shown.getvalue().startswith("错误：")


def test_a_report_in_a_terminal_is_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = StringIO()
    monkeypatch.setattr(render, "out", Console(file=shown, width=200, highlight=False))
    lines = (
        Line("orders", read=100, kept=95, superseded=2, repeats=1, quarantined=2, written=95),
        Line("orders", note=texts.NOTHING_CHANGED.zh),
        *refused_report(refusal(), BLOCKED, RUN, 1.0).lines[-1:],
        Line("report", note="x"),
        Line("reports", note=texts.REPORTS_REMOVED.filled("zh", runs=2)),
        Line("orders", later=3, users=2, note=texts.LATER.filled("zh", rows=3, users=2, day=BLOCKED)),
        Line("without_events", users=4, note=texts.WITHOUT_EVENTS.filled("zh", users=4, day=BLOCKED)),
    )
    reports = [StageReport(stage, BLOCKED, RUN, 1.5, lines) for stage in ("clean", "audit", "publish")]
    reports += [StageReport(stage, BLOCKED, RUN, 1.5, lines[:2]) for stage in ("extract", "aggregate", "tag")]
    for report in reports:
        render.show_report(report, "zh")
    render.show_reports(reports, texts.REPORT_TITLE.filled("zh", day=BLOCKED, run_id=RUN), "zh")
    render.show_checks(map(CheckRow.of, results_of(BLOCKED, success=False)), "zh")
    render.show_checks(map(CheckRow.of, results_of(PASSED, success=True)), "zh")
    assert english_in([shown.getvalue()], NAMES | {"ValueError", "x"}) == []
    assert "  清洗      检查                    读取 42  被拒绝，24 项严重检查未通过" in shown.getvalue()


def test_the_sentences_of_a_summary_are_chinese() -> None:
    rows = [CheckRow.of(row) for row in results_of(BLOCKED, success=False)]
    failed = summarise(RunFacts("shop", BLOCKED, RUN, "v1", checks=rows, language="zh"), NOW)["failed"]
    shown_texts = [each[name] for each in failed for name in ("check", "observed", "bounds", "action")]
    assert english_in(shown_texts, NAMES | {"ValueError"}) == []


def test_every_text_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "jobs").rglob("*.py"))
    names = {name.partition(".")[0] for name, _ in every_text(texts)}
    assert [name for name in sorted(names) if not re.search(rf"(?:texts\.|import .*)\b{name}\b", code)] == []
