"""Rules over the measures and profile columns of one user: `when`, `value`, `cases`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field, model_validator

from usertags.config.entry import Entry, Word
from usertags.config.expression_operands import Expression
from usertags.config.expression_tree import Case as CaseTree
from usertags.config.expression_tree import Constant, Number, Tree
from usertags.config.expression_types import is_type
from usertags.config.expressions import parse_boolean, parse_scalar
from usertags.config.rfm_columns import RFM_COLUMNS
from usertags.config.switches import switch
from usertags.kinds.base import Making, TagKind, read_rule, tags_in

if TYPE_CHECKING:
    from usertags.project.tag_entry import TagEntry

_MOMENTS = ("date", "timestamp")


class Case(Entry):
    value: Word
    when: str


def _with_truth(example: Any) -> Any:
    has_one = isinstance(example, dict) and "expect" in example
    return example | {"expect": switch(example["expect"])} if has_one else example


class RuleKeys(Entry):
    when: str | None = None
    value: str | None = None
    cases: list[Case] | None = None
    else_: Word | None = Field(default=None, alias="else")

    @model_validator(mode="before")
    @classmethod
    def _truth_is_expected(cls, data: Any) -> Any:
        """What the examples of a condition expect is a truth value, so `expect: yes` is one."""
        if (
            not isinstance(data, dict)
            or data.get("when") is None
            or not isinstance(data.get("examples"), list)
        ):
            return data
        return data | {"examples": [_with_truth(example) for example in data["examples"]]}


class Rule(TagKind):
    """A condition, a value, or the value of the first condition that holds."""

    names = ("fact", "rule", "rfm")
    keys = RuleKeys
    instead = ("when", "value", "cases")
    order = 0

    def given(self, entry: TagEntry) -> bool:
        keys = _of(entry)
        return any(item is not None for item in (keys.when, keys.value, keys.cases))

    def refused(self, entry: TagEntry) -> str | None:
        keys = _of(entry)
        if keys.else_ is not None and keys.cases is None:
            return "`else` belongs to `cases`"
        if keys.when is not None and (entry.values is not None or entry.type is not None):
            return "a tag with `when` is true or absent and has no values or type"
        if keys.cases is not None and entry.values is None:
            return "a tag with `cases` lists its `values`"
        return None

    def uses(self, entry: TagEntry) -> list[str]:
        keys = _of(entry)
        texts = [keys.when, keys.value, *(case.when for case in keys.cases or ())]
        return tags_in(text for text in texts if text)

    def more_inputs(self, entry: TagEntry) -> Mapping[str, str]:
        return RFM_COLUMNS if entry.kind == "rfm" else {}

    def check(self, making: Making) -> None:
        written = making.settings.project
        if making.located.entry.kind == "rfm" and written is not None and written.entry.rfm is None:
            making.located.report("an rfm tag needs `rfm` in project.yml", "kind")

    def expression(self, making: Making) -> Expression | None:
        keys = _of(making.located.entry)
        if keys.when is not None:
            found = read_rule(making, parse_boolean, keys.when, "when")
        elif keys.value is not None:
            found = read_rule(making, parse_scalar, keys.value, "value")
        else:
            found = _cases(making)
        if found is None:
            return None
        if not found.columns:
            place = next(key for key in self.instead if getattr(keys, key) is not None)
            message = "is the same for every user: it reads no measure or column"
            making.located.report(message, place)
        _check_type(making, found)
        return found

    def type(self, entry: TagEntry, expression: Expression) -> str:
        return "boolean" if _of(entry).when is not None else super().type(entry, expression)

    def described(self, entry: TagEntry) -> list[str]:
        keys = _of(entry)
        parts = [text for text in (keys.when, keys.value) if text is not None]
        parts += [f"{case.value} when {case.when}" for case in keys.cases or ()]
        return parts + ([f"else {keys.else_}"] if keys.else_ is not None else [])

    def wrong_expectation(self, entry: TagEntry, expect: Any) -> str | None:
        if _of(entry).when is not None and not isinstance(expect, bool):
            return "a rule's example expects true or false"
        return None


def _of(entry: TagEntry) -> RuleKeys:
    return cast(RuleKeys, entry)


def _cases(making: Making) -> Expression | None:
    located, entry = making.located, making.located.entry
    keys, before = _of(entry), len(making.located.problems)
    cases = keys.cases or ()
    for index, case in enumerate(cases):
        if case.value not in (entry.values or ()):
            message = f"{case.value!r} is not listed in `values`"
            located.report(message, "cases", index, "value")
    rules = [
        read_rule(making, parse_boolean, case.when, "cases", index, "when")
        for index, case in enumerate(cases)
    ]
    if keys.else_ is not None and keys.else_ not in (entry.values or ()):
        located.report(f"{keys.else_!r} is not listed in `values`", "else")
    found = [rule for rule in rules if rule is not None]
    if len(making.located.problems) > before or len(found) < len(rules):
        return None
    branches = tuple((rule.tree, _value(case.value)) for case, rule in zip(cases, found, strict=True))
    otherwise = _value(keys.else_) if keys.else_ is not None else None
    used = frozenset(name for rule in found for name in rule.columns)
    text = any(isinstance(case.value, str) for case in cases)
    return Expression(CaseTree(branches, otherwise), used, "text" if text else "number")


def _value(value: Word) -> Tree:
    return Constant(value) if isinstance(value, str) else Number(str(value))


def _check_type(making: Making, expression: Expression) -> None:
    """A declared type that Spark cannot make of the value would fail at night."""
    type_, located = making.located.entry.type, making.located
    if type_ is None:
        return
    if not is_type(type_):
        located.report(f"{type_} has more digits than a decimal can have", "type")
    elif type_ not in (expression.type, "string") and expression.type not in ("text", "unknown"):
        of_moment, to_moment = expression.type in _MOMENTS, type_ in _MOMENTS
        if of_moment != to_moment or expression.type == "boolean" or type_ == "boolean":
            message = f"the value is of type {expression.type} and cannot be read as {type_}"
            located.report(message, "type")


KIND = Rule()
