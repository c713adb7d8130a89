"""Conversions between kinds: what is compatible without a cast, and casts that return null instead of
failing.

A raw column has no type before it is cast, so `unknown` is only compatible with text without a cast.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from usertags.config.expression_operands import Fragment, Operand
from usertags.config.expression_text import read_date, read_timestamp
from usertags.config.expression_tree import Between, Cast, Constant, Infix, Not, Number, Tree, called, reading
from usertags.config.expression_types import (
    BIGINT,
    BOOLEAN,
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

_CAST_HINTS = {TEXT: "string", BOOLEAN: "boolean", DATE: "date", TIMESTAMP: "timestamp"}
_CASTS = {
    "number": ("number", TEXT, BOOLEAN, TIMESTAMP),
    TEXT: ("number", TEXT, BOOLEAN, DATE, TIMESTAMP),
    BOOLEAN: ("number", TEXT, BOOLEAN),
    DATE: (TEXT, DATE, TIMESTAMP),
    TIMESTAMP: ("number", TEXT, DATE, TIMESTAMP),
    UNKNOWN: ("number", TEXT, BOOLEAN, DATE, TIMESTAMP),
}
_NOT_A_NUMBER = Cast(Constant("NaN"), "DOUBLE", strict=True)
# Text is a moment only if it starts with a four-digit year: Spark would read 10:30 as 10:30 of the
# current day and 202401 as the year 202401.
_STARTS_WITH_YEAR = Constant(r"^\s*\d{4}(\D|$)")
_NO_YEAR = Constant(r"^\W*(T|\d+:|\d{5,7}(\D|$))")
# The seconds since 1970 of the years 1 to 9999.
_FIRST_SECOND, _LAST_SECOND = Number("-62135596800"), Number("253402300799")


def cast_hint(operand: Operand, kind: str) -> str:
    """A suggestion that casts the operand to the kind."""
    type_name = _CAST_HINTS.get(kind, "int" if kind in (INT, BIGINT) else "decimal(18,3)")
    return f"cast({operand.fragment} as {type_name})"


def as_text(operand: Operand) -> Operand:
    """The operand as text: a raw column is cast, which loses nothing."""
    if operand.kind != UNKNOWN:
        return operand
    return replace(operand, tree=Cast(operand.tree, "STRING"), kind=TEXT)


def as_moment(operand: Operand, kind: str) -> Operand | None:
    """A text literal as the date or timestamp literal that it spells, or None."""
    if operand.text is None:
        return None
    moment = read_date(operand.text.value) if kind == DATE else read_timestamp(operand.text.value)
    if moment is None:
        return None
    return replace(operand, tree=Constant(moment), kind=kind, value=moment, text=None)


def whole(operand: Operand, where: str) -> Operand:
    """The operand as a 32-bit integer, which Spark uses for positions, lengths and days."""
    if operand.kind == INT:
        return operand
    if operand.kind == BIGINT:
        return replace(operand, tree=Cast(operand.tree, "INT"), kind=INT)
    raise ExpressionError(
        f"{where} needs a whole number, but {operand.described} is not one; write {cast_hint(operand, INT)}"
    )


def align(operands: Sequence[Operand], problem: str, joiner: str = "with") -> tuple[str, list[Operand]]:
    """The kind that all operands share and the operands as that kind; NULL fits everywhere.

    Raises ExpressionError, which starts with `problem`, naming two sides that do not fit."""
    kind = NULL
    shared: list[Operand] = []
    for operand in operands:
        if operand.kind == NULL:
            shared.append(operand)
            continue
        if kind == NULL:
            kind = operand.kind
            shared.append(operand)
            continue
        kind, shared = _join(kind, shared, operand, (problem, joiner))
    if kind == TEXT:
        shared = [as_text(operand) for operand in shared]
    return kind, shared


def _join(
    kind: str, shared: list[Operand], operand: Operand, wording: tuple[str, str]
) -> tuple[str, list[Operand]]:
    joined = _common(kind, operand.kind)
    if joined is not None:
        return joined, [*shared, operand]
    if kind in MOMENTS and operand.kind == TEXT:
        moment = as_moment(operand, kind)
        if moment is not None:
            return kind, [*shared, moment]
    elif kind == TEXT and operand.kind in MOMENTS:
        moments = [each if each.kind == NULL else as_moment(each, operand.kind) for each in shared]
        fitting = [moment for moment in moments if moment is not None]
        if len(fitting) == len(shared):
            return operand.kind, [*fitting, operand]
    other = next(each for each in shared if each.kind != NULL and _common(each.kind, operand.kind) is None)
    raise _mismatch(other, operand, wording)


def _common(one: str, other: str) -> str | None:
    if one == other:
        return one
    if one in NUMBERS and other in NUMBERS:
        return NUMBER if NUMBER in (one, other) else BIGINT
    if one in MOMENTS and other in MOMENTS:
        return TIMESTAMP
    if {one, other} == {TEXT, UNKNOWN}:
        return TEXT
    return None


def _mismatch(left: Operand, right: Operand, wording: tuple[str, str]) -> ExpressionError:
    problem, joiner = wording
    message = f"{problem} {left.described} {joiner} {right.described}"
    for raw, typed in ((left, right), (right, left)):
        if raw.kind == UNKNOWN:
            return ExpressionError(
                f"{message}: a raw column has no type yet, write {cast_hint(raw, typed.kind)}"
            )
    for text, typed in ((left, right), (right, left)):
        if text.text is not None and typed.kind in MOMENTS:
            form = "2024-01-31" if typed.kind == DATE else "2024-01-31 or 2024-01-31 10:30:00"
            return ExpressionError(f"{message}: {text.fragment} is not a {typed.kind} like {form}")
        if text.text is not None and typed.kind in NUMBERS and text.text.value.strip().isdigit():
            return ExpressionError(message, text.text.value.strip())
    for text, typed in ((left, right), (right, left)):
        if text.kind == TEXT and text.text is None and typed.kind in (*NUMBERS, *MOMENTS):
            return ExpressionError(f"{message}: write {cast_hint(text, typed.kind)}")
    return ExpressionError(message)


def cast(operand: Operand, kind: str, type_name: str, fragment: Fragment | str) -> Operand:
    """operand as the Spark type; what cannot be converted is null."""
    if operand.kind != NULL and family(kind) not in _CASTS.get(family(operand.kind), ()):
        raise ExpressionError(f"{operand.described} cannot be cast to {type_name.lower()}: {fragment}")
    if kind in MOMENTS and operand.kind == TEXT and not operand.columns:
        moment = as_moment(operand, kind)
        if moment is None:
            raise ExpressionError(f"{operand.fragment} is not a {kind} like 2024-01-31: {fragment}")
        return replace(moment, fragment=fragment)
    made: Tree = Cast(operand.tree, type_name)
    if kind in MOMENTS:
        made = _cast_to_moment(operand, kind, made)
    elif type_name in ("DOUBLE", "FLOAT") and operand.kind in (TEXT, UNKNOWN):
        made = without_nan(made)
    return Operand(made, kind, fragment, columns=operand.columns)


def _cast_to_moment(operand: Operand, kind: str, made: Tree) -> Tree:
    if operand.kind == TEXT or (operand.kind == UNKNOWN and kind == DATE):
        return reading(operand.tree, Infix(as_text(operand).tree, "RLIKE", _STARTS_WITH_YEAR), made)
    if operand.kind == UNKNOWN:
        # A raw column may also contain seconds since 1970, so only texts that Spark would misread are
        # excluded.
        return reading(operand.tree, Not(Infix(as_text(operand).tree, "RLIKE", _NO_YEAR)), made)
    if operand.kind in NUMBERS:
        return reading(operand.tree, Between(operand.tree, _FIRST_SECOND, _LAST_SECOND), made)
    return made


def without_nan(made: Tree) -> Tree:
    """A double with NaN as null: NaN is greater than every number, so it would pass any threshold."""
    return called("nullif", made, _NOT_A_NUMBER)


def literal_date(value: date, shown: Fragment | str) -> Operand:
    """A date or datetime value as a literal."""
    if isinstance(value, datetime):
        return Operand(Constant(value), TIMESTAMP, shown, value=value)
    return Operand(Constant(value), DATE, shown, value=value)
