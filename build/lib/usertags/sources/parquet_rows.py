"""Parquet files, batch by batch, with their declared types."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

from usertags.errors import DataError, InfrastructureError, UsageError
from usertags.sources.reading import BATCH_ROWS, missing_columns
from usertags.sources.s3 import S3Access, changed_while_read, host_of, is_s3, split_url
from usertags.sources.text_lines import unreadable


def parquet_fields(path: str, columns: Sequence[str], s3: S3Access | None) -> list[pa.Field]:
    """The fields of the requested columns, in order; DataError if the file does not have all of them."""
    with _open(path, s3) as file:
        schema = file.schema_arrow
    missing = [column for column in columns if column not in schema.names]
    if missing:
        raise DataError(
            f"{path}: {missing_columns(missing, schema.names)}",
            safe="nothing of this batch was written; published data is unchanged",
            next_step="correct `columns` of the source, or have the file delivered again",
        )
    return [_plain(schema.field(column)) for column in columns]


def read_parquet(path: str, *, size: int, schema: pa.Schema, s3: S3Access | None) -> Iterator[pa.RecordBatch]:
    """Batches with the columns of `schema`; a file with different types is cast if no value changes."""
    parquet_fields(path, schema.names, s3)
    with _open(path, s3, size) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=schema.names, use_threads=False):
            arrays = [_cast(batch.column(field.name), field, path) for field in schema]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _plain(field: pa.Field) -> pa.Field:
    """Dictionary encoding is a matter of storage, not of type."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    return pa.field(field.name, kind)


def _cast(array: pa.Array, field: pa.Field, path: str) -> pa.Array:
    if array.type == field.type:
        return array
    try:
        return array.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(
            f"{path}: column {field.name} is {array.type}, but {field.type} in earlier files, "
            "and some values cannot be converted",
            safe="nothing of this batch was written; published data is unchanged",
            next_step="have the files delivered with the same type for the column",
        ) from None


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
            yield pq.ParquetFile(source)
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
