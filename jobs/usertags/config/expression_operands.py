"""Operands: checked pieces of an expression while it is read, and the expression that comes of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlglot import exp

from usertags.config.expression_tree import Tree
from usertags.config.expression_types import Text, Value, family


class Fragment:
    """A piece of the expression as written, assembled only when a message needs it."""

    def __init__(self, node: Any, texts: dict[str, Text]) -> None:
        self._node = node
        self._texts = texts

    def __str__(self) -> str:
        written = self._node.transform(self._as_written)
        shown = written.sql(dialect="spark", normalize_functions=False, comments=False)
        return shown if len(shown) <= 80 else f"{shown[:77]}..."

    def _as_written(self, node: Any) -> Any:
        """A text literal in place of its placeholder."""
        text = self._texts.get(node.name) if isinstance(node, exp.Literal) and node.is_string else None
        return node if text is None else exp.Var(this=text.raw)


@dataclass(frozen=True)
class Fact:
    """A requirement on one subject for a condition to be true, for example amount > 5.

    `operator` is one of = <> < <= > >= in, not in, null, not null; `values` are numbers, texts or truth
    values, moments as microseconds; `step` is the distance between neighbours where the subject has one."""

    subject: Tree
    operator: str
    values: tuple[Decimal | str | bool, ...]
    step: Decimal | None
    fragment: Fragment | str


@dataclass(frozen=True)
class Expression:
    """A checked scalar expression.

    In its `tree` `source.column` is the flat name source__column; `columns` are the names that it reads, as
    declared; `type` is number, text, boolean, date, timestamp or unknown."""

    tree: Tree
    columns: frozenset[str]
    type: str


@dataclass(frozen=True)
class Operand:
    """A checked piece of an expression.

    `value` is set for literals (of dates and timestamps too), `text` for text literals. `facts` hold when the
    operand is true, `denials` when its negation is."""

    tree: Tree
    kind: str
    fragment: Fragment | str
    columns: frozenset[str] = frozenset()
    value: Value | None = None
    text: Text | None = None
    facts: tuple[Fact, ...] = ()
    denials: tuple[Fact, ...] = ()

    @property
    def described(self) -> str:
        """For messages: the text as written, and its type."""
        return f"{self.fragment} ({family(self.kind)})"


def columns_of(operands: Iterable[Operand]) -> frozenset[str]:
    """Every column that any of the operands reads."""
    return frozenset[str]().union(*(operand.columns for operand in operands))
