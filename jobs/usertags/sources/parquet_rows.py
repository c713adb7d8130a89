"""Parquet files, batch by batch, in types of the lake that hold their values exactly."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

from usertags.errors import DataError, InfrastructureError, UsageError
from usertags.sources.exact_arrow import INSTANT, converted, landed_type
from usertags.sources.reading import BATCH_ROWS, missing_columns
from usertags.sources.s3 import S3Access, changed_while_read, host_of, is_s3, split_url
from usertags.sources.unpacked import other_format, unreadable

_MICROSECONDS = {"s": 1_000_000, "ms": 1_000}
_LAST_MICROSECOND = 9 * 10**18


def parquet_fields(path: str, columns: Sequence[str], s3: S3Access | None) -> list[pa.Field]:
    """The fields of the requested columns, in order; DataError if the file does not have all of them."""
    with _open(path, s3) as file:
        schema = file.schema_arrow
        int96 = _int96_columns(file)
    missing = [column for column in columns if column not in schema.names]
    if missing:
        raise DataError(
            f"{path}: {missing_columns(missing, schema.names)}",
            safe="nothing of this batch was written; published data is unchanged",
            next_step="correct `columns` of the source, or have the file delivered again",
        )
    return [_plain(schema.field(column), column in int96, path) for column in columns]


def read_parquet(
    path: str, *, size: int, fields: Sequence[pa.Field], schema: pa.Schema, s3: S3Access | None
) -> Iterator[pa.RecordBatch]:
    """Batches with the columns of `schema`, whose types hold the values of the file's own `fields`."""
    with _open(path, s3, size) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=schema.names, use_threads=False):
            arrays = [
                converted(_landed(batch.column(own.name), own, path), field.type)
                for own, field in zip(fields, schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def every_batch(path: str, *, size: int, s3: S3Access | None) -> Iterator[pa.RecordBatch]:
    """Batches with all columns of a file as they are stored."""
    with _open(path, s3, size) as file:
        yield from file.iter_batches(batch_size=BATCH_ROWS, use_threads=False)


def _plain(field: pa.Field, is_int96: bool, path: str) -> pa.Field:
    """The field as it is landed: times have microseconds, and instants are in UTC. Spark and Hive write INT96
    for instants."""
    kind = INSTANT if is_int96 else landed_type(field.type)
    if kind is None:
        raise DataError(
            f"{path}: column {field.name} is {field.type}, which no type of a column can hold",
            safe="nothing of this batch was written; published data is unchanged",
            next_step="have it delivered as text, a number or a time, one value a row",
        )
    return pa.field(field.name, kind)


def _int96_columns(file: pq.ParquetFile) -> set[str]:
    schema = file.schema
    columns = (schema.column(index) for index in range(len(schema)))
    return {column.path for column in columns if column.physical_type == "INT96"}


def _landed(array: pa.Array, field: pa.Field, path: str) -> pa.Array:
    if pa.types.is_timestamp(array.type):
        return _in_microseconds(array, field.type)
    try:
        return converted(array, field.type)
    except pa.ArrowInvalid:
        raise DataError(
            f"{path}: column {field.name} is {array.type}, and some of its values are not {field.type}",
            safe="nothing of this batch was written; published data is unchanged",
            next_step="have the file delivered with text in UTF-8, or dates without a time, in this column",
        ) from None


def _in_microseconds(array: pa.Array, kind: pa.TimestampType) -> pa.Array:
    """Times in the unit and zone of the lake. Nanoseconds are cut off; what microseconds cannot hold (a
    number of another unit, taken for seconds) becomes a time of the year 287000, which clean sets aside."""
    if array.type.unit == "ns":
        array = pc.floor_temporal(array, unit="microsecond")
    elif array.type.unit in _MICROSECONDS:
        last = _LAST_MICROSECOND // _MICROSECONDS[array.type.unit]
        numbers = pc.max_element_wise(array.cast(pa.int64()), -last, skip_nulls=False)
        array = pc.min_element_wise(numbers, last, skip_nulls=False).cast(array.type)
    return array.cast(kind)


@contextmanager
def _open(path: str, s3: S3Access | None, size: int | None = None) -> Iterator[pq.ParquetFile]:
    try:
        if is_s3(path):
            bucket, key = split_url(path)
            source = _file_system(path, s3).open_input_file(f"{bucket}/{key}")
        else:
            source = pa.OSFile(str(Path(path)), "rb")
        with source:
            if size is not None and source.size() != size:
                raise changed_while_read(path)
            _refuse_other_format(source.read_at(4, 0), path)
            # Nanoseconds would silently wrap around for the years before 1678 and after 2261.
            yield pq.ParquetFile(source, coerce_int96_timestamp_unit="us")
    except pa.ArrowInvalid:
        raise unreadable(path, "it is not a complete Parquet file") from None
    except OSError as error:
        # pyarrow uses the same exception for network errors and damaged pages; only the text
        # distinguishes them.
        if s3 is not None and is_s3(path) and "AWS Error" in str(error):
            raise InfrastructureError(
                f"the S3 service at {host_of(s3)} failed to deliver {path}",
                safe="nothing was written",
                next_step="check the service and the keys of the connection, then run again",
            ) from None
        raise unreadable(path, error.strerror or "part of it is damaged") from None


def _refuse_other_format(head: bytes, path: str) -> None:
    other = other_format(head) if head else "empty"
    if other:
        raise unreadable(path, f"it is {other}, and no Parquet file")


def _file_system(path: str, s3: S3Access | None) -> S3FileSystem:
    if s3 is None:
        raise UsageError(f"{path} needs a connection with `store:` for its S3 keys")
    scheme, _, host = s3.endpoint.rpartition("://")
    return S3FileSystem(
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        region=s3.region,
        endpoint_override=host or None,
        scheme=scheme or "https",
        connect_timeout=5,
        request_timeout=60,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=3),
    )
