"""Migrates tables written by an earlier version. Rows of `tags.*` are not changed.

Every step detects from the tables what is left to do, so an interrupted migration can be run again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from usertags.catalogue.model import Catalogue, Source
from usertags.errors import DataError
from usertags.migrations.batches import OldBatches, old_batches
from usertags.stages.batch_register import register, register_files, unregistered
from usertags.stages.source_tables import rollup_name, tables_of
from usertags.store.lake import Lake
from usertags.store.tables import find_table


@dataclass(frozen=True)
class Step:
    """A pending migration step: a one-sentence description and the function that applies it."""

    says: str
    do: Callable[[], None]


def steps(catalogue: Catalogue, lake: Lake) -> list[Step]:
    """The pending steps, in order; nothing is written. Raises DataError if required information is
    no longer available."""
    return _batches(catalogue, lake)


def _batches(catalogue: Catalogue, lake: Lake) -> list[Step]:
    found = []
    for source in catalogue.sources.values():
        tables = tables_of(lake, source.name)
        if not unregistered(lake, tables):
            continue
        old = old_batches(source, tables, find_table(lake, rollup_name(source)), catalogue.timezone)
        _require_known(source, old)
        found.append(_batches_of(lake, source, old))
    return found


def _batches_of(lake: Lake, source: Source, old: OldBatches) -> Step:
    read = [record for record in old.records if record.stage == "extract"]
    files = sum(map(len, old.files.values()))

    def do() -> None:
        for (day, attempt), each in old.files.items():
            register_files(lake, source.name, day, attempt, each)
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
