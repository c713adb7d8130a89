"""Checks of function arguments.

Each check takes the operand and the name of the function; it returns the operand as it is passed, or raises
ExpressionError."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from usertags.config import expression_conversions as conversions
from usertags.config.date_formats import check_format, refuse_two_digit_years
from usertags.config.expression_checks import check_pattern, check_unit, check_zone
from usertags.config.expression_operands import Operand
from usertags.config.expression_tree import Constant
from usertags.config.expression_types import (
    BIGINT,
    DATE,
    INT,
    MOMENTS,
    NULL,
    NUMBER,
    NUMBERS,
    TEXT,
    TIMESTAMP,
    UNKNOWN,
    ExpressionError,
    family,
)

Check = Callable[[Operand, str], Operand]


def text(operand: Operand, where: str) -> Operand:
    if operand.kind in (TEXT, NULL, UNKNOWN):
        return conversions.as_text(operand)
    raise wrong(operand, where, TEXT)


def number(operand: Operand, where: str) -> Operand:
    if operand.kind in (*NUMBERS, NULL):
        return operand
    raise wrong(operand, where, NUMBER)


def whole(operand: Operand, where: str) -> Operand:
    return conversions.whole(operand, where)


def long(operand: Operand, where: str) -> Operand:
    if operand.kind in (INT, BIGINT):
        return operand
    raise wrong(operand, where, BIGINT)


def moment(operand: Operand, where: str) -> Operand:
    if operand.kind in (*MOMENTS, NULL):
        return operand
    spelled_out = conversions.as_moment(operand, DATE) or conversions.as_moment(operand, TIMESTAMP)
    if spelled_out is not None:
        return spelled_out
    raise wrong(operand, where, DATE)


def scalar(operand: Operand, where: str) -> Operand:
    if operand.kind.startswith("array:"):
        raise ExpressionError(f"{where} needs a single value, but {operand.described} is a list")
    return operand


def anything(operand: Operand, where: str) -> Operand:
    return operand


def list_(operand: Operand, where: str) -> Operand:
    if operand.kind.startswith("array:") or operand.kind == UNKNOWN:
        return operand
    raise ExpressionError(
        f"{where} needs a list, but {operand.described} is not one; split() turns text into a list"
    )


def literal(operand: Operand, where: str) -> Operand:
    if operand.text is None:
        raise ExpressionError(f"{where} needs a text in quotes, not {operand.fragment}")
    return operand


def pattern(operand: Operand, where: str) -> Operand:
    """A regular expression: a backslash that SQL would drop is kept, and the pattern must be valid."""
    text = literal(operand, where).text
    assert text is not None
    check_pattern(text)
    return replace(operand, tree=Constant(text.pattern))


def path(operand: Operand, where: str) -> Operand:
    quoted = literal(operand, where)
    if not str(quoted.value).startswith("$"):
        raise ExpressionError(
            f"{where} needs a path starting with $, not {operand.fragment}", f"'$.{quoted.value}'"
        )
    return quoted


def zone(operand: Operand, where: str) -> Operand:
    quoted = literal(operand, where)
    assert quoted.text is not None
    check_zone(quoted.text)
    return quoted


def unit(*, of_day: bool) -> Check:
    def check(operand: Operand, where: str) -> Operand:
        quoted = literal(operand, where)
        assert quoted.text is not None
        return replace(quoted, tree=Constant(check_unit(quoted.text, of_day=of_day)))

    return check


def date_format(*, reads: bool) -> Check:
    def check(operand: Operand, where: str) -> Operand:
        quoted = literal(operand, where)
        assert quoted.text is not None
        check_format(quoted.text, reads=reads)
        if reads:
            refuse_two_digit_years(quoted.text)
        return quoted

    return check


def literal_whole(low: int, high: int, *, nonzero: bool = False) -> Check:
    def check(operand: Operand, where: str) -> Operand:
        value = operand.value
        fits = (
            operand.kind == INT
            and isinstance(value, Decimal)
            and low <= value <= high
            and not (nonzero and not value)
        )
        if not fits:
            span = f"from {low} to {high}" + (" but not 0" if nonzero else "")
            raise ExpressionError(f"{where} needs a literal whole number, {span}, not {operand.fragment}")
        return operand

    return check


def digest(operand: Operand, where: str) -> Operand:
    if operand.kind != INT or operand.value not in (0, 224, 256, 384, 512):
        raise ExpressionError(f"{where} does not support the length {operand.fragment}", "256")
    return operand


def wrong(operand: Operand, where: str, kind: str) -> ExpressionError:
    wanted = {DATE: "a date or timestamp", BIGINT: "a whole number"}.get(kind, family(kind))
    message = f"{where} needs {wanted}, but {operand.described} is not"
    if operand.kind == UNKNOWN:
        return ExpressionError(
            f"{message}: a raw column has no type yet, write {conversions.cast_hint(operand, kind)}"
        )
    if operand.kind in (TEXT, *NUMBERS) and family(operand.kind) != family(kind) and kind != DATE:
        return ExpressionError(f"{message}; write {conversions.cast_hint(operand, kind)}")
    if operand.kind == TEXT and kind == DATE:
        return ExpressionError(
            f"{message}; write to_date({operand.fragment}) or to_timestamp({operand.fragment})"
        )
    return ExpressionError(message)


def moment_or_text(operand: Operand, where: str) -> Operand:
    return operand if operand.kind in MOMENTS else text(operand, where)
