"""Tags that use other tags: the order, circles, what may be used, and what comes of it."""

from pathlib import Path

import pytest

from tests.support.folders import TAGS, Folder, entry, with_tags


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


def test_it_reads_what_they_read_and_its_version_changes_with_theirs(folder: Folder) -> None:
    with_tags(folder, entry("few", "when: not tags.many"), entry("many", "when: orders_180d >= 3"))
    first = folder.project().tags["few"]
    assert first.inputs == ("orders_180d",)
    assert first.definition == "not tags.many"
    folder.replace(TAGS, "when: orders_180d >= 3", "when: orders_180d >= 4")
    assert folder.project().tags["few"].definition_version != first.definition_version


def test_a_text_that_only_looks_like_a_tag_stays_a_text(folder: Folder) -> None:
    rule = "tags.many and users.gender not in ('tags.many', 'tags__many')"
    with_tags(folder, entry("odd", f'when: "{rule}"'), entry("many", "when: orders_180d >= 3"))
    assert str(folder.project().tags["odd"].tree) == (
        "coalesce((orders_180d >= 3), FALSE) AND users__gender NOT IN ('tags.many', 'tags__many')"
    )


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (("a", "tags.a"), "circular reference: a → a"),
        (
            ("a", "tags.b", "b", "tags.c or orders_180d > 1", "c", "tags.a"),
            "circular reference: a → b → c → a",
        ),
    ],
)
def test_a_circle_is_one_error_that_names_it(folder: Folder, entries: tuple[str, ...], message: str) -> None:
    pairs = list(zip(entries[::2], entries[1::2], strict=True))
    with_tags(folder, *[entry(name, f"when: {rule}") for name, rule in pairs])
    (problem,) = folder.problems()
    tags = {name for name, _ in pairs}
    message = problem.partition(": ")[2]
    circle = message.partition(": ")[2].split(" → ")[:-1]
    turned = [circle[at:] + circle[:at] for at in range(len(circle))]
    assert message in {f"circular reference: {' → '.join([*turn, turn[0]])}" for turn in turned}
    assert tags == set(circle)


def test_a_tag_that_is_not_there_is_named_with_the_one_that_was_meant(folder: Folder) -> None:
    with_tags(folder, entry("a", "when: tags.importent"))
    line = folder.line(TAGS, "when: tags.importent")
    assert folder.problems() == [
        f"{TAGS}:{line}: unknown name: tags.importent (did you mean tags.important?)"
    ]


@pytest.mark.parametrize("validity", ["30d", "static"])
def test_a_tag_that_outlives_its_rule_cannot_be_used(folder: Folder, validity: str) -> None:
    with_tags(folder, entry("a", "when: tags.b"), entry("b", "when: orders_180d > 1", validity=validity))
    (problem,) = folder.problems()
    assert f"tags.b keeps values of earlier days (validity {validity})" in problem


def test_what_uses_a_broken_tag_is_no_error_of_its_own(folder: Folder) -> None:
    with_tags(folder, entry("a", "when: tags.b"), entry("b", "when: no_such_measure > 1"))
    (problem,) = folder.problems()
    assert "no_such_measure" in problem


def test_a_value_is_compared_as_its_type(folder: Folder) -> None:
    with_tags(folder, entry("a", "when: tags.important > 3"))
    (problem,) = folder.problems()
    assert "tags.important" in problem and "boolean" in problem
