"""Explicit tags (显性标签): what people say of a user, who said it, why and until when.

A source with `explicit` keeps, of each user and each text of its tag column, the row that came last. A tag
with `set` reads the row of its own text; beside a rule, `wins` says which of the two stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field

from usertags.config.expression_text import write_text
from usertags.config.expression_types import Expression
from usertags.config.quality_models import Entry
from usertags.config.validation import close
from usertags.kinds.base import Given, Making, TagKind
from usertags.spark_functions import F

if TYPE_CHECKING:
    from pyspark.sql import Column

    from usertags.config.models import TagEntry
    from usertags.project.model import Tag

# What an example may give of a row.
_ROW_FIELDS = frozenset({"value", "set_by", "reason", "until", "withdrawn"})


class SetEntry(Entry):
    """People set this tag, in a source with `explicit`, under the text `tag`. Beside a rule, `wins` says
    which of the two stands where both speak."""

    source: str
    tag: str
    wins: Literal["explicit", "rule"] | None = None


class PeopleKeys(Entry):
    set_: SetEntry | None = Field(default=None, alias="set")


@dataclass(frozen=True)
class SetByPeople:
    """How people set a tag: in rows of `source` that call it `tag`. `row` is Spark SQL for the row that gives
    the user the tag (value, set_by, reason, until), null where none does."""

    source: str
    tag: str
    row: str


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
        return Expression("NULL", frozenset({"data_day"}), "text")

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
        said = _of(entry)
        rule = expression if len(entry.kinds) > 1 else None
        measure = measure_of(said.source)
        last = f"try_element_at({measure}, {write_text(said.tag)})"
        live = f"({last} IS NOT NULL AND ({last}.until IS NULL OR {last}.until >= data_day))"
        given = f"({live} AND NOT {last}.withdrawn)"
        value = "TRUE" if type_ == "boolean" else f"TRY_CAST({last}.value AS {type_.upper()})"
        columns = frozenset({measure, "data_day"}) | (rule.columns if rule else frozenset())
        if rule is None:
            sql, row = f"CASE WHEN {given} THEN {value} END", f"CASE WHEN {given} THEN {last} END"
        elif said.wins == "explicit":
            sql = f"CASE WHEN {given} THEN {value} WHEN NOT {live} THEN ({rule.sql}) END"
            row = f"CASE WHEN {given} THEN {last} END"
        else:
            silent = f"NOT coalesce(({rule.sql}), FALSE)" if type_ == "boolean" else f"({rule.sql}) IS NULL"
            sql = f"CASE WHEN {silent} AND {given} THEN {value} ELSE ({rule.sql}) END"
            row = f"CASE WHEN {silent} AND {given} THEN {last} END"
        family = rule.type if rule else "boolean" if type_ == "boolean" else "text"
        return Expression(sql, columns, family), {"set_by": SetByPeople(said.source, said.tag, row)}

    def described(self, entry: TagEntry) -> list[str]:
        said = _of(entry)
        wins = f" ({said.wins} wins)" if said.wins else ""
        return [f"set in {said.source} as {said.tag}{wins}"]

    def explained(self, tag: Tag, name: str, value: Any) -> Any:
        """Of what people set, the row of this tag alone."""
        if tag.set_by is not None and name == measure_of(tag.set_by.source) and isinstance(value, dict):
            return value.get(tag.set_by.tag)
        return value

    def gives(self, entry: TagEntry) -> Mapping[str, Given]:
        return {"set": Given("row that sets the tag", _is_row)}

    def beside(self, tag: Tag) -> Mapping[str, Column]:
        assert tag.set_by is not None
        return {f"_set_{tag.id}": F.expr(tag.set_by.row)}


def _of(entry: TagEntry) -> SetEntry:
    said = cast(PeopleKeys, entry).set_
    assert said is not None
    return said


def _is_row(given: Any) -> bool:
    return isinstance(given, dict) and given.keys() <= _ROW_FIELDS


KIND = People()
