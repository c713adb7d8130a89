"""Great Expectations itself raises, in any place: silence is no success, and a verdict is never lost."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import great_expectations as gx
import pandas as pd
import pytest

from tests.support.on_pandas import PandasValidator
from tests.support.places import ROOT
from usertags.project.build import load_project
from usertags.quality.checks import Check, CheckResult
from usertags.quality.gate import GateRefused, judge
from usertags.quality.kinds import CheckKind
from usertags.quality.sentences import observed, wanted
from usertags.quality.suites import all_suites
from usertags.stages import reports_store

PROJECT = load_project(ROOT / "configs")
ROWS = pd.DataFrame({"id": ["1", "2"], "amount": [3.0, -7.0]})
NOT_NULL = "ExpectColumnValuesToNotBeNull"
GIVEN = Check("clean.orders", CheckKind.GIVEN, NOT_NULL, {"column": "id"}, "critical", "o", "a")
RANGE = Check(
    "clean.orders",
    CheckKind.IN_RANGE,
    "ExpectColumnValuesToBeBetween",
    {"column": "amount", "min_value": 0},
    "warning",
    "o",
    "a",
)
GONE = Check("clean.orders", CheckKind.GIVEN, NOT_NULL, {"column": "gone"}, "info", "o", "a")


def results(*checks: Check, validator: PandasValidator | None = None) -> list[CheckResult]:
    return (validator or PandasValidator()).validate("clean.orders", ROWS, checks)  # type: ignore[arg-type]


def raises(*_: object, **__: object) -> Any:
    raise RuntimeError("out of order")


def test_checks_that_run_are_distinguished_from_those_that_do_not() -> None:
    found = results(GIVEN, RANGE)
    assert [(r.kind, r.success) for r in found] == [
        (CheckKind.SUITE_RAN, True),
        (CheckKind.GIVEN, True),
        (CheckKind.IN_RANGE, False),
    ]
    ran, given, amount = found
    assert (ran.value, ran.low, ran.unit) == (2, 2, "checks")
    assert (given.value, given.rows, given.unexpected) == (0, None, None)
    assert (amount.value, amount.rows, amount.unexpected, amount.unit) == (0.5, 2, 1, "share")
    assert amount.details == {"min": 0, "max": None}


@pytest.mark.parametrize(
    "place",
    [
        "great_expectations.get_context",
        "great_expectations.ExpectationSuite",
        "great_expectations.ValidationDefinition",
        "great_expectations.ValidationDefinition.run",
        "great_expectations.expectations.ExpectColumnValuesToNotBeNull",
        "great_expectations.data_context.EphemeralDataContext.get_validator",
    ],
)
def test_wherever_the_library_raises_the_day_is_refused(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setattr(place, raises)
    (ran,) = results(GIVEN, RANGE)
    assert (ran.check_id, ran.severity) == ("clean.orders.every_declared_check_ran", "critical")
    made = place.endswith("NotBeNull")
    refused = f"{GIVEN.check_id}: {NOT_NULL} does not accept its arguments: out of order"
    assert (ran.value, ran.error) == (0, refused if made else "RuntimeError")
    assert judge([ran]).status == "refused"


def test_the_refusal_says_what_happened_what_is_safe_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gx, "get_context", raises)
    refusal = GateRefused(date(2026, 3, 2), "clean", results(GIVEN))
    assert refusal.exit_code == 3
    assert "0 checks ran: RuntimeError; see the log of the task" in refusal.message
    assert "the checks themselves failed: see the log of the task, then run the day again" in refusal.message
    assert refusal.safe.startswith("readers keep the last good day")
    assert "later days wait" in refusal.next_step


def test_a_check_that_cannot_be_computed_refuses_the_day_whatever_its_severity() -> None:
    """The column is not there; the check beside it ran."""
    ran, given, gone = results(GIVEN, GONE)
    assert (ran.success, given.success, gone.success) == (False, True, False)
    assert (
        ran.value == 1
        and ran.error == "clean.orders.gone_is_given: InvalidMetricAccessorDomainKwargsKeyError"
    )
    assert observed(gone).startswith("the check itself failed: ") and gone.value is None
    assert judge([ran, given, gone]).status == "refused"


def test_metrics_that_raise_are_said_of_each_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library itself takes what its engine raises, and goes on."""
    monkeypatch.setattr("great_expectations.execution_engine.PandasExecutionEngine.resolve_metrics", raises)
    ran, *others = results(GIVEN, RANGE)
    assert observed(ran).startswith("0 checks ran: clean.orders.id_is_given: ")
    assert [observed(item)[:24] for item in others] == ["the check itself failed:"] * 2
    assert judge([ran]).status == "refused"


def test_a_check_that_the_library_leaves_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gx.ValidationDefinition.run

    def shortened(self: Any, **arguments: Any) -> Any:
        outcome = whole(self, **arguments)
        outcome.results[:] = [
            item for item in outcome.results if item.expectation_config.meta["check_id"] != GIVEN.check_id
        ]
        return outcome

    monkeypatch.setattr(gx.ValidationDefinition, "run", shortened)
    ran, *others = results(GIVEN, RANGE)
    assert (ran.success, ran.value, ran.error) == (False, 1, None)
    assert ran.details == {"left_out": ["clean.orders.id_is_given"]}
    assert (ran.check_id, ran.severity) == ("clean.orders.every_declared_check_ran", "critical")
    assert [item.kind for item in others] == [CheckKind.IN_RANGE]
    assert judge([ran, *others]).status == "refused"


def test_a_suite_that_loads_fewer_checks_than_declared_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library drops an expectation that it does not understand, with a line in its log."""
    whole, NotNull = gx.ExpectationSuite.__init__, gx.expectations.ExpectColumnValuesToNotBeNull

    def forgetful(self: Any, *arguments: Any, **named: Any) -> None:
        kept = [each for each in named.get("expectations") or () if not isinstance(each, NotNull)]
        named["expectations"] = kept
        whole(self, *arguments, **named)

    monkeypatch.setattr(gx.ExpectationSuite, "__init__", forgetful)
    ran, *_ = results(GIVEN, RANGE)
    assert (ran.success, wanted(ran)) == (False, "2 checks")
    assert observed(ran) == "1 checks ran: left out: clean.orders.id_is_given"


def test_what_failed_stands_when_its_details_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gx.ValidationDefinition.run

    def once(self: Any, **arguments: Any) -> Any:
        return raises() if self.name.endswith(".failed") else whole(self, **arguments)

    monkeypatch.setattr(gx.ValidationDefinition, "run", once)
    ran, given, amount = results(GIVEN, RANGE)
    assert (ran.success, given.success, amount.success) == (True, True, False)
    assert (amount.value, amount.error) == (None, "RuntimeError")
    assert (
        observed(amount)
        == "failed, and what was observed is not known: RuntimeError; see the log of the task"
    )
    assert judge([ran, given, amount]).status == "warned"


@pytest.mark.parametrize("name", ["clean.users", "clean.order_lines", "tags.user_profile", "tags.rfm"])
def test_a_suite_that_checked_no_row_refuses_the_day(name: str) -> None:
    (suite,) = [each for each in all_suites(PROJECT) if each.name == name]
    rows = [check for check in suite.checks if check.kind is CheckKind.ROWS_CHECKED]
    found = PandasValidator().validate(name, pd.DataFrame({"id": []}), rows)  # type: ignore[arg-type]
    assert {item.kind: (item.success, item.value) for item in found} == {
        CheckKind.SUITE_RAN: (True, 1),
        CheckKind.ROWS_CHECKED: (False, 0),
    }
    assert judge(found).status == "refused"


def test_every_suite_looks_whether_there_are_rows() -> None:
    """But those of sources that may have a day without any, and the second suite of one table."""
    without = {
        suite.name
        for suite in all_suites(PROJECT)
        if not any(check.kind is CheckKind.ROWS_CHECKED for check in suite.checks)
    }
    allowed = {f"clean.{source.name}" for source in PROJECT.sources.values() if source.may_be_empty}
    assert without == allowed | {"tags.user_tags.values"}


@pytest.mark.parametrize(
    "place",
    [
        "great_expectations.data_context.EphemeralDataContext.build_data_docs",
        "usertags.stages.reports_store.publish_docs",
    ],
)
def test_a_report_that_cannot_be_written_is_a_warning_and_no_more(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    validator = PandasValidator()
    checked = results(GIVEN, validator=validator)
    monkeypatch.setattr(reports_store, "publish_docs", lambda *_: "s3://x")
    monkeypatch.setattr(place, raises)
    written = _written(validator)
    assert (written.success, written.severity) == (False, "warning")
    assert written.check_id == "ops.reports.the_report_of_the_clean_stage_is_there"
    assert written.error == "RuntimeError"
    assert observed(written) == "not written: RuntimeError; see the log of the task"
    assert judge([*checked, written]).status == "warned"


def test_a_report_that_was_written_is_said_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    put: dict[str, str] = {}

    def publish(_: object, __: object, *address: object) -> str:
        pages = address[-1]
        assert isinstance(pages, Mapping)
        put.update(pages)
        return "s3://x"

    monkeypatch.setattr(reports_store, "publish_docs", publish)
    validator = PandasValidator()
    results(GIVEN, validator=validator)
    assert _written(validator).success
    assert "index.html" in put


def test_a_context_that_cannot_be_made_leaves_no_report_that_says_nothing_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gx, "get_context", raises)
    validator = PandasValidator()
    results(GIVEN, validator=validator)
    assert not _written(validator).success


def _written(validator: PandasValidator) -> CheckResult:
    lake: Any = None
    return reports_store.write_docs(lake, PROJECT, date(2026, 3, 2), "r1", "clean", validator)
