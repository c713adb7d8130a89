"""Expressions of the configuration: SQL scalar expressions in Spark's dialect, checked before anything runs.

An expression is parsed against an allow-list of functions and the declared columns; anything unknown is
refused, never skipped. The result is a tree (expression_tree.py), the same for every spelling of a rule. None
of its operations can fail on bad data: `/` becomes try_divide, `cast` becomes TRY_CAST, and so on, which
return null.

Intended differences from Spark SQL:

- operations that would fail return null: overflow, division by zero, a text that is not a number or date;
- NaN from a cast, a root or a power is null, because it would be greater than any threshold;
- text becomes a date or timestamp only after a year of four digits (Spark reads `10:30` as today);
- in a regular expression and its replacement, a backslash that SQL would drop is kept: '\\.0$' and '\\\\.0$'
  are the same pattern; elsewhere such a backslash is refused;
- a raw column (`columns=None`) has no type: it is a text where a text is needed, and needs a cast otherwise.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from usertags.config import expression_operators as operators
from usertags.config.aggregates import AGGREGATES, WRITTEN
from usertags.config.expression_lookup import Dictionary
from usertags.config.expression_operands import Expression, Operand
from usertags.config.expression_parser import parse
from usertags.config.expression_reader import Reader
from usertags.config.expression_types import (
    EVENT_DAY,
    ExpressionError,
    family,
    kind_of_type,
    type_of_family,
)

__all__ = [
    "EVENT_DAY",
    "Aggregate",
    "Expression",
    "ExpressionError",
    "names_in",
    "parse_aggregate",
    "parse_boolean",
    "parse_scalar",
]

_NO_PARAMETERS: Mapping[str, object] = MappingProxyType({})
_NO_DICTIONARIES: Mapping[str, Dictionary] = MappingProxyType({})
_NO_DEFINITIONS: Mapping[str, Expression] = MappingProxyType({})


@dataclass(frozen=True)
class Aggregate:
    """The value of a measure: one aggregate function over one scalar expression; count(*) has no argument.

    `function` is one of `AGGREGATES` (usertags/config/aggregates.py); of the distinct counts the plain
    one, for which of them is meant is said beside the value."""

    function: str
    argument: Expression | None

    @property
    def columns(self) -> frozenset[str]:
        """The declared columns that it reads."""
        return self.argument.columns if self.argument else frozenset()

    @property
    def type(self) -> str:
        """The type family of the result."""
        argument = type_of_family(self.argument.type) if self.argument else ""
        return family(kind_of_type(AGGREGATES[self.function].type(argument)))


def parse_scalar(
    text: str,
    *,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, object] = _NO_PARAMETERS,
    dictionaries: Mapping[str, Dictionary] = _NO_DICTIONARIES,
    definitions: Mapping[str, Expression] = _NO_DEFINITIONS,
) -> Expression:
    """The checked expression; raises ExpressionError.

    `columns` maps each name that may be read (`column` or `source.column`) to its Spark type; None allows any
    bare name, for raw columns. `parameters` are named literals, `dictionaries` those of lookup().
    `definitions` are those of `columns` that stand for an expression, which is read in their place."""
    with _depth_limited():
        root, texts = parse(text)
        return _expression(Reader(texts, columns, parameters, dictionaries, definitions).read(root))


def parse_boolean(
    text: str,
    *,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, object] = _NO_PARAMETERS,
    dictionaries: Mapping[str, Dictionary] = _NO_DICTIONARIES,
    definitions: Mapping[str, Expression] = _NO_DEFINITIONS,
) -> Expression:
    """As parse_scalar, for a condition: the result must be true or false."""
    with _depth_limited():
        root, texts = parse(text)
        operand = Reader(texts, columns, parameters, dictionaries, definitions).read(root)
        return _expression(operators.need_condition(operand, "a condition"))


def parse_aggregate(
    text: str,
    *,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, object] = _NO_PARAMETERS,
    dictionaries: Mapping[str, Dictionary] = _NO_DICTIONARIES,
) -> Aggregate:
    """The value of a measure: one of the aggregates (usertags/config/aggregates.py) of a scalar
    expression, and nothing around it; raises ExpressionError."""
    with _depth_limited():
        root, texts = parse(text)
        return _aggregate(root, Reader(texts, columns, parameters, dictionaries, _NO_DEFINITIONS))


@cache
def names_in(text: str) -> tuple[str, ...]:
    """The names that an expression reads, as they are written, each once; none where it cannot be read: its
    parser reports that."""
    try:
        with _depth_limited():
            root, _ = parse(text)
            found = [column.parts for column in root.find_all(exp.Column, bfs=False)]
    except ExpressionError:
        return ()
    return tuple(dict.fromkeys(".".join(part.name for part in parts) for parts in found))


@contextmanager
def _depth_limited() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply") from None


def _expression(operand: Operand) -> Expression:
    if family(operand.kind) == "list":
        raise ExpressionError(f"the result is a list, not one value: write get({operand.fragment}, 0)")
    return Expression(operand.tree, operand.columns, family(operand.kind))


def _aggregate(root: Any, reader: Reader) -> Aggregate:
    while isinstance(root, exp.Paren):
        root = root.this
    name = root.name.lower() if isinstance(root, exp.Anonymous) else ""
    if name not in WRITTEN:
        raise _not_one_aggregate(root, name)
    if len(root.expressions) != 1:
        raise ExpressionError(f"{name}() takes 1 argument, got {len(root.expressions)}")
    inner = root.expressions[0]
    if name == "count" and isinstance(inner, exp.Star):
        return Aggregate("count", None)
    if name == "count" and isinstance(inner, exp.Distinct):
        if len(inner.expressions) != 1 or isinstance(inner.expressions[0], exp.Tuple):
            raise ExpressionError(
                "count(distinct ...) takes one argument; combine several columns with concat_ws"
            )
        return Aggregate("count_distinct", _expression(reader.read(inner.expressions[0])))
    operand = reader.read(inner)
    if name == "count" and operand.value is not None:
        return Aggregate("count", None)
    WRITTEN[name].check(name, operand)
    return Aggregate(name, _expression(operand))


def _not_one_aggregate(root: Any, name: str) -> ExpressionError:
    if isinstance(root, exp.Window):
        return ExpressionError("a window (OVER) is not allowed; a measure has `window`")
    if isinstance(root, exp.Filter):
        return ExpressionError("FILTER is not allowed; a measure has `where`")
    *others, last = [spelling for entry in AGGREGATES.values() for spelling in entry.written]
    return ExpressionError(
        f"a measure is one aggregate and nothing around it: {', '.join(others)} or {last}; "
        "calculate with measures in tags",
        next((entry.name for entry in AGGREGATES.values() if name in entry.meant), None),
    )
