"""Dictionaries of the configuration, and `lookup('name', text)` in an expression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from usertags.config import expression_arguments as must_be
from usertags.config.expression_operands import Fragment, Operand, columns_of
from usertags.config.expression_tree import Call, Constant, Number, Tree, called
from usertags.config.expression_types import BIGINT, INT, NUMBER, TEXT, ExpressionError, closest


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
    def tree(self) -> Tree:
        """The dictionary as a map of Spark, which does not depend on the order of its entries."""
        keys = sorted(self.values)
        return Call("map", tuple(part for key in keys for part in (Constant(key), _value(self.values[key]))))


def lookup(
    dictionaries: Mapping[str, Dictionary], arguments: Sequence[Operand], fragment: Fragment | str
) -> Operand:
    """The value of a dictionary for a text, null if there is none; raises ExpressionError.

    The dictionary is inlined in the tree, so its content is part of the rule's version."""
    name = must_be.literal(arguments[0], "lookup()").value
    sought = must_be.text(arguments[1], "lookup()")
    try:
        dictionary = dictionaries[str(name)]
    except KeyError:
        raise _unknown(str(name), dictionaries) from None
    tree = called("try_element_at", dictionary.tree, sought.tree)
    return Operand(tree, dictionary.kind, fragment, columns=columns_of([sought]))


def _unknown(name: str, dictionaries: Mapping[str, Dictionary]) -> ExpressionError:
    suggestion = closest(name, dictionaries)
    listed = ""
    if suggestion is None:
        listed = (
            f"; declared are {', '.join(sorted(dictionaries)[:12])}" if dictionaries else ": none is declared"
        )
    return ExpressionError(f"no dictionary {name!r}{listed}", suggestion)


def _value(value: str | Decimal) -> Tree:
    return Constant(value) if isinstance(value, str) else Number(format(value, "f"))
