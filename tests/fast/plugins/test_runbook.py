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


def test_a_translation_has_the_anchors_of_its_original(path: Path) -> None:
    translation = path.with_name("runbook.zh.md")
    translation.write_text("# 手册\n\n## 在范围内\n\n## 从不为空\n\n### 退出码 3\n", encoding="utf-8")
    page = str(rendered(translation, path))
    assert '<h2 id="in-its-range">在范围内</h2>' in page and '<h3 id="exit-code-3">退出码 3</h3>' in page
