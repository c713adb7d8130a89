"""The tables of a source: raw rows, clean rows, and day roll-ups of events."""

from dataclasses import dataclass

from pyiceberg.table import Table

from usertags.project.model import Source
from usertags.store.lake import Lake
from usertags.store.tables import find_table


def raw_name(source: Source) -> str:
    return f"raw.{source.name}"


def clean_name(source: Source) -> str:
    return f"clean.{source.name}"


def rollup_name(source: Source) -> str:
    return f"rollup.{source.name}"


@dataclass(frozen=True)
class SourceTables:
    """The current raw and clean tables of a source; None if a table does not exist yet."""

    source: str
    raw: Table | None
    clean: Table | None


def tables_of(lake: Lake, source: str) -> SourceTables:
    """The tables of a source by its name."""
    return SourceTables(source, find_table(lake, f"raw.{source}"), find_table(lake, f"clean.{source}"))
