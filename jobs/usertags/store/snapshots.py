"""What differs between two snapshots of a table, from its metadata alone."""

from datetime import date

from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.utils.datetime import days_to_date


def changed_days(table: Table, column: str, before: int, after: int) -> frozenset[date] | None:
    """The days of a date column whose files differ between two snapshots; None if a file that differs is not
    partitioned by the column."""
    manifests = [_manifests(table, snapshot) for snapshot in (before, after)]
    apart = manifests[0].keys() ^ manifests[1].keys()
    old, new = (_files(table, [each[path] for path in each.keys() & apart]) for each in manifests)
    found = set()
    for path in old.keys() ^ new.keys():
        position = _position(table, old.get(path) or new[path], column)
        if position is None:
            return None
        value = (old.get(path) or new[path]).partition[position]
        found.add(value if isinstance(value, date) else days_to_date(value))
    return frozenset(found)


def _manifests(table: Table, snapshot_id: int) -> dict[str, ManifestFile]:
    snapshot = table.snapshot_by_id(snapshot_id)
    assert snapshot is not None, "the caller checks that the snapshot is there"
    return {each.manifest_path: each for each in snapshot.manifests(table.io)}


def _files(table: Table, manifests: list[ManifestFile]) -> dict[str, DataFile]:
    entries = [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io)]
    return {entry.data_file.file_path: entry.data_file for entry in entries}


def _position(table: Table, file: DataFile, column: str) -> int | None:
    """The position of the column in the partition of a file."""
    for position, field in enumerate(table.specs()[file.spec_id].fields):
        same = table.schema().find_column_name(field.source_id) == column
        if same and isinstance(field.transform, IdentityTransform):
            return position
    return None
