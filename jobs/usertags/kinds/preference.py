"""Preference tags: the values that a user prefers, in order, with the share of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, cast

import pydantic
from pydantic import model_validator

from usertags.config.entry import Entry
from usertags.config.expression_operands import Expression
from usertags.config.expression_tree import (
    And,
    Case,
    Cast,
    Field,
    Infix,
    Lambda,
    Name,
    Number,
    Tree,
    called,
    struct,
)
from usertags.config.validation import close
from usertags.kinds.base import SEPARATOR, Given, Making, TagKind
from usertags.spark_functions import F

if TYPE_CHECKING:
    from pyspark.sql import Column

    from usertags.project.model import Measure, Tag
    from usertags.project.tag_entry import TagEntry

# What a user prefers, the most first.
PREFERENCES = "array<struct<value:string,number:double,share:double>>"
_ZERO = Number("0")


class PreferEntry(Entry):
    """The values of a measure with `by` that a user prefers: the `top` ones by number. A value needs
    `min_share` of the sum over all values, and `min_support` in another measure by the same column."""

    measure: str
    top: Annotated[int, pydantic.Field(ge=1, le=20)] = 1
    min_share: Annotated[float, pydantic.Field(ge=0, le=1)] = 0.0
    support: str | None = None
    min_support: Annotated[float, pydantic.Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _support_with_bound(self) -> PreferEntry:
        if (self.support is None) != (self.min_support is None):
            raise ValueError("`support` names a measure and `min_support` its bound: give both or none")
        return self


class PreferenceKeys(Entry):
    prefer: PreferEntry | None = None


class Preference(TagKind):
    names = ("preference",)
    keys = PreferenceKeys
    instead = ("prefer",)
    unusable = "can have several values: a rule uses tags that have one"
    several = True
    dynamic = True

    def refused(self, entry: TagEntry) -> str | None:
        if (entry.kind == "preference") != self.given(entry):
            return "`prefer` and `kind: preference` go together"
        if self.given(entry) and entry.type is not None:
            return "a preference is a text: no `type`"
        return None

    def expression(self, making: Making) -> Expression | None:
        """The values of a measure with `by` as an ordered array of value, number and share.

        Numbers of zero and below (all was returned) prefer nothing and are in no share. Equal numbers stand
        in the order of their values' texts. None (and problems) where a measure does not fit.
        """
        entry = _of(making.located.entry)
        measure = _measure(making, "measure", entry.measure)
        support = _measure(making, "support", entry.support) if entry.support is not None else None
        if measure is None or (entry.support is not None and support is None):
            return None
        if support is not None and (support.source, support.by) != (measure.source, measure.by):
            message = f"{support.id} is not by the values of {measure.id}: {measure.by} of {measure.source}"
            making.located.report(message, "prefer", "support")
        names = frozenset(name for name in (entry.measure, entry.support) if name)
        return Expression(_preferred(entry), names, PREFERENCES)

    def described(self, entry: TagEntry) -> list[str]:
        prefer = _of(entry)
        parts = [f"top {prefer.top} of {prefer.measure}"]
        parts += [f"share >= {prefer.min_share:g}"] if prefer.min_share else []
        parts += [f"{prefer.support} >= {prefer.min_support:g}"] if prefer.min_support else []
        return [", ".join(parts)]

    def shown_type(self, tag: Tag) -> str:
        return "text by rank"

    def gives(self, entry: TagEntry) -> Mapping[str, Given]:
        names = (_of(entry).measure, _of(entry).support)
        return {name: Given("numbers by value", _are_numbers) for name in names if name is not None}

    def expected(self, expect: Any) -> list[Any]:
        return expect if isinstance(expect, list) else [expect]

    def value_tree(self, tag: Tag) -> Tree:
        return tag.tree

    def after_validity(self, tag: Tag, data_day: date) -> Column:
        return F.col(tag.id)

    def first(self, value: Column) -> Column:
        return value[0]["value"]

    def text(self, tag: Tag, value: Column) -> Column:
        """All values in their order, with | between them."""
        return F.array_join(F.transform(value, lambda item: item["value"]), SEPARATOR)


def _of(entry: TagEntry) -> PreferEntry:
    prefer = cast(PreferenceKeys, entry).prefer
    assert prefer is not None
    return prefer


def _are_numbers(given: Any) -> bool:
    return isinstance(given, dict) and all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in given.values()
    )


def _measure(making: Making, role: str, name: str) -> Measure | None:
    measures, located, settings = making.inputs.measures, making.located, making.settings
    measure = measures.get(name)
    if measure is not None and measure.by is not None:
        return measure
    if measure is not None:
        message = f"{name} has no `by`: it is one number a user"
        located.report(message, "prefer", role)
    elif name not in settings.measures and not settings.broken.has("measures", name):
        known = [measure.id for measure in measures.values() if measure.by is not None]
        hint = close(name, known)
        located.report(f"unknown measure {name!r}", "prefer", role, suggestion=hint)
    return None


def _preferred(entry: PreferEntry) -> Tree:
    """Entries stand in the order of their values before they are summed: equal maps give equal shares.

    What is used more than once is named by a step over an array of one, because Spark would compute it anew.
    """
    e, es, s, found = Name("e"), Name("es"), Name("s"), Name("found")
    some = called(
        "filter", called("map_entries", Name(entry.measure)), _each(e, _above_zero(Field(e, "value")))
    )
    add = Lambda(("t", "e"), Infix(Name("t"), "+", Field(e, "value")))
    total = called("aggregate", es, Cast(_ZERO, "DOUBLE", strict=True), add)
    with_total = struct(es=es, total=total)
    summed = called("transform", called("array", called("array_sort", some)), _each(es, with_total))
    share = called("try_divide", Field(e, "value"), Field(s, "total"))
    row = struct(value=Field(e, "key"), number=Field(e, "value"), share=share)
    rows = called("filter", called("transform", Field(s, "es"), _each(e, row)), _enough(entry))
    ranked = called("array_sort", rows, Lambda(("a", "b"), _by_number_then_value()))
    top = called("transform", summed, _each(s, called("slice", ranked, Number("1"), Number(str(entry.top)))))
    return called("get", called("filter", top, _each(found, _above_zero(called("size", found)))), _ZERO)


def _enough(entry: PreferEntry) -> Tree:
    """Whether a row has the share and the support that a preferred value needs."""
    r = Name("r")
    enough = [Infix(Field(r, "share"), ">=", Number(repr(entry.min_share)))]
    if entry.support is not None:
        support = called("try_element_at", Name(entry.support), Field(r, "value"))
        enough.append(Infix(called("coalesce", support, _ZERO), ">=", Number(repr(entry.min_support))))
    return _each(r, And(tuple(enough)))


def _each(variable: Name, result: Tree) -> Tree:
    return Lambda((variable.name,), result)


def _above_zero(number: Tree) -> Tree:
    return Infix(number, ">", _ZERO)


def _sides(field: str) -> tuple[Tree, Tree]:
    return Field(Name("a"), field), Field(Name("b"), field)


def _by_number_then_value() -> Tree:
    """The order of two rows: a larger number first; of equal numbers the lesser value first."""
    (number, other_number), (value, other_value) = _sides("number"), _sides("value")
    first, last = Number("-1"), Number("1")
    return Case(
        (
            (Infix(number, ">", other_number), first),
            (Infix(number, "<", other_number), last),
            (Infix(value, "<", other_value), first),
            (Infix(value, ">", other_value), last),
        ),
        _ZERO,
    )


KIND = Preference()
