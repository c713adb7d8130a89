"""What a word of a YAML file is, by YAML 1.2, and on which line it stands."""

import math
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from usertags.config.yaml_file import YamlFile, read_yaml
from usertags.config.yaml_loader import MOST_NESTED


def read(folder: Path, text: str) -> YamlFile:
    path = folder / "file.yml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, "file.yml")


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *[(word, word) for word in ("yes", "No", "on", "OFF", "y", "n")],
        *[("true", True), ("True", True), ("FALSE", False), ("tRUE", "tRUE")],
        *[("null", None), ("~", None), ("", None), ("Null", None), ("none", "none")],
        *[("12", 12), ("-7", -7), ("+3", 3), ("010", 10), ("-08", -8), ("0o17", 15), ("0xfF", 255)],
        *[("0b11", "0b11"), ("1_000", "1_000"), ("-0x1", "-0x1"), ("０", "０")],
        *[("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("-1e3", -1000.0), ("2.5E-1", 0.25), (".inf", math.inf)],
        *[("-.INF", -math.inf), ("1.5.2", "1.5.2"), ("e3", "e3"), (".", "."), ("+", "+"), ("1_0.5", "1_0.5")],
        *[("10:30", "10:30"), ("190:20:30", "190:20:30"), ("190:20:30.15", "190:20:30.15"), ("1:1", "1:1")],
        *[("2026-03-01", date(2026, 3, 1)), ("2026-3-1", "2026-3-1")],
        ("2026-03-01T08:30:00Z", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        *[("'12'", "12"), ('"true"', "true"), ("=", "="), ("<<", "<<"), ("!!str 12", "12")],
    ],
)
def test_a_word_is_what_yaml_1_2_says(tmp_path: Path, word: str, value: object) -> None:
    file = read(tmp_path, f"a: {word}\n")
    assert file.problems == []
    assert (file.data, type(file.data["a"])) == ({"a": value}, type(value))


def test_names_are_read_as_values_are(tmp_path: Path) -> None:
    file = read(tmp_path, "on: a\noff: b\n10:30: c\n<<: d\n7: e\n")
    assert file.data == {"on": "a", "off": "b", "10:30": "c", "<<": "d", 7: "e"}


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    file = read(
        tmp_path, "# 订单\n\nrules:\n  - 名: 金额\n    when: |\n      a\n      b\n  - {x: [1,\n    2]}\n"
    )
    assert file.data == {"rules": [{"名": "金额", "when": "a\nb\n"}, {"x": [1, 2]}]}
    assert file.lines == {
        (): 3,
        ("rules",): 3,
        ("rules", 0): 4,
        ("rules", 0, "名"): 4,
        ("rules", 0, "when"): 5,
        ("rules", 1): 8,
        ("rules", 1, "x"): 8,
        ("rules", 1, "x", 0): 8,
        ("rules", 1, "x", 1): 9,
    }


def test_a_character_that_is_not_allowed_is_reported_with_its_line(tmp_path: Path) -> None:
    """Lines are counted after text that takes several bytes a character."""
    file = read(tmp_path, "订单: 金额\n城市: 上海\n错: \x07\n")
    assert [str(problem) for problem in file.problems] == [
        "file.yml:3: invalid YAML: the character U+0007 is not allowed"
    ]


@pytest.mark.parametrize(("depth", "readable"), [(MOST_NESTED - 2, True), (MOST_NESTED + 1, False)])
def test_nesting_has_a_bound(tmp_path: Path, depth: int, readable: bool) -> None:
    file = read(tmp_path, "a: " + "[" * depth + "]" * depth)
    assert ([problem.message for problem in file.problems] == []) is readable
