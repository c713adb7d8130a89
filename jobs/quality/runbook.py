"""The section of docs/runbook.md that a kind of checks has."""

import re
from functools import lru_cache
from pathlib import Path

from jobs.catalogue.build import ROOT
from jobs.quality.kinds import KINDS, CheckKind

RUNBOOK = ROOT / "docs" / "runbook.md"
# The sections of a day that is not published in time, and of tables that cannot be read.
LATE, UNREACHABLE = "not-published-in-time", "exit-code-4"


def section_of(kind: CheckKind, path: Path = RUNBOOK) -> str:
    """The anchor of the section of a kind of checks. Nothing where there is no such section: a link leads to
    the top then."""
    found = KINDS[kind].anchor
    return found if found in anchors(path) else ""


def anchor(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors(path: Path = RUNBOOK) -> tuple[str, ...]:
    """The anchors of all headings; none without a runbook."""
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else ()


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> tuple[str, ...]:
    found, inside_code = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        inside_code ^= line.startswith("```")
        heading = re.match(r"#{1,6} +(.+?)[ #]*$", line)
        if heading and not inside_code:
            found.append(anchor(heading[1].replace("`", "")))
    return tuple(each for each in found if each)
