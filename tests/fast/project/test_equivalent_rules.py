"""Two spellings of one rule are found, and two rules that only look alike are not."""

from pathlib import Path

import pytest

from tests.support.folders import TAGS, Folder
from usertags.config.expressions import parse_boolean
from usertags.project.equivalent_rules import canonical

COLUMNS = {"a": "bigint", "b": "bigint", "c": "string", "d": "date"}


def form(rule: str) -> str:
    return canonical(parse_boolean(rule, columns=COLUMNS).tree)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a >= 3 or b >= 2", "b >= 2 or a >= 3"),
        ("a >= 3 or b >= 2", "3 <= a or (2 <= b)"),
        ("a > 1 and (b > 1 and c = 'x')", "('x' = c and a > 1) and b > 1"),
        ("a between 1 and 2", "2 >= a and a >= 1"),
        ("not (a < 3 and b < 2)", "a >= 3 or b >= 2"),
        ("not not a = 1", "1 = a"),
        ("c in ('x', 'y')", "c in ('y', 'x', 'y')"),
        ("a * b > 1", "b * a > 1"),
        ("a + b <> 1", "1 != b + a"),
    ],
)
def test_two_spellings_of_one_rule_are_one(one: str, other: str) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a > 1", "a >= 1"),
        ("a > 1", "a < 1"),
        ("a > 1 and b > 1", "a > 1 or b > 1"),
        ("a - b > 1", "b - a > 1"),
        ("a / b > 1", "b / a > 1"),
        ("a is null", "b is null"),
        ("a is null", "a is not null"),
        ("c like 'x%'", "c like 'y%'"),
        ("c like 'x%'", "c not like 'x%'"),
        ("c in ('x')", "c in ('y')"),
        ("cast(c as int) > 1", "cast(c as double) > 1"),
        ("coalesce(a, b) = 1", "coalesce(b, a) = 1"),
        ("case when a > 1 then b else 0 end = 1", "case when b > 1 then a else 0 end = 1"),
        ("d > date '2026-01-01'", "d > date '2026-01-02'"),
    ],
)
def test_rules_that_look_alike_stay_apart(one: str, other: str) -> None:
    assert form(one) != form(other)


def test_check_names_both_tags_and_the_line(tmp_path: Path) -> None:
    folder = Folder.small(tmp_path)
    twin = """
  twin:
    name: 优质客户
    title: Good customer
    path: [消费属性, 客户价值, 交易]
    kind: rule
    when: "'f' = users.gender or (3 <= orders_180d)"
    description: the same in other words
    validity: dynamic
    owner: operations
    status: active
"""
    folder.write(TAGS, folder.read(TAGS) + twin)
    line = folder.line(TAGS, "  twin:")
    expected = f"{TAGS}:{line}: twin has the same rule as 'important' (重要客户): one of the two is enough"
    assert folder.problems() == [expected]
    folder.replace(TAGS, "(3 <= orders_180d)", "(4 <= orders_180d)")
    assert "twin" in folder.project().tags


def test_a_retired_tag_may_keep_the_rule_of_its_successor(tmp_path: Path) -> None:
    folder = Folder.small(tmp_path)
    text = folder.read(TAGS)
    entry = text[text.index("  segment:") :]
    folder.write(TAGS, text + entry.replace("  segment:", "  group:").replace("分群", "新分群"))
    assert {"segment", "group"} <= set(folder.project().tags)
