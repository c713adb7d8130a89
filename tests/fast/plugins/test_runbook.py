"""The runbook as a page, and the way to the section of a check."""

from datetime import date
from pathlib import Path

import pytest

from jobs.quality.timeline import history
from plugins.usertags_quality.runbook import rendered, section_of
from tests.support.quality_rows import check

TEXT = """# Runbook

## In its range

See <script>alert(1)</script> `x`.

## is_never_empty

### Exit code 3
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "runbook.md"
    file.write_text(TEXT)
    return file


def test_headings_have_anchors_and_html_is_text(path: Path) -> None:
    page = str(rendered(path))
    assert '<h2 id="in-its-range">In its range</h2>' in page and '<h3 id="exit-code-3">' in page
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert rendered(path.parent / "none.md") is None


@pytest.mark.parametrize(
    ("name", "anchor"),
    [
        ("amount in its range", "in-its-range"),
        ("user_id is never empty", "is_never_empty"),
        ("city is given", ""),
    ],
)
def test_a_check_leads_to_the_section_of_its_kind(path: Path, name: str, anchor: str) -> None:
    (result,) = history([check(date(2026, 3, 1), name)], [], []).days[date(2026, 3, 1)].results
    assert section_of(result, path) == anchor
    assert section_of(result, path.parent / "none.md") == ""
