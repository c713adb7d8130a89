"""JSON lines: exact text, nulls, and lines that are no objects."""

import gzip
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usertags.errors import DataError
from usertags.sources.files import list_files, read_files
from usertags.sources.json_rows import _raw_value

DAY = date(2024, 3, 10)


def read(folder: Path, content: bytes, columns: Sequence[str], **options: Any) -> list[dict[str, Any]]:
    (folder / "data.json").write_bytes(content)
    files = list_files(str(folder), "*.json", data_day=DAY)
    reading = read_files(files, columns=columns, format="json", **{"has_pii": False, **options})
    return reading.read_all().to_pylist()


def values(rows: list[dict[str, Any]], column: str) -> list[Any]:
    return [row[column] for row in rows]


def test_every_value_is_the_text_of_the_file(tmp_path: Path) -> None:
    texts = {
        "12345678901234567890123": "12345678901234567890123",
        "0.10": "0.10",
        "-1.50E+3": "-1.50E+3",
        '"0.10"': "0.10",
        '""': "",
        "null": None,
        "true": "true",
        "false": "false",
        '{"b": [1.50, "x"],"a":{}}': '{"b": [1.50, "x"],"a":{}}',
        "[ 1, 2.0 ]": "[ 1, 2.0 ]",
        '"\\u4e2d\\ud83d\\ude00\\n"': "中😀\n",
        '"张伟"': "张伟",
    }
    content = "\n".join(f'{{"other": {{"v": 0}}, "v" : {text} , "z": 1}}' for text in texts)
    assert values(read(tmp_path, content.encode(), ["v"]), "v") == list(texts.values())


def test_file_and_line_are_known_and_other_keys_do_not_land(tmp_path: Path) -> None:
    rows = read(tmp_path, b'\n{"a": 1, "secret": 2}\r\n\n {"a": 2}', ["a"])
    assert rows == [
        {"a": "1", "landed_file": "data.json", "landed_line": 2, "landed_unparsed": None},
        {"a": "2", "landed_file": "data.json", "landed_line": 4, "landed_unparsed": None},
    ]


@pytest.mark.parametrize(
    "bad",
    [
        "nothing",
        "[1]",
        "1",
        '{"a": 1',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1} {"a": 2}',
        '{"a": 1},',
        "{'a': 1}",
    ],
)
def test_a_line_that_is_no_object_is_kept_as_text(tmp_path: Path, bad: str) -> None:
    rows = read(tmp_path, f'{{"a": 1}}\n{bad}\n{{"a": 3}}\n'.encode(), ["a"])
    assert values(rows, "a") == ["1", None, "3"]
    assert values(rows, "landed_unparsed") == [None, bad, None]
    assert values(rows, "landed_line") == [1, 2, 3]


def test_text_that_is_no_unicode_is_kept_as_text(tmp_path: Path) -> None:
    content = b'{"a": "x"}\n{"a": "\xff"}\n{"a": 1, "b": "\xff"}\n{"a": "\\ud800"}\n{"a": "y"}\n'
    rows = read(tmp_path, content, ["a"])
    assert values(rows, "a") == ["x", None, None, None, "y"]
    assert values(rows, "landed_unparsed") == [
        None,
        '{"a": "\\xff"}',
        '{"a": 1, "b": "\\xff"}',
        '{"a": "\\ud800"}',
        None,
    ]


def test_where_there_are_personal_data_only_the_length_is_kept(tmp_path: Path) -> None:
    rows = read(tmp_path, '{"a": 1}\n{"phone": "张13800138000"\n'.encode(), ["a"], has_pii=True)
    assert values(rows, "landed_unparsed") == [None, "length=24"]


def test_deep_nesting_is_no_crash(tmp_path: Path) -> None:
    deep = '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"
    rows = read(tmp_path, f'{{"a": 1}}\n{deep}\n'.encode(), ["a"], has_pii=True)
    assert values(rows, "landed_unparsed") == [None, f"length={len(deep)}"]


def test_a_missing_key_is_null(tmp_path: Path) -> None:
    rows = read(tmp_path, b'{"a": 1}\n{"b": 2}\n{"a": null, "b": null}\n{}\n', ["a", "b"])
    assert values(rows, "a") == ["1", None, None, None]
    assert values(rows, "b") == [None, "2", None, None]
    assert values(rows, "landed_unparsed") == [None] * 4


def test_a_key_that_no_line_has_is_a_missing_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.json: its lines have no column uid|did you mean user_id"):
        read(tmp_path, b'{"user_id": 1}\n{"user_id": 2, "b": 1}\n', ["user_ids"])


def test_a_file_without_rows_has_no_missing_column(tmp_path: Path) -> None:
    assert read(tmp_path, b"", ["a"]) == []
    assert values(read(tmp_path, b"broken\n", ["a"]), "landed_unparsed") == ["broken"]


def test_gbk(tmp_path: Path) -> None:
    assert values(read(tmp_path, '{"a": "北京"}\n'.encode("gbk"), ["a"], encoding="gbk"), "a") == ["北京"]


def test_a_cut_gzip_is_unreadable(tmp_path: Path) -> None:
    content = gzip.compress(b'{"a": 1}\n' * 1000)[:-12]
    (tmp_path / "x.json.gz").write_bytes(content)
    files = list_files(str(tmp_path), "*.gz", data_day=DAY)
    with pytest.raises(DataError, match=r"x\.json\.gz cannot be read"):
        list(read_files(files, columns=["a"], format="json", has_pii=False))


def test_batches_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("".join(f'{{"n": {n}}}\n' for n in range(120_000)))
    files = list_files(str(tmp_path), "*.json", data_day=DAY)
    batches = list(read_files(files, columns=["n"], format="json", has_pii=False))
    assert max(batch.num_rows for batch in batches) <= 50_000
    numbers = pa.Table.from_batches(batches)
    assert numbers.column("n").to_pylist() == [str(n) for n in range(120_000)]
    assert numbers.column("landed_line").to_pylist() == list(range(1, 120_001))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=3), JSON, min_size=1, max_size=4), st.sampled_from([None, 1]))
def test_the_text_of_a_nested_value_is_found(row: dict[str, Any], indent: int | None) -> None:
    line = json.dumps(row, indent=indent)
    for name, value in row.items():
        assert json.loads(_raw_value(line, name)) == value


def test_keys_that_are_personal_data_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column a") as error:
        read(tmp_path, b'{"13800138000": 1}\n', ["a"], has_pii=True)
    assert "138" not in str(error.value)
