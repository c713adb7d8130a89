"""number(text, 'de'): a number as people write it, with thousands separators and a currency."""

from collections.abc import Sequence
from dataclasses import dataclass

from usertags.config.expression_operands import Operand
from usertags.config.expression_tree import (
    Case,
    Cast,
    Constant,
    Infix,
    Number,
    Tree,
    called,
    reading,
)
from usertags.config.expression_types import ExpressionError, closest
from usertags.config.text_signs import FULL_WIDTH, HALF_WIDTH, WHITE_SPACE

# More digits than money has, and few enough that a product of two still has its places.
_TYPE, _WHOLE, _PLACES = "DECIMAL(24,6)", 18, 6


@dataclass(frozen=True)
class _Writing:
    """Which signs may separate thousands, and which one the decimals; `sizes` are those of the groups."""

    groups: str
    point: str
    sizes: str = r"\d{1,3}(?:[G]\d{3})+"


_WRITINGS = {
    "en": _Writing(",", "."),
    "zh": _Writing(",", "."),
    "de": _Writing(".", ","),
    "fr": _Writing(" ", ","),
    "ch": _Writing("'", "."),
    # 12,34,567.89: after the last three digits, groups of two.
    "in": _Writing(",", ".", r"\d{1,2}(?:[G]\d{2})*[G]\d{3}"),
}
# Signs that are written in another way and mean the same.
_SAME = (FULL_WIDTH + "\u2212\u2019\u3001", HALF_WIDTH + "-',")
_CURRENCY = r"[$€£¥￥₹₩₽₺₫฿元圆円]|(?i:CNY|RMB|USD|EUR|GBP|JPY|HKD|TWD|CHF|INR)"


def literal_writing(operand: Operand, where: str) -> Operand:
    """The check of the second argument."""
    if operand.text is None or operand.text.value not in _WRITINGS:
        known = ", ".join(_WRITINGS)
        hint = closest(str(operand.value), _WRITINGS) if operand.text else None
        raise ExpressionError(
            f"{where} needs the way in which the numbers are written, one of {known}, not {operand.fragment}",
            hint,
        )
    return operand


def read_number_as(arguments: Sequence[Operand]) -> Tree:
    """A decimal, or null: 1.234,50 EUR and (1.234,50), which is negative, are read; 1.23,4 is not."""
    text, writing = arguments[0].tree, _WRITINGS[str(arguments[1].value)]
    # Each white space becomes a blank, which some write between thousands.
    blanks = " " * len(WHITE_SPACE)
    written = called("translate", text, Constant(WHITE_SPACE + _SAME[0]), Constant(blanks + _SAME[1]))
    bare = called("trim", called("regexp_replace", written, Constant(_CURRENCY), Constant("")))
    group = rf"\{writing.groups}" if writing.groups == "." else writing.groups
    digits = rf"(?:{writing.sizes.replace('[G]', group)}|\d{{1,{_WHOLE}}})"
    point = r"\." if writing.point == "." else writing.point
    places = rf"(?:{point}\d{{1,{_PLACES}}})?"
    form = rf"^(?:[+-]? *{digits}{places}|{digits}{places} *-|\( *{digits}{places} *\))$"
    unsigned = called("translate", bare, Constant(f"{writing.point}{writing.groups}+-() "), Constant("."))
    size = Cast(unsigned, _TYPE)
    negative = Infix(bare, "RLIKE", Constant(r"[-(]"))
    signed = Case(((negative, called("try_subtract", Number("0"), size)),), size)
    return reading(text, Infix(bare, "RLIKE", Constant(form)), Cast(signed, _TYPE))
