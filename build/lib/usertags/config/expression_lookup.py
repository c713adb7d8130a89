"""Dictionaries of the configuration, and `lookup('name', text)` in an expression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from usertags.config import expression_arguments as must_be
from usertags.config.expression_text import write_text
from usertags.config.expression_types import (
    BIGINT,
    INT,
    NUMBER,
    TEXT,
    ExpressionError,
    Fragment,
    Operand,
    closest,
    columns_of,
)


@dataclass(frozen=True)
class Dictionary:
    """A mapping from texts to values, which are either all texts or all numbers."""

    values: Mapping[str, str] | Mapping[str, Decimal]

    @property
    def kind(self) -> str:
        """The kind of its values, as expressions know kinds."""
        numbers = [value for value in self.values.values() if isinstance(value, Decimal)]
        if not numbers:
            return TEXT
        if any(value != value.to_integral_value() for value in numbers):
            return NUMBER
        if all(-(2**31) <= value < 2**31 for value in numbers):
            return INT
        return BIGINT if all(-(2**63) <= value < 2**63 for value in numbers) else NUMBER

    @property
    def sql(self) -> str:
        """The dictionary as a Spark SQL map; the text does not depend on the order of its entries."""
        pairs = [f"{write_text(key)}, {_literal(self.values[key])}" for key in sorted(self.values)]
        return f"map({', '.join(pairs)})"


def lookup(
    dictionaries: Mapping[str, Dictionary], arguments: Sequence[Operand], fragment: Fragment | str
) -> Operand:
    """The value of a dictionary for a text, null if there is none; raises ExpressionError.

    The dictionary is inlined in the SQL, so its content is part of the rule's version."""
    name = must_be.literal(arguments[0], "lookup()").value
    sought = must_be.text(arguments[1], "lookup()")
    try:
        dictionary = dictionaries[str(name)]
    except KeyError:
        raise _unknown(str(name), dictionaries) from None
    sql = f"try_element_at({dictionary.sql}, {sought.sql})"
    return Operand(sql, dictionary.kind, fragment, columns=columns_of([sought]))


def _unknown(name: str, dictionaries: Mapping[str, Dictionary]) -> ExpressionError:
    suggestion = closest(name, dictionaries)
    listed = ""
    if suggestion is None:
        listed = (
            f"; declared are {', '.join(sorted(dictionaries)[:12])}" if dictionaries else ": none is declared"
        )
    return ExpressionError(f"no dictionary {name!r}{listed}", suggestion)


def _literal(value: str | Decimal) -> str:
    return write_text(value) if isinstance(value, str) else format(value, "f")
