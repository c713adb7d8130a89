"""Public functions of stages, transform, quality and store say what a caller has to know."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT
from usertags import errors

PACKAGES = ("stages", "transform", "quality", "store")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / "jobs" / "usertags" / name).glob("*.py"))
# Of a function that gives no frame, it is the grain of the frames that it is given.
GRAIN = re.compile(r"\bGrain(?:\s+of\s+the\s+input)?:\s+\S")
FRAME = re.compile(r"\bDataFrame\b")
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | {"GateRefused"}

Documented = ast.FunctionDef | ast.ClassDef


def public(body: list[ast.stmt], inside: str = "") -> Iterator[tuple[str, Documented]]:
    """The public functions and classes of a module, and the public methods of these classes."""
    for item in body:
        if isinstance(item, Documented) and not item.name.startswith("_"):
            yield inside + item.name, item
            if isinstance(item, ast.ClassDef):
                yield from public(item.body, f"{item.name}.")


def annotations(function: ast.FunctionDef) -> str:
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    found = [*(each.annotation for each in arguments), function.returns]
    return " ".join(ast.unparse(each) for each in found if each is not None)


def raised(function: ast.FunctionDef) -> set[str]:
    """The errors of ours that a function itself raises."""
    made = [each.exc for each in ast.walk(function) if isinstance(each, ast.Raise)]
    return {ast.unparse(each.func) for each in made if isinstance(each, ast.Call)} & ERRORS


def lacking(source: str) -> list[str]:
    """What docstrings of a module do not say."""
    module = ast.parse(source)
    found = [] if ast.get_docstring(module) or not module.body else ["the module has no docstring"]
    for name, item in public(module.body):
        docstring = ast.get_docstring(item)
        if docstring is None:
            found.append(f"{name} has no docstring")
        elif isinstance(item, ast.FunctionDef):
            if FRAME.search(annotations(item)) and not GRAIN.search(docstring):
                found.append(f"{name} names no grain")
            found += [
                f"{name} does not name {error}" for error in sorted(raised(item)) if error not in docstring
            ]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT / "jobs").as_posix())
def test_what_a_caller_has_to_know_is_written(path: Path) -> None:
    assert lacking(path.read_text(encoding="utf-8")) == []


def test_each_thing_that_is_not_written_is_found() -> None:
    module = '''
class Kept:
    """A row."""

    @property
    def rows(self) -> DataFrame:
        """The rows."""

    def _hidden(self) -> DataFrame: ...


def plain(day: date) -> int:
    raise DataError("no")


def one(rows: list[DataFrame]) -> int:
    """Counts. Grain of the input: user."""
    raise DataError("no")


def writer(rows: DataFrameWriterV2) -> None:
    """Grain of nothing."""
'''
    assert lacking(module) == [
        "the module has no docstring",
        "Kept.rows names no grain",
        "plain has no docstring",
        "one does not name DataError",
    ]
    assert lacking("") == []
