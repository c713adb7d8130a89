"""Loads the synthetic shop into a PostgreSQL database and a landing folder."""

import gzip
import io
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import boto3
import psycopg
import pyarrow as pa
from botocore.config import Config
from psycopg import sql
from pyarrow import csv

from demo.shop import Shop

_FOLDERS = ("behaviour/", "questionnaires/", "manual_tags/", "campaigns/")


class Access(Protocol):
    """What is needed to reach an S3 service."""

    @property
    def endpoint(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...


def load_database(url: str, shop: Shop) -> None:
    """Create the shop's tables in a PostgreSQL database and fill them, in one transaction.

    Tables of the same names are dropped first. `url` may name a SQLAlchemy driver. The tables have no
    primary keys: they are a reporting copy that holds repeats and older versions.
    """
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(plain) as connection:
        for name, table in shop.tables.items():
            _create(connection, name, table.schema)
            _copy(connection, name, table)
        connection.execute("analyze")


def add_to_database(url: str, shop: Shop, since: datetime) -> None:
    """Add the rows of a further day, in one transaction. Rows updated since then are replaced."""
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1)) as connection:
        for name, table in shop.tables.items():
            statement = sql.SQL("delete from {} where updated_at >= %s").format(sql.Identifier(name))
            connection.execute(statement, [since])
            _copy(connection, name, table)


def _create(connection: psycopg.Connection[Any], name: str, schema: pa.Schema) -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(_type(field.type))) for field in schema
    )
    table = sql.Identifier(name)
    connection.execute(sql.SQL("drop table if exists {}").format(table))
    connection.execute(sql.SQL("create table {} ({})").format(table, columns))
    connection.execute(sql.SQL("create index on {} (updated_at)").format(table))


def _type(kind: pa.DataType) -> Any:
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    names = {
        pa.int32(): "integer",
        pa.int64(): "bigint",
        pa.string(): "text",
        pa.date32(): "date",
        pa.timestamp("us", tz="UTC"): "timestamptz",
    }
    return names[kind]


def _copy(connection: psycopg.Connection[Any], name: str, table: pa.Table) -> None:
    text = io.BytesIO()
    # All values are quoted except null: this is how COPY distinguishes null from an empty text.
    csv.write_csv(table, text, csv.WriteOptions(quoting_style="all_valid"))
    statement = sql.SQL("copy {} from stdin (format csv, header true)").format(sql.Identifier(name))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text.getbuffer())


def land_files(target: Access | Path, shop: Shop, bucket: str = "landing") -> list[str]:
    """Write the landing files below a folder, or into a bucket that exists; returns their paths.

    Files of an earlier shop in the same folders are removed.
    """
    if isinstance(target, Path):
        return _land_in_folder(target, shop)
    client = _client(target)
    for name in _keys(client, bucket):
        if name not in shop.files:
            client.delete_object(Bucket=bucket, Key=name)
    return _put(client, shop, bucket)


def add_files(access: Access, shop: Shop, bucket: str = "landing") -> list[str]:
    """Write the landing files of a further day into a bucket; existing files are kept."""
    return _put(_client(access), shop, bucket)


def _land_in_folder(root: Path, shop: Shop) -> list[str]:
    earlier = (path for folder in _FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    for path in list(earlier):
        if path.relative_to(root).as_posix() not in shop.files:
            path.unlink()
    for name, content in shop.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_packed(name, content))
    return sorted(shop.files)


def _client(access: Access) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=access.endpoint or None,
        region_name=access.region,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        config=Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _put(client: Any, shop: Shop, bucket: str) -> list[str]:
    for name, content in shop.files.items():
        client.put_object(Bucket=bucket, Key=name, Body=_packed(name, content))
    return sorted(shop.files)


def _keys(client: Any, bucket: str) -> Iterable[str]:
    pages = client.get_paginator("list_objects_v2")
    listings = (page for folder in _FOLDERS for page in pages.paginate(Bucket=bucket, Prefix=folder))
    return [item["Key"] for page in listings for item in page.get("Contents", [])]


def _packed(name: str, content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=6, mtime=0) if name.endswith(".gz") else content
