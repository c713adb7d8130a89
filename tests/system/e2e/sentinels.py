"""Personal data that must not be found, and looking for it in whatever a run leaves behind."""

import gzip
import html
import io
import json
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import zstandard
from pyiceberg.table import Table

from usertags.query import extension_path
from usertags.store.lake import Lake

ENCODINGS = ("utf-8", "gb18030", "utf-16-le")
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
# What people put between the digits of a phone number; not line ends, which stand between other numbers.
_BETWEEN = re.compile(r"[ \t\u00a0\u3000()+.\u2010-\u2015\u2212_-]")


def spellings(phone: str) -> list[str]:
    """Five ways to write the mobile number of one person."""
    return [
        phone,
        f"+86{phone}",
        f"{phone[:3]}-{phone[3:7]} {phone[7:]}",
        phone.translate(_WIDE),
        f"0086{phone}",
    ]


@dataclass(frozen=True)
class Sentinels:
    """Texts that stand nowhere but in the sources: phone numbers of eleven digits, and others as written."""

    phones: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def all(self) -> set[str]:
        return {*self.phones, *self.texts}

    def in_bytes(self, data: bytes) -> set[str]:
        """The sentinels in a file: as it is, unpacked, and row by row where it is a table."""
        return {found for text in readings(data) for found in self.in_text(text)}

    def in_text(self, text: str) -> set[str]:
        """The sentinels in a text: full-width, escaped, and with separators between digits as well."""
        plain = _plain(text)
        joined = _BETWEEN.sub("", plain)
        found = {phone for phone in self.phones if phone in joined}
        return found | {each for each in self.texts if _plain(each) in plain or _plain(each) in joined}


def _plain(text: str) -> str:
    unescaped = html.unescape(text) if "&" in text else text
    if "\\u" in unescaped:
        unescaped = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), unescaped)
    # Most files are ASCII, for which normalising changes nothing but takes most of the time.
    return unescaped.lower() if unescaped.isascii() else unicodedata.normalize("NFKC", unescaped).casefold()


def readings(data: bytes) -> Iterator[str]:
    """Every way to read the bytes of a file as text."""
    # ASCII reads the same in the first two; in the third it is a file of wide characters or none.
    for encoding in ENCODINGS[::2] if data.isascii() else ENCODINGS:
        yield data.decode(encoding, errors="ignore")
    if data[:2] == b"\x1f\x8b":
        yield from readings(gzip.decompress(data))
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        yield from readings(zstandard.ZstdDecompressor().decompressobj().decompress(data))
    elif data[:4] == b"PAR1":
        yield _as_text(pq.read_table(io.BytesIO(data)).to_pylist())
    elif data[:4] == b"Obj\x01":
        yield _as_text(_avro_rows(data))


def _avro_rows(data: bytes) -> list[Any]:
    with tempfile.NamedTemporaryFile(suffix=".avro") as file, duckdb.connect() as connection:
        file.write(data)
        file.flush()
        connection.load_extension(str(extension_path("avro")))
        return connection.execute("select * from read_avro(?)", [file.name]).fetchall()


def _as_text(rows: object) -> str:
    def other(value: object) -> str:
        return value.decode("utf-8", "ignore") if isinstance(value, bytes) else str(value)

    return json.dumps(rows, ensure_ascii=False, default=other)


def of_tables(lake: Lake) -> Iterator[tuple[str, str]]:
    """Name and content of every table of every namespace, at each snapshot of each branch."""
    for namespace in lake.catalog.list_namespaces():
        for name in lake.catalog.list_tables(namespace):
            table = lake.catalog.load_table(name)
            place = ".".join(name)
            yield place, table.metadata.model_dump_json()
            for snapshot in table.metadata.snapshots:
                yield f"{place} at {snapshot.snapshot_id}", _as_text(_rows(table, snapshot.snapshot_id))


def _rows(table: Table, snapshot: int) -> list[Any]:
    rows: list[Any] = table.scan(snapshot_id=snapshot).to_arrow().to_pylist()
    return rows


def of_buckets(lake: Lake) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every object of every bucket."""
    for bucket in lake.boto.list_buckets()["Buckets"]:
        pages = lake.boto.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
        for item in (item for page in pages for item in page.get("Contents", ())):
            body = lake.boto.get_object(Bucket=bucket["Name"], Key=item["Key"])["Body"].read()
            yield f"s3://{bucket['Name']}/{item['Key']}", body


def of_folder(folder: Path, without: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file under a folder, but for those under some others."""
    left_out = tuple(without)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(path.is_relative_to(other) for other in left_out):
            try:
                yield str(path), path.read_bytes()
            except OSError:
                assert not path.exists(), f"{path} cannot be read"
