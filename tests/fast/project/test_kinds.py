"""The kinds of tags: they are found, and each says what all are asked."""

from usertags.config.models import AnyTag
from usertags.kinds import KINDS, NAMES


def test_every_kind_is_found_and_what_is_laid_around_others_comes_last() -> None:
    assert [type(kind).__name__ for kind in KINDS] == ["Rule", "Preference", "Follows", "People"]
    assert set(NAMES) == {"fact", "rule", "rfm", "preference", "manual"}


def test_an_entry_has_the_keys_of_all_kinds() -> None:
    keys = {field.alias or name for name, field in AnyTag.model_fields.items()}
    assert {"when", "value", "cases", "else", "prefer", "follows", "set"} <= keys
