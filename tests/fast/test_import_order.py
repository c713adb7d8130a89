"""Imports go in one direction: the order of the rows of docs/architecture.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import ROOT

PACKAGE = ROOT / "jobs" / "usertags"


def rows() -> dict[str, int]:
    """The row of each package and module that the table of packages names."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`jobs/usertags/[^|]*) \|", text, re.MULTILINE)
    return {
        name: number
        for number, row in enumerate(table)
        for name in re.findall(r"`jobs/usertags/(\w+)(?:\.py|/)`", row)
    }


def imported(path: Path) -> Iterator[str]:
    """What a module imports of the project when it is imported itself; types and what a function imports when
    it is called do not count."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("usertags."):
            yield str(node.module).split(".")[1]


def test_modules_import_from_their_own_row_and_those_above() -> None:
    row = rows()
    found = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in imported(path)
        # What is started by spark-submit is at the end.
        if row[name] > row.get(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), len(row))
    ]
    assert found == []


def test_every_package_has_a_row() -> None:
    parts = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert parts - rows().keys() == {"__init__", "entry"}
