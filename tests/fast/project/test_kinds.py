"""The kinds of tags: they are found, and each says what all are asked."""

from tests.support.places import ROOT
from usertags.kinds import KINDS, NAMES
from usertags.project.build import load_project
from usertags.project.tag_entry import AnyTag


def test_every_kind_is_found_and_what_is_laid_around_others_comes_last() -> None:
    assert [type(kind).__name__ for kind in KINDS] == ["Rule", "Preference", "Follows", "People"]
    assert set(NAMES) == {"fact", "rule", "rfm", "preference", "manual"}


def test_an_entry_has_the_keys_of_all_kinds() -> None:
    keys = {field.alias or name for name, field in AnyTag.model_fields.items()}
    assert {"when", "value", "cases", "else", "prefer", "follows", "set"} <= keys


def test_what_others_ask_of_a_tag_its_kinds_say() -> None:
    tags = load_project(ROOT / "configs").tags.values()
    set_by_people = {tag.id for tag in tags if tag.set_in is not None}
    assert set_by_people == {tag.id for tag in tags if "set__" in str(tag.tree)} != set()
    unsteady = {tag.id: tag for tag in tags if not tag.main.steady(tag)}
    assert {(type(tag.main).__name__, tag.type in ("date", "timestamp")) for tag in unsteady.values()} == {
        ("Preference", False),
        ("Follows", False),
        ("Rule", True),
    }
