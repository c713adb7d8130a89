"""A check that breaks on a value, or observes one: no table, log, page, report or message shows the value."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from plugins.usertags_quality.app import make_app
from plugins.usertags_quality.page_data import View
from tests.support.on_pandas import PandasValidator
from tests.support.pages import FakePageData
from tests.support.places import TINY_SHOP
from tests.support.quality_rows import at, ended, history_of, publication, run_of
from usertags.cli.render import show_checks
from usertags.errors import DataError
from usertags.project.build import load_project
from usertags.quality.alert_texts import Place, html_of, message_of, text_of
from usertags.quality.alerting import Due
from usertags.quality.checks import Check, CheckResult, CheckRow, check_row, facts_of
from usertags.quality.error_texts import calls_of, text_of_message
from usertags.quality.error_texts import text_of as text_of_error
from usertags.quality.expectations import Sampling
from usertags.quality.gate import GateRefused, judge
from usertags.quality.kinds import CheckKind
from usertags.quality.register import RunRecord
from usertags.quality.sentences import observed, sentence
from usertags.stages import reports_store
from usertags.stages.publish import publication_row
from usertags.stages.releases import Verdict
from usertags.stages.summary import RunFacts, summarise

SECRET = "Wang Fang"
NUMBER = 13800138000
D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
PROJECT = load_project(TINY_SHOP)
ROWS = pd.DataFrame({"order_id": ["A1", "A2"], "phone": [NUMBER, 5], "amount": [1, 2]})
SAMPLING = Sampling(("order_id",), frozenset({"phone"}))
SPARKS = (
    f"[CAST_INVALID_INPUT] The value '{SECRET}' of the type \"STRING\" cannot be cast\n== SQL ==\n{SECRET}"
)


def own(name: str, expectation: str, severity: Any = "critical", **arguments: Any) -> Check:
    return Check("clean.orders", CheckKind.OWN, expectation, arguments, severity, "shop", "look", name)


BROKEN = own("form", "ExpectColumnValuesToMatchRegex", "warning", column="phone", regex="^1")
PAIR = own("pair", "ExpectColumnPairValuesToBeEqual", column_A="amount", column_B="phone")
LARGEST = own("largest", "ExpectColumnMaxToBeBetween", "warning", column="phone", max_value=9)


def validated(*checks: Check, validator: PandasValidator | None = None) -> list[CheckResult]:
    frame: Any = ROWS
    return (validator or PandasValidator()).validate("clean.orders", frame, checks, sampling=SAMPLING)


@pytest.fixture(params=["the metric", "the suite", "the second pass"])
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[PandasValidator]:
    """A validator of which something raises an error that quotes a row."""
    import great_expectations as gx

    def raises(*_: object, **__: object) -> Any:
        raise ValueError(SPARKS) from KeyError(SECRET)

    whole = gx.ValidationDefinition.run

    def once(self: Any, **arguments: Any) -> Any:
        return raises() if self.name.endswith(".failed") else whole(self, **arguments)

    if request.param == "the metric":
        monkeypatch.setattr("pandas.core.strings.accessor.StringMethods.contains", raises)
    else:
        monkeypatch.setattr(gx.ValidationDefinition, "run", raises if request.param == "the suite" else once)
    yield PandasValidator()


def everything(found: list[CheckResult], validator: PandasValidator, capsys: Any) -> str:
    """All texts about these results: tables, refusal, publication, release, summary, messages, pages."""
    lake: Any = None
    report = reports_store.write_docs(lake, PROJECT, D2, "r1", "clean", validator)
    results = [*found, report]
    rows = [check_row(each, D2, run_of(D2), "clean", at(D2)) for each in results]
    stored = [CheckRow.of(row) for row in rows]
    record = RunRecord(D2, "r1", "clean", "refused", warnings=tuple(results))
    known = history_of(rows, [ended(D2, "clean", "refused")], [publication(D1)], D2)
    place = Place("shop", "https://airflow.example", time(8), {("clean.orders", "phone")})
    message = message_of(Due("chat", "blocked", known.days[D2]), known, place)
    show_checks(stored, "en")
    return "\n".join(
        (
            json.dumps(rows, default=str),
            json.dumps([facts_of(each) for each in results], default=str),
            str(GateRefused(D2, "clean", results)),
            json.dumps(publication_row(record, Verdict("warned", tuple(results)), None, at(D2)), default=str),
            "\n".join(sentence(each, "zh") for each in stored),
            json.dumps(summarise(RunFacts("shop", D2, run_of(D2), "v1", checks=stored), at(D2)), default=str),
            text_of(message) + html_of(message) + str(message.fields()),
            capsys.readouterr().out,
            *pages(known),
            *validator.pages().values(),
        )
    )


def pages(known: Any) -> Iterator[str]:
    class Shown(FakePageData):
        def _view(self) -> View:
            return View(PROJECT, known, datetime(2026, 3, 3, tzinfo=UTC))

    app = FastAPI()
    app.mount("/usertags", make_app(Shown(), reader=lambda: None, secret="of the test"))
    with TestClient(app) as client:
        for path in ("quality", f"quality/day/{D2}", *(f"quality/check/{name}" for name in known.results)):
            answer = client.get(f"/usertags/{path}")
            assert answer.status_code == 200
            yield answer.text


def test_an_error_that_quotes_a_row_is_shown_without_it(
    broken: PandasValidator, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        found = validated(BROKEN, PAIR, validator=broken)
        text = everything(found, broken, capsys)
    assert "Error [CAST_INVALID_INPUT]; see the log of the task" in text
    assert judge(found).status == "refused"
    assert SECRET not in text and str(NUMBER) not in text
    assert SECRET not in caplog.text
    own_lines = [each.getMessage() for each in caplog.records if each.name.startswith("usertags")]
    assert "Error [CAST_INVALID_INPUT]" in own_lines[0] and "in raises\nValueError" in own_lines[0]


def test_a_report_that_fails_on_a_value_does_not_quote_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def raises(*_: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(reports_store, "publish_docs", raises)
    lake: Any = None
    report = reports_store.write_docs(lake, PROJECT, D2, "r1", "clean", PandasValidator())
    assert observed(report) == "not written: ValueError; see the log of the task"
    # The message itself: how it is formatted depends on what else was imported.
    (logged,) = [record.getMessage() for record in caplog.records]
    assert SECRET not in logged and "in raises\nValueError" in logged


def test_a_value_that_a_check_of_ones_own_observes_in_a_masked_column_is_masked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A maximum is the value of a row; how many rows fail is not."""
    validator = PandasValidator()
    ran, largest, pair = found = validated(LARGEST, PAIR, validator=validator)
    assert ran.success and not largest.success and not pair.success
    assert (largest.value, observed(largest)) == (None, "***")
    assert (pair.value, observed(pair)) == (1.0, "2 failing rows of 2")
    assert {name for row in pair.samples for name, value in row.items() if value == "***"} == {"phone"}
    text = everything(found, validator, capsys)
    assert str(NUMBER) not in text and "1.38" not in text and "13,800" not in text


def test_arguments_that_the_library_refuses_are_reported_as_no_row_is_in_them() -> None:
    (ran,) = validated(own("rows", "ExpectTableRowCountToBeBetween", min_value="many"))
    assert ran.error is not None
    assert ran.error.startswith("clean.orders.rows: ExpectTableRowCountToBeBetween does not accept its ")
    assert "min_value" in ran.error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(SECRET), "ValueError"),
        (ValueError(f"[CAST_INVALID_INPUT] {SECRET}"), "ValueError [CAST_INVALID_INPUT]"),
        (
            OSError(f"(org.apache.spark.SparkNumberFormatException) [CAST_INVALID_INPUT] {SECRET}"),
            "OSError [CAST_INVALID_INPUT]",
        ),
        (ValueError(f"[{SECRET}]"), "ValueError"),
        (ValueError(f"x [CAST_INVALID_INPUT] {SECRET}"), "ValueError"),
        (DataError("the day is not there", safe="all"), "the day is not there"),
    ],
)
def test_of_an_error_type_and_condition_are_shown(error: Exception, text: str) -> None:
    assert text_of_error(error) == text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (f"ValueError: {SECRET}", "ValueError"),
        (
            f"NumberFormatException: [CAST_INVALID_INPUT] {SECRET}",
            "NumberFormatException [CAST_INVALID_INPUT]",
        ),
        (f"could not convert '{SECRET}'", "an error of unknown type"),
    ],
)
def test_a_message_of_an_earlier_version_is_cut_to_the_same(message: str, text: str) -> None:
    assert text_of_message(message) == text


def test_the_calls_of_an_error_are_reported_without_its_messages() -> None:
    def deep() -> None:
        raise ValueError(f'{SECRET}\n  File "{SECRET}')

    try:
        try:
            deep()
        except ValueError as error:
            raise RuntimeError(f"{SECRET}\n\n{SECRET}: x") from error
    except RuntimeError as error:
        lines = calls_of(error).splitlines()
    assert [line for line in lines if not line.startswith("  File ")] == ["ValueError", "RuntimeError"]
    assert lines[1].endswith("in deep") and SECRET not in "".join(lines)
