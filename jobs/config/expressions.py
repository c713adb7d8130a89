"""Expressions of the configuration: SQL scalar expressions in Spark's dialect, checked before anything runs.

An expression is parsed against an allow-list of functions and the declared columns; what is not understood is
refused, never skipped. What comes out is normalised SQL, the same for every spelling of one rule, in which no
operation can fail on bad data: `/` is written as try_divide, `cast` as TRY_CAST, and so on, giving null.

Where this reading differs from plain Spark SQL, on purpose:

- operations that would fail give null: overflow, division by zero, a text that is no number or date;
- NaN from a cast, a root or a power is null, for it would count as greater than any threshold;
- text becomes a date or timestamp only after a year of four digits (Spark reads `10:30` as today);
- in a regular expression and its replacement, a backslash that SQL would swallow stays: '\\.0$' and '\\\\.0$'
  are the same pattern; elsewhere such a backslash is refused;
- a raw column (`columns=None`) has no type: it is text where text is needed, and needs a cast anywhere else.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, cast

from sqlglot import exp

from jobs.config import expression_operators as operators
from jobs.config.expression_conversions import cast_hint
from jobs.config.expression_lookup import Dictionary
from jobs.config.expression_parser import parse
from jobs.config.expression_reader import Reader
from jobs.config.expression_types import BOOLEAN, NUMBER, NUMBERS, ExpressionError, Operand, family

__all__ = [
    "EVENT_DAY",
    "Aggregate",
    "Expression",
    "ExpressionError",
    "parse_aggregate",
    "parse_boolean",
    "parse_scalar",
]

AggregateName = Literal[
    "count", "count_distinct", "sum", "min", "max", "avg", "first", "last", "gap_mean", "gap_stddev"
]

# The day of an event in the project's time zone: a column of every clean table of events.
EVENT_DAY = "event_day"

_GAPS = ("gap_mean", "gap_stddev")
_AGGREGATES = ("count", "sum", "min", "max", "avg", "first", "last", *_GAPS)
_NO_PARAMETERS: Mapping[str, object] = MappingProxyType({})
_NO_DICTIONARIES: Mapping[str, Dictionary] = MappingProxyType({})


@dataclass(frozen=True)
class Expression:
    """A checked scalar expression.

    `sql` is normalised Spark SQL in which `source.column` is the flat name source__column; `columns` are the
    names that it reads, as declared; `type` is number, text, boolean, date, timestamp or unknown."""

    sql: str
    columns: frozenset[str]
    type: str


@dataclass(frozen=True)
class Aggregate:
    """The value of a measure: one aggregate function over one scalar expression; count(*) has no argument."""

    function: AggregateName
    argument: Expression | None

    @property
    def columns(self) -> frozenset[str]:
        """The declared columns that it reads."""
        return self.argument.columns if self.argument else frozenset()

    @property
    def type(self) -> str:
        """The type family of the result."""
        if self.function in ("min", "max", "first", "last") and self.argument:
            return self.argument.type
        return family(NUMBER)


def parse_scalar(
    text: str,
    *,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, object] = _NO_PARAMETERS,
    dictionaries: Mapping[str, Dictionary] = _NO_DICTIONARIES,
) -> Expression:
    """The checked expression; raises ExpressionError.

    `columns` maps each name that may be read (`column` or `source.column`) to its Spark type; None allows any
    bare name, for raw columns. `parameters` are named literals, `dictionaries` those of lookup()."""
    with _depth_limited():
        root, texts = parse(text)
        return _expression(Reader(texts, columns, parameters, dictionaries).read(root))


def parse_boolean(
    text: str,
    *,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, object] = _NO_PARAMETERS,
    dictionaries: Mapping[str, Dictionary] = _NO_DICTIONARIES,
) -> Expression:
    """As parse_scalar, for a condition: the result must be true or false."""
    with _depth_limited():
        root, texts = parse(text)
        operand = Reader(texts, columns, parameters, dictionaries).read(root)
        return _expression(operators.need_condition(operand, "a condition"))


def parse_aggregate(
    text: str,
    *,
    columns: Mapping[str, str] | None,
    parameters: Mapping[str, object] = _NO_PARAMETERS,
    dictionaries: Mapping[str, Dictionary] = _NO_DICTIONARIES,
) -> Aggregate:
    """The value of a measure: count(*), count(x), count(distinct x), sum, min, max, avg, first or last of a
    scalar expression, gap_mean or gap_stddev of the event's day, and nothing around it; raises
    ExpressionError."""
    with _depth_limited():
        root, texts = parse(text)
        return _aggregate(root, Reader(texts, columns, parameters, dictionaries))


@contextmanager
def _depth_limited() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply to be read") from None


def _expression(operand: Operand) -> Expression:
    if family(operand.kind) == "list":
        raise ExpressionError(f"the result is a list, not one value: write get({operand.fragment}, 0)")
    return Expression(operand.sql, operand.columns, family(operand.kind))


def _aggregate(root: Any, reader: Reader) -> Aggregate:
    while isinstance(root, exp.Paren):
        root = root.this
    name = root.name.lower() if isinstance(root, exp.Anonymous) else ""
    if name not in _AGGREGATES:
        raise _not_one_aggregate(root, name)
    if len(root.expressions) != 1:
        raise ExpressionError(f"{name}() takes one argument, not {len(root.expressions)}")
    inner = root.expressions[0]
    if name == "count" and isinstance(inner, exp.Star):
        return Aggregate("count", None)
    if name == "count" and isinstance(inner, exp.Distinct):
        if len(inner.expressions) != 1 or isinstance(inner.expressions[0], exp.Tuple):
            raise ExpressionError("count(distinct ...) takes one argument; join several with concat_ws")
        return Aggregate("count_distinct", _expression(reader.read(inner.expressions[0])))
    operand = reader.read(inner)
    if name == "count" and operand.value is not None:
        return Aggregate("count", None)
    _check_argument(name, operand)
    return Aggregate(cast(AggregateName, name), _expression(operand))


def _check_argument(name: str, operand: Operand) -> None:
    if name == "count" and operand.kind == BOOLEAN:
        raise ExpressionError(
            f"count({operand.fragment}) counts false too; write count(*), and the condition in `where`"
        )
    if name in _GAPS and operand.sql != EVENT_DAY:
        raise ExpressionError(
            f"{name}() is of the days between events, not of {operand.fragment}", f"{name}({EVENT_DAY})"
        )
    if name in ("sum", "avg") and operand.kind not in NUMBERS:
        raise ExpressionError(
            f"{name}() needs a number, but {operand.described} is not; write {cast_hint(operand, 'number')}"
        )


def _not_one_aggregate(root: Any, name: str) -> ExpressionError:
    if isinstance(root, exp.Window):
        return ExpressionError("a window (OVER) is not allowed; a measure has `window`")
    if isinstance(root, exp.Filter):
        return ExpressionError("FILTER is not allowed; a measure has `where`")
    allowed = (
        "count(*), count(x), count(distinct x), sum(x), min(x), max(x), avg(x), first(x), last(x), "
        f"gap_mean({EVENT_DAY}) or gap_stddev({EVENT_DAY})"
    )
    suggestion = {"mean": "avg", "average": "avg"}.get(name)
    return ExpressionError(
        f"a measure is one aggregate and nothing around it: {allowed}; calculate with measures in tags",
        suggestion,
    )
