"""What a file contains: the same for every way to write the same rows, another for every other row."""

import bz2
import gzip
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usertags.errors import DataError
from usertags.sources import content
from usertags.sources.content import content_of
from usertags.sources.files import NO_ROWS, list_all, list_files, read_files

DAY = date(2026, 3, 1)
# Without the time, the names of tests are the same in every process.
packed = partial(gzip.compress, mtime=0)
TEXT = b"id,name\n1,\xe5\xbc\xa0\n2,b\n"


def of(folder: Path, data: bytes, name: str = "x.csv", **options: Any) -> str:
    (folder / name).write_bytes(data)
    (file,) = list_files(str(folder), name, data_day=DAY)
    return content_of(file, options.get("format", "csv"), header=options.get("header", True), s3=None)


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("x.csv"), data)
    return out.getvalue()


SAME = {
    "gzip": packed(TEXT),
    "gzip_of_another_level": gzip.compress(TEXT, 1, mtime=5),
    "members": packed(TEXT[:10]) + packed(TEXT[10:]),
    "gzip_twice": packed(packed(TEXT)),
    "crlf": TEXT.replace(b"\n", b"\r\n"),
    "cr": TEXT.replace(b"\n", b"\r"),
    "byte_order_mark": b"\xef\xbb\xbf" + TEXT,
    "no_last_line_end": TEXT.rstrip(),
    "empty_lines_at_the_end": TEXT + b"\r\n\n",
}


@pytest.mark.parametrize("form", SAME)
@pytest.mark.parametrize("chunk", [3, 7, 1 << 20])
def test_text_is_the_same_however_it_is_stored(
    tmp_path: Path, form: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = of(tmp_path, TEXT)
    monkeypatch.setattr(content, "_CHUNK", chunk)
    assert of(tmp_path, SAME[form], "x.csv.gz") == of(tmp_path, SAME[form], "x.dat") == expected != ""


@pytest.mark.parametrize(
    "other", [TEXT + b"3,c\n", TEXT.replace(b"b", b"c"), TEXT.replace(b"\n2", b"\n\n2"), b"id,name\n2,b\n"]
)
def test_another_row_is_another_content(tmp_path: Path, other: bytes) -> None:
    assert of(tmp_path, other) != of(tmp_path, TEXT)


def test_a_file_without_rows_has_no_content(tmp_path: Path) -> None:
    assert of(tmp_path, b"") == of(tmp_path, b"id,name\n") == of(tmp_path, packed(b""), "x.gz") == NO_ROWS
    assert (
        of(tmp_path, b"\n", header=False)
        == of(tmp_path, b"", "x.json", format="json", header=False)
        == NO_ROWS
    )
    assert of(tmp_path, b"1,a", header=False) != NO_ROWS


# ---- Parquet -----------------------------------------------------------------------------------------

ROWS = {
    "n": pa.array([1, None, 3] * 40_000),
    "text": pa.array(["a", "", None] * 40_000),
    "flag": pa.array([True, None, False] * 40_000),
    "price": pa.array([Decimal("1.50"), None, Decimal("-2.25")] * 40_000),
    "at": pa.array([datetime(2026, 3, 1), None, datetime(1999, 1, 1)] * 40_000, pa.timestamp("us")),
    "bytes": pa.array([b"x", None, b""] * 40_000),
    "several": pa.array([["a"], None, []] * 40_000, pa.list_(pa.string())),
}


def parquet(folder: Path, table: pa.Table, **options: Any) -> str:
    pq.write_table(table, folder / "x.parquet", **options)
    (file,) = list_files(str(folder), "x.parquet", data_day=DAY)
    return content_of(file, "parquet", header=True, s3=None)


def test_parquet_is_the_same_however_it_is_stored(tmp_path: Path) -> None:
    table = pa.table(ROWS)
    expected = parquet(tmp_path, table)
    for options in (
        {"compression": "zstd", "row_group_size": 70_001},
        {"compression": "none", "use_dictionary": False, "data_page_version": "2.0"},
        {"row_group_size": 999},
    ):
        assert parquet(tmp_path, table, **options) == expected != ""
    assert parquet(tmp_path, table.select(list(reversed(table.column_names)))) == expected
    coded = table.set_column(1, "text", table["text"].dictionary_encode())
    assert parquet(tmp_path, coded) == expected


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("n", pa.array([1, 3, None] * 40_000)),
        ("n", pa.array([1, None, 3] * 40_000, pa.int32())),
        ("text", pa.array(["a", None, ""] * 40_000)),
        ("text", pa.array(["", "a", None] * 40_000)),
        ("flag", pa.array([False, None, True] * 40_000)),
        ("several", pa.array([["b"], None, []] * 40_000, pa.list_(pa.string()))),
    ],
)
def test_another_value_type_or_order_is_another_content(
    tmp_path: Path, column: str, values: pa.Array
) -> None:
    assert parquet(tmp_path, pa.table(ROWS)) != parquet(tmp_path, pa.table({**ROWS, column: values}))


def test_parquet_without_rows_has_no_content(tmp_path: Path) -> None:
    assert parquet(tmp_path, pa.table({"n": pa.array([], pa.int64())})) == NO_ROWS


def test_views_of_texts_count_as_texts_of_the_same_values(tmp_path: Path) -> None:
    viewed = {"id": pa.array(["1", None], pa.string_view()), "b": pa.array([b"x", None], pa.binary_view())}
    first = parquet(tmp_path, pa.table(viewed))
    other = pa.table({**viewed, "id": pa.array(["2", None], pa.string_view())})
    assert first not in (NO_ROWS, parquet(tmp_path, other))
    assert first == parquet(tmp_path, pa.table(viewed), compression="zstd")


# ---- what a file is ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (zipped(TEXT), "a ZIP archive or an Excel file"),
        (bz2.compress(TEXT), "compressed with bzip2"),
        (b"\x28\xb5\x2f\xfd\x04", "compressed with zstd"),
        (b"\xfd7zXZ\x00\x00", "compressed with xz"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (TEXT.decode().encode("utf-16"), "text in UTF-16"),
        (b"x.csv".ljust(257, b"\0") + b"ustar", "a tar archive"),
        (packed(zipped(TEXT)), "a ZIP archive or an Excel file"),
    ],
)
@pytest.mark.parametrize("format", ["csv", "json"])
def test_what_is_no_text_is_named(tmp_path: Path, data: bytes, what: str, format: Any) -> None:
    (tmp_path / "x.csv").write_bytes(data)
    files = list_files(str(tmp_path), "*", data_day=DAY)
    with pytest.raises(DataError, match=rf"x\.csv cannot be read: it is {what}"):
        list(read_files(files, columns=["id"], format=format, has_pii=False))


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"", "empty"), (packed(b"PAR1"), "compressed with gzip"), (zipped(b""), "a ZIP archive")],
)
def test_what_is_no_parquet_is_named(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "x.parquet").write_bytes(data)
    files = list_files(str(tmp_path), "*", data_day=DAY)
    with pytest.raises(DataError, match=rf"x\.parquet cannot be read: it is {what}"):
        read_files(files, columns=["id"], format="parquet", has_pii=False)


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x"])
@pytest.mark.parametrize("data", [TEXT, packed(TEXT), packed(packed(TEXT))])
def test_a_wrong_name_does_not_matter(tmp_path: Path, name: str, data: bytes) -> None:
    assert ids(tmp_path, name, data) == ["1", "2"]


def ids(folder: Path, name: str, data: bytes, columns: Sequence[str] = ("id",), **options: Any) -> list[Any]:
    (folder / name).write_bytes(data)
    files = list_files(str(folder), name, data_day=DAY)
    reading = read_files(files, columns=columns, format="csv", **{"has_pii": False, **options})
    return reading.read_all()["id"].to_pylist()


@pytest.mark.parametrize("columns", [("id",), ("name", "id")])
@pytest.mark.parametrize(
    "second",
    [
        TEXT,
        b"\xef\xbb\xbf" + TEXT,
        TEXT.replace(b"id,name", b'"id","name"'),
        # A quoted field over two lines is read record by record.
        TEXT.replace(b"2,b", b'2,"b\n"'),
    ],
)
def test_the_header_of_a_joined_file_is_no_row(tmp_path: Path, second: bytes, columns: Sequence[str]) -> None:
    assert ids(tmp_path, "x.csv", TEXT + second, columns) == ["1", "2", "1", "2"]
    both = packed(TEXT) + packed(second)
    assert ids(tmp_path, "x.csv.gz", both, columns, header=["id", "name"]) == ["1", "2", "1", "2"]


def test_the_name_of_one_column_is_a_value(tmp_path: Path) -> None:
    assert ids(tmp_path, "x.csv", b"id,name\nid,b\n1,name\n", ("id", "name")) == ["id", "1"]


@pytest.mark.parametrize("data", [b"", b"\n\n", packed(b"")])
def test_a_file_without_a_header_is_refused_unless_the_source_may_be_empty(
    tmp_path: Path, data: bytes
) -> None:
    with pytest.raises(DataError, match="it is empty and has no header line"):
        ids(tmp_path, "x.csv", data)
    assert ids(tmp_path, "x.csv", data, may_be_empty=True) == []
    assert ids(tmp_path, "x.csv", data, header=["id", "name"]) == []


def test_a_gzip_file_without_any_byte_is_an_interrupted_upload(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.csv\.gz cannot be read: it has no bytes at all"):
        ids(tmp_path, "x.csv.gz", b"", may_be_empty=True)


# ---- names ---------------------------------------------------------------------------------------------

LEFT_BY_TOOLS = [
    "_SUCCESS",
    "dt=2026-03-01/_SUCCESS",
    "_committed_123",
    "_started_123",
    "_metadata",
    "_common_metadata",
    "_temporary/0/part-0.csv",
    "_spark_metadata/0",
    "_delta_log/0.json",
    "._x.csv",
    ".part-0.csv.crc",
    ".DS_Store",
    ".gitkeep",
    ".Trash-1000/files/x.csv",
]


def test_hidden_files_are_told_apart_from_what_tools_leave(tmp_path: Path) -> None:
    names = [*LEFT_BY_TOOLS, ".x.csv", "dt=2026-03-01/.y.csv", ".in/z.csv", "_orders.csv", "x.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = list_all(str(tmp_path), "**", data_day=DAY)
    assert [each.name for each in found if each.hidden] == [".in/z.csv", ".x.csv", "dt=2026-03-01/.y.csv"]
    assert [each.name for each in found if not each.hidden] == ["_orders.csv", "x.csv"]
    assert [each.name for each in list_files(str(tmp_path), "**", data_day=DAY)] == ["_orders.csv", "x.csv"]
    # A pattern that has the dot asks for the file.
    assert [each.hidden for each in list_all(str(tmp_path), ".x.csv", data_day=DAY)] == [False]
    assert [each.name for each in list_all(str(tmp_path), "**/*.csv", data_day=DAY) if each.hidden] == [
        ".in/z.csv", ".x.csv", "dt=2026-03-01/.y.csv",
    ]  # fmt: skip
