"""Lakes whose tables are files of a folder, under a catalog in a file: nothing is started for them."""

from pathlib import Path

import pytest

from usertags.sources.s3 import S3Access
from usertags.store.lake import Lake


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
