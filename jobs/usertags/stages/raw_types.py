"""In which column of the raw table the values of a source's column are landed, when its type has changed.

A raw table keeps what was landed as it is. A type that holds the old values too replaces the old one where
Iceberg can promote it; values that the old type holds are converted to it; for any other type there is a
further column, such as `paid__2`, and clean reads both (`usertags.transform.raw_columns`).
"""

import re
from collections.abc import Iterable
from itertools import count

import pyarrow as pa

from usertags.sources.exact_arrow import TEXT, converted, holds
from usertags.store.tables import promotable

_LARGE = {pa.large_string(): TEXT, pa.large_binary(): pa.binary()}


def versions_of(names: Iterable[str], columns: Iterable[str]) -> dict[str, list[str]]:
    """For each column of a source, the columns of its raw table that have its values: it, and those of other
    types. In: the names of the source's columns, of which none is one of another type; all of the table."""
    own, found = set(names), list(columns)
    return {
        name: [each for each in found if each == name or (_is_further(each, name) and each not in own)]
        for name in own
    }


def _is_further(column: str, name: str) -> bool:
    return re.fullmatch(rf"{re.escape(name)}__\d+", column) is not None


def landing(known: pa.Schema | None, delivered: pa.Schema) -> pa.Schema:
    """The columns in which the values of the columns delivered are landed, in their order. In: the schema of
    the raw table, if it exists."""
    types = {field.name: _LARGE.get(field.type, field.type) for field in known or ()}
    versions = versions_of(delivered.names, types)
    taken = {*types, *delivered.names}
    return pa.schema([_column(field, versions[field.name], types, taken) for field in delivered])


def _column(field: pa.Field, versions: list[str], types: dict[str, pa.DataType], taken: set[str]) -> pa.Field:
    if not versions:
        return pa.field(field.name, TEXT if pa.types.is_null(field.type) else field.type)
    same = [name for name in versions if types[name] == field.type]
    wider = [name for name in versions if holds(types[name], field.type)]
    for name in (*same, *wider):
        return pa.field(name, types[name])
    for name in versions:
        if promotable(types[name], field.type):
            return pa.field(name, field.type)
    further = (f"{field.name}__{number}" for number in count(2))
    return pa.field(next(name for name in further if name not in taken), field.type)


def landed_as(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in the columns of `landing`."""
    arrays = [converted(array, field.type) for array, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
