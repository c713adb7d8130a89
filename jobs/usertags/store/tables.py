"""Creation of tables, columns and branches, and the replacement of rows in the tables of records."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot, ancestors_of
from pyiceberg.table.update import TableUpdate
from pyiceberg.table.update.snapshot import ManageSnapshots
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DecimalType, LongType

from usertags.errors import InfrastructureError, UsageError
from usertags.store.lake import Lake

# Each commit adds a manifest, and every reader opens all of them: they are merged regularly. Otherwise a
# table with a few commits per day takes seconds to open after a year.
# Concurrent tasks write to the same tables of `ops`: conflicting commits are retried.
_PROPERTIES = {
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "30",
    "commit.retry.num-retries": "20",
    "write.metadata.previous-versions-max": "20",
}
# PyIceberg copies the history of a table several times per commit: with 600 snapshots a commit takes more
# than a CPU second, with 20 a tenth of it. Nothing reads an earlier state of a table of records.
_SNAPSHOTS, _SNAPSHOTS_KEPT = 20, 5


def ensure_table(
    lake: Lake,
    name: str,
    schema: pa.Schema,
    partition: Sequence[str] = (),
    content: pa.Table | None = None,
) -> Table:
    """The table, created if missing, with missing columns of `schema` added, and columns promoted whose type
    has become wider (`promotable`).

    The commit that creates a table writes its `content`; without content it gets an empty first snapshot, so
    that it can be read and branched at once.
    Raises UsageError if a column would change its type: such a column needs a new name.
    """
    schema = pa.schema([field.with_nullable(True) for field in schema])
    table = find_table(lake, name) or _create(lake, name, schema, partition, content)
    _add_columns(table, name, schema)
    return table


# Sources are cleaned concurrently, and several may create the same new table.
_CREATING = Lock()


def _create(
    lake: Lake, name: str, schema: pa.Schema, partition: Sequence[str], content: pa.Table | None
) -> Table:
    """One commit creates the table; if another thread or process was faster, its table is used."""
    with _CREATING:
        try:
            _create_once(lake, name, schema, partition, content)
        except (CommitFailedException, TableAlreadyExistsError, ValueError):
            # The catalog may return the table of the other process: then it already has its partitions.
            if find_table(lake, name) is None:
                raise
        return lake.catalog.load_table(name)


def _create_once(
    lake: Lake, name: str, schema: pa.Schema, partition: Sequence[str], content: pa.Table | None
) -> None:
    if find_table(lake, name) is not None:
        return
    transaction = lake.catalog.create_table_transaction(name, schema=schema, properties=_PROPERTIES)
    with transaction.update_spec() as spec:
        for column in partition:
            spec.add_field(column, IdentityTransform(), column)
    transaction.append(schema.empty_table() if content is None else content)
    transaction.commit_transaction()


def replace_rows(table: Table, rows: pa.Table, where: BooleanExpression) -> None:
    """Replace rows of a table of records, in one commit. Its oldest snapshots expire from time to time."""
    with LightTransaction(table) as transaction:
        transaction.overwrite(rows, where)
    expire_old_snapshots(table)


class LightTransaction(Transaction):
    """A transaction that computes the metadata of its table once per update. PyIceberg's own does so at each
    of some forty accesses per commit, each time as a copy of everything: half of a commit's cost."""

    _computed: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """The metadata of the table with the updates so far."""
        base, updates = self._table.metadata, self._updates
        if self._computed is None or self._computed[0] is not base or self._computed[1] is not updates:
            self._computed = (base, updates, super().table_metadata)
        return self._computed[2]


def expire_old_snapshots(table: Table) -> None:
    """Expire all but the newest snapshots if there are many; if another process commits at the same time, a
    later commit does it."""
    ids = [each.snapshot_id for each in table.metadata.snapshots]
    heads = {ref.snapshot_id for ref in table.metadata.refs.values()}
    if len(ids) > _SNAPSHOTS:
        old = [each for each in ids[:-_SNAPSHOTS_KEPT] if each not in heads]
        with suppress(CommitFailedException):
            table.maintenance.expire_snapshots().by_ids(old).commit()


def find_table(lake: Lake, name: str) -> Table | None:
    """The table; None if it does not exist."""
    try:
        return lake.catalog.load_table(name)
    except NoSuchTableError:
        return None


def _add_columns(table: Table, name: str, schema: pa.Schema) -> None:
    known = {field.name: field.type for field in table.schema().as_arrow()}
    changed = [each for each in schema if each.name in known and not _same_type(known[each.name], each.type)]
    for field in changed:
        if not promotable(known[field.name], field.type):
            raise UsageError(
                f"column {field.name!r} of {name} is {known[field.name]} and cannot become {field.type}",
                safe="the table is unchanged",
                next_step="give the column a new name in the configuration; days that are run again "
                "(`usertags run --from … --to …`) have it too",
            )
    if changed:
        with table.update_schema() as update:
            for field in changed:
                update.update_column(field.name, field_type=_iceberg_type(field.type))
    missing = [field for field in schema if field.name not in known]
    if missing:
        with table.update_schema() as update:
            update.union_by_name(pa.schema([*table.schema().as_arrow(), *missing]))


def document(table: Table, docs: Mapping[str, str]) -> None:
    """Write what columns hold as their Iceberg documentation, in one commit; columns that say so already are
    left alone."""
    known = {field.name: field.doc for field in table.schema().fields}
    new = {name: doc for name, doc in docs.items() if known.get(name, doc) != doc}
    if new:
        with table.update_schema() as update:
            for name, doc in new.items():
                update.update_column(name, doc=doc)


def _iceberg_type(kind: pa.DataType) -> LongType | DecimalType:
    return LongType() if pa.types.is_int64(kind) else DecimalType(kind.precision, kind.scale)


def promotable(old: pa.DataType, new: pa.DataType) -> bool:
    """Whether Iceberg can make a column of the new type from one of the old without writing it again. Not a
    double of a float: 19.99 would become 19.989999771118164."""
    if pa.types.is_decimal(old) and pa.types.is_decimal(new):
        wider: bool = old.scale == new.scale and old.precision < new.precision
        return wider
    return bool(pa.types.is_int32(old) and pa.types.is_int64(new))


def _same_type(left: pa.DataType, right: pa.DataType) -> bool:
    return _plain(left) == _plain(right)


def _plain(type_: pa.DataType) -> str:
    """A type without properties that Iceberg does not keep (large variants, units, field ids)."""
    if pa.types.is_timestamp(type_):
        return "timestamptz" if type_.tz else "timestamp"
    if pa.types.is_struct(type_):
        return "struct<" + ",".join(f"{field.name}:{_plain(field.type)}" for field in type_) + ">"
    if pa.types.is_map(type_):
        return f"map<{_plain(type_.key_type)},{_plain(type_.item_type)}>"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return f"list<{_plain(type_.value_type)}>"
    return _WITHOUT_SIZE.get(str(type_), str(type_))


_WITHOUT_SIZE = {"large_string": "string", "large_binary": "binary"}


def branch_snapshot(table: Table, branch: str) -> Snapshot | None:
    """The snapshot of a branch in the metadata as loaded; None if there is no such branch."""
    ref = table.metadata.refs.get(branch)
    return table.snapshot_by_id(ref.snapshot_id) if ref else None


def can_fast_forward(table: Table, branch: str) -> bool:
    """Whether main can be fast-forwarded to the branch: the branch contains all commits of main."""
    table.refresh()
    target, main = branch_snapshot(table, branch), table.current_snapshot()
    if target is None or main is None:
        return target is not None
    return any(snapshot.snapshot_id == main.snapshot_id for snapshot in ancestors_of(target, table.metadata))


def fast_forward(table: Table, branch: str) -> None:
    """Move `main` to the branch's snapshot, in one commit that fails if main has moved in the meantime.

    Raises UsageError if there is no such branch, and InfrastructureError if main has commits that the branch
    does not contain; main is unchanged then.
    """
    table.refresh()
    target = branch_snapshot(table, branch)
    if target is None:
        raise UsageError(f"{_name(table)} has no branch {branch}", next_step="run the stage that writes it")
    main = table.current_snapshot()
    if main is not None and main.snapshot_id == target.snapshot_id:
        return
    if not can_fast_forward(table, branch):
        raise _moved(table, branch)
    try:
        _manage(table).set_current_snapshot(ref_name=branch).commit()
    except CommitFailedException as error:
        raise _moved(table, branch) from error


def _moved(table: Table, branch: str) -> InfrastructureError:
    return InfrastructureError(
        f"{_name(table)} was written by somebody else after branch {branch} was created",
        safe="readers see the same data as before",
        next_step="run the day again: the branch is rebuilt from the current table",
    )


def drop_branch(table: Table, branch: str) -> None:
    """Remove a branch, in one commit; does nothing if there is no such branch."""
    table.refresh()
    if branch in table.metadata.refs:
        _manage(table).remove_branch(branch).commit()


def _manage(table: Table) -> ManageSnapshots:
    return ManageSnapshots(LightTransaction(table, autocommit=True))


def _name(table: Table) -> str:
    return ".".join(table.name()[-2:])


def row_count(table: Table) -> int:
    """The number of rows on main, from the metadata of its newest commit."""
    current = table.current_snapshot()
    summary = current.summary if current else None
    return int(summary.additional_properties.get("total-records", 0)) if summary else 0
