"""Converts a syntax tree to checked SQL: names are resolved, types are checked, unknown nodes are refused."""

import math
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlglot import exp

from usertags.config import expression_functions as functions
from usertags.config import expression_operators as operators
from usertags.config.expression_conversions import cast, literal_date
from usertags.config.expression_lookup import Dictionary, lookup
from usertags.config.expression_refusals import refuse_name
from usertags.config.expression_text import read_number, write_name, write_text
from usertags.config.expression_types import (
    BIGINT,
    BOOLEAN,
    INT,
    NULL,
    NUMBER,
    TEXT,
    UNKNOWN,
    Expression,
    ExpressionError,
    Fragment,
    Level,
    Operand,
    Text,
    closest,
    kind_of_type,
)

_COMPARISONS = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "<=>",
}
_ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_PREDICATES = (*_COMPARISONS, exp.NullSafeNEQ, exp.Between, exp.In, exp.Is, exp.Like, exp.RegexpLike)
_CHAINS = {exp.And: Level.AND, exp.Or: Level.OR}
_BARE_CALLS = {
    exp.CurrentDate: "current_date",
    exp.CurrentTimestamp: "current_timestamp",
    exp.CurrentUser: "current_user",
    exp.SessionUser: "session_user",
    exp.CurrentRole: "current_role",
}
_CAST_TYPES = {
    "TEXT": "STRING",
    "BOOLEAN": "BOOLEAN",
    "TINYINT": "TINYINT",
    "SMALLINT": "SMALLINT",
    "INT": "INT",
    "BIGINT": "BIGINT",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "DECIMAL": "DECIMAL",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP",
    "TIMESTAMPLTZ": "TIMESTAMP",
}
# Syntax that is not allowed, with the alternative.
_REFUSED = {
    exp.Window: "a window (OVER) is not allowed; an expression reads one row at a time",
    exp.Filter: "FILTER is not allowed; a measure has `where`",
    exp.IgnoreNulls: "IGNORE NULLS is not allowed; a measure has `where`",
    exp.Order: "ORDER BY is not allowed in an expression",
    exp.Distinct: "DISTINCT is only allowed in count(distinct x)",
    exp.Interval: "intervals are not allowed; write date_add(day, 3) or add_months(day, 1)",
    exp.DPipe: "|| is not allowed; write concat(a, b)",
    exp.IntDiv: "DIV is not allowed; write floor(a / b)",
    exp.Bracket: "[ ] is not allowed; write get(list, 0), with indexes from 0",
    exp.Star: "* is only allowed in count(*)",
    exp.ILike: "ILIKE is not allowed; write lower(x) LIKE '...'",
    exp.Escape: "ESCAPE is not allowed; the escape character of LIKE is the backslash",
    exp.Any: "ANY and ALL are not allowed; join conditions with OR and AND",
    exp.All: "ANY and ALL are not allowed; join conditions with OR and AND",
    exp.Tuple: "a list in brackets is only allowed after IN",
    exp.Lambda: "lambdas are not allowed",
    exp.StrToDate: "CAST with a format is not allowed; write to_date(x, 'format')",
    exp.AtTimeZone: "AT TIME ZONE is not allowed; write from_utc_timestamp(x, 'zone')",
    exp.JSONExtract: "-> is not allowed; write get_json_object(x, '$.field')",
    exp.JSONExtractScalar: "->> is not allowed; write get_json_object(x, '$.field')",
    exp.Dot: "access to a field of a result is not allowed; write get_json_object(x, '$.field')",
    exp.Placeholder: "placeholders are not filled in; named values belong under `parameters`",
    exp.Parameter: "placeholders are not filled in; named values belong under `parameters`",
}
_SUBQUERIES = (exp.Query, exp.Exists)


class Reader:
    """Converts one tree bottom-up; raises ExpressionError for anything that is not allowed."""

    def __init__(
        self,
        texts: dict[str, Text],
        columns: Mapping[str, str] | None,
        parameters: Mapping[str, object],
        dictionaries: Mapping[str, Dictionary],
        definitions: Mapping[str, Expression],
    ) -> None:
        self._texts = texts
        self._columns = columns
        self._parameters = parameters
        self._dictionaries = dictionaries
        self._definitions = definitions
        self._known = [*(columns or ()), *parameters]
        self._by_spelling: dict[str, list[str]] = {}
        for name in columns or ():
            self._by_spelling.setdefault(name.casefold(), []).append(name)
        self._readers: dict[type, Callable[[Any], Operand]] = {
            exp.Paren: lambda node: self.read(node.this),
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Boolean: self._boolean,
            exp.Null: lambda node: Operand("NULL", NULL, self._fragment(node)),
            exp.Neg: lambda node: operators.minus(self._side(node.this), self._fragment(node)),
            exp.Not: self._not,
            exp.Between: self._between,
            exp.In: self._in,
            exp.Is: self._is,
            exp.Like: self._like,
            exp.RegexpLike: self._rlike,
            exp.NullSafeNEQ: self._differs,
            exp.Case: self._case,
            exp.Cast: self._cast,
            exp.TryCast: self._cast,
            exp.Anonymous: self._call,
            **dict.fromkeys(_COMPARISONS, self._comparison),
            **dict.fromkeys(_ARITHMETIC, self._arithmetic),
            **dict.fromkeys(_CHAINS, self._chain),
        }

    def read(self, node: Any) -> Operand:
        """The node as a checked operand."""
        reader = self._readers.get(type(node))
        if reader is not None:
            return reader(node)
        if isinstance(node, _SUBQUERIES):
            raise ExpressionError(f"a subquery is not allowed: {self._fragment(node)}")
        if type(node) in _BARE_CALLS:
            refuse_name(_BARE_CALLS[type(node)], self._known)
        reason = _REFUSED.get(type(node), "this is not allowed in an expression")
        raise ExpressionError(f"{reason}: {self._fragment(node)}")

    def _fragment(self, node: Any) -> Fragment:
        return Fragment(node, self._texts)

    def _side(self, node: Any) -> Operand:
        """A side of an operator; a condition there needs brackets, because it is ambiguous."""
        if isinstance(node, (*_PREDICATES, exp.Not, exp.And, exp.Or)):
            raise ExpressionError(f"put brackets around {self._fragment(node)}: it is ambiguous without them")
        return self.read(node)

    # ---- leaves ------------------------------------------------------

    def _column(self, node: Any) -> Operand:
        fragment = self._fragment(node)
        if isinstance(node.this, exp.Star):
            raise ExpressionError(f"{_REFUSED[exp.Star]}: {fragment}")
        parts = [part.name for part in node.parts]
        name = ".".join(parts)
        if self._columns is None:
            return self._raw_column(parts, fragment)
        declared = self._declared(name)
        parameter = self._parameters.get(name, self)
        if declared is not None and parameter is not self:
            raise ExpressionError(f"{name} is both a column and a parameter")
        if parameter is not self:
            return _parameter(name, parameter)
        if declared is None:
            raise self._unknown(name)
        kind = kind_of_type(self._columns[declared])
        if declared in self._definitions:
            meant = self._definitions[declared]
            return Operand(meant.sql, kind, fragment, columns=meant.columns)
        return Operand(write_name(declared.replace(".", "__")), kind, fragment, columns=frozenset({declared}))

    def _raw_column(self, parts: list[str], fragment: Fragment) -> Operand:
        name = ".".join(parts)
        if name in self._parameters:
            return _parameter(name, self._parameters[name])
        if len(parts) > 1:
            raise ExpressionError(
                f"a raw column is a single name, not {fragment}; write a name with a dot in backticks, a"
                f" field of JSON as get_json_object({parts[0]}, '$.{'.'.join(parts[1:])}')"
            )
        refuse_name(name, (), only_bare=True)
        return Operand(write_name(name), UNKNOWN, fragment, columns=frozenset({name}))

    def _declared(self, name: str) -> str | None:
        """The declared name, matched like in Spark: case-insensitive, unless this is ambiguous."""
        assert self._columns is not None
        if name in self._columns:
            return name
        spelled = self._by_spelling.get(name.casefold(), [])
        return spelled[0] if len(spelled) == 1 else None

    def _unknown(self, name: str) -> ExpressionError:
        refuse_name(name, self._known)
        known = self._known
        tails = [
            each for each in known if each.rpartition(".")[2].casefold() == name.rpartition(".")[2].casefold()
        ]
        suggestion = tails[0] if tails else closest(name, known)
        listed = ""
        if suggestion is None and known:
            listed = f"; available: {', '.join(sorted(known)[:12])}{', ...' if len(known) > 12 else ''}"
        return ExpressionError(f"unknown name: {name}{listed}", suggestion)

    def _literal(self, node: Any, *, pattern: bool = False) -> Operand:
        fragment = self._fragment(node)
        if not node.is_string:
            sql, value, whole = read_number(node.name)
            return Operand(sql, _number_kind(value) if whole else NUMBER, fragment, value=value)
        text = self._texts.get(node.name)
        if text is None:
            # sqlglot turns the digits of 1.5BD into a text.
            return Operand(write_text(node.name), TEXT, fragment, value=node.name)
        if text.swallowed and not pattern:
            raise ExpressionError(
                f"in {text.raw} the backslash of {text.swallowed} would be dropped", f"\\{text.swallowed}"
            )
        return Operand(write_text(text.value), TEXT, fragment, value=text.value, text=text)

    def _boolean(self, node: Any) -> Operand:
        value = bool(node.this)
        return Operand(str(value).upper(), BOOLEAN, self._fragment(node), value=value)

    # ---- operators ---------------------------------------------------

    def _comparison(self, node: Any) -> Operand:
        left, right = self._side(node.this), self._side(node.expression)
        return operators.compare(_COMPARISONS[type(node)], left, right, self._fragment(node))

    def _differs(self, node: Any) -> Operand:
        same = operators.compare(
            "<=>", self._side(node.this), self._side(node.expression), self._fragment(node)
        )
        return operators.negate(same, self._fragment(node))

    def _arithmetic(self, node: Any) -> Operand:
        left, right = self._side(node.this), self._side(node.expression)
        return operators.calculate(_ARITHMETIC[type(node)], left, right, self._fragment(node))

    def _chain(self, node: Any) -> Operand:
        """AND or OR with all its sides flattened to one level, regardless of brackets."""
        kind = type(node)
        sides: list[Operand] = []
        waiting = [node]
        while waiting:
            next_one = _unwrapped(waiting.pop())
            if type(next_one) is kind:
                waiting += [next_one.expression, next_one.this]
            else:
                sides.append(self.read(next_one))
        return operators.connect(_CHAINS[kind], sides, self._fragment(node))

    def _not(self, node: Any) -> Operand:
        inner = _unwrapped(node.this)
        if isinstance(inner, exp.Not):
            return self._twice_negated(inner)
        negated = {
            exp.Between: self._between,
            exp.In: self._in,
            exp.Is: self._is,
            exp.Like: self._like,
            exp.RegexpLike: self._rlike,
        }.get(type(inner))
        if negated is not None:
            return negated(inner, negation=node)
        return operators.negate(self.read(inner), self._fragment(node))

    def _twice_negated(self, node: Any) -> Operand:
        """The operand of a double negation; negating it once more checks that it can be negated."""
        behind = _unwrapped(node.this)
        operand = self.read(behind)
        operators.negate(operand, self._fragment(node))
        return operand

    def _between(self, node: Any, *, negation: Any = None) -> Operand:
        if node.args.get("symmetric"):
            raise ExpressionError(f"BETWEEN SYMMETRIC is not allowed: {self._fragment(node)}")
        subject, low, high = (self._side(node.args[part]) for part in ("this", "low", "high"))
        fragment = self._fragment(node if negation is None else negation)
        return operators.between(subject, low, high, fragment, negated=negation is not None)

    def _in(self, node: Any, *, negation: Any = None) -> Operand:
        fragment = self._fragment(node if negation is None else negation)
        if node.args.get("query") is not None:
            raise ExpressionError(f"a subquery is not allowed: {fragment}")
        if not node.expressions:
            raise ExpressionError(f"IN needs a list in brackets with at least one value: {fragment}")
        choices = [self._side(choice) for choice in node.expressions]
        return operators.is_in(self._side(node.this), choices, fragment, negated=negation is not None)

    def _is(self, node: Any, *, negation: Any = None) -> Operand:
        fragment = self._fragment(node if negation is None else negation)
        subject = self._side(node.this)
        if isinstance(node.expression, exp.Null):
            return operators.is_null(subject, fragment, negated=negation is not None)
        if isinstance(node.expression, exp.Boolean):
            return operators.is_truth(
                subject, bool(node.expression.this), fragment, negated=negation is not None
            )
        raise ExpressionError(f"IS takes NULL, TRUE or FALSE: {fragment}")

    def _like(self, node: Any, *, negation: Any = None) -> Operand:
        negated = (negation is not None) != bool(node.args.get("negate"))
        if isinstance(node.expression, (exp.Any, exp.All)):
            raise ExpressionError(f"{_REFUSED[exp.Any]}: {self._fragment(node)}")
        subject, pattern = self._side(node.this), self._side(node.expression)
        return functions.like(subject, pattern, self._fragment(node), negated=negated)

    def _rlike(self, node: Any, *, negation: Any = None) -> Operand:
        negated = (negation is not None) != bool(node.args.get("negate"))
        subject, pattern = self._side(node.this), self._pattern(node.expression)
        return functions.rlike(subject, pattern, self._fragment(node), negated=negated)

    def _pattern(self, node: Any) -> Operand:
        inner = _unwrapped(node)
        return self._literal(inner, pattern=True) if isinstance(inner, exp.Literal) else self._side(node)

    # ---- CASE, CAST and calls ----------------------------------------

    def _case(self, node: Any) -> Operand:
        """CASE WHEN ...; the short form CASE x WHEN 1 ... is the same with x = 1."""
        subject = None if node.this is None else self._side(node.this)
        cases = []
        for each in node.args["ifs"]:
            if subject is None:
                condition = self.read(each.this)
            else:
                condition = operators.compare("=", subject, self._side(each.this), self._fragment(each.this))
            cases.append((condition, self.read(each.args["true"])))
        default = node.args.get("default")
        other = None if default is None else self.read(default)
        return operators.choose(cases, other, self._fragment(node))

    def _cast(self, node: Any) -> Operand:
        fragment = self._fragment(node)
        target = node.args["to"]
        type_name = _CAST_TYPES.get(getattr(target.this, "name", ""))
        if type_name is None or target.args.get("collate") or node.args.get("format"):
            raise ExpressionError(
                f"{fragment}: unknown type; supported are string, int, bigint, double, decimal(p,s), boolean,"
                " date and timestamp"
            )
        if type_name == "DECIMAL":
            type_name = _decimal(target, fragment)
        operand = self.read(node.this)
        return cast(operand, kind_of_type(type_name), type_name, fragment)

    def _call(self, node: Any) -> Operand:
        name = node.name.lower()
        functions.refuse_call(name, len(node.expressions), self._known, self._fragment(node))
        places = functions.PATTERN_PLACES.get(name, ())
        arguments = [
            self._pattern(argument) if place in places else self.read(argument)
            for place, argument in enumerate(node.expressions)
        ]
        if name == functions.LOOKUP:
            return lookup(self._dictionaries, arguments, self._fragment(node))
        return functions.call(name, arguments, self._fragment(node))


def _unwrapped(node: Any) -> Any:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _number_kind(value: Decimal) -> str:
    if -(2**31) <= value < 2**31:
        return INT
    return BIGINT if -(2**63) <= value < 2**63 else NUMBER


def _decimal(target: Any, fragment: Fragment) -> str:
    """DECIMAL(p,s) written in full; Spark's bare DECIMAL is DECIMAL(10,0)."""
    digits = [str(each.this) for each in target.expressions]
    if not all(each.isdigit() for each in digits) or len(digits) > 2:
        raise ExpressionError(
            f"{fragment}: invalid decimal type, expected decimal(p,s) such as decimal(18,3)"
        )
    precision, scale = [*map(int, digits), *(10, 0)[len(digits) :]]
    if not (1 <= precision <= 38 and scale <= precision):
        raise ExpressionError(
            f"{fragment}: a decimal has a precision of 1 to 38 digits and a scale up to the precision"
        )
    return f"DECIMAL({precision},{scale})"


def _parameter(name: str, value: object) -> Operand:
    """The named literal, replaced by its value."""
    if value is None:
        return Operand("NULL", NULL, name)
    if isinstance(value, bool):
        return Operand(str(value).upper(), BOOLEAN, name, value=value)
    if isinstance(value, int):
        return Operand(str(value), _number_kind(Decimal(value)), name, value=Decimal(value))
    return _other_parameter(name, value)


def _other_parameter(name: str, value: object) -> Operand:
    if isinstance(value, float) and math.isfinite(value):
        return Operand(repr(value), NUMBER, name, value=Decimal(repr(value)))
    if isinstance(value, Decimal) and value.is_finite():
        return Operand(format(value, "f"), NUMBER, name, value=value)
    if isinstance(value, str):
        return Operand(write_text(value), TEXT, name, value=value, text=Text(repr(value), value, value))
    if isinstance(value, date):
        return literal_date(value, name)
    raise ExpressionError(f"the parameter {name} is not a single number, text, truth value or date")
