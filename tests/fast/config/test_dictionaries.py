"""Dictionaries: what is wrong with one, each problem on its line, and what lookup() makes of it."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.folders import PROJECT_YML, TAGS, Folder
from usertags.config.dictionaries import read_dictionary
from usertags.config.expression_lookup import Dictionary
from usertags.config.expressions import Expression, ExpressionError, parse_boolean, parse_scalar
from usertags.project.equivalent_rules import canonical
from usertags.project.loader import load

NEEDS = "dictionaries/needs.yml"
COLUMNS = {"product": "string", "n": "int", "users.city": "string"}
DICTIONARIES = {
    "needs": Dictionary({"褪黑素片": "睡眠改善", "it's": "quoted \\ ${HOME}", "": "nothing"}),
    "days": Dictionary({"a": Decimal(30), "b": Decimal(-5)}),
    "ids": Dictionary({"a": Decimal(2**40)}),
    "ratios": Dictionary({"a": Decimal("0.25"), "b": Decimal(3), "c": Decimal("12345.5")}),
}


def parsed(text: str) -> Expression:
    return parse_scalar(text, columns=COLUMNS, dictionaries=DICTIONARIES)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


# ---- reading -------------------------------------------------------------------------------


def test_dictionaries_stand_in_project_yml_and_in_files_of_their_own(folder: Folder) -> None:
    folder.write(PROJECT_YML, folder.read(PROJECT_YML) + "dictionaries: {tiers: {上海: 1, 杭州: 1.5}}\n")
    folder.write(NEEDS, "dictionaries:\n  needs:\n    修复霜: 修复舒缓\n    yes: no\n  days: {片: 30}\n")
    settings = load(folder.path)
    assert settings.problems == []
    assert dict(settings.dictionaries) == {
        "tiers": Dictionary({"上海": Decimal(1), "杭州": Decimal("1.5")}),
        "needs": Dictionary({"修复霜": "修复舒缓", "yes": "no"}),
        "days": Dictionary({"片": Decimal(30)}),
    }


SPOILT = [
    ("a: x\n    b: 2", 4, "2 is a number, but the values before are texts: use one of the two"),
    (
        "a: 1\n    b: 2\n    c: x\n    d: y",
        5,
        "'x' is a text, but the values before are numbers: use one of the two",
    ),
    ("a: x\n    7: y", 4, "7 is not a text: put it in quotes"),
    ("a: x\n    b: true", 4, "a value must be a text or a number of at most 38 digits"),
    ("a: false\n    b: x", 3, "a value must be a text or a number of at most 38 digits"),
    ("a: x\n    b:", 4, "`b` has no value: set one or remove the key"),
    ("a: x\n    b: [y]", 4, "a value must be a text or a number of at most 38 digits"),
    ("a: 1\n    b: .inf", 4, "a value must be a text or a number of at most 38 digits"),
    (f"a: 1\n    b: {10**38}", 4, "a value must be a text or a number of at most 38 digits"),
    ("a: x\n    b: 2024-01-01", 4, "a value must be a text or a number of at most 38 digits"),
    ("a: x\n    a: y", 4, "duplicate key 'a'"),
]


@pytest.mark.parametrize(("content", "line", "message"), SPOILT)
def test_a_mistake_is_one_problem_on_its_line(folder: Folder, content: str, line: int, message: str) -> None:
    """And a rule that uses the dictionary is not wrong as well."""
    folder.write(NEEDS, f"dictionaries:\n  needs:\n    {content}\n")
    folder.replace(TAGS, "value: users.city", "value: lookup('needs', users.city)")
    assert folder.problems() == [f"{NEEDS}:{line}: {message}"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("needs: {}", "the dictionary is empty"),
        ("needs: [a, b]", "a dictionary must be a mapping of texts to values"),
        ("needs:", "a dictionary must be a mapping of texts to values"),
        (
            "Needs: {a: b}",
            "'Needs' is not a name (lowercase letters, digits and _, letter first, at most 60 characters) "
            "such as order_lines",
        ),
    ],
)
def test_a_dictionary_that_is_none(folder: Folder, content: str, message: str) -> None:
    folder.write(NEEDS, f"dictionaries:\n  {content}\n")
    folder.replace(TAGS, "value: users.city", "value: lookup('needs', users.city)")
    assert folder.problems() == [f"{NEEDS}:2: {message}"]


def test_the_same_mistakes_in_project_yml(folder: Folder) -> None:
    line = folder.read(PROJECT_YML).count("\n") + 1
    text = "dictionaries:\n  needs:\n    a: x\n    b: 2\n    c:\n"
    folder.write(PROJECT_YML, folder.read(PROJECT_YML) + text)
    folder.replace(TAGS, "value: users.city", "value: lookup('needs', users.city)")
    assert folder.problems() == [
        f"{PROJECT_YML}:{line + 3}: 2 is a number, but the values before are texts: use one of the two",
        f"{PROJECT_YML}:{line + 4}: `c` has no value: set one or remove the key",
    ]


def test_a_dictionary_is_declared_once(folder: Folder) -> None:
    folder.write(PROJECT_YML, folder.read(PROJECT_YML) + "dictionaries: {needs: {a: b}}\n")
    folder.write(NEEDS, "dictionaries:\n  needs: {a: c}\n")
    line = folder.line(PROJECT_YML, "dictionaries:")
    (problem,) = folder.problems()
    assert problem.startswith(f"{NEEDS}:2: 'needs' is already declared at ")
    assert problem.endswith(f"{PROJECT_YML}:{line}")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            NEEDS,
            "dictionarys: {needs: {a: b}}\n",
            "1: unknown key 'dictionarys' (did you mean dictionaries?)",
        ),
        (NEEDS, "dictionaries: [\n", "2: invalid YAML: did not find expected node content"),
        (NEEDS, "", "1: is empty"),
        (NEEDS, "dictionaries: [a]\n", "1: `dictionaries` must be a mapping of names to entries"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_problem(
    folder: Folder, name: str, text: str, problem: str
) -> None:
    folder.write(name, text)
    folder.replace(TAGS, "value: users.city", "value: lookup('needs', users.city)")
    assert folder.problems() == [f"{name}:{problem}"]


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.floats() | st.none() | st.booleans()))
def test_whatever_stands_in_a_dictionary_is_read_or_refused(data: dict[str, Any]) -> None:
    dictionary, problems = read_dictionary(data)
    if data and not problems and None not in data.values():
        assert dictionary.values == {
            key: value if isinstance(value, str) else Decimal(repr(value)) for key, value in data.items()
        }
    assert len({type(value) for value in dictionary.values.values()}) <= 1


# ---- lookup --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "suggestion"),
    [
        ("lookup('need', product)", "no dictionary 'need'", "needs"),
        ("lookup('x', product)", "no dictionary 'x'; declared are days, ids, needs, ratios", None),
        ("lookup(product, product)", "lookup() needs a text in quotes, not product", None),
        ("lookup('needs')", "lookup() takes 2 arguments, not 1: lookup('needs')", None),
        (
            "lookup('needs', n)",
            "lookup() needs text, but n (number) is not; write cast(n as string)",
            None,
        ),
        ("lokup('needs', product)", "the function lokup() is not allowed", "lookup"),
        (
            "lookup('needs', product) > 3",
            "cannot compare lookup('needs', product) (text) with 3 (number): write"
            " cast(lookup('needs', product) as int)",
            None,
        ),
        (
            "lookup('days', product) = 'x'",
            "cannot compare lookup('days', product) (number) with 'x' (text)",
            None,
        ),
    ],
)
def test_what_lookup_refuses(text: str, message: str, suggestion: str | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        parsed(text)
    assert (caught.value.message, caught.value.suggestion) == (message, suggestion)


def test_without_dictionaries_there_is_none_to_look_in() -> None:
    with pytest.raises(ExpressionError, match="no dictionary 'needs': none is declared"):
        parse_scalar("lookup('needs', product)", columns=COLUMNS)


def test_what_it_reads_and_what_it_is() -> None:
    read = parsed("lookup('days', users.city)")
    assert str(read.tree) == "try_element_at(map('a', 30, 'b', -5), users__city)"
    assert (read.columns, read.type) == ({"users.city"}, "number")
    assert parsed("LOOKUP('needs', 'x')").columns == frozenset()
    assert parse_scalar("lookup('days', Product)", columns=None, dictionaries=DICTIONARIES).columns == {
        "Product"
    }


def test_the_order_in_a_dictionary_makes_no_difference() -> None:
    values = {"a": "x", "b": "y", "c": "z"}
    assert Dictionary(values).tree == Dictionary(dict(reversed(values.items()))).tree


def test_contradictions_are_found_through_a_dictionary() -> None:
    rule = "lookup('needs', product) = 'x' and lookup('needs', product) = 'y'"
    with pytest.raises(ExpressionError, match=r"this is never true: lookup\('needs', product\) = 'x'"):
        parse_boolean(rule, columns=COLUMNS, dictionaries=DICTIONARIES)


def test_the_normal_form_of_a_rule_distinguishes_dictionaries() -> None:
    rules = [parsed(f"lookup('{name}', product) > 3").tree for name in ("days", "ids", "ratios")]
    rules.append(parsed("hash_bucket(product, 2) = 0").tree)
    rules.append(parsed("hash_bucket(product, 3) = 0").tree)
    assert len({canonical(rule) for rule in rules}) == 5
    assert canonical(parsed("3 < lookup('days', product)").tree) == canonical(rules[0])


# ---- hash_bucket ---------------------------------------------------------------------------


@pytest.mark.parametrize("buckets", ["0", "-1", "100001", "2.5", "n", "'2'", "1 + 1"])
def test_the_number_of_buckets_is_written_out(buckets: str) -> None:
    with pytest.raises(ExpressionError, match="needs a literal whole number, from 1 to 100000, not"):
        parsed(f"hash_bucket(product, {buckets})")


def test_a_bucket_is_of_text() -> None:
    with pytest.raises(ExpressionError, match=r"hash_bucket\(\) needs text, but n \(number\) is not"):
        parsed("hash_bucket(n, 2)")
