"""The fingerprint of what is in a file: equal for the same rows, however they are compressed or stored.

Text counts without its compression, byte order mark, kind of line ends and empty lines at its end. Parquet
counts by the names, types and values of its columns, not by codec, encoding or row groups.
"""

import codecs
import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usertags.sources.files import NO_ROWS, FileFormat, SourceFile
from usertags.sources.parquet_rows import every_batch
from usertags.sources.s3 import S3Access
from usertags.sources.unpacked import unpacked

_CHUNK = 1024 * 1024
_VIEWS = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}


def content_of(file: SourceFile, format: FileFormat, *, header: bool, s3: S3Access | None) -> str:
    """The fingerprint of the content of a listed file; `NO_ROWS` for a file without any.
    `header` says whether the first line of a text names its columns. Raises the errors of reading it."""
    return _of_parquet(file, s3) if format == "parquet" else _of_text(file, header=header, s3=s3)


def _of_text(file: SourceFile, *, header: bool, s3: S3Access | None) -> str:
    found = hashlib.sha256()
    lines, ends, first = 0, b"", True
    with unpacked(file.path, size=file.size, fingerprint=file.fingerprint, s3=s3) as stream:
        while chunk := stream.read(_CHUNK):
            if first:
                chunk, first = chunk.removeprefix(codecs.BOM_UTF8), False
            # Line ends at the end of a chunk wait: they may be the last ones, or half of one.
            text = ends + chunk
            body = text.rstrip(b"\r\n")
            ends = text[len(body) :]
            body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            lines += body.count(b"\n")
            found.update(body)
    begun = found.digest() != hashlib.sha256().digest()
    rows = lines + begun - header
    return found.hexdigest() if rows > 0 else NO_ROWS


def _of_parquet(file: SourceFile, s3: S3Access | None) -> str:
    columns: dict[str, _Column] = {}
    rows = 0
    for batch in every_batch(file.path, size=file.size, s3=s3):
        rows += batch.num_rows
        for field, array in zip(batch.schema, batch.columns, strict=True):
            columns.setdefault(field.name, _Column()).add(array)
    prints = {name: column.digest() for name, column in sorted(columns.items())}
    return hashlib.sha256(repr(prints).encode()).hexdigest() if rows else NO_ROWS


class _Column:
    """The fingerprint of a column, the same for every way to cut its rows into batches."""

    def __init__(self) -> None:
        self._type = ""
        self._parts = [hashlib.sha256() for _ in range(3)]

    def add(self, array: pa.Array) -> None:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        # A view holds texts of a length of their own in another layout, of which Arrow computes little.
        array = array.cast(_VIEWS[array.type]) if array.type in _VIEWS else array
        self._type = str(array.type)
        given, lengths, values = self._parts
        given.update(_bytes_of(array.is_valid().cast(pa.uint8())))
        array = array.drop_null()
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.uint8())
        elif not _has_fixed_width(array.type):
            array = _as_bytes(array)
            lengths.update(_bytes_of(pc.binary_length(array)))
        values.update(_bytes_of(array))

    def digest(self) -> tuple[str, ...]:
        return (self._type, *(part.hexdigest() for part in self._parts))


def _has_fixed_width(kind: pa.DataType) -> bool:
    fixed: bool = pa.types.is_primitive(kind) or pa.types.is_decimal(kind)
    return fixed


def _as_bytes(array: pa.Array) -> pa.Array:
    """Values of varying length; nested ones as Python writes them."""
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array.cast(pa.large_binary())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return array.cast(pa.large_binary())
    return pa.array([repr(value).encode() for value in array.to_pylist()], pa.large_binary())


def _bytes_of(array: pa.Array) -> Any:
    """The values of an array without nulls as bytes."""
    if pa.types.is_large_binary(array.type):
        offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
        return memoryview(array.buffers()[2] or b"")[offsets[0] : offsets[-1]] if len(array) else b""
    width = array.type.bit_width // 8
    start = array.offset * width
    return memoryview(array.buffers()[1] or b"")[start : start + len(array) * width]
