"""Parsed expressions of the configuration in DuckDB's SQL, with the meaning that they have in Spark.

Every node and function that is known is written here; any other raises NotTranslated, so nothing is dropped
without a word. Types are followed as Spark infers them, because the scale of a decimal depends on them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from usertags.config.expression_parser import parse
from usertags.config.expression_types import Text
from usertags.verify.functions import FUNCTIONS
from usertags.verify.pieces import NotTranslated, Piece, aligned, as_type, instant, name, text_literal
from usertags.verify.spark_types import Decimal

_COMPARISONS = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
}
_CONNECTED = {exp.And: "AND", exp.Or: "OR"}
_TYPES = {
    "TEXT": "string",
    "BOOLEAN": "boolean",
    "INT": "int",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPTZ": "timestamp",
    "TIMESTAMPLTZ": "timestamp",
}
_LARGEST = {"int": 2**31, "bigint": 2**63}
# What a node can hold that is read here; anything else would change its meaning.
_READ = frozenset(
    (
        "this",
        "expression",
        "expressions",
        "low",
        "high",
        "ifs",
        "true",
        "default",
        "to",
        "negate",
        "safe",
        "is_string",
        "quoted",
        "nested",
    )
)


def translated(sql: str, types: Mapping[str, str], zone: str) -> Piece:
    """Spark SQL that the configuration's parser wrote, in DuckDB. `types` are the Spark types of the columns
    that it reads; `zone` is the project's time zone. Raises NotTranslated."""
    root, texts = parse(sql)
    return _Translation(texts, types, zone).of(root)


class _Translation:
    def __init__(self, texts: Mapping[str, Text], types: Mapping[str, str], zone: str) -> None:
        self._texts, self._types, self._zone = texts, types, zone
        self._writers: dict[type, Callable[[Any], Piece]] = {
            exp.Paren: lambda node: self.of(node.this),
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Boolean: lambda node: Piece("TRUE" if node.this else "FALSE", "boolean"),
            exp.Null: lambda node: Piece("NULL", "null"),
            exp.Neg: self._negative,
            exp.Not: lambda node: Piece(f"(NOT {self.of(node.this).sql})", "boolean"),
            exp.Between: self._between,
            exp.In: self._in,
            exp.Is: self._is,
            exp.Like: self._like,
            exp.RegexpLike: self._rlike,
            exp.Case: self._case,
            exp.Cast: self._cast,
            exp.TryCast: self._cast,
            exp.Dot: self._field,
            exp.Anonymous: self._call,
            **dict.fromkeys(_COMPARISONS, self._comparison),
            **dict.fromkeys(_CONNECTED, self._connected),
        }

    def of(self, node: Any) -> Piece:
        writer = self._writers.get(type(node))
        if writer is None:
            raise NotTranslated(f"{type(node).__name__} in an expression")
        more = [part for part, held in node.args.items() if held and part not in _READ]
        if more:
            raise NotTranslated(f"{type(node).__name__} with {', '.join(more)} in an expression")
        return writer(node)

    def _column(self, node: Any) -> Piece:
        if len(node.parts) > 1:
            return self._named_field(self.of(exp.column(node.parts[0].name)), node.parts[-1].name)
        if node.name not in self._types:
            raise NotTranslated(f"the name {node.name}")
        return Piece(name(node.name), self._types[node.name])

    def _literal(self, node: Any) -> Piece:
        if node.is_string:
            value = self._texts[node.name].value
            return Piece(text_literal(value), "string", value)
        written = node.name
        if "e" in written.lower():
            return Piece(f"CAST({written} AS DOUBLE)", "double")
        if "." in written:
            scale = len(written.partition(".")[2])
            digits = len(written.replace(".", "").lstrip("0"))
            type_ = str(Decimal(max(digits, scale), scale))
            return Piece(f"CAST({written} AS {type_.upper()})", type_)
        number = int(written)
        type_ = next((kind for kind, end in _LARGEST.items() if number < end), f"decimal({len(written)},0)")
        return Piece(written, type_, number)

    def _negative(self, node: Any) -> Piece:
        piece = self.of(node.this)
        value = -piece.value if isinstance(piece.value, int) else None
        return Piece(f"(-{piece.sql})", piece.type, value)

    def _comparison(self, node: Any) -> Piece:
        _, (left, right) = aligned([self.of(node.this), self.of(node.expression)], self._zone)
        return Piece(f"({left.sql} {_COMPARISONS[type(node)]} {right.sql})", "boolean")

    def _connected(self, node: Any) -> Piece:
        left, right = self.of(node.this), self.of(node.expression)
        return Piece(f"({left.sql} {_CONNECTED[type(node)]} {right.sql})", "boolean")

    def _between(self, node: Any) -> Piece:
        parts = [self.of(node.args[part]) for part in ("this", "low", "high")]
        _, (subject, low, high) = aligned(parts, self._zone)
        return Piece(f"({subject.sql} BETWEEN {low.sql} AND {high.sql})", "boolean")

    def _in(self, node: Any) -> Piece:
        parts = [self.of(node.this), *[self.of(choice) for choice in node.expressions]]
        _, (subject, *choices) = aligned(parts, self._zone)
        return Piece(f"({subject.sql} IN ({', '.join(choice.sql for choice in choices)}))", "boolean")

    def _is(self, node: Any) -> Piece:
        value = self.of(node.expression)
        return Piece(f"({self.of(node.this).sql} IS {value.sql})", "boolean")

    def _like(self, node: Any) -> Piece:
        pattern = self.of(node.expression)
        sql = f"({self.of(node.this).sql} LIKE {pattern.sql} ESCAPE '\\')"
        return self._negated(node, Piece(sql, "boolean"))

    def _rlike(self, node: Any) -> Piece:
        return self._negated(
            node, FUNCTIONS["rlike"]([self.of(node.this), self.of(node.expression)], self._zone)
        )

    def _negated(self, node: Any, piece: Piece) -> Piece:
        return Piece(f"(NOT {piece.sql})", "boolean") if node.args.get("negate") else piece

    def _case(self, node: Any) -> Piece:
        conditions = [self.of(each.this) for each in node.args["ifs"]]
        results = [self.of(each.args["true"]) for each in node.args["ifs"]]
        default = node.args.get("default")
        results.append(Piece("NULL", "null") if default is None else self.of(default))
        type_, (*values, other) = aligned(results, self._zone)
        whens = " ".join(
            f"WHEN {condition.sql} THEN {value.sql}"
            for condition, value in zip(conditions, values, strict=True)
        )
        return Piece(f"(CASE {whens} ELSE {other.sql} END)", type_)

    def _cast(self, node: Any) -> Piece:
        target = node.args["to"]
        kind = target.this.name
        digits = ",".join(str(each.this) for each in target.expressions)
        type_ = f"decimal({digits})" if kind == "DECIMAL" else _TYPES.get(kind)
        if type_ is None:
            raise NotTranslated(f"a cast to {kind}")
        piece = self.of(node.this)
        if isinstance(piece.value, str) and type_ == "timestamp":
            return Piece(self._moment(piece.value), type_)
        if isinstance(piece.value, str) and piece.value == "NaN" and type_ == "double":
            return Piece("CAST('NaN' AS DOUBLE)", type_)
        return as_type(piece, type_, self._zone)

    def _moment(self, text: str) -> str:
        """A literal moment; without an offset it is of the project's time zone."""
        if text.endswith("Z") or text[-6:-5] in ("+", "-"):
            return f"CAST({text_literal(text)} AS TIMESTAMPTZ)"
        return instant(f"CAST({text_literal(text)} AS TIMESTAMP)", self._zone)

    def _field(self, node: Any) -> Piece:
        return self._named_field(self.of(node.this), node.expression.name)

    def _named_field(self, holder: Piece, field: str) -> Piece:
        fields = fields_of(holder.type)
        if field not in fields:
            raise NotTranslated(f"the field {field} of {holder.type}")
        return Piece(f"({holder.sql}).{name(field)}", fields[field])

    def _call(self, node: Any) -> Piece:
        function = FUNCTIONS.get(node.name.lower())
        if function is None:
            raise NotTranslated(f"the function {node.name.lower()}()")
        return function([self.of(argument) for argument in node.expressions], self._zone)


def fields_of(type_: str) -> dict[str, str]:
    """The fields of a struct of plain types, each with its Spark type."""
    if not type_.startswith("struct<"):
        return {}
    return dict(field.split(":", 1) for field in type_[7:-1].split(","))
