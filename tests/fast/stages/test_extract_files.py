"""Extracting files day by day into tables in files: what is read, and what a process that dies between two
commits, or maintenance that expires every snapshot, changes of it: nothing."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import VISITORS, write_files
from tests.support.lakes import expire_all_snapshots
from usertags.errors import DataError
from usertags.project.build import load_project
from usertags.project.model import Project
from usertags.stages import extract as stage
from usertags.stages.batch_register import BatchRecord, files_in_doubt, landed, register, registered
from usertags.stages.extract import extract
from usertags.stages.source_tables import tables_of
from usertags.store.lake import Lake

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))

_FILES = {
    "project.yml": "{project: p, timezone: Asia/Shanghai, currency: CNY, state: state, lake: lake}",
    "connections.yml": """
connections:
  files: {kind: files, root: LANDING}
  lake: {kind: lake, embedded: store}
""",
    "sources/visits.yml": """
source: visits
kind: events
may_be_empty: true
read: {connection: files, files: "**/*.csv", format: csv}
columns:
  number: {from: number, type: bigint}
  customer: {from: customer, type: string}
  at: {from: at, type: timestamp}
RULE
user: {customer: customer}
time: at
""",
}


class Visits:
    """A source of files and the lake that it is extracted into."""

    def __init__(self, folder: Path, lake: Lake, rule: str) -> None:
        self.lake, self.landing = lake, folder / "landing"
        self.landing.mkdir()
        files = {
            name: text.replace("LANDING", str(self.landing)).replace("RULE", rule)
            for name, text in _FILES.items()
        }
        write_files(folder / "configs", files | VISITORS)
        self.project: Project = load_project(folder / "configs")
        self.note = ""

    def land(self, name: str, *numbers: int) -> None:
        rows = "".join(f"{number},u{number},2026-03-01 10:00:00\n" for number in numbers)
        (self.landing / f"{name}.csv").write_text("number,customer,at\n" + rows)

    def extract(
        self,
        day: date,
        *,
        again: bool = False,
        until: datetime | None = None,
        accept: bool = False,
        project: Project | None = None,
    ) -> int | None:
        """The rows that were written."""
        source = self.project.sources["visits"]
        done = extract(
            project or self.project,
            self.lake,
            source,
            day,
            "r1",
            re_extract=again,
            read_until=until,
            accept_files=accept,
        )
        (line,) = done.lines
        self.note = line.note
        return line.written

    def rows(self) -> list[tuple[date, int, int]]:
        """The landed rows: data day, reading, number."""
        table = self.lake.catalog.load_table("raw.visits")
        rows = table.scan().to_arrow().to_pylist()
        return sorted((row["batch"], row["landed_reading"], int(row["number"])) for row in rows)

    def records(self) -> list[BatchRecord]:
        return registered(self.lake, [tables_of(self.lake, "visits")])["visits"]


@pytest.fixture
def visits(tmp_path: Path, lake_in_files: Lake) -> Callable[[str], Visits]:
    return lambda rule: Visits(tmp_path, lake_in_files, rule)


KEYED, KEYLESS = "key: [number]", "repeats: keep"


class Died(BaseException):
    """In the place of a killed process: nothing in the code under test catches it."""


def dies(monkeypatch: pytest.MonkeyPatch, *, before: str) -> None:
    """Let the process die when it wants to register a batch with a status."""

    def until_then(lake: Lake, records: list[BatchRecord]) -> None:
        if records[0].status == before:
            raise Died
        register(lake, records)

    monkeypatch.setattr(stage, "register", until_then)


@pytest.mark.parametrize("rule", [KEYED, KEYLESS])
@pytest.mark.parametrize("before", ["reading", "landed"])
def test_a_day_that_dies_around_its_commit_is_finished_by_the_rerun(
    visits: Callable[[str], Visits], rule: str, before: str
) -> None:
    shop = visits(rule)
    shop.land("a", 1, 2)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        dies(patch, before=before)
        shop.extract(D1)
    assert shop.extract(D1) == (0 if before == "landed" else 2)
    assert shop.rows() == [(D1, 0, 1), (D1, 0, 2)]
    shop.land("b", 3)
    assert shop.extract(D2) == 1
    assert shop.rows() == [(D1, 0, 1), (D1, 0, 2), (D2, 0, 3)]


@pytest.mark.parametrize("rule", [KEYED, KEYLESS])
def test_a_day_that_was_read_before_it_was_over_is_read_again(
    visits: Callable[[str], Visits], rule: str
) -> None:
    shop = visits(rule)
    shop.land("a", 1)
    assert shop.extract(D1, until=datetime(2026, 3, 1, 4, tzinfo=UTC)) == 1
    shop.land("b", 2)
    assert shop.extract(D1, until=datetime(2026, 3, 1, 9, tzinfo=UTC)) == 2
    shop.land("c", 3)
    assert shop.extract(D1) == 3
    assert {number for _, _, number in shop.rows()} == {1, 2, 3}
    assert [number for _, reading, number in shop.rows() if reading == 2] == [1, 2, 3]
    # Now it is complete: nothing is read again, and the next day reads nothing of it.
    shop.land("d", 4)
    assert shop.extract(D1) == 0
    assert shop.extract(D2) == 1


def test_the_next_day_finds_what_a_dead_process_landed(visits: Callable[[str], Visits]) -> None:
    shop = visits(KEYLESS)
    shop.land("a", 1, 2)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        dies(patch, before="landed")
        shop.extract(D1)
    shop.land("b", 3)
    assert shop.extract(D2) == 1
    assert {day: record.rows_read for day, record in landed(shop.records()).items()} == {D1: 2, D2: 1}
    assert shop.extract(D1) == 0


@pytest.mark.parametrize(("rule", "left"), [(KEYED, [(D1, 0, 1), (D1, 1, 1)]), (KEYLESS, [(D1, 1, 1)])])
def test_a_second_reading_that_dies_is_repeated(
    visits: Callable[[str], Visits], rule: str, left: list[Any]
) -> None:
    shop = visits(rule)
    shop.land("a", 1)
    shop.extract(D1)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        patch.setattr(stage, "replaces", lambda *_, **__: (_ for _ in ()).throw(Died))
        shop.extract(D1, again=True)
    assert shop.extract(D1) == 0
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        # Its record is written, its commit is not.
        patch.setattr("pyiceberg.table.Transaction.add_files", lambda *_, **__: (_ for _ in ()).throw(Died))
        shop.extract(D1, again=True)
    assert shop.extract(D1) == 1
    assert shop.rows() == left
    assert shop.extract(D1) == 0


def test_a_second_reading_without_rows_takes_none_of_a_key_away(visits: Callable[[str], Visits]) -> None:
    shop = visits(KEYED)
    shop.land("a", 1)
    shop.extract(D1)
    (shop.landing / "a.csv").write_text("number,customer,at\n")
    assert shop.extract(D1, again=True) == 0
    assert shop.rows() == [(D1, 0, 1)]


def test_a_second_reading_without_rows_empties_a_batch_without_a_key(visits: Callable[[str], Visits]) -> None:
    shop = visits(KEYLESS)
    shop.land("a", 1)
    shop.extract(D1)
    (shop.landing / "a.csv").write_text("number,customer,at\n")
    assert shop.extract(D1, again=True) == 0
    assert shop.rows() == []
    assert landed(shop.records())[D1].rows_read == 0


def test_nothing_is_read_again_when_every_snapshot_is_expired(visits: Callable[[str], Visits]) -> None:
    shop = visits(KEYLESS)
    shop.land("a", 1, 2)
    assert shop.extract(D1) == 2
    shop.land("b", 3)
    assert shop.extract(D2) == 1
    expire_all_snapshots(shop.lake)
    assert shop.extract(D2) == 0
    assert shop.extract(D3) == 0
    expire_all_snapshots(shop.lake)
    shop.land("c", 4)
    assert shop.extract(date(2026, 3, 4)) == 1
    assert shop.rows() == [(D1, 0, 1), (D1, 0, 2), (D2, 0, 3), (date(2026, 3, 4), 0, 4)]


def test_files_that_are_delivered_again_are_read_once(
    visits: Callable[[str], Visits], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compressed anew, moved to an archive, under another spelling of the root, under another name."""
    shop = visits(KEYLESS)
    for number, name in enumerate("abc", 1):
        shop.land(name, number)
    assert shop.extract(D1) == 3
    shop.land("d", 4)
    a, b = shop.landing / "a.csv", shop.landing / "b.csv"
    a.write_bytes(gzip.compress(a.read_bytes()))
    (shop.landing / "archive").mkdir()
    b.rename(shop.landing / "archive" / "b.csv")
    (shop.landing / "copy.csv").write_text((shop.landing / "c.csv").read_text())
    assert shop.extract(D2) == 1
    assert shop.note == (
        "1 files; not read: a.csv = a.csv (2026-03-01), archive/b.csv = b.csv (2026-03-01), "
        "copy.csv = c.csv (2026-03-01)"
    )
    (doubtful,) = files_in_doubt(shop.lake, "visits", D2, 0)
    assert doubtful.file.name == "copy.csv"
    shop.land("e", 5)
    monkeypatch.chdir(shop.landing.parent)
    (Path("link")).symlink_to("landing")
    connections = {**shop.project.connections}
    connections["files"] = connections["files"].model_copy(update={"root": "./landing/../link/"})
    assert shop.extract(D3, project=replace(shop.project, connections=connections)) == 1
    assert shop.note == "1 files"
    assert shop.rows() == [(D1, 0, 1), (D1, 0, 2), (D1, 0, 3), (D2, 0, 4), (D3, 0, 5)]
    # A person says that the copy is a delivery of its own.
    assert shop.extract(D2, again=True, accept=True) == 2
    assert files_in_doubt(shop.lake, "visits", D2, 1) == []
    assert [number for day, _, number in shop.rows() if day == D2] == [3, 4]


def test_a_file_that_grew_is_refused_until_a_person_says_what_it_is(visits: Callable[[str], Visits]) -> None:
    shop = visits(KEYLESS)
    shop.land("a", 1, 2)
    assert shop.extract(D1) == 2
    shop.land("a", 1, 2, 3)
    with pytest.raises(DataError, match=r"a\.csv \(read on 2026-03-01\)"):
        shop.extract(D2)
    assert shop.extract(D1, again=True) == 3
    assert shop.extract(D2) == 0
    assert [number for _, _, number in shop.rows()] == [1, 2, 3]
    # All rows of the file are new.
    shop.land("a", 4)
    assert shop.extract(D3, accept=True) == 1
    assert [number for _, _, number in shop.rows()] == [1, 2, 3, 4]


def test_a_json_file_of_one_line_is_known_by_its_content(visits: Callable[[str], Visits]) -> None:
    shop = visits(KEYLESS)
    (file,) = (shop.landing.parent / "configs").rglob("visits.yml")
    file.write_text(file.read_text().replace("format: csv", "format: json"))
    shop.project = load_project(shop.landing.parent / "configs")
    line = '{"number": 1, "customer": "u1", "at": "2026-03-01 10:00:00"}\n'
    (shop.landing / "a.csv").write_text(line)
    assert shop.extract(D1) == 1
    (shop.landing / "b.csv").write_text(line + "\n")
    assert shop.extract(D2) == 0
    assert [each.same_as for each in files_in_doubt(shop.lake, "visits", D2, 0)] == ["a.csv (2026-03-01)"]
