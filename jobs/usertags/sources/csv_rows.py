"""CSV records as strings: every record is either a row or kept as unparsed text.

An invalid CSV record (wrong number of fields, bad bytes, an unclosed quote) only affects that record; reading
continues with the next line.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from usertags.errors import DataError, UsageError
from usertags.sources.csv_blocks import PlainBlock, parse_plain
from usertags.sources.reading import missing_columns
from usertags.sources.text_lines import BAD_BYTE, PIECE_LINES, Lines, show
from usertags.sources.unpacked import unreadable


@dataclass(frozen=True)
class TextBatch:
    """Columns of strings and the first line of each record; `unparsed` is None if all records are valid."""

    columns: Sequence[Sequence[str | None] | pa.Array]
    lines: Sequence[int]
    unparsed: Sequence[str | None] | None


def read_csv(
    lines: Lines,
    *,
    path: str,
    columns: Sequence[str],
    delimiter: str,
    header: bool | Sequence[str],
    has_pii: bool,
    may_be_empty: bool = False,
) -> Iterator[TextBatch]:
    """Batches of the requested columns of one file. An empty field is an empty string, as CSV has no null;
    blank lines are ignored, and so are lines that repeat the header, as of files that were joined. Raises
    DataError for a header that is missing (unless the file `may_be_empty`), has duplicates or is
    unreadable."""
    check_delimiter(delimiter)
    if isinstance(header, bool):
        if not header:
            raise UsageError("a CSV file without a header line needs `header: [names of its columns]`")
        names = _read_header(lines, delimiter, path=path)
        if names is None and may_be_empty:
            return
        if names is None:
            raise unreadable(path, "it is empty and has no header line")
        _check_header(names, columns, path=path, has_pii=has_pii)
    else:
        names = list(header)
        _check_names(names, columns, path=path)
    line = len(lines.take()) + 1
    records = _Records(
        places=[names.index(column) for column in columns],
        names=names,
        delimiter=delimiter,
        has_pii=has_pii,
    )
    while True:
        plain = _plain_block(lines, names=names, columns=columns, delimiter=delimiter)
        if plain is not None:
            yield TextBatch(plain.columns, range(line, line + plain.rows), None)
            line += plain.rows
            continue
        waiting = lines.ahead()
        if not waiting:
            return
        batch, used = records.read(lines, min(PIECE_LINES, waiting), line)
        line += used
        if batch.lines:
            yield batch


def check_delimiter(delimiter: str) -> None:
    """Raises UsageError for an invalid delimiter."""
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageError("the delimiter of a CSV file must be one character other than a quote or line end")


@dataclass(frozen=True)
class _Records:
    """Turns parsed records into batches; `places` are the positions of the requested columns."""

    places: list[int]
    names: list[str]
    delimiter: str
    has_pii: bool

    @property
    def width(self) -> int:
        """The number of fields of a record."""
        return len(self.names)

    def read(self, lines: Lines, count: int, line: int) -> tuple[TextBatch, int]:
        """The next records, `count` at most, and how many lines they took; `line` is the first of them."""
        # A new reader for each piece: a reader that has reached the end would not see lines given back.
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        rows: list[list[str]] = []
        ends: list[int] = []
        with suppress(csv.Error):
            for row in islice(reader, count):
                rows.append(row)
                ends.append(reader.line_num)
        taken = lines.take()
        bad_bytes = lines.bad_bytes and any(map(BAD_BYTE.search, taken))
        if not bad_bytes and self.simple(rows, taken):
            return self.at_once(rows, line), len(taken)
        batch, used = self.one_by_one(rows, ends, taken, line)
        lines.give_back(taken[used:])
        return batch, used

    def simple(self, rows: list[list[str]], taken: list[str]) -> bool:
        """True if each line is one record of the right width, so that no further checks are needed."""
        # A record has at least one line: equal counts mean exactly one line each, and no failed record.
        same = len(rows) == len(taken) and set(map(len, rows)) == {self.width}
        return same and not any(map(self.is_header, rows))

    def at_once(self, rows: list[list[str]], line: int) -> TextBatch:
        fields = list(zip(*rows, strict=True))
        return TextBatch([fields[place] for place in self.places], range(line, line + len(rows)), None)

    def is_header(self, row: list[str]) -> bool:
        """True if a record repeats the header; files that were joined may each begin with a byte order
        mark."""
        return row[-1] == self.names[-1] and [row[0].removeprefix("\ufeff"), *row[1:]] == self.names

    def swallowed(self, raw: list[str]) -> bool:
        """True if a record of several lines looks like complete records around two stray quotes: one
        of its fields would contain the personal data of others."""
        return len(raw) > 1 and all(
            line.count(self.delimiter) >= self.width - 1 for line in (raw[0], raw[-1])
        )

    def one_by_one(
        self, found: list[list[str]], ends: list[int], taken: list[str], line: int
    ) -> tuple[TextBatch, int]:
        """The records of the lines taken, and the number of lines they consist of; record N ends before line
        `ends[N]`.

        Lines after the last record belong to a record that cannot be parsed. Only its first line is dropped:
        an unclosed quote would otherwise swallow everything that follows. If there is personal data, a
        record that may have swallowed others is not accepted either.
        """
        rows: list[list[str] | None] = []
        starts: list[int] = []
        unparsed: list[str | None] = []
        start = 0
        for row, end in zip(found, ends, strict=True):
            if self.has_pii and self.swallowed(taken[start:end]):
                break
            if row and not self.is_header(row):
                raw = taken[start:end]
                good = len(row) == self.width and not any(map(BAD_BYTE.search, raw))
                rows.append(row if good else None)
                unparsed.append(None if good else show("".join(raw), has_pii=self.has_pii))
                starts.append(line + start)
            start = end
        if start < len(taken):
            rows.append(None)
            unparsed.append(show(taken[start], has_pii=self.has_pii))
            starts.append(line + start)
            start += 1
        columns = [[None if row is None else row[place] for row in rows] for place in self.places]
        return TextBatch(columns, starts, unparsed), start


def _plain_block(
    lines: Lines, *, names: Sequence[str], columns: Sequence[str], delimiter: str
) -> PlainBlock | None:
    block = lines.block()
    if not block or lines.bad_bytes:
        return None
    plain = parse_plain(block, names=names, columns=columns, delimiter=delimiter)
    if plain is None or _may_repeat_header(plain, names, columns):
        return None
    lines.skip_block()
    return plain


def _may_repeat_header(plain: PlainBlock, names: Sequence[str], columns: Sequence[str]) -> bool:
    """Whether a value equals the name of its column. One column is enough: not the first of the file, which
    may begin with a byte order mark."""
    place = max(range(len(columns)), key=lambda each: names.index(columns[each]))
    found = pc.any(pc.equal(plain.columns[place], columns[place])).as_py()
    return bool(found)


def _read_header(lines: Lines, delimiter: str, *, path: str) -> list[str] | None:
    """The names of the columns; None for a file without any line."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        # Blank lines before the header are skipped, as they are between records.
        names = next((row for row in reader if row), None)
    except csv.Error:
        raise unreadable(path, "its header line is not CSV") from None
    if names and lines.bad_bytes and any(map(BAD_BYTE.search, names)):
        raise unreadable(
            path, "its header line does not have the configured encoding (is it GBK, not UTF-8?)"
        )
    return names


def _check_header(names: list[str], columns: Sequence[str], *, path: str, has_pii: bool) -> None:
    missing = [column for column in columns if column not in names]
    if missing and len(missing) == len(columns):
        # Probably a data row: its values must not appear in a message.
        found = "1 field" if len(names) == 1 else f"{len(names)} fields"
        raise _bad_header(path, f"none of the columns {', '.join(columns)} is in its first line ({found})")
    if missing:
        raise _bad_header(path, missing_columns(missing, names, has_pii=has_pii))
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    if doubled and has_pii:
        doubled = [name for name in doubled if name in columns] or ["that the source does not read"]
    if doubled:
        raise _bad_header(path, f"its header names more than one column {', '.join(doubled)}")


def _check_names(names: list[str], columns: Sequence[str], *, path: str) -> None:
    missing = [column for column in columns if column not in names]
    if missing:
        raise _bad_header(path, f"the configured header has {missing_columns(missing, names)}")
    if len(set(names)) < len(names):
        raise _bad_header(path, "the configured header has a duplicate column")


def _bad_header(path: str, what: str) -> DataError:
    return DataError(
        f"{path}: {what}",
        safe="nothing of this batch was written; published data is unchanged",
        next_step="correct `columns`, `delimiter` or `header` of the source, or request a new delivery",
    )
