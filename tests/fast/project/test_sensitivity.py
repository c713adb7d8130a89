"""Which tables a tag is kept out of, and what is refused because it would tell what a tag says elsewhere."""

from pathlib import Path

import pytest

from tests.support.folders import PROJECT_YML, TAGS, Folder
from usertags.project.model import hidden, visible

OWNER = "    owner: operations\n    status: active\n"
STATED = """
sensitivity:
  health: {keep_out_of: [user_profile]}
  secret: {keep_out_of: [user_tags]}
  internal: {keep_out_of: []}
"""
USING = """
  uses:
    name: 用到
    title: Uses another tag
    path: [基础属性, 客户价值, 交易]
    kind: rule
    when: tags.important and orders_365d > 7
    description: 用到另一个标签
    validity: dynamic
    owner: operations
    status: active
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder.small(tmp_path)
    made.write(PROJECT_YML, made.read(PROJECT_YML) + STATED)
    made.replace(TAGS, "exclusive:\n  消费属性/客户价值/交易: true\n", "")
    return made


def give(folder: Folder, sensitivity: str) -> int:
    """Give the tag `important` a sensitivity; the line that says so."""
    return folder.replace(TAGS, OWNER, f"    sensitivity: {sensitivity}\n" + OWNER)


def test_a_tag_without_sensitivity_is_in_every_table(folder: Folder) -> None:
    tags = folder.project().tags
    assert tags["important"].sensitivity is None
    for table in ("user_tags", "user_profile", "user_tag_changes", "tag_statistics", "tag_coverage"):
        assert visible(tags.values(), table) == tuple(tags.values())
        assert hidden(tags.values(), table) == []


def test_a_sensitivity_keeps_a_tag_out_of_its_tables(folder: Folder) -> None:
    give(folder, "health")
    tags = folder.project().tags
    assert hidden(tags.values(), "user_profile") == ["important"]
    assert "important" not in [tag.id for tag in visible(tags.values(), "user_profile")]
    assert "important" in [tag.id for tag in visible(tags.values(), "user_tags")]
    assert hidden(tags.values(), "tag_statistics") == []


def test_out_of_user_tags_is_out_of_what_is_made_of_it(folder: Folder) -> None:
    give(folder, "secret")
    tag = folder.project().tags["important"]
    assert tag.kept_out_of == {"user_tags", "user_tag_changes", "tag_statistics", "tag_coverage"}


def test_the_definition_of_a_tag_stays_and_the_version_of_the_project_does_not(folder: Folder) -> None:
    before = folder.project()
    give(folder, "health")
    after = folder.project()
    assert after.tags["important"].definition_version == before.tags["important"].definition_version
    assert after.version != before.version


def test_an_unknown_sensitivity_has_its_line_and_a_suggestion(folder: Folder) -> None:
    line = give(folder, "helth")
    assert folder.problems() == [
        f"{TAGS}:{line}: `sensitivity` of project.yml has no 'helth' (did you mean health?)"
    ]


def test_an_unknown_table_has_its_line_and_a_suggestion(folder: Folder) -> None:
    line = folder.replace(PROJECT_YML, "[user_profile]", "[user_profiles]")
    (problem,) = folder.problems()
    assert problem.startswith(
        f"{PROJECT_YML}:{line}: sensitivity.health.keep_out_of.0: must be 'user_tags', "
    )
    assert problem.endswith("(did you mean user_profile?)")


def test_a_sensitivity_says_what_it_keeps_out_of(folder: Folder) -> None:
    line = folder.replace(PROJECT_YML, "internal: {keep_out_of: []}", "internal: {keep_from: []}")
    (problem,) = folder.problems()
    assert problem.startswith(f"{PROJECT_YML}:{line}: ")
    assert "unknown key 'keep_from' (did you mean keep_out_of?)" in problem


def test_a_tag_that_is_remembered_from_user_tags_cannot_be_kept_out_of_it(folder: Folder) -> None:
    line = folder.replace(
        TAGS,
        "    validity: 30d\n    owner: finance\n",
        "    validity: 30d\n    owner: finance\n    sensitivity: secret\n",
        at="sensitivity",
    )
    assert folder.problems() == [
        f"{TAGS}:{line}: sensitivity 'secret' is kept out of user_tags, where a tag with validity 30d is "
        "looked up: use `validity: dynamic`"
    ]


def test_a_tag_of_an_exclusive_path_cannot_be_kept_out_of_user_profile(folder: Folder) -> None:
    folder.replace(TAGS, "parameters:", "exclusive:\n  消费属性/客户价值/交易: true\nparameters:")
    line = give(folder, "health")
    assert folder.problems() == [
        f"{TAGS}:{line}: sensitivity 'health' is kept out of user_profile, where 消费属性/客户价值/交易 is "
        "checked to be exclusive"
    ]


@pytest.mark.parametrize(
    ("used", "own", "problem"),
    [
        (
            "health",
            "",
            "tags.important is of sensitivity 'health' and kept out of user_profile: a tag that uses it must "
            "be kept out of them as well",
        ),
        (
            "secret",
            "health",
            "tags.important is of sensitivity 'secret' and kept out of tag_coverage, tag_statistics, "
            "user_tag_changes, user_tags: a tag that uses it must be kept out of them as well",
        ),
        (
            "internal",
            "",
            "tags.important is of sensitivity 'internal': a tag that uses it must set its own `sensitivity` "
            "(did you mean sensitivity: internal?)",
        ),
        ("health", "health", None),
        ("internal", "secret", None),
    ],
)
def test_a_tag_is_as_restricted_as_those_that_it_uses(
    folder: Folder, used: str, own: str, problem: str | None
) -> None:
    give(folder, used)
    more = f"    sensitivity: {own}\n" if own else ""
    folder.write(TAGS, folder.read(TAGS) + USING + more)
    if problem is None:
        assert "uses" in folder.project().tags
        return
    line = folder.line(TAGS, f"    sensitivity: {own}\n" if used != own and own else "  uses:")
    assert folder.problems() == [f"{TAGS}:{line}: {problem}"]
