"""docs/runbook.md as a page, and the section of it that a check belongs to."""

import itertools
import re
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from jobs.quality.timeline import Result

# What the names of checks have in common with others of their kind, and the section of that kind.
_KINDS = (
    (r"every row is accounted for", "every-row-is-accounted-for"),
    (r"all batches follow the same definition", "all-batches-follow-the-same-definition"),
    (r"stays within one day$", "stays-within-one-day"),
    (r"is never empty$", "is-never-empty"),
    (r"stands once$|^one row a user", "stands-once"),
    (r"in its range$", "in-its-range"),
    (r"in its values$", "in-its-values"),
    (r"in its form$", "in-its-form"),
    (r"is given$", "is-given"),
    (r"^number of rows", "number-of-rows"),
    (r"every user of the population", "every-user-of-the-population"),
    (r"^exactly one tag of", "exactly-one-tag"),
    (r"^edges of .* differ$", "edges-differ"),
    (r"no link between ids is refused", "no-link-is-refused"),
)


def section_of(result: Result) -> str:
    """The anchor of a check's section, or nothing: then the link leads to the top."""
    return next((anchor for pattern, anchor in _KINDS if re.search(pattern, result.name)), "")


def rendered(path: Path) -> Markup | None:
    """The page as HTML with anchors of its headings; None without a runbook. HTML in it is shown as text."""
    if not path.is_file():
        return None
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(path.read_text(encoding="utf-8"))
    for token, inside in itertools.pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(inside.content))
    return Markup(reader.renderer.render(tokens, reader.options, {}))


def anchor(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
