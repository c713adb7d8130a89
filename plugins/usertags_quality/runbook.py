"""docs/runbook.md as a page."""

import itertools
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from usertags.quality.runbook import RUNBOOK, anchor

_READER = MarkdownIt("commonmark", {"html": False}).enable("table")


def rendered(path: Path = RUNBOOK) -> Markup | None:
    """The page as HTML with heading anchors; None without a runbook. HTML in it is escaped."""
    if not path.is_file():
        return None
    tokens = _tokens(path)
    return Markup(_READER.renderer.render(tokens, _READER.options, {}))


def _tokens(path: Path) -> list[Token]:
    tokens = _READER.parse(path.read_text(encoding="utf-8"))
    for token, inside in itertools.pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(inside.content.replace("`", "")))
    return tokens
