"""What cannot be said in DuckDB with the same meaning is refused, not dropped."""

import pytest

from usertags.verify.expressions import translated
from usertags.verify.macros import double_text
from usertags.verify.pieces import NotTranslated
from usertags.verify.spark_types import Decimal, calculated, common

TYPES = {"n": "int", "amount": "decimal(38,2)", "m": "map<string,double>", "t": "string", "at": "timestamp"}


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("array_sort(map_entries(m), (a, b) -> 1)", "the function array_sort()"),
        ("xxhash64(t)", "the function xxhash64()"),
        ("split(t, ',', 2)", "split() with a limit"),
        ("t RLIKE '(?=x)y'", "a regular expression with a look-around"),
        ("t RLIKE 'a(?=x)'", "a regular expression with a look-around"),
        ("regexp_replace(t, '(a)\\\\1', '')", "a back reference"),
        ("conv(t, 10, 16)", "other bases"),
        ("other > 1", "the name other"),
        ("m[1]", "Bracket in an expression"),
        ("n BETWEEN SYMMETRIC 2 AND 1", "Between with symmetric"),
        ("count(n) OVER ()", "Window in an expression"),
        ("try_element_at(m, 'a').b", "the field b of double"),
        ("coalesce(at, 'x')", "share no type"),
    ],
)
def test_what_is_not_known_is_refused(sql: str, why: str) -> None:
    with pytest.raises(NotTranslated) as refused:
        translated(sql, TYPES, "UTC")
    assert why in refused.value.message


def test_a_quotient_of_sums_of_money_has_six_digits() -> None:
    """Of a fraction that does not fit whole Spark keeps no more."""
    money = Decimal(38, 2)
    assert str(calculated("/", money, money)) == "decimal(38,6)"
    assert translated("try_divide(amount, amount)", TYPES, "UTC").type == "decimal(38,6)"
    assert str(calculated("*", Decimal(5, 1), Decimal(5, 0))) == "decimal(11,1)"
    assert str(calculated("+", Decimal(12, 2), Decimal(10, 0))) == "decimal(13,2)"


def test_values_share_the_wider_type() -> None:
    assert common(["int", "null", "bigint"]) == "bigint"
    assert common(["decimal(9,4)", "int"]) == "decimal(14,4)"
    assert common(["decimal(9,4)", "double"]) == "double"
    assert common(["date", "timestamp"]) == "timestamp"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (0.25, "0.25"),
        (-1234567.5, "-1234567.5"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (0.001, "0.001"),
        (0.00025, "2.5E-4"),
        (-1e-10, "-1.0E-10"),
        (float("inf"), "Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_a_double_is_written_as_java_does(number: float, text: str) -> None:
    assert double_text(number) == text
