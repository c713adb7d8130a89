"""docs/runbook.md has a section for whatever may block a day, and for every end of a command."""

import re
from pathlib import Path

import pytest

from usertags import errors
from usertags.project.build import ROOT
from usertags.quality.kinds import KINDS, CheckKind
from usertags.quality.runbook import LATE, RUNBOOKS, UNREACHABLE, anchors, section_of


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


def sections(path: Path) -> list[str]:
    """The headings of a runbook, each with what stands below it."""
    return re.split(r"(?m)^(?=#)", path.read_text(encoding="utf-8"))[1:]


def test_the_chinese_runbook_has_the_same_sections_steps_and_commands() -> None:
    """Its headings get the anchors of the English ones, in their order."""
    english, chinese = sections(RUNBOOKS["en"]), sections(RUNBOOKS["zh"])
    assert len(english) == len(chinese)
    for one, other in zip(english, chinese, strict=True):
        about = other.splitlines()[0]
        assert one.partition(" ")[0] == other.partition(" ")[0], about
        assert len(re.findall(r"(?m)^\d+\. ", one)) == len(re.findall(r"(?m)^\d+\. ", other)), about
        # Names of Airflow and of files stand in backticks, as they are no Chinese.
        assert _code(one) == _code(other) - {"Required Actions", "project.yml"}, about


def _code(section: str) -> set[str]:
    return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", section)}
