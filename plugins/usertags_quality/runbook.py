"""The runbook as a page."""

from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from usertags.quality.runbook import RUNBOOK, anchors

_READER = MarkdownIt("commonmark", {"html": False}).enable("table")


def rendered(path: Path = RUNBOOK, original: Path | None = None) -> Markup | None:
    """The page as HTML with heading anchors; None without a runbook. HTML in it is escaped. A translation has
    the anchors of its original, in the same order."""
    if not path.is_file():
        return None
    tokens = _tokens(path, anchors(original or path))
    return Markup(_READER.renderer.render(tokens, _READER.options, {}))


def _tokens(path: Path, ids: Sequence[str]) -> list[Token]:
    tokens = _READER.parse(path.read_text(encoding="utf-8"))
    headings = [token for token in tokens if token.type == "heading_open"]
    for token, name in zip(headings, ids, strict=False):
        token.attrSet("id", name)
    return tokens
