"""Trees of expressions: how they are written, and that Spark is given their text in one place."""

import pytest

from tests.support.places import ROOT
from usertags.config.expression_tree import (
    FALSE,
    NULL,
    And,
    Between,
    Brackets,
    Case,
    Cast,
    Constant,
    Field,
    In,
    Infix,
    Is,
    Lambda,
    Name,
    Not,
    Number,
    Or,
    Tree,
    called,
)
from usertags.config.expressions import ExpressionError

A, B, ONE = Name("a"), Name("b"), Number("1")
MORE = Infix(A, ">", ONE)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (And((MORE, B, Or((A, B)))), "a > 1 AND b AND (a OR b)"),
        (Or((And((A, B)), Not(A))), "a AND b OR NOT a"),
        (Not(And((A, B))), "NOT (a AND b)"),
        (Not(Between(A, ONE, Number("-2"))), "NOT a BETWEEN 1 AND -2"),
        (Is(MORE, FALSE, negated=True), "(a > 1) IS NOT FALSE"),
        (Infix(A, "=", Is(B, NULL)), "a = (b IS NULL)"),
        (Infix(A, "LIKE", Constant("%'"), negated=True), "a NOT LIKE '%\\''"),
        (In(A, (ONE, Number("2.0")), negated=True), "a NOT IN (1, 2.0)"),
        (Case(((Or((A, B)), ONE),), NULL), "CASE WHEN a OR b THEN 1 ELSE NULL END"),
        (Cast(MORE, "STRING", strict=True), "CAST(a > 1 AS STRING)"),
        (Brackets(A), "(a)"),
        (called("f", Lambda(("x", "y"), Field(Name("x"), "v"))), "f((x, y) -> x.v)"),
        (Name("order"), "`order`"),
        (Name("a`b"), "`a``b`"),
        (Name("a", quoted=True), "`a`"),
    ],
)
def test_brackets_stand_where_precedence_needs_them(tree: Tree, text: str) -> None:
    assert str(tree) == text


def test_equal_trees_are_equal_and_others_are_not() -> None:
    assert Infix(A, ">", ONE) == MORE
    assert len({MORE, Infix(A, ">", ONE), Infix(A, ">", Number("1.0")), Constant("1"), ONE}) == 4


def test_a_tree_of_any_depth_is_written() -> None:
    """The rule of a tag that uses tags that use tags is deeper than any expression that was read."""
    tree: Tree = A
    for _ in range(5000):
        tree = called("f", tree)
    assert str(tree).count("f(") == 5000


def test_a_name_that_spark_would_replace_is_refused() -> None:
    with pytest.raises(ExpressionError, match=r"the name \$\{x\} holds \$\{"):
        Name("${x}")


def test_spark_reads_sql_of_expressions_in_one_place() -> None:
    reading = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "jobs").rglob("*.py"))
        if any(name in path.read_text(encoding="utf-8") for name in ("F.expr(", "selectExpr("))
    ]
    assert reading == ["jobs/usertags/config/expression_tree.py"]
