"""Entries of tags/*.yml: the keys of all tags; those of one kind stand with the kind (usertags/kinds).

`usertags.project.tags` checks them and builds tags of them.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from usertags.config.durations import Validity
from usertags.config.entry import ColumnType, Entry, Word
from usertags.config.quality_models import CoverageEntry, Drift, TagDriftEntry
from usertags.kinds import KINDS, KindName, TagKind


class Example(Entry):
    given: dict[str, Any]
    expect: Any


class TagEntry(Entry):
    """A tag: what all kinds have. Each kind has keys of its own (usertags/kinds); `AnyTag` has them all."""

    name: str
    title: str
    path: Annotated[list[str], Field(min_length=3, max_length=3)]
    kind: KindName
    values: list[Word] | None = None
    type: ColumnType | None = None
    description: str
    validity: Validity
    owner: str
    sensitivity: str | None = None
    coverage: CoverageEntry | None = None
    drift: Drift = TagDriftEntry()
    status: Literal["draft", "active", "retired"]
    examples: list[Example] = Field(default_factory=list)

    @property
    def kinds(self) -> tuple[TagKind, ...]:
        """The kinds that it is of: the one that has its value, and those that lay something around that."""
        return tuple(kind for kind in KINDS if kind.given(self))

    @model_validator(mode="after")
    def _one_kind(self) -> "TagEntry":
        one_of = [name for kind in KINDS for name in kind.instead]
        given = [name for name in one_of if getattr(self, name) is not None]
        if len(given) > 1 or not self.kinds:
            alone = "".join(f"; or `{name}` alone" for kind in KINDS for name in kind.alone)
            raise ValueError(f"needs exactly one of {', '.join(one_of)}{alone}")
        for kind in KINDS:
            refused = kind.refused(self)
            if refused is not None:
                raise ValueError(refused)
        if not self.validity.dynamic and any(kind.dynamic for kind in self.kinds):
            raise ValueError("a tag with `prefer`, `set` or `follows` needs `validity: dynamic`")
        return self


# The model of an entry of tags/*.yml: what all kinds have, and the keys of each.
AnyTag: type[TagEntry] = create_model(
    "AnyTag",
    __base__=(TagEntry, *[kind.keys for kind in KINDS]),  # type: ignore[arg-type]  # found when it runs
)
