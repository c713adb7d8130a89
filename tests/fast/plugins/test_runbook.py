"""The runbook as a page."""

from pathlib import Path

import pytest

from plugins.usertags_quality.runbook import rendered

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
