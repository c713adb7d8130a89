"""The tree of a checked expression, which is what the rest of the project carries, composes and compares.

A tree becomes text in `str()` alone: Spark SQL, the same for the same tree. The text is used for three
purposes: to make a Column (`as_column`), to hash a version (usertags/project/versions.py), and to show an
expression to people. It is not put together with other SQL: what stands around an expression is another tree,
which contains that of the expression. Only `usertags verify` reads it, to compute it by other means.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from usertags.config.expression_types import ExpressionError, word_set
from usertags.spark_functions import F

if TYPE_CHECKING:
    from pyspark.sql import Column

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words that are quoted as column names, so that they are not read as SQL keywords.
_RESERVED = word_set(
    "all and any array as between both by case cast cross current_date current_time current_timestamp"
    " current_user date distinct else end except exists extract false filter for from full group having in"
    " inner intersect interval into is join lateral leading left like limit map not null on or order outer"
    " overlaps right rlike select session_user set some struct table then timestamp to trailing true try_cast"
    " union unique unknown user using values when where window with"
)
_WRITTEN = {chr(code): f"\\u{code:04x}" for code in range(32)} | {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


class Level(IntEnum):
    """The precedence of a tree as text; one with lower precedence inside a higher one needs brackets."""

    OR = 0
    AND = 1
    NOT = 2
    PREDICATE = 3
    ATOM = 4


class Tree(ABC):
    """One node with all below it. Equal trees are equal expressions, letter by letter."""

    level: ClassVar[Level] = Level.ATOM

    @abstractmethod
    def parts(self) -> Iterable[str | Tree]:
        """Its text, with the trees below it in their places."""

    def __str__(self) -> str:
        """Spark SQL."""
        # Without recursion: the rule of a tag that uses tags that use tags is deeper than any that was read.
        done: list[str] = []
        waiting: list[str | Tree] = [self]
        while waiting:
            piece = waiting.pop()
            if isinstance(piece, str):
                done.append(piece)
            else:
                waiting += reversed(list(piece.parts()))
        return "".join(done)


def as_column(tree: Tree) -> Column:
    """The expression as a Column of Spark: the one place where Spark is given SQL of an expression."""
    return F.expr(str(tree))


def as_condition(tree: Tree) -> Column:
    """As `as_column`, for a condition, of which null is false."""
    return F.coalesce(as_column(tree), F.lit(False))


# ---- leaves ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Name(Tree):
    """A column, or a variable of a lambda. It is in backticks if it needs them, or if `quoted`."""

    name: str
    quoted: bool = False

    def __post_init__(self) -> None:
        if "${" in self.name:
            raise ExpressionError(
                f"the name {self.name} holds ${{, which Spark would replace with one of its settings"
            )

    def parts(self) -> Iterable[str | Tree]:
        if not self.quoted and _PLAIN_NAME.fullmatch(self.name) and self.name.lower() not in _RESERVED:
            return [self.name]
        return ["`" + self.name.replace("`", "``") + "`"]


@dataclass(frozen=True)
class Number(Tree):
    """A number, in its canonical spelling: 5 and 5.0 are two, of two types."""

    written: str

    @property
    def negative(self) -> Number:
        minus = self.written.startswith("-")
        return Number(self.written.removeprefix("-") if minus else f"-{self.written}")

    def parts(self) -> Iterable[str | Tree]:
        return [self.written]


@dataclass(frozen=True)
class Constant(Tree):
    """A text, a truth value, a day, an instant (without an offset in the session's time zone), or NULL."""

    value: str | bool | date | None

    def parts(self) -> Iterable[str | Tree]:
        if self.value is None:
            return ["NULL"]
        if isinstance(self.value, bool):
            return [str(self.value).upper()]
        if isinstance(self.value, str):
            return [_quoted(self.value)]
        if isinstance(self.value, datetime):
            return [f"TIMESTAMP '{self.value.isoformat(sep=' ')}'"]
        return [f"DATE '{self.value.isoformat()}'"]


NULL = Constant(None)
TRUE = Constant(True)
FALSE = Constant(False)


def _quoted(value: str) -> str:
    written = "".join(_WRITTEN.get(sign, sign) for sign in value)
    # Spark replaces ${name} with settings and environment variables before parsing the SQL, even in texts.
    return "'" + written.replace("${", "\\u0024{") + "'"


# ---- calls -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call(Tree):
    """A call of a function of Spark."""

    name: str
    arguments: tuple[Tree, ...]

    def parts(self) -> Iterable[str | Tree]:
        return [f"{self.name}(", *_joined(", ", self.arguments), ")"]


def called(name: str, *arguments: Tree) -> Call:
    return Call(name, arguments)


def struct(**fields: Tree) -> Call:
    """A struct of named fields."""
    return Call("named_struct", tuple(part for name in fields for part in (Constant(name), fields[name])))


@dataclass(frozen=True)
class Cast(Tree):
    """The operand as a Spark type; null where it cannot be one, an error if `strict`."""

    operand: Tree
    type: str
    strict: bool = False

    def parts(self) -> Iterable[str | Tree]:
        return ["CAST(" if self.strict else "TRY_CAST(", self.operand, f" AS {self.type})"]


@dataclass(frozen=True)
class Case(Tree):
    """The value of the first branch (condition, value) whose condition is true, else `otherwise`."""

    branches: tuple[tuple[Tree, Tree], ...]
    otherwise: Tree | None = None

    def parts(self) -> Iterable[str | Tree]:
        yield "CASE"
        for condition, value in self.branches:
            yield from (" WHEN ", condition, " THEN ", value)
        if self.otherwise is not None:
            yield from (" ELSE ", self.otherwise)
        yield " END"


def only_if(condition: Tree, value: Tree) -> Case:
    """The value where the condition is true, null elsewhere."""
    return Case(((condition, value),))


@dataclass(frozen=True)
class Reading(Case):
    """A conversion of `read` that is only tried where it is safe: null elsewhere, as where it fails."""

    read: Tree = NULL


def reading(read: Tree, condition: Tree, value: Tree) -> Reading:
    return Reading(((condition, value),), None, read)


@dataclass(frozen=True)
class Lambda(Tree):
    """A function of one or more variables, as an argument of a call."""

    variables: tuple[str, ...]
    result: Tree

    def parts(self) -> Iterable[str | Tree]:
        named = ", ".join(self.variables)
        return [f"({named})" if len(self.variables) > 1 else named, " -> ", self.result]


@dataclass(frozen=True)
class Field(Tree):
    """A field of a struct."""

    record: Tree
    name: str

    def parts(self) -> Iterable[str | Tree]:
        return [self.record, f".{self.name}"]


@dataclass(frozen=True)
class Brackets(Tree):
    """A tree in brackets that it does not need, but that its published versions were hashed with."""

    inner: Tree

    def parts(self) -> Iterable[str | Tree]:
        return ["(", self.inner, ")"]


# ---- conditions --------------------------------------------------------------------------


@dataclass(frozen=True)
class Infix(Tree):
    """An operator between two operands: a comparison, LIKE, RLIKE, the + of a lambda."""

    left: Tree
    operator: str
    right: Tree
    negated: bool = False

    level: ClassVar[Level] = Level.PREDICATE

    def parts(self) -> Iterable[str | Tree]:
        no = "NOT " if self.negated else ""
        return [*_atom(self.left), f" {no}{self.operator} ", *_atom(self.right)]


@dataclass(frozen=True)
class Between(Tree):
    subject: Tree
    low: Tree
    high: Tree
    negated: bool = False

    level: ClassVar[Level] = Level.PREDICATE

    def parts(self) -> Iterable[str | Tree]:
        word = " NOT BETWEEN " if self.negated else " BETWEEN "
        return [*_atom(self.subject), word, *_atom(self.low), " AND ", *_atom(self.high)]


@dataclass(frozen=True)
class In(Tree):
    subject: Tree
    choices: tuple[Tree, ...]
    negated: bool = False

    level: ClassVar[Level] = Level.PREDICATE

    def parts(self) -> Iterable[str | Tree]:
        word = " NOT IN (" if self.negated else " IN ("
        return [*_atom(self.subject), word, *_joined(", ", self.choices), ")"]


@dataclass(frozen=True)
class Is(Tree):
    """Whether the subject is NULL, TRUE or FALSE; never null itself."""

    subject: Tree
    what: Constant
    negated: bool = False

    level: ClassVar[Level] = Level.PREDICATE

    def parts(self) -> Iterable[str | Tree]:
        return [*_atom(self.subject), " IS NOT " if self.negated else " IS ", self.what]


@dataclass(frozen=True)
class Not(Tree):
    operand: Tree

    level: ClassVar[Level] = Level.NOT

    def parts(self) -> Iterable[str | Tree]:
        return ["NOT ", *_at(Level.PREDICATE, self.operand)]


@dataclass(frozen=True)
class And(Tree):
    sides: tuple[Tree, ...]

    level: ClassVar[Level] = Level.AND

    def parts(self) -> Iterable[str | Tree]:
        return _chained(self.sides, Level.AND)


@dataclass(frozen=True)
class Or(Tree):
    sides: tuple[Tree, ...]

    level: ClassVar[Level] = Level.OR

    def parts(self) -> Iterable[str | Tree]:
        return _chained(self.sides, Level.OR)


def _chained(sides: Sequence[Tree], level: Level) -> Iterator[str | Tree]:
    for number, side in enumerate(sides):
        yield from (f" {level.name} ",) if number else ()
        yield from _at(Level(level + 1), side)


def _joined(between: str, trees: Sequence[Tree]) -> Iterator[str | Tree]:
    for number, tree in enumerate(trees):
        yield from (between, tree) if number else (tree,)


def _at(level: Level, tree: Tree) -> list[str | Tree]:
    """A tree where this precedence is needed."""
    return [tree] if tree.level >= level else ["(", tree, ")"]


def _atom(tree: Tree) -> list[str | Tree]:
    return _at(Level.ATOM, tree)
