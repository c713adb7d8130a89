"""Lakes whose tables are files of a folder, under a catalog in a file: nothing is started for them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from usertags.project.model import Project
from usertags.sources.s3 import S3Access
from usertags.store.lake import Lake
from usertags.store.spark import make_active, of_lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def catalog_in_files(folder: Path) -> dict[str, str]:
    """The catalog of a lake as `connections.yml` writes it, for PyIceberg and Spark."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "type": "sql",
        "uri": f"sqlite:///{folder}/catalog.db?timeout=60",
        "warehouse": f"file://{folder}/warehouse",
        "io-impl": "org.apache.iceberg.hadoop.HadoopFileIO",
    }


@pytest.fixture
def lake_in_files(tmp_path: Path) -> Lake:
    """An empty lake; it has no storage for reports."""
    nowhere = S3Access("http://127.0.0.1:9", "us-east-1", "none", "none")
    return Lake(catalog_in_files(tmp_path / "lake"), nowhere, "reports")


def expire_all_snapshots(lake: Lake) -> None:
    """What maintenance does at its harshest: of every table only what a branch or main shows now is left."""
    for namespace in lake.catalog.list_namespaces():
        for name in lake.catalog.list_tables(namespace):
            table = lake.catalog.load_table(name)
            heads = {ref.snapshot_id for ref in table.metadata.refs.values()}
            old = [each.snapshot_id for each in table.metadata.snapshots if each.snapshot_id not in heads]
            if old:
                table.maintenance.expire_snapshots().by_ids(old).commit()


@pytest.fixture
def spark_of_lake(
    lake_in_files: Lake, new_session: Callable[[str], "SparkSession"], build: Callable[..., Project]
) -> "SparkSession":
    """A session of the shared server that reads and writes the lake in files."""
    session = of_lake(new_session("UTC"), build(), lake_in_files)
    make_active(session)
    return session


class ReportsInMemory:
    """In the place of the client of an object storage: the files of one bucket, by key."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put_object(self, *, Key: str, Body: bytes, **_: str) -> None:
        self.files[Key] = Body

    def get_object(self, *, Key: str, **_: str) -> dict[str, BytesIO]:
        return {"Body": BytesIO(self.files[Key])}

    def get_paginator(self, _: str) -> "ReportsInMemory":
        return self

    def paginate(self, *, Prefix: str, **_: str) -> list[dict[str, list[dict[str, str]]]]:
        return [{"Contents": [{"Key": key} for key in sorted(self.files) if key.startswith(Prefix)]}]


@pytest.fixture
def reports(lake_in_files: Lake) -> ReportsInMemory:
    """The storage for reports of the lake in files."""
    storage = ReportsInMemory()
    vars(lake_in_files)["boto"] = storage
    return storage
