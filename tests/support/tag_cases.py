"""Cases of tags: a folder a tag, with rows of sources and what tags they give.

`<source>.csv` has rows of a source in its raw columns, as far as they matter; `expected.csv` says who carries
the tag (user, rank, value, and where it is given the share): a user of the case that is not there has no tag.
Lines that begin with # are for people.

A case numbers its users and rows from 1. All cases are run together, so the numbers of each are made its own.
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import yaml

from usertags.project.model import Source
from usertags.sources.files import FILE, LINE, UNPARSED
from usertags.sources.pii import hash_pii
from usertags.sources.reading import READING

SALT = "salt of the cases"

Row = dict[str, str]

# Raw columns that hold a person, and those that hold a thing that belongs to one case.
PEOPLE = ("user_id", "uid", "user_no", "用户编号", "referrer_id", "referee_id")
VISIT = "session"


@dataclass(frozen=True)
class Case:
    folder: Path

    @property
    def tag(self) -> str:
        return self.folder.name

    @cached_property
    def number(self) -> str:
        """Six digits that follow from the name, so that another case changes nothing in this one."""
        return str(int(hashlib.md5(self.tag.encode()).hexdigest()[:8], 16) % 900_000 + 100_000)

    def user(self, name: str) -> str:
        """The id that a user of the case has in the run: nine digits."""
        return f"{self.number}{int(name):03d}"

    def thing(self, name: str | int) -> str:
        """The number of a row or a visit in the run: twelve digits."""
        return f"{self.number}{int(name):06d}"

    def sources(self) -> set[str]:
        return {path.stem for path in self.folder.glob("*.csv")} - {"expected"}

    def expected(self) -> list[Row]:
        """User, rank, value and, of cases that tell it, share as the case names them."""
        return _read(self.folder / "expected.csv")

    def users(self, source: Source) -> set[str]:
        (column,) = _raw(source, source.user)
        return {row[column] for row in _read(self.folder / f"{source.name}.csv")}

    def rows(self, source: Source, defaults: Mapping[str, str]) -> list[Row]:
        """The case's rows of a source with every raw column, numbered so that no other case has the same."""
        path = self.folder / f"{source.name}.csv"
        return [
            self._whole(row, source, defaults, place)
            for place, row in enumerate(_read(path) if path.exists() else [], start=1)
        ]

    def _whole(self, row: Row, source: Source, defaults: Mapping[str, str], place: int) -> Row:
        unknown = row.keys() - set(source.raw_columns)
        assert not unknown, f"{self.tag}: {source.name} has no column {sorted(unknown)}"
        whole = dict.fromkeys(source.raw_columns, "") | defaults | row
        for name in PEOPLE:
            if whole.get(name):
                whole[name] = self.user(whole[name])
        for name in _numbers(source):
            # Beyond what a case numbers itself.
            whole[name] = self.thing(whole[name] or 500_000 + place)
        return whole


def _numbers(source: Source) -> list[str]:
    """The raw columns that number rows or visits."""
    of_key = [name for column in source.key for name in _raw(source, column)]
    numbers = [name for name in of_key if name.endswith(("_id", "编号")) and name not in PEOPLE]
    return numbers + [name for name in source.raw_columns if name == VISIT]


def _raw(source: Source, column: str) -> frozenset[str]:
    return source.column(column).raw


def _read(path: Path) -> list[Row]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def cases_in(folder: Path) -> list[Case]:
    return [Case(path) for path in sorted(folder.iterdir()) if path.is_dir()]


def as_files(configs: Path) -> None:
    """Change a configuration so that each source is read from a file, as the rows of cases are."""
    for path in sorted((configs / "sources").glob("*.yml")):
        source = yaml.safe_load(path.read_text(encoding="utf-8"))
        source["read"] = {"connection": "landing", "files": f"{source['source']}.csv", "format": "csv"}
        path.write_text(yaml.safe_dump(source, allow_unicode=True, sort_keys=False), encoding="utf-8")


def landed(source: Source, cases: Iterable[Case], defaults: Mapping[str, str], day: date) -> pa.Table:
    """The rows of all cases in a source as extract lands them: texts with their place, personal
    data hashed."""
    rows = [row for case in cases for row in case.rows(source, defaults)]
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in source.raw_columns}
    columns[FILE] = pa.array([f"{source.name}.csv"] * len(rows), pa.string())
    columns[LINE] = pa.array(range(2, len(rows) + 2), pa.int64())
    columns[UNPARSED] = pa.nulls(len(rows), pa.string())
    columns["batch"] = pa.array([day] * len(rows), pa.date32())
    columns[READING] = pa.array([0] * len(rows), pa.int32())
    batch = pa.RecordBatch.from_pydict(columns)
    personal = source.raw_pii
    hashed = hash_pii(batch, personal, SALT, source.nulls, source.raw_forms) if personal else batch
    return pa.Table.from_batches([hashed])
