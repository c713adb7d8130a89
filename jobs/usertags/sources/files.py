"""Files as a source: the files up to a day, and their rows as Arrow batches.

CSV and JSON are landed as strings with file and line; Parquet keeps its types, with its file
and `landed_line`. Only the requested columns are read.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import pyarrow as pa

from usertags.errors import DataError, UsageError
from usertags.sources.csv_rows import TextBatch, read_csv
from usertags.sources.exact_arrow import common_type
from usertags.sources.json_rows import read_json
from usertags.sources.parquet_rows import parquet_fields, read_parquet
from usertags.sources.reading import coalesce
from usertags.sources.s3 import S3Access, is_s3, make_client, s3_errors, split_url
from usertags.sources.text_lines import normal_encoding, open_lines

__all__ = ["FileFormat", "S3Access", "SourceFile", "list_all", "list_files", "read_files"]

FileFormat = Literal["csv", "json", "parquet"]

# What Spark, Hive, Delta and file systems write beside the files: none of it is a delivery. Every name that
# begins with a dot is hidden anyway; these are not even worth a word.
_LEFT_BY_TOOLS = re.compile(
    r"(?:^|/)(?:_SUCCESS|_committed_[^/]*|_started_[^/]*|_metadata|_common_metadata|_temporary/.*"
    r"|_spark_metadata/.*|_delta_log/.*|\._[^/]*|\.[^/]*\.crc|\.DS_Store|\.(?:git)?keep|\.nfs[0-9a-f]+"
    r"|\.(?:Trash|snapshot|ipynb_checkpoints)[^/]*/.*)\Z",
    re.DOTALL,
)

# Iceberg reserves names that begin with an underscore, such as _file.
FILE, LINE, UNPARSED = "landed_file", "landed_line", "landed_unparsed"


NO_ROWS = "no rows"
"""The content of a file without rows."""


@dataclass(frozen=True)
class SourceFile:
    """A file of the listing: `path` is used to open it, `name` is relative to the root, `size` is in bytes.

    The fingerprint changes with the content: SHA-256 of a local file, the ETag of an S3 object.
    `day` is the date at the position of `{day}`, None for a pattern without it. A file is `hidden` if its
    name, or that of a folder, begins with a dot that the pattern does not have. `content` is the fingerprint
    of what is in the file (`usertags.sources.content`), `NO_ROWS` if it has none, empty as long as nobody
    asked for it.
    """

    path: str
    name: str
    size: int
    fingerprint: str
    day: date | None
    hidden: bool = False
    content: str = ""


def list_files(root: str, pattern: str, *, data_day: date, s3: S3Access | None = None) -> list[SourceFile]:
    """The files under `root` (a folder or s3://bucket/prefix) with a matching relative name, sorted by name.

    `{day}` matches YYYY-MM-DD and limits the files to days up to `day`; `*` and `?` match
    within a folder, `**` across folders; names that begin with a dot are only matched by a dot. What tools
    leave beside the files, such as `_SUCCESS`, is left out.
    """
    return [file for file in list_all(root, pattern, data_day=data_day, s3=s3) if not file.hidden]


def list_all(root: str, pattern: str, *, data_day: date, s3: S3Access | None = None) -> list[SourceFile]:
    """As `list_files`, with the hidden files whose names match apart from the dot."""
    visible, any_name = _compile(pattern), _compile(pattern, hidden=True)
    found = _s3_names(root, pattern, s3) if is_s3(root) else _local_names(root, pattern)
    files = []
    for name, size, fingerprint in found:
        match = any_name.fullmatch(name)
        if match is None or _LEFT_BY_TOOLS.search(name):
            continue
        file_day = _day_of(match, name)
        if file_day is None or file_day <= data_day:
            path = f"{root.rstrip('/')}/{name}" if is_s3(root) else str(Path(root) / name)
            hidden = visible.fullmatch(name) is None
            print_of = fingerprint or _digest(path)
            files.append(SourceFile(path, name, size, print_of, file_day, hidden))
    return sorted(files, key=lambda file: file.name)


def read_files(
    files: Sequence[SourceFile],
    *,
    columns: Sequence[str],
    format: FileFormat,
    encoding: str = "utf-8",
    delimiter: str = ",",
    header: bool | Sequence[str] = True,
    has_pii: bool,
    may_be_empty: bool = False,
    s3: S3Access | None = None,
) -> pa.RecordBatchReader:
    """The rows of these files, in order.

    CSV and JSON: every column is a string (an empty CSV field is '', a missing JSON key null);
    `landed_line` is the first line of the record (1-based, the header counts); `landed_unparsed` is null
    or the text of a record that could not be parsed, or only `length=N` with `has_pii`. `header` is True,
    or the column names of files without a header line. A CSV file without even a header is refused, unless
    files `may_be_empty`. Parquet: `landed_line` is the number of the row;
    each column has a type that holds the values of all files, or is text.
    """
    if format == "parquet":
        return _read_parquet(files, columns, s3)
    fields = [pa.field(column, pa.string()) for column in columns]
    schema = pa.schema([*fields, (FILE, pa.string()), (LINE, pa.int64()), (UNPARSED, pa.string())])
    codec = normal_encoding(encoding)

    def batches() -> Iterator[pa.RecordBatch]:
        for file in files:
            with open_lines(
                file.path, size=file.size, fingerprint=file.fingerprint, encoding=codec, s3=s3
            ) as lines:
                if format == "csv":
                    found = read_csv(
                        lines,
                        path=file.path,
                        columns=columns,
                        delimiter=delimiter,
                        header=header,
                        has_pii=has_pii,
                        may_be_empty=may_be_empty,
                    )
                else:
                    found = read_json(lines, path=file.path, columns=columns, has_pii=has_pii)
                for batch in found:
                    yield _text_batch(batch, file.name, schema)

    return pa.RecordBatchReader.from_batches(schema, coalesce(batches()))


def _text_batch(batch: TextBatch, name: str, schema: pa.Schema) -> pa.RecordBatch:
    rows = len(batch.lines)
    unparsed = (
        pa.nulls(rows, pa.string()) if batch.unparsed is None else pa.array(batch.unparsed, pa.string())
    )
    arrays = [_strings(column) for column in batch.columns]
    arrays += [pa.repeat(pa.scalar(name, pa.string()), rows), pa.array(batch.lines, pa.int64()), unparsed]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _strings(column: Sequence[str | None] | pa.Array) -> pa.Array:
    return column if isinstance(column, pa.Array) else pa.array(column, pa.string())


def _read_parquet(
    files: Sequence[SourceFile], columns: Sequence[str], s3: S3Access | None
) -> pa.RecordBatchReader:
    own = [parquet_fields(file.path, columns, s3) for file in files]
    types = [common_type(each.type for each in found) for found in zip(*own, strict=True)]
    # Without files, the types do not matter.
    types = types or [pa.string() for _ in columns]
    wanted = pa.schema(list(zip(columns, types, strict=True)))
    schema = pa.schema([*wanted, (FILE, pa.string()), (LINE, pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        for file, fields in zip(files, own, strict=True):
            line = 1
            for batch in read_parquet(file.path, size=file.size, fields=fields, schema=wanted, s3=s3):
                rows = batch.num_rows
                names = pa.repeat(pa.scalar(file.name, pa.string()), rows)
                lines = pa.array(range(line, line + rows), pa.int64())
                yield pa.RecordBatch.from_arrays([*batch.columns, names, lines], schema=schema)
                line += rows

    return pa.RecordBatchReader.from_batches(schema, coalesce(batches()))


def _compile(pattern: str, *, hidden: bool = False) -> re.Pattern[str]:
    """The pattern as a regular expression for relative names with `/` between folders. With `hidden`,
    wildcards match names that begin with a dot too."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise UsageError(f"the pattern {pattern} points outside the root of the connection")
    out = ""
    days = 0
    for part in re.split(r"(\{day\}|\*\*/|\*\*|\*|\?)", pattern):
        if part == "{day}":
            out += r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})" if days == 0 else "(?P=day)"
            days += 1
        elif part == "**/":
            out += r"(?:[^/]+/)*" if hidden else r"(?:[^/.][^/]*/)*"
        elif part in {"**", "*", "?"}:
            many = ".*" if part == "**" else "[^/]" if part == "?" else "[^/]*"
            # At the beginning of a name, a wildcard does not match a dot: such files are hidden.
            if not hidden and (out == "" or out.endswith(("/", ")*"))):
                many = r"(?!\.)(?:[^/]|/(?!\.))*" if part == "**" else r"(?!\.)" + many
            out += many
        else:
            out += re.escape(part)
    return re.compile(out, re.DOTALL)


def _fixed_folder(pattern: str) -> str:
    """The folders of a pattern before the first wildcard: only these have to be listed."""
    folders = pattern.split("/")[:-1]
    fixed = []
    for folder in folders:
        if re.search(r"[*?]|\{day\}", folder):
            break
        fixed.append(folder + "/")
    return "".join(fixed)


def _local_names(root: str, pattern: str) -> Iterator[tuple[str, int, str]]:
    base = Path(root)
    if not base.is_dir():
        raise DataError(
            f"the folder {root} does not exist",
            safe="nothing was written",
            next_step="check `root` of the connection, or mount the folder",
        )
    for path in (base / _fixed_folder(pattern)).rglob("*"):
        if path.is_file():
            yield path.relative_to(base).as_posix(), path.stat().st_size, ""


def _s3_names(root: str, pattern: str, s3: S3Access | None) -> Iterator[tuple[str, int, str]]:
    if s3 is None:
        raise UsageError(f"{root} needs a connection with `store:` for its S3 keys")
    bucket, prefix = split_url(root)
    prefix = prefix.rstrip("/") + "/" if prefix.strip("/") else ""
    with s3_errors(s3, f"s3://{bucket}"):
        pages = make_client(s3).get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix + _fixed_folder(pattern)):
            for item in page.get("Contents", []):
                name = item["Key"].removeprefix(prefix)
                if not name.endswith("/"):
                    yield name, int(item["Size"]), item["ETag"]


def _day_of(match: re.Match[str], name: str) -> date | None:
    text = match.groupdict().get("day")
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DataError(
            f"{name}: invalid date {text}, expected YYYY-MM-DD",
            safe="nothing was written",
            next_step="rename the file or change `files` of the source",
        ) from None


def _digest(path: str) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
