"""docs/runbook.md has a section for whatever may block a day, and for every end of a command."""

from pathlib import Path

import pytest

from usertags import errors
from usertags.project.build import ROOT
from usertags.quality.kinds import KINDS, CheckKind
from usertags.quality.runbook import LATE, UNREACHABLE, anchors, section_of


@pytest.mark.parametrize("kind", CheckKind)
def test_every_kind_of_checks_has_its_section(kind: CheckKind) -> None:
    assert section_of(kind) == KINDS[kind].anchor
    assert KINDS[kind].anchor in anchors()


def test_where_there_is_no_such_section_a_link_leads_to_the_top(tmp_path: Path) -> None:
    file = tmp_path / "runbook.md"
    file.write_text("# Runbook\n\n## In its range\n\n```\n# Is given\n```\n")
    assert section_of(CheckKind.IN_RANGE, file) == "in-its-range"
    assert section_of(CheckKind.GIVEN, file) == ""
    assert section_of(CheckKind.GIVEN, tmp_path / "none.md") == ""


def test_every_exit_code_has_its_section() -> None:
    kinds = [errors.UsertagsError, *errors.UsertagsError.__subclasses__()]
    codes = {0, 130} | {kind.exit_code for kind in kinds}
    assert codes == {0, 1, 2, 3, 4, 130}
    assert {f"exit-code-{code}" for code in codes} <= set(anchors())


def test_no_two_sections_have_one_anchor_and_a_late_day_has_one() -> None:
    assert len(anchors()) == len(set(anchors()))
    assert {LATE, UNREACHABLE} <= set(anchors())


def test_every_section_of_a_check_says_what_it_means_what_is_safe_and_what_to_do() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text()
    sections = text.split("## Exit codes")[1].split("## Warnings")[0].split("\n### ")[1:]
    assert len(sections) > 30
    for section in sections:
        for part in ("**Means.**", "**Safe.**", "**Readers get**", "**Do.**\n\n1. "):
            assert part in section, section.splitlines()[0]
