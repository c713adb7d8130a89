"""Cached reads of small tables: data files never change, so each is read once."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import DataScan, FileScanTask, Table

from usertags.store.lake import CATALOG, Lake

# Interactive readers use short timeouts, writers do not.
_TIMEOUTS = {"s3.connect-timeout": "3", "s3.request-timeout": "10"}
_AT_ONCE = 8
_EVERY_ROW = AlwaysTrue()


def reading_catalog(lake: Lake) -> Catalog:
    """The lake's catalog for reading: nothing is created, and unresponsive storage is an error
    after some seconds."""
    return load_catalog(CATALOG, **{**lake.properties, **_TIMEOUTS})


class CachedTable:
    """The rows of a table on main, from the partitions selected by `where`. Files already read are
    not read again; without a new snapshot nothing is read. Thread-safe.

    `make` converts a row to the cached object. Equal texts are stored once.
    """

    def __init__(
        self,
        name: str,
        columns: tuple[str, ...] = (),
        make: Callable[[dict[str, Any]], Any] = lambda row: row,
    ) -> None:
        self.name = name
        self.snapshot: int | None = None
        self._columns, self._make = columns, make
        self._where: BooleanExpression | None = None
        self._files: Mapping[str, list[Any]] = {}
        self._rows: list[Any] = []
        self._texts: dict[str, str] = {}
        self._lock = Lock()

    def refresh(self, catalog: Catalog, where: BooleanExpression = _EVERY_ROW) -> bool:
        """Read new files; returns whether there were any. A missing table has no rows."""
        with self._lock:
            try:
                table = catalog.load_table(self.name)
            except NoSuchTableError:
                return self._keep(None, where, {})
            current = table.current_snapshot()
            snapshot = current.snapshot_id if current else None
            if (snapshot, where) == (self.snapshot, self._where):
                return False
            return self._keep(snapshot, where, self._read(table, where))

    def _keep(self, snapshot: int | None, where: BooleanExpression, files: Mapping[str, list[Any]]) -> bool:
        changed = (snapshot, where) != (self.snapshot, self._where)
        self._rows = [row for _, part in sorted(files.items()) for row in part]
        self._files, self._where, self.snapshot = files, where, snapshot
        return changed

    @property
    def rows(self) -> list[Any]:
        """The rows of the last refresh; do not modify them."""
        return self._rows

    def _read(self, table: Table, where: BooleanExpression) -> dict[str, list[Any]]:
        columns = tuple(name for name in self._columns if name in table.schema().column_names) or ("*",)
        scan = table.scan(row_filter=where, selected_fields=columns)
        tasks = {_key(task): task for task in scan.plan_files()}
        new = [key for key in tasks if key not in self._files]
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            parts = pool.map(lambda key: _rows_of(table, scan, tasks[key]), new)
            read = {key: self._made(part) for key, part in zip(new, parts, strict=True)}
        return {key: read[key] if key in read else self._files[key] for key in tasks}

    def _made(self, part: pa.Table) -> list[Any]:
        names = part.column_names
        columns = [_values(part[name], self._texts) for name in names]
        return [self._make(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray, texts: dict[str, str]) -> list[Any]:
    """The values of a column; equal texts are the same object in all rows."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return list(column.to_pylist())
    encoded = column.combine_chunks().dictionary_encode()
    values = [texts.setdefault(word, word) for word in encoded.dictionary.to_pylist()]
    return [None if index is None else values[index] for index in encoded.indices.to_pylist()]


def _key(task: FileScanTask) -> str:
    """The cache key of a file: the file and its delete files."""
    return "\n".join([task.file.file_path, *sorted(file.file_path for file in task.delete_files)])


def _rows_of(table: Table, scan: DataScan, task: FileScanTask) -> pa.Table:
    """All rows of a file: the filter selects partitions, and a file belongs to one partition.

    Columns are matched by Iceberg's field ids, so a renamed column keeps its history. PyIceberg's own reader
    takes more than twice as long, and is only needed if rows were deleted from the file.
    """
    projection = scan.projection()
    if task.delete_files:
        return ArrowScan(table.metadata, table.io, projection, AlwaysTrue()).to_table([task])
    with table.io.new_input(task.file.file_path).open() as source:
        read = pq.ParquetFile(source).read()
    schema, places = projection.as_arrow(), _places(read.schema)
    columns = [
        read.column(places[wanted.field_id]).cast(field.type)
        if wanted.field_id in places
        else pa.nulls(read.num_rows, field.type)
        for wanted, field in zip(projection.fields, schema, strict=True)
    ]
    return pa.table(columns, schema=schema)


def _places(schema: pa.Schema) -> dict[int, int]:
    """The position of each column of a data file by its field id."""
    return {int(field.metadata[b"PARQUET:field_id"]): place for place, field in enumerate(schema)}
