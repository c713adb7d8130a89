"""Explicit tags (显性标签): what people say of a user, who said it, why and until when.

A source with `explicit` keeps, of each user and each text of its tag column, the row that came last. A tag
with `set` reads the row of its own text; beside a rule, `wins` says which of the two stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import pydantic

from usertags.config.entry import Entry
from usertags.config.expression_operands import Expression
from usertags.config.expression_tree import (
    FALSE,
    NULL,
    TRUE,
    And,
    Brackets,
    Case,
    Cast,
    Constant,
    Field,
    Infix,
    Is,
    Name,
    Not,
    Or,
    Tree,
    as_column,
    called,
    only_if,
)
from usertags.config.validation import close
from usertags.kinds.base import Given, Making, TagKind

if TYPE_CHECKING:
    from pyspark.sql import Column

    from usertags.project.model import Tag
    from usertags.project.tag_entry import TagEntry

# What an example may give of a row.
_ROW_FIELDS = frozenset({"value", "set_by", "reason", "until", "withdrawn"})


class SetEntry(Entry):
    """People set this tag, in a source with `explicit`, under the text `tag`. Beside a rule, `wins` says
    which of the two stands where both speak."""

    source: str
    tag: str
    wins: Literal["explicit", "rule"] | None = None


class PeopleKeys(Entry):
    set_: SetEntry | None = pydantic.Field(default=None, alias="set")


@dataclass(frozen=True)
class SetByPeople:
    """How people set a tag: in rows of `source` that call it `tag`. `row` is the row that gives the user the
    tag (value, set_by, reason, until), null where none does."""

    source: str
    tag: str
    row: Tree


def measure_of(source: str) -> str:
    """The measure that holds what people set in a source: a map from tag text to the row that came last."""
    return f"set__{source}"


class People(TagKind):
    names = ("manual",)
    keys = PeopleKeys
    alone = ("set",)
    order = 9
    dynamic = True

    def refused(self, entry: TagEntry) -> str | None:
        ruled = len(entry.kinds) > 1
        if self.given(entry) and any(kind.alone == () and kind.dynamic for kind in entry.kinds):
            return "a tag that people set has a rule beside, or none"
        if (entry.kind == "manual") != (self.given(entry) and not ruled):
            return "`kind: manual` is of a tag with `set` and no rule"
        if self.given(entry) and ruled != (_of(entry).wins is not None):
            return "`set` needs `wins` beside a rule, and only there"
        return None

    def expression(self, making: Making) -> Expression | None:
        """A tag without a rule of its own is what people set."""
        return Expression(NULL, frozenset({"data_day"}), "text")

    def fits(self, making: Making) -> bool:
        """Whether the source that sets the tag is one in which people do."""
        located, settings = making.located, making.settings
        name = _of(located.entry).source
        source = making.inputs.sources.get(name)
        if source is not None and source.explicit is not None:
            return True
        if source is not None:
            message = f"source {name!r} has no `explicit`: it does not say which columns set a tag"
            located.report(message, "set", "source")
        elif name not in settings.sources and not settings.broken.has("sources", name):
            hint = close(name, settings.sources)
            located.report(f"unknown source {name!r}", "set", "source", suggestion=hint)
        return False

    def type(self, entry: TagEntry, expression: Expression) -> str:
        return "boolean" if entry.values is None else super().type(entry, expression)

    def around(
        self, entry: TagEntry, expression: Expression, type_: str
    ) -> tuple[Expression, dict[str, Any]]:
        """The value of a tag that people set, beside its rule if it has one, and the row that gave it.

        A row counts up to and with its `until`. Where explicit wins, a withdrawal that came last removes the
        tag even where the rule holds.
        """
        set_entry = _of(entry)
        rule = expression if len(entry.kinds) > 1 else None
        measure = measure_of(set_entry.source)
        last = called("try_element_at", Name(measure), Constant(set_entry.tag))
        until = Field(last, "until")
        in_time = Or((Is(until, NULL), Infix(until, ">=", Name("data_day"))))
        live = And((Is(last, NULL, negated=True), in_time))
        given = Brackets(And((live, Not(Field(last, "withdrawn")))))
        value = TRUE if type_ == "boolean" else Cast(Field(last, "value"), type_.upper())
        columns = frozenset({measure, "data_day"}) | (rule.columns if rule else frozenset())
        if rule is None:
            tree, row = only_if(given, value), only_if(given, last)
        elif set_entry.wins == "explicit":
            tree = Case(((given, value), (Not(live), Brackets(rule.tree))))
            row = only_if(given, last)
        else:
            ruled = Brackets(rule.tree)
            silent = Not(called("coalesce", ruled, FALSE)) if type_ == "boolean" else Is(ruled, NULL)
            tree = Case(((And((silent, given)), value),), ruled)
            row = only_if(And((silent, given)), last)
        family = rule.type if rule else "boolean" if type_ == "boolean" else "text"
        return Expression(tree, columns, family), {
            "set_by": SetByPeople(set_entry.source, set_entry.tag, row)
        }

    def described(self, entry: TagEntry) -> list[str]:
        set_entry = _of(entry)
        wins = f" ({set_entry.wins} wins)" if set_entry.wins else ""
        return [f"set in {set_entry.source} as {set_entry.tag}{wins}"]

    def explained(self, tag: Tag, name: str, value: Any) -> Any:
        """Of what people set, the row of this tag alone."""
        set_entry = _said(tag)
        if name == measure_of(set_entry.source) and isinstance(value, dict):
            return value.get(set_entry.tag)
        return value

    def set_in(self, tag: Tag) -> str | None:
        return _said(tag).source

    def gives(self, entry: TagEntry) -> Mapping[str, Given]:
        return {"set": Given("row that sets the tag", _is_row)}

    def beside(self, tag: Tag) -> Mapping[str, Column]:
        return {f"_set_{tag.id}": as_column(_said(tag).row)}


def _of(entry: TagEntry) -> SetEntry:
    set_entry = cast(PeopleKeys, entry).set_
    assert set_entry is not None
    return set_entry


def _said(tag: Tag) -> SetByPeople:
    assert tag.set_by is not None
    return tag.set_by


def _is_row(given: Any) -> bool:
    return isinstance(given, dict) and given.keys() <= _ROW_FIELDS


KIND = People()
