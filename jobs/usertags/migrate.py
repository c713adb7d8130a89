"""Migrates tables written by an earlier version. Rows of `tags.*` are not changed; a published table that is
new is filled for the days that are published.

Every step detects from the tables what is left to do, so an interrupted migration can be run again.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
from pyiceberg.table import Table

from usertags.errors import DataError
from usertags.migrations.batches import OldBatches, old_batches
from usertags.migrations.checks import is_old_run, migrated_check, migrated_run
from usertags.migrations.coverage import count_days
from usertags.project.model import Project, Source
from usertags.published import TAG_COVERAGE
from usertags.stages.batch_register import register, register_files, unregistered
from usertags.stages.runs import uncounted
from usertags.stages.source_tables import rollup_name, tables_of
from usertags.store.lake import Lake
from usertags.store.schemas import CHECKS, RUNS
from usertags.store.tables import ensure_table, find_table


@dataclass(frozen=True)
class Step:
    """A pending migration step: a one-sentence description and the function that applies it."""

    description: str
    do: Callable[[], None]


def steps(project: Project, lake: Lake) -> list[Step]:
    """What is left to do, in order; nothing is written. Raises DataError when something that is needed is not
    known any more."""
    return [*_batches(project, lake), *_runs(lake), *_checks(lake), *_coverage(lake)]


def _runs(lake: Lake) -> list[Step]:
    """Warnings and released checks of `ops.runs` as facts; while the old check results can still be read."""
    table = find_table(lake, RUNS.name)
    rows = table.scan().to_arrow().to_pylist() if table else []
    old = [row for row in rows if is_old_run(row)]
    if table is None or not old:
        return []

    def do() -> None:
        checks = defaultdict(list)
        results = _with_sentences(lake)
        for row in results.scan().to_arrow().to_pylist() if results else ():
            checks[row["dt"]].append(row)
        new = [migrated_run(row, checks[row["dt"]]) for row in old]
        kept = [row for row in rows if not is_old_run(row)]
        # With the columns that the earlier version did not have.
        current = ensure_table(lake, RUNS.name, RUNS.schema, RUNS.partition)
        current.overwrite(pa.Table.from_pylist([*kept, *new], schema=RUNS.schema))

    return [Step(f"{RUNS.name}: write the warnings of {len(old)} records as facts", do)]


def _checks(lake: Lake) -> list[Step]:
    """Results of checks as columns, and without the columns that sentences were in."""
    table = _with_sentences(lake)
    if table is None:
        return []
    rows = table.scan().to_arrow().to_pylist()

    def do() -> None:
        new = pa.Table.from_pylist([migrated_check(row) for row in rows], schema=CHECKS.schema)
        known = set(table.schema().as_arrow().names)
        with table.transaction() as transaction:
            with transaction.update_schema() as update:
                for name in sorted(known - set(CHECKS.schema.names)):
                    update.delete_column(name)
                update.union_by_name(pa.schema([f for f in CHECKS.schema if f.name not in known]))
            transaction.overwrite(new)

    return [Step(f"{CHECKS.name}: write {len(rows)} results as columns", do)]


def _with_sentences(lake: Lake) -> Table | None:
    """The table of check results while it is that of an earlier version."""
    table = find_table(lake, CHECKS.name)
    return table if table is not None and "observed" in table.schema().column_names else None


def _coverage(lake: Lake) -> list[Step]:
    """The sizes of the tags of days that were published before their table existed."""
    days = uncounted(lake)
    if not days:
        return []
    counted = f"{len(days)} published days" if len(days) > 1 else "1 published day"
    text = f"{TAG_COVERAGE.name}: count the users of the tags of {counted}"
    return [Step(text, lambda: count_days(lake, days))]


def _batches(project: Project, lake: Lake) -> list[Step]:
    found = []
    for source in project.sources.values():
        tables = tables_of(lake, source.name)
        if not unregistered(lake, tables):
            continue
        old = old_batches(source, tables, find_table(lake, rollup_name(source)), project.timezone)
        _require_known(source, old)
        found.append(_batches_of(lake, source, old))
    return found


def _batches_of(lake: Lake, source: Source, old: OldBatches) -> Step:
    read = [record for record in old.records if record.stage == "extract"]
    files = sum(map(len, old.files.values()))

    def do() -> None:
        for (data_day, attempt), each in old.files.items():
            register_files(lake, source.name, data_day, attempt, each)
        register(lake, [record for record in old.records if record.stage == "clean"])
        # Last, because a source with a landed batch counts as registered.
        register(lake, read)

    return Step(
        f"source {source.name}: register {len(read)} batches, {files} files and "
        f"{len(old.records) - len(read)} cleaned batches",
        do,
    )


def _require_known(source: Source, old: OldBatches) -> None:
    if old.lost:
        days = ", ".join(map(str, old.lost))
        raise DataError(
            f"which files of source {source.name} were read for {days} is no longer known: the snapshots "
            f"of raw.{source.name} that recorded it have expired",
            safe="nothing was written; readers keep what is published",
            next_step=f"drop the tables raw.{source.name}, clean.{source.name} and rollup.{source.name}, run "
            "`usertags migrate --apply`, then run the days again: their files are read again",
        )
