"""Reads text files as lines with constant memory: local or S3, plain or gzip, with bad bytes preserved."""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from usertags.errors import UsageError
from usertags.sources.s3 import S3Access
from usertags.sources.unpacked import unpacked, unreadable

BLOCK_BYTES = 1024 * 1024
PIECE_LINES = 2_000
"""Lines parsed at a time: their objects fit into the processor cache, which doubles the speed."""

MAX_LINE_BYTES = 64 * 1024 * 1024

# A byte that is invalid in the encoding is kept as a lone surrogate, so that the rest of the line
# keeps its structure and the byte can be shown; well-formed text never contains one.
BAD_BYTE = re.compile("[\ud800-\udfff]")


def normal_encoding(encoding: str) -> str:
    """The Python codec of a configured encoding; raises UsageError for an encoding that cannot be split
    into lines.

    GBK and GB2312 are read as their superset GB18030 (like in browsers), because exports declared as
    GBK contain rare characters of names.
    """
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise UsageError(f"unknown encoding {encoding}", next_step="use utf-8 or gbk") from None
    if name in {"gbk", "gb2312"}:
        return "gb18030"
    if name == "utf-8-sig":
        return "utf-8"
    if codecs.encode("\n,0", name) != b"\n,0":
        raise UsageError(f"encoding {encoding} is not supported", next_step="use utf-8 or gbk")
    return name


def show(text: str, *, has_pii: bool) -> str:
    """An unparsed line for quarantine: bad bytes as `\\xNN`; only its length if it may
    contain personal data."""
    text = text.rstrip("\r\n")
    if has_pii:
        return f"length={len(text)}"
    return BAD_BYTE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


class _LineTooLong(Exception):
    """No line end within MAX_LINE_BYTES: probably not a text file."""


class Lines:
    """Iterates over the lines of one file (with line ends); remembers those returned since `take`.

    `block` is the number of remaining lines of the current block: a consumer that requests
    no more than that many records at a time never keeps much more than one block in memory.
    """

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._blocks = _blocks(stream)
        self._encoding = encoding
        self._block = ""
        self._waiting: list[str] = []
        self._next = 0
        self._taken: list[str] = []
        self._first = True
        self.bad_bytes = False

    def __iter__(self) -> Iterator[str]:
        while self._next < len(self._waiting) or self._load():
            line = self._waiting[self._next]
            self._next += 1
            self._taken.append(line)
            yield line

    def ahead(self) -> int:
        """The number of lines in memory, after reading a block if there are none; 0 at the end of the
        file."""
        if self._next >= len(self._waiting):
            self._load()
        return len(self._waiting) - self._next

    def block(self) -> str:
        """The next block of complete lines as one text, or nothing if a part of it was already returned.
        It remains the next block until `skip_block`."""
        if self._next < len(self._waiting) or not self._load_block():
            return ""
        return self._block

    def skip_block(self) -> None:
        """Count the block as read."""
        self._block = ""

    def take(self) -> list[str]:
        """The lines returned since the last call."""
        taken, self._taken = self._taken, []
        return taken

    def give_back(self, lines: list[str]) -> None:
        """Return these lines again, before all others; they are the last ones taken."""
        if len(lines) <= self._next:
            self._next -= len(lines)
            return
        self._waiting = lines + self._waiting[self._next :]
        self._next = 0

    def _load(self) -> bool:
        if not self._load_block():
            return False
        # StringIO ends lines only at \n, \r\n and \r; str.splitlines would also split at U+2028 and others.
        self._waiting = list(io.StringIO(self._block, newline=""))
        self._next = 0
        self._block = ""
        return True

    def _load_block(self) -> bool:
        while not self._block:
            block = next(self._blocks, None)
            if block is None:
                return False
            if self._first and self._encoding == "utf-8":
                block = block.removeprefix(codecs.BOM_UTF8)
            self._first = False
            self._block = self._decode(block)
        return True

    def _decode(self, block: bytes) -> str:
        try:
            return block.decode(self._encoding)
        except UnicodeDecodeError:
            self.bad_bytes = True
            return block.decode(self._encoding, errors="surrogateescape")


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Blocks that end with a line end; 0x0A is never part of another character in the encodings allowed."""
    rest = b""
    while chunk := stream.read(BLOCK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest += chunk
        if len(rest) > MAX_LINE_BYTES:
            raise _LineTooLong
    if rest:
        yield rest


@contextmanager
def open_lines(
    path: str, *, size: int, fingerprint: str, encoding: str, s3: S3Access | None
) -> Iterator[Lines]:
    """The lines of a listed file; errors as in `unpacked`."""
    with unpacked(path, size=size, fingerprint=fingerprint, s3=s3) as stream:
        try:
            yield Lines(stream, encoding)
        except _LineTooLong:
            reason = f"a line is longer than {MAX_LINE_BYTES // 1024 // 1024} MiB"
            raise unreadable(path, reason) from None
