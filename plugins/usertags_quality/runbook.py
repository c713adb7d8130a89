"""docs/runbook.md as a page, and the section of it that a check belongs to."""

import itertools
import re
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from jobs.catalogue.build import ROOT
from jobs.quality.timeline import Result

RUNBOOK = ROOT / "docs" / "runbook.md"
_READER = MarkdownIt("commonmark", {"html": False}).enable("table")


def section_of(result: Result, path: Path = RUNBOOK) -> str:
    """The anchor of a check's section: the longest one that is part of the check's own name. Nothing where
    there is none: the link leads to the top then."""
    name = anchor(result.name.replace("_", " "))
    slug = result.id.rpartition(".")[2].replace("_", "-")
    found = [
        each for each in _anchors(path) if each.replace("_", "-") in name or each.replace("_", "-") in slug
    ]
    return max(found, key=len, default="")


def rendered(path: Path = RUNBOOK) -> Markup | None:
    """The page as HTML with anchors of its headings; None without a runbook. HTML in it is shown as text."""
    if not path.is_file():
        return None
    tokens = _tokens(path)
    return Markup(_READER.renderer.render(tokens, _READER.options, {}))


def anchor(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _tokens(path: Path) -> list[Token]:
    tokens = _READER.parse(path.read_text(encoding="utf-8"))
    for token, inside in itertools.pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(inside.content))
    return tokens


def _anchors(path: Path) -> tuple[str, ...]:
    return _read_anchors(path, path.stat().st_mtime_ns) if path.is_file() else ()


@lru_cache(maxsize=4)
def _read_anchors(path: Path, changed: int) -> tuple[str, ...]:
    ids = (token.attrGet("id") for token in _tokens(path) if token.type == "heading_open")
    return tuple(str(each) for each in ids if each)
