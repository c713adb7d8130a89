"""Static checks of expressions.

They find contradictory conditions on one subject, and literals that would otherwise only fail in Spark:
patterns, units and time zones.
"""

import re
import warnings
import zoneinfo
from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cache

from usertags.config.expression_operands import Fact, Operand
from usertags.config.expression_tree import Tree
from usertags.config.expression_types import (
    BIGINT,
    DATE,
    INT,
    ExpressionError,
    Text,
    Value,
    closest,
)

_INVERSES = {
    "=": "<>",
    "<>": "=",
    "<": ">=",
    ">=": "<",
    "<=": ">",
    ">": "<=",
    "in": "not in",
    "not in": "in",
    "null": "not null",
    "not null": "null",
}
_DAY = Decimal(86_400_000_000)

_DATE_UNITS = ("year", "yyyy", "yy", "quarter", "month", "mon", "mm", "week")
_TIME_UNITS = (*_DATE_UNITS, "day", "dd", "hour", "minute", "second", "millisecond", "microsecond")
_OFFSET = re.compile(r"(?:GMT|UTC)?[+-](?:(?:0\d|1[0-7]):[0-5]\d|18:00)|Z")

_BROKEN_PATTERN = (
    "unterminated character set",
    "missing ), unterminated",
    "unbalanced parenthesis",
    "nothing to repeat",
)


def comparable(value: Value | None) -> Decimal | str | bool | None:
    """The value in a sortable form: moments as microseconds; None for instants that need a time zone."""
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            return None
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return Decimal(value.toordinal()) * _DAY + seconds * 1_000_000 + value.microsecond
    if isinstance(value, date):
        return Decimal(value.toordinal()) * _DAY
    return value


def fact(subject: Operand, operator: str, values: Iterable[Operand], fragment: Operand) -> tuple[Fact, ...]:
    """The facts of a comparison of a subject with literals; empty if a literal cannot be ordered."""
    compared = [comparable(value.value) for value in values]
    step = {INT: Decimal(1), BIGINT: Decimal(1), DATE: _DAY}.get(subject.kind)
    found = tuple(value for value in compared if value is not None)
    if len(found) < len(compared):
        return ()
    return (Fact(subject.tree, operator, found, step, fragment.fragment),)


def inverse(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The negation of a single comparison."""
    return tuple(
        Fact(each.subject, _INVERSES[each.operator], each.values, each.step, each.fragment) for each in facts
    )


def refuse_contradiction(facts: Iterable[Fact]) -> None:
    """Raise if facts about one subject in one AND can never hold together."""
    subjects: dict[Tree, list[Fact]] = {}
    for each in dict.fromkeys(facts):
        subjects.setdefault(each.subject, []).append(each)
    for together in subjects.values():
        if not _impossible(together):
            continue
        pairs = ([one, other] for i, one in enumerate(together) for other in together[i + 1 :])
        guilty = next((pair for pair in pairs if _impossible(pair)), together)
        shown = " and ".join(dict.fromkeys(str(each.fragment) for each in guilty))
        raise ExpressionError(f"this is never true: {shown}")


def _impossible(facts: list[Fact]) -> bool:
    if any(each.operator == "null" for each in facts):
        return any(each.operator != "null" for each in facts)
    kinds = {type(value) for each in facts for value in each.values}
    if len(kinds) != 1:
        return False
    excluded = {value for each in facts if each.operator in ("<>", "not in") for value in each.values}
    chosen = [set(each.values) for each in facts if each.operator in ("=", "in")]
    bounds = [each for each in facts if each.operator in ("<", "<=", ">", ">=")]
    if chosen:
        left = set.intersection(*chosen) - excluded
        return not any(all(_within(value, bound) for bound in bounds) for value in left)
    return _empty_range(bounds, excluded)


def _within(value: Decimal | str | bool, bound: Fact) -> bool:
    edge = bound.values[0]
    if bound.operator == "<":
        return value < edge  # type: ignore[operator]  # all values of one subject are of one type
    if bound.operator == "<=":
        return value <= edge  # type: ignore[operator]
    if bound.operator == ">":
        return value > edge  # type: ignore[operator]
    return value >= edge  # type: ignore[operator]


def _empty_range(bounds: list[Fact], excluded: set[Decimal | str | bool]) -> bool:
    lows = [_inward(each) for each in bounds if each.operator in (">", ">=")]
    highs = [_inward(each) for each in bounds if each.operator in ("<", "<=")]
    if not lows or not highs:
        return False
    low = max(lows, key=lambda edge: (edge[0], edge[1]))
    high = min(highs, key=lambda edge: (edge[0], not edge[1]))
    if low[0] != high[0]:
        return bool(low[0] > high[0])  # type: ignore[operator]
    return low[1] or high[1] or low[0] in excluded


def _inward(bound: Fact) -> tuple[Decimal | str | bool, bool]:
    """The value of a bound and whether it is exclusive; for discrete types it moves to the first value
    inside."""
    edge, strict = bound.values[0], bound.operator in ("<", ">")
    if bound.step is None or not isinstance(edge, Decimal):
        return edge, strict
    upward = bound.operator in (">", ">=")
    place = edge / bound.step
    inside = place.to_integral_value(ROUND_CEILING if upward else ROUND_FLOOR)
    if strict and inside == place:
        inside += 1 if upward else -1
    return inside * bound.step, False


def check_pattern(text: Text) -> int | None:
    """Refuse an invalid regular expression; returns the number of its groups if known.

    Spark uses Java patterns and this check uses Python's: only errors in both dialects are refused."""
    readable = re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", text.pattern)
    readable = re.sub(r"\\[pP](\{\w+\}|\w)", r"\\w", readable)
    try:
        with warnings.catch_warnings():
            # Python warns about the Java syntax [a&&[b]].
            warnings.simplefilter("ignore")
            return re.compile(readable).groups
    except re.error as error:
        if str(error).startswith(_BROKEN_PATTERN):
            raise ExpressionError(f"{text.raw} is not a regular expression: {error}") from None
        return None


def check_replacement(text: Text, groups: int | None) -> None:
    """Refuse replacements that Java would refuse: a trailing backslash, or an unknown group."""
    rest = re.sub(r"\\.", "", text.pattern, flags=re.DOTALL)
    if rest.endswith("\\"):
        raise ExpressionError(f"the replacement {text.raw} ends with a lone backslash; write two")
    for reference in re.finditer(r"\$(\d?)(\{?)", rest):
        digit, name = reference.groups()
        if not digit and not name:
            raise ExpressionError(
                f"$ in the replacement {text.raw} refers to a group; for a literal $ write \\\\$"
            )
        if digit and groups is not None and int(digit) > groups:
            raise ExpressionError(
                f"the replacement {text.raw} refers to group ${digit}, but the pattern has only {groups}"
            )


def check_like(text: Text) -> None:
    """Refuse a LIKE pattern with a backslash before anything other than %, _ or another backslash."""
    if re.search(r"\\(?![\\%_])", re.sub(r"\\[\\%_]", "", text.value)):
        raise ExpressionError(
            f"in the pattern {text.raw} a backslash is only allowed before %, _ or a backslash"
        )


def check_unit(text: Text, *, of_day: bool) -> str:
    """The canonical spelling of the unit; `of_day` also allows day, hour and smaller units."""
    units = _TIME_UNITS if of_day else _DATE_UNITS
    if text.value.lower() not in units:
        raise ExpressionError(
            f"{text.raw} is not a unit that a date can be truncated to", closest(text.value, units)
        )
    return text.value.upper()


def check_zone(text: Text) -> None:
    """Refuse a time zone that does not exist."""
    if not _OFFSET.fullmatch(text.value) and text.value not in _zones():
        raise ExpressionError(f"{text.raw} is not a time zone", closest(text.value, _zones()))


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - {"Factory", "localtime"})
