"""The section of docs/runbook.md that a check belongs to."""

import re
from functools import lru_cache
from pathlib import Path

from jobs.catalogue.build import ROOT

RUNBOOK = ROOT / "docs" / "runbook.md"
# The sections of a day that is not published in time, of tables that cannot be read, and of checks that have
# none of their own.
LATE, UNREACHABLE, OWN = "not-published-in-time", "exit-code-4", "a-check-of-your-own"


def section_of(name: str, check_id: str, path: Path = RUNBOOK) -> str:
    """The anchor of a check's section: the longest one that is part of the check's own name or id, else the
    section of all others. Nothing where there is no section: a link leads to the top then."""
    name = anchor(name.replace("_", " "))
    slug = check_id.rpartition(".")[2].replace("_", "-")
    known = anchors(path)
    found = [each for each in known if _plain(each) in name or _plain(each) in slug]
    return max(found, key=len, default=OWN if OWN in known else "")


def anchor(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors(path: Path = RUNBOOK) -> tuple[str, ...]:
    """The anchors of all headings; none without a runbook."""
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else ()


def _plain(text: str) -> str:
    return text.replace("_", "-")


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> tuple[str, ...]:
    found, inside_code = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        inside_code ^= line.startswith("```")
        heading = re.match(r"#{1,6} +(.+?)[ #]*$", line)
        if heading and not inside_code:
            found.append(anchor(heading[1].replace("`", "")))
    return tuple(each for each in found if each)
