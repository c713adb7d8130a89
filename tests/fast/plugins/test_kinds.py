"""The pages know every kind of check that there is: those that the code can make are found in the code."""

import ast
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from jobs.catalogue.build import load_catalogue
from jobs.quality.suites import all_suites
from jobs.quality.timeline import Result, history
from plugins.usertags_quality.kinds import KINDS, OWN, kind_of, measured
from tests.support.places import ROOT
from tests.support.quality_rows import check

FILES = sorted((ROOT / "jobs").rglob("*.py"))
CONFIGS = [ROOT / "configs", *sorted(path.parent for path in ROOT.glob("*/*/project.yml"))]
# What passes a check on takes its name from it; `_own_check` is what a person called it.
PASSED_ON = {"_checked", "_own_check"}


class Named:
    """The names that the calls of `Check` and `CheckResult` in a module give; a part that is only known when
    it runs is an `x`."""

    def __init__(self, path: Path) -> None:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self.module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        self.functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        self.calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]

    def names(self) -> Iterator[str]:
        for function in self.functions:
            for call in ast.walk(function):
                made = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                if made and call.func.id in ("Check", "CheckResult") and function.name not in PASSED_ON:  # type: ignore[attr-defined]
                    yield from self.texts(_argument(call, "name", 1), function)  # type: ignore[arg-type]

    def texts(self, node: ast.expr, function: ast.FunctionDef) -> list[str]:
        """The texts that an expression of a function can be."""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.JoinedStr):
            found = [""]
            for part in node.values:
                ends = self.texts(part, function)
                found = [begun + end for begun in found for end in ends]
            return found
        if isinstance(node, ast.FormattedValue):
            return self.texts(node.value, function) if _is_name(node.value) else ["x"]
        if isinstance(node, ast.Name) and node.id.isupper():
            return [str(getattr(import_module(self.module), node.id))]
        if isinstance(node, ast.Name):
            return self.named(node.id, function)
        raise AssertionError(f"how is this check named? {ast.unparse(node)} in {function.name}")

    def named(self, name: str, function: ast.FunctionDef) -> list[str]:
        """What a local name is: what it was set to, or what the calls of the function gave it."""
        found: list[str] = []
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                found += self._assigned(name, node, function)
        parameters = [each.arg for each in function.args.args]
        if name in parameters and name == "name":
            for call in self.calls:
                if _is_name(call.func) and call.func.id == function.name:  # type: ignore[attr-defined]
                    found += self.texts(_argument(call, name, parameters.index(name)), function)
        return found or ["x"]

    def _assigned(self, name: str, node: ast.Assign, function: ast.FunctionDef) -> list[str]:
        (target,) = node.targets
        if _is_name(target) and target.id == name == "name":  # type: ignore[attr-defined]
            return self.texts(node.value, function)
        names = [each.id for each in getattr(target, "elts", []) if isinstance(each, ast.Name)]
        if name != "name" or name not in names or not isinstance(node.value, ast.Call):
            return []
        made = next(each for each in self.functions if each.name == ast.unparse(node.value.func))  # type: ignore[attr-defined]
        returned = [each.value for each in ast.walk(made) if isinstance(each, ast.Return)]
        parts = [each.elts[names.index(name)] for each in returned if isinstance(each, ast.Tuple)]
        return [text for part in parts for text in self.texts(part, made)]


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _argument(call: ast.Call, name: str, position: int) -> ast.expr:
    return next((each.value for each in call.keywords if each.arg == name), None) or call.args[position]


def names_in_the_code() -> list[str]:
    return sorted({name for path in FILES for name in Named(path).names()})


def result(name: str, **more: Any) -> Result:
    (found,) = history([check(date(2026, 3, 1), name, **more)], [], []).days[date(2026, 3, 1)].results
    return found


def test_the_names_are_found_in_the_code() -> None:
    """Of each way to give a name, one that must be among them."""
    assert {
        "rows were checked",
        "x stands once",
        "x in its form",
        "x is given",
        "x in its usual scale",
        "x coverage as before",
        "newest row within x of the end of the day",
        "exactly one tag of x",
        "every declared check ran",
    } <= set(names_in_the_code())


@pytest.mark.parametrize("name", names_in_the_code())
def test_every_check_that_the_code_can_make_is_of_a_kind(name: str) -> None:
    assert kind_of(result(name)) is not OWN


def test_every_kind_is_one_that_the_code_can_make() -> None:
    made = {kind_of(result(name)).name for name in names_in_the_code()}
    assert {kind.name for kind in KINDS} == made


@pytest.mark.parametrize("configs", CONFIGS, ids=lambda path: path.name)
def test_every_declared_check_of_a_configuration_is_of_a_kind(configs: Path) -> None:
    catalogue = load_catalogue(configs)
    own = {check.id.replace("_", " ") for check in catalogue.own_checks}
    declared = {check.name for suite in all_suites(catalogue) for check in suite.checks}
    assert {name for name in declared if kind_of(result(name)) is OWN} <= own


BEFORE = "14 days before"


@pytest.mark.parametrize(
    ("name", "observed", "bounds", "value", "beside", "how_bad"),
    [
        (
            "rows as on the days before",
            "65 rows of 2026-03-05, usual 130 (the same weekday of 4 weeks)",
            "less: warning 0.3, critical 0.45 of the usual missing, more: any times the usual",
            "65", "usual 130", "-50 % against the usual",
        ),
        (
            "channel empty as often as before",
            f"1.000 of the rows without it, usual 0.331 ({BEFORE})",
            "rise warning 0.1",
            "100 %", "usual 33.1 %", "33.1 % → 100 % without a value",
        ),
        (
            "amount in its usual scale",
            f"50321.5 in the middle, usual 503.2 ({BEFORE})",
            "times warning 2, critical 10",
            "50,321.5", "usual 503.2", "100 times the usual",
        ),
        (
            "amount in its usual scale",
            f"5.03 in the middle, usual 503 ({BEFORE})",
            "times warning 2, critical 10",
            "5.03", "usual 503", "the usual divided by 100",
        ),
        (
            "customer in its usual length",
            f"6.00 characters on average, usual 8.00 ({BEFORE})",
            "difference warning 0.5, critical 1.5",
            "6.00 characters", "usual 8.00 characters", "-2.00 characters against the usual",
        ),
        (
            "customer is known in users.customer",
            "0.2500 of the rows (90 of 120 unknown)",
            "at least 0.98",
            "25 %", "at least 98 %", "",
        ),
        (
            "newest row within 2h of the end of the day",
            "2026-03-05 18:00 (6:00:00 before the end of the day)",
            "at most 2h before the end of the day",
            "6.0 h", "at most 2.0 h", "",
        ),
        (
            "newest row within 2d of the end of the day",
            "2026-03-01 18:00 (4 days, 6:00:00 before the end of the day)",
            "at most 2d before the end of the day",
            "102.0 h", "at most 48.0 h", "",
        ),
        (
            "big_spender in its coverage",
            "0.6000 of the users (60 of 100)",
            "0 to 0.1",
            "60 %", "at most 10 %", "",
        ),
        (
            "big_spender coverage as before",
            "1.970 (3.00% → 60.00% of the users, 3 published days)",
            "population stability index below warning 0.1, critical 0.25",
            "1.970", "at most 0.100", "3.00% → 60.00% of the users",
        ),
        (
            "gender values as before",
            "0.300 (3 groups of users, 1 published day)",
            "population stability index below critical 0.25",
            "0.300", "at most 0.250", "",
        ),
        ("number of rows", "7", '{"min_value": 10, "max_value": null}', "7", "at least 10", ""),
    ],
)  # fmt: skip
def test_the_number_of_what_was_observed_is_read(
    name: str, observed: str, bounds: str, value: str, beside: str, how_bad: str
) -> None:
    found = measured(result(name, success=False, observed=observed, bounds=bounds))
    assert found is not None
    assert (found.shown(found.value), found.beside, found.how_bad) == (value, beside, how_bad)


def test_rows_that_fail_are_a_share_and_none_is_a_passed_check() -> None:
    failed = measured(result("amount in its range", success=False, rows=40, failing=3))
    assert failed is not None and failed.shown(failed.value) == "7.5 %"
    passed = measured(result("amount in its range"))
    assert passed is not None and passed.value == 0
    assert measured(result("amount in its range", success=False)) is None


@pytest.mark.parametrize(
    "name",
    ["rows as on the days before", "x in its usual scale", "newest row within 2h of the end of the day"],
)
def test_a_sentence_of_another_version_has_no_number(name: str) -> None:
    assert measured(result(name, success=False, observed="no row", bounds="as before")) is None
