"""CSV files: every record becomes a row or stays as text, nothing is lost and nothing is guessed."""

import csv
import gzip
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usertags.errors import DataError, UsageError
from usertags.sources import csv_rows, text_lines
from usertags.sources.files import list_files, read_files

DAY = date(2024, 3, 10)
Row = dict[str, Any]


def read(folder: Path, columns: Sequence[str], pattern: str = "*", **options: Any) -> list[Row]:
    files = list_files(str(folder), pattern, data_day=DAY)
    reading = read_files(files, columns=columns, format="csv", **{"has_pii": False, **options})
    return reading.read_all().to_pylist()


def read_bytes(
    folder: Path, content: bytes, columns: Sequence[str] = ("a", "b"), **options: Any
) -> list[Row]:
    (folder / "data.csv").write_bytes(content)
    return read(folder, columns, **options)


def brief(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Values, line and unparsed text of each row."""
    return [tuple(value for name, value in row.items() if name != "landed_file") for row in rows]


def test_rows_are_strings_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.csv").write_text("a,b\n1,0010.50\n,中文\n")
    files = list_files(str(tmp_path), "in/*.csv", data_day=DAY)
    reading = read_files(files, columns=["b", "a"], format="csv", has_pii=False)
    assert reading.schema == pa.schema(
        [
            ("b", pa.string()),
            ("a", pa.string()),
            ("landed_file", pa.string()),
            ("landed_line", pa.int64()),
            ("landed_unparsed", pa.string()),
        ]
    )
    assert reading.read_all().to_pylist() == [
        {"b": "0010.50", "a": "1", "landed_file": "in/x.csv", "landed_line": 2, "landed_unparsed": None},
        {"b": "中文", "a": "", "landed_file": "in/x.csv", "landed_line": 3, "landed_unparsed": None},
    ]


def test_only_the_columns_asked_for_land(tmp_path: Path) -> None:
    rows = read_bytes(tmp_path, b"a,secret,b\n1,13800138000,2\n", ["b"])
    assert rows == [{"b": "2", "landed_file": "data.csv", "landed_line": 2, "landed_unparsed": None}]


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert brief(read_bytes(tmp_path, b"\xef\xbb\xbfa,b\r\n1,2\r\n")) == [("1", "2", 2, None)]


def test_quoted_fields_may_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    content = b'a,b\n1,"x, ""y""\nz"\n"2","\n\n"\n3,w\n'
    assert brief(read_bytes(tmp_path, content)) == [
        ("1", 'x, "y"\nz', 2, None),
        ("2", "\n\n", 4, None),
        ("3", "w", 7, None),
    ]


def test_a_header_may_span_lines(tmp_path: Path) -> None:
    assert brief(read_bytes(tmp_path, b'\n"a","b\nc"\n1,2\n', ["b\nc"])) == [("2", 4, None)]


def test_a_wrong_number_of_fields_is_kept_as_text(tmp_path: Path) -> None:
    content = b'a,b\n1,2\n3\n4,5,6\n"7\n8"\n9,10'
    assert brief(read_bytes(tmp_path, content)) == [
        ("1", "2", 2, None),
        (None, None, 3, "3"),
        (None, None, 4, "4,5,6"),
        (None, None, 5, '"7\n8"'),
        ("9", "10", 7, None),
    ]


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    assert brief(read_bytes(tmp_path, b"a,b\n\n1,2\r\n\r\n3,4\n\n")) == [
        ("1", "2", 3, None),
        ("3", "4", 5, None),
    ]


@pytest.mark.parametrize("bad", ['3,"open', '3,"x"y', '"', '3,"'])
def test_a_broken_quote_costs_one_line_only(tmp_path: Path, bad: str) -> None:
    content = f"a,b\n1,2\n{bad}\n5,6\n7,8\n"
    assert brief(read_bytes(tmp_path, content.encode())) == [
        ("1", "2", 2, None),
        (None, None, 3, bad),
        ("5", "6", 4, None),
        ("7", "8", 5, None),
    ]


def test_an_open_quote_before_many_lines_costs_one_line_only(tmp_path: Path) -> None:
    lines = [f"{n},{'x' * 60}" for n in range(20_000)]
    lines[5] = '5,"' + "x" * 60
    rows = read_bytes(tmp_path, "\n".join(["a,b", *lines]).encode())
    assert [row["landed_line"] for row in rows] == list(range(2, 20_002))
    assert [row["landed_unparsed"] for row in rows if row["landed_unparsed"]] == [lines[5]]


def test_bad_bytes_are_kept_as_text(tmp_path: Path) -> None:
    content = b"a,b,c\n1,2,x\n3,\xff4,y\n5,6,\xe4\xb8\n7,8,z\n"
    assert brief(read_bytes(tmp_path, content)) == [
        ("1", "2", 2, None),
        (None, None, 3, "3,\\xff4,y"),
        # The bad bytes of a column that nobody asked for count as well: the record cannot be trusted.
        (None, None, 4, "5,6,\\xe4\\xb8"),
        ("7", "8", 5, None),
    ]


@pytest.mark.parametrize("encoding", ["gbk", "GB2312", "gb18030"])
def test_gbk_files(tmp_path: Path, encoding: str) -> None:
    content = "a,b\n张伟,北京\n㐀,€\n".encode("gb18030") + b"\x81,x\n" + "李娜,上海\n".encode("gbk")
    assert brief(read_bytes(tmp_path, content, encoding=encoding)) == [
        ("张伟", "北京", 2, None),
        ("㐀", "€", 3, None),
        (None, None, 4, "\\x81,x"),
        ("李娜", "上海", 5, None),
    ]


def test_where_there_are_personal_data_only_the_length_is_kept(tmp_path: Path) -> None:
    content = "a,b\n张伟,13800138000,x\n".encode() + b"\xff,1\n"
    rows = read_bytes(tmp_path, content, has_pii=True)
    assert [row["landed_unparsed"] for row in rows] == ["length=16", "length=3"]


def test_a_header_alone_is_no_rows(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"a,b\n") == []
    assert read_bytes(tmp_path, b"a,b") == []


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_unreadable(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"data\.csv cannot be read: it is empty"):
        read_bytes(tmp_path, content)


def test_a_missing_column_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"data\.csv: no column Customer \(did you mean customer\?\); it has a, customer"
    ):
        read_bytes(tmp_path, b"a,customer\n1,2\n", ["a", "Customer"])


def test_a_row_in_the_place_of_the_header_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"none of the columns a, b is in its first line \(2 fields\)"
    ) as error:
        read_bytes(tmp_path, "张伟,13800138000\n".encode())
    assert "13800138000" not in str(error.value)


def test_a_doubled_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.csv: its header names more than one column a"):
        read_bytes(tmp_path, b"a,b,a\n1,2,3\n")


def test_columns_without_name_do_no_harm(tmp_path: Path) -> None:
    assert brief(read_bytes(tmp_path, b"a,b,,\n1,2,,\n")) == [("1", "2", 2, None)]


def test_a_header_in_another_encoding_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is it GBK"):
        read_bytes(tmp_path, "姓名,b\n张伟,1\n".encode("gbk"), ["姓名"])


def test_files_without_header(tmp_path: Path) -> None:
    rows = read_bytes(tmp_path, b"1,2\n3\n", ["b"], header=["a", "b"])
    assert brief(rows) == [("2", 1, None), (None, 2, "3")]
    assert read_bytes(tmp_path, b"", ["b"], header=["a", "b"]) == []
    with pytest.raises(DataError, match=r"no column c; it has a, b"):
        read_bytes(tmp_path, b"1,2\n", ["c"], header=["a", "b"])
    with pytest.raises(UsageError, match="header: "):
        read_bytes(tmp_path, b"1,2\n", ["a"], header=False)


def test_other_delimiters(tmp_path: Path) -> None:
    assert brief(read_bytes(tmp_path, b"a\tb\n1,5\t2\n", delimiter="\t")) == [("1,5", "2", 2, None)]
    assert brief(read_bytes(tmp_path, b"a|b\n1|2\n", delimiter="|")) == [("1", "2", 2, None)]
    for delimiter in ("", "||", '"', "\n"):
        with pytest.raises(UsageError):
            read_bytes(tmp_path, b"a\n", delimiter=delimiter)


@pytest.mark.parametrize("encoding", ["utf-16", "klingon"])
def test_an_encoding_that_cannot_be_read_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UsageError, match=encoding):
        read_bytes(tmp_path, b"a,b\n", encoding=encoding)


def test_files_may_order_their_columns_differently(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("x,b,a\n0,4,3\n")
    assert [(row["a"], row["b"], row["landed_file"]) for row in read(tmp_path, ["a", "b"])] == [
        ("1", "2", "1.csv"),
        ("3", "4", "2.csv"),
    ]


def test_gzip(tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert brief(read(tmp_path, ["a", "b"])) == [("1", "2", 2, None), ("3", "4", 3, None)]


@pytest.mark.parametrize("keep", [5, 30, -1, -9])
def test_a_cut_gzip_is_unreadable(tmp_path: Path, keep: int) -> None:
    whole = gzip.compress("\n".join(["a,b", *(f"{n},{n * n}" for n in range(1000))]).encode())
    (tmp_path / "x.csv.gz").write_bytes(whole[:keep])
    with pytest.raises(
        DataError, match=r"x\.csv\.gz cannot be read: the gzip stream is damaged or truncated"
    ):
        read(tmp_path, ["a", "b"])


def test_a_damaged_gzip_is_unreadable(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n1,2\n")
    (tmp_path / "x.csv.gz").write_bytes(whole[:12] + bytes(4) + whole[16:])
    with pytest.raises(DataError, match=r"x\.csv\.gz cannot be read"):
        read(tmp_path, ["a", "b"])


def test_a_file_that_is_gone_or_grew_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    files = list_files(str(tmp_path), "*.csv", data_day=DAY)
    path.write_text("a\n1\n2\n")
    with pytest.raises(Exception, match=r"x\.csv changed after it was listed"):
        list(read_files(files, columns=["a"], format="csv", has_pii=False))
    path.unlink()
    with pytest.raises(DataError, match=r"x\.csv cannot be read: No such file"):
        list(read_files(files, columns=["a"], format="csv", has_pii=False))


def test_a_line_without_end_is_not_taken_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "MAX_LINE_BYTES", 100_000)
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 10_000)
    with pytest.raises(DataError, match=r"data\.csv cannot be read: a line is longer"):
        read_bytes(tmp_path, b"a,b\n" + b"x" * 200_000)


def test_three_hundred_thousand_rows_come_in_bounded_batches(tmp_path: Path) -> None:
    with (tmp_path / "x.csv").open("w") as out:
        out.write("a,b,c\n")
        out.writelines(f"{n},{'x' * 40},{n}\n" for n in range(300_000))
    files = list_files(str(tmp_path), "*.csv", data_day=DAY)
    reading = read_files(files, columns=["a", "b"], format="csv", has_pii=False)
    held = pa.total_allocated_bytes()
    counts = []
    line = 2
    for batch in reading:
        counts.append(batch.num_rows)
        assert batch.column("landed_line")[0].as_py() == line
        assert pa.total_allocated_bytes() - held < 48 * 1024 * 1024
        line += batch.num_rows
    assert sum(counts) == 300_000
    assert max(counts) <= 50_000
    assert len(counts) <= 10


def test_many_small_files_make_few_batches(tmp_path: Path) -> None:
    for n in range(200):
        (tmp_path / f"{n:03}.csv").write_text(f"a\n{n}\n")
    files = list_files(str(tmp_path), "*.csv", data_day=DAY)
    batches = list(read_files(files, columns=["a"], format="csv", has_pii=False))
    assert [batch.num_rows for batch in batches] == [200]


FIELDS = st.text(st.sampled_from('ab,"\n\r\t中é \u2028\ufeff\x00'), max_size=5)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(FIELDS, min_size=2, max_size=3), max_size=12))
def test_what_is_written_by_the_rules_is_read_back(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    good = [row for row in rows if len(row) == 2]
    assert [tuple(row) for row in good] == [
        (first, second) for first, second, _, unparsed in parse(out.getvalue(), 1024) if unparsed is None
    ]


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from('ab,,,"\n\n\r中'), max_size=80))
def test_the_size_of_blocks_and_the_quick_way_make_no_difference(text: str) -> None:
    """The same records come out of pyarrow at once and of the csv module in pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "parse_plain", lambda *_, **__: None)
        expected = parse(text, 1024)
    for block in (1, 7, 20, 1024):
        assert parse(text, block) == expected


def parse(text: str, block: int) -> list[tuple[Any, ...]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "BLOCK_BYTES", block)
        found = csv_rows.read_csv(
            text_lines.Lines(io.BytesIO(text.encode()), "utf-8"),
            path="x",
            columns=["a", "b"],
            delimiter=",",
            header=["a", "b"],
            has_pii=False,
        )
        rows: list[tuple[Any, ...]] = []
        for batch in found:
            columns = [pa.array(column, pa.string()).to_pylist() for column in batch.columns]
            unparsed = batch.unparsed or [None] * len(batch.lines)
            rows += zip(*columns, batch.lines, unparsed, strict=True)
        return rows


def test_quotes_around_several_records_do_not_put_one_person_into_the_field_of_another(
    tmp_path: Path,
) -> None:
    """As CSV the two lines are one record of the right width, whose note holds a phone number."""
    content = 'id,note,phone\n1,"hello,13800138000\n2,world",13900139000\n3,"two\nlines",13700137000\n'
    rows = read_bytes(tmp_path, content.encode(), ["id", "note", "phone"], has_pii=True)
    found = [(row["id"], row["note"], row["landed_line"], row["landed_unparsed"]) for row in rows]
    assert found == [
        (None, None, 2, "length=20"),
        ("2", 'world"', 3, None),
        ("3", "two\nlines", 4, None),
    ]
    plain = read_bytes(tmp_path, content.encode(), ["id", "note", "phone"])
    assert [row["id"] for row in plain] == ["1", "3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b1,13800138000\n", r"no column b \(its columns are not shown"),
        ("a,b,13800138000,13800138000\n", "more than one column that the source does not read"),
    ],
)
def test_a_damaged_header_shows_no_personal_data(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        read_bytes(tmp_path, content.encode(), has_pii=True)
    assert "138" not in str(error.value)
