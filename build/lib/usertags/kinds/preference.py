"""Preference tags: the values that a user prefers, in order, with the share of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field, model_validator

from usertags.config.expression_text import write_name
from usertags.config.expression_types import Expression
from usertags.config.quality_models import Entry
from usertags.config.validation import close
from usertags.kinds.base import SEPARATOR, Given, Making, TagKind
from usertags.spark_functions import F

if TYPE_CHECKING:
    from pyspark.sql import Column

    from usertags.config.models import TagEntry
    from usertags.project.model import Measure, Tag

# What a user prefers, the most first.
PREFERENCES = "array<struct<value:string,number:double,share:double>>"


class PreferEntry(Entry):
    """The values of a measure with `by` that a user prefers: the `top` ones by number. A value needs
    `min_share` of the sum over all values, and `min_support` in another measure by the same column."""

    measure: str
    top: Annotated[int, Field(ge=1, le=20)] = 1
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    support: str | None = None
    min_support: Annotated[float, Field(gt=0)] | None = None

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
        return Expression(_sql(entry), names, PREFERENCES)

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

    def value_sql(self, tag: Tag) -> str:
        return tag.sql

    def after_validity(self, tag: Tag, day: date) -> Column:
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


def _sql(entry: PreferEntry) -> str:
    """Entries stand in the order of their values before they are summed: equal maps give equal shares.

    What is used more than once is named by a step over an array of one, because Spark would compute it anew.
    """
    entries = f"array_sort(filter(map_entries({write_name(entry.measure)}), e -> e.value > 0))"
    total = "aggregate(es, CAST(0 AS DOUBLE), (t, e) -> t + e.value)"
    summed = f"transform(array({entries}), es -> named_struct('es', es, 'total', {total}))"
    rows = (
        "transform(s.es, e -> named_struct('value', e.key, 'number', e.value, "
        "'share', try_divide(e.value, s.total)))"
    )
    enough = [f"r.share >= {entry.min_share!r}"]
    if entry.support is not None:
        found = f"try_element_at({write_name(entry.support)}, r.value)"
        enough.append(f"coalesce({found}, 0) >= {entry.min_support!r}")
    order = (
        "CASE WHEN a.number > b.number THEN -1 WHEN a.number < b.number THEN 1 "
        "WHEN a.value < b.value THEN -1 WHEN a.value > b.value THEN 1 ELSE 0 END"
    )
    kept = f"filter({rows}, r -> {' AND '.join(enough)})"
    top = f"slice(array_sort({kept}, (a, b) -> {order}), 1, {entry.top})"
    return f"get(filter(transform({summed}, s -> {top}), found -> size(found) > 0), 0)"


KIND = Preference()
