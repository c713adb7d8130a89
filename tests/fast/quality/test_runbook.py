"""docs/runbook.md has a section for whatever may block a day, and for every end of a command."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jobs import errors
from jobs.catalogue.build import ROOT, load_catalogue
from jobs.quality import checks
from jobs.quality.checks import Check, check_id
from jobs.quality.runbook import LATE, OWN, anchors, section_of
from jobs.quality.suites import all_suites

CONFIGS = [ROOT / "configs", *(path.parent for path in ROOT.glob("examples/*/project.yml"))]
CONFIGS += [path.parent for path in ROOT.glob("tests/cases/*/project.yml")]


@cache
def own_names() -> frozenset[str]:
    """What people call their own checks, in checks/*.yml."""
    found = (check.id for folder in CONFIGS for check in load_catalogue(folder).own_checks)
    return frozenset(name.replace("_", " ") for name in found)


def names_in_code() -> Iterator[str]:
    """The names of the checks as jobs/quality writes them; what stands in braces is an `x`."""
    for path in sorted((ROOT / "jobs" / "quality").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from _names(node.func.id, node)
            if isinstance(node, ast.FunctionDef) and node.name == "_expectation":
                returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
                first = [each.elts[0] for each in returned if isinstance(each, ast.Tuple)]
                yield from filter(None, map(_text, first))


def _names(function: str, call: ast.Call) -> Iterator[str]:
    written = {keyword.arg: keyword.value for keyword in call.keywords}
    if function in ("Check", "CheckResult") and "name" in written:
        yield from filter(None, [_text(written["name"])])
    elif function == "Check":
        yield from filter(None, [_text(call.args[1])])
    elif function == "_result":
        yield from [text for each in call.args if (text := _text(each))][:1]
    elif function == "columns_check":
        yield "columns as declared"


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return getattr(checks, node.id, None) if node.id.isupper() else None
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = [str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values]
    return (
        "".join(parts)
        if any(isinstance(part, ast.Constant) and part.value.strip() for part in node.values)
        else None
    )


NAMES = sorted(set(names_in_code()))


def test_the_code_was_read() -> None:
    assert len(NAMES) >= 25
    assert {"x is never empty", "every declared check ran", "coverage as before", "x in its form"} <= set(
        NAMES
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_check_of_the_code_has_its_section(name: str) -> None:
    assert section_of(name, check_id("clean.orders", name)) not in ("", OWN)


@pytest.mark.parametrize("folder", CONFIGS, ids=lambda folder: folder.name)
def test_every_declared_check_has_its_section(folder: Path) -> None:
    own = own_names()
    declared = [check for suite in all_suites(load_catalogue(folder)) for check in suite.checks]
    without = [check.name for check in declared if check.name not in own and _section(check) in ("", OWN)]
    assert declared and without == []


def _section(check: Check) -> str:
    return section_of(check.name, check.check_id)


@pytest.mark.parametrize(
    ("name", "slug", "section"),
    [
        ("amount in its range", "amount_in_its_range", "in-its-range"),
        ("rows as on the days before", "rows_as_before", "rows-as-on-the-days-before"),
        ("exactly one tag of 人口/性别", "exclusive_people_gender", "exactly-one-tag-of"),
        ("every declared check ran", "every_declared_check_ran_values", "every-declared-check-ran"),
        ("one row a user, tag and rank", "one_row_a_user_tag_and_rank", "one-row-a-user"),
        ("the sum of refunds", "refund_sum", OWN),
    ],
)
def test_a_check_leads_to_the_section_of_its_kind(name: str, slug: str, section: str) -> None:
    assert section_of(name, f"clean.orders.{slug}") == section


def test_every_exit_code_has_its_section() -> None:
    kinds = [errors.UsertagsError, *errors.UsertagsError.__subclasses__()]
    codes = {0, 130} | {kind.exit_code for kind in kinds}
    assert codes == {0, 1, 2, 3, 4, 130}
    assert {f"exit-code-{code}" for code in codes} <= set(anchors())


def test_no_two_sections_have_one_anchor_and_a_late_day_has_one() -> None:
    assert len(anchors()) == len(set(anchors()))
    assert LATE in anchors()


def test_every_section_of_a_check_says_what_it_means_what_is_safe_and_what_to_do() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text()
    sections = text.split("## Exit codes")[1].split("## Warnings")[0].split("\n### ")[1:]
    assert len(sections) > 30
    for section in sections:
        for part in ("**Means.**", "**Safe.**", "**Readers get**", "**Do.**\n\n1. "):
            assert part in section, section.splitlines()[0]
