"""Opens a file, local or on S3, as what is in it: text in the clear, or text that gzip has compressed.

What a file is, its first bytes say; its name may be wrong. A file that is something else is named.
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from urllib3.exceptions import HTTPError

from usertags.errors import DataError, InfrastructureError, UsageError
from usertags.sources.s3 import S3Access, changed_while_read, is_s3, make_client, s3_errors, split_url

GZIP = b"\x1f\x8b"
_HEAD_BYTES = 512
# gzip in gzip happens where a program compresses what a server has compressed already.
_MOST_LAYERS = 3
# The first bytes of what cannot be read as text, each with a control byte that no text begins with.
_OTHER_FORMATS: Mapping[str, bytes] = {
    "a ZIP archive or an Excel file": rb"PK(\x03\x04|\x05\x06)",
    "an old Excel file": rb"\xd0\xcf\x11\xe0",
    "compressed with bzip2": rb"BZh[1-9](1AY&SY|\x17\x72\x45)",
    "compressed with xz": rb"\xfd7zXZ\x00",
    "compressed with zstd": rb"\x28\xb5\x2f\xfd",
    "compressed with lz4": rb"\x04\x22\x4d\x18",
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a RAR archive": rb"Rar!\x1a\x07",
    "a tar archive": rb".{257}ustar",
    "a Parquet file": rb"PAR1[\x00-\x1f]",
    "an Avro file": rb"Obj\x01",
    "text in UTF-16": rb"\xff\xfe|\xfe\xff",
}


class _Stream:
    """A stream whose first bytes can be looked at before they are read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._head = b""
        while len(self._head) < _HEAD_BYTES and (chunk := raw.read(_HEAD_BYTES - len(self._head))):
            self._head += chunk
        self.head = self._head

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._raw.read(size)
        if size < 0:
            found, self._head = self._head + self._raw.read(), b""
        else:
            found, self._head = self._head[:size], self._head[size:]
        return found


@contextmanager
def unpacked(path: str, *, size: int, fingerprint: str, s3: S3Access | None) -> Iterator[BinaryIO]:
    """The text of a listed file without its compression; DataError if it is corrupt, missing or no text,
    InfrastructureError if the storage fails or the file has changed since it was listed."""
    with file_errors(path), _open(path, size=size, fingerprint=fingerprint, s3=s3) as raw:
        if size == 0 and path.lower().endswith(".gz"):
            raise unreadable(path, "it has no bytes at all, as after an interrupted upload")
        stream = _Stream(raw)
        for _ in range(_MOST_LAYERS):
            if not stream.head.startswith(GZIP):
                break
            stream = _Stream(cast(BinaryIO, gzip.GzipFile(fileobj=cast(BinaryIO, stream), mode="rb")))
        other = other_format(stream.head)
        if other:
            raise unreadable(path, f"it is {other}, and only text can be read, plain or compressed with gzip")
        yield cast(BinaryIO, stream)


def other_format(head: bytes) -> str | None:
    """What a file is that begins with these bytes; None if it may be text."""
    if head.startswith(GZIP):
        return "compressed with gzip"
    return next((name for name, sign in _OTHER_FORMATS.items() if re.match(sign, head, re.DOTALL)), None)


@contextmanager
def _open(path: str, *, size: int, fingerprint: str, s3: S3Access | None) -> Iterator[BinaryIO]:
    if not is_s3(path):
        with Path(path).open("rb") as stream:
            if Path(path).stat().st_size != size:
                raise changed_while_read(path)
            yield stream
        return
    if s3 is None:
        raise UsageError(f"{path} needs a connection with `store:` for its S3 keys")
    bucket, key = split_url(path)
    with s3_errors(s3, path):
        body = make_client(s3).get_object(Bucket=bucket, Key=key, IfMatch=fingerprint)["Body"]
        try:
            yield cast(BinaryIO, body)
        finally:
            body.close()


@contextmanager
def file_errors(path: str) -> Iterator[None]:
    """Convert the errors of reading a file."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise unreadable(path, "the gzip stream is damaged or truncated") from None
    except HTTPError as error:
        raise InfrastructureError(
            f"the connection was lost while reading {path} ({type(error).__name__})",
            safe="nothing was written",
            next_step="run again",
        ) from None
    except OSError as error:
        raise unreadable(path, error.strerror or type(error).__name__) from None


def unreadable(path: str, reason: str) -> DataError:
    """The error for a file that cannot be used at all."""
    return DataError(
        f"{path} cannot be read: {reason}",
        safe="nothing of this batch was written; published data is unchanged",
        next_step="have the file delivered again, or move it out of the folder if it is none; then run again",
    )
