"""Whether the users of a day can be taken over from the day before: one published day in tables of files, and
what may be wrong with it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table import Table

from tests.support.folders import PROJECT_YML, Folder
from tests.support.lakes import expire_all_snapshots
from tests.support.quality_rows import publication
from tests.support.runs import publish_rows
from usertags.project.model import Project
from usertags.quality.register import RunRecord
from usertags.stages import identity_before
from usertags.stages.identity import input_name, snapshots_of
from usertags.stages.identity_before import Start, identity_version, start_from
from usertags.stages.runs import publication_of, record_run
from usertags.store.lake import Lake
from usertags.store.schemas import IDENTITIES, REFUSED_LINKS
from usertags.store.tables import ensure_table

from .test_identity import LINKS

DAY = date(2026, 3, 1)
SCHEMA = pa.schema([("n", pa.int64())])
LIMITS = "\nidentity:\n  limits: {open_id: 3}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    small = Folder.small(tmp_path)
    small.write("sources/account_links.yml", LINKS)
    small.write(PROJECT_YML, small.read(PROJECT_YML) + LIMITS)
    return small.project()


class Before:
    """A published day that read tables of two rows, and made two identities and a refused link."""

    def __init__(self, lake: Lake, project: Project) -> None:
        self.lake, self.project = lake, project
        row = publication(DAY)
        self.tables = {}
        for source in project.sources.values():
            table = ensure_table(lake, input_name(source), SCHEMA)
            table.append(pa.table({"n": [1, 2]}))
            self.tables[input_name(source)] = table
        for spec, count in ((IDENTITIES, 2), (REFUSED_LINKS, 1)):
            made = [{"dt": DAY, "run_id": row["run_id"]}] * count
            table = ensure_table(lake, spec.name, spec.schema, spec.partition)
            table.append(pa.Table.from_pylist(made, schema=spec.schema))
        publish_rows(lake, [row])
        self.snapshots = snapshots_of(self.tables)
        self.record = RunRecord(
            DAY,
            row["run_id"],
            "tag",
            "built",
            inputs={name: str(snapshot) for name, snapshot in self.snapshots.items()},
            row_counts={IDENTITIES.name: 2, REFUSED_LINKS.name: 1},
            identity_version=self.version(),
        )
        record_run(lake, self.record)

    def version(self, blocked: tuple[str, ...] = ()) -> str:
        assert self.project.identity is not None
        return identity_version(self.project, self.project.identity, blocked)

    def start(self) -> Start | str:
        found = publication_of(self.lake, DAY)
        return start_from(self.lake, self.project, found, self.tables, self.version())


@pytest.fixture
def before(lake_in_files: Lake, project: Project, monkeypatch: pytest.MonkeyPatch) -> Before:
    monkeypatch.setattr(identity_before, "FEWEST_ROWS", 2)
    return Before(lake_in_files, project)


def test_a_day_starts_from_the_run_that_published_the_day_before(before: Before) -> None:
    run_id = before.record.run_id
    assert before.start() == Start(DAY, run_id, before.snapshots, identities=2, refused=1)


def few_links(before: Before) -> None:
    before.tables["clean.account_links"].delete(AlwaysTrue())


def earlier_version(before: Before) -> None:
    record_run(before.lake, replace(before.record, identity_version=None))


def other_rules(before: Before) -> None:
    record_run(before.lake, replace(before.record, identity_version=before.version(("phone:1",))))


def new_source(before: Before) -> None:
    known = {name: value for name, value in before.record.inputs.items() if name != "clean.account_links"}
    record_run(before.lake, replace(before.record, inputs=known))


def expired(before: Before) -> None:
    for table in before.tables.values():
        table.append(pa.table({"n": [3]}))
    expire_all_snapshots(before.lake)
    for table in before.tables.values():
        table.refresh()


def deleted(before: Before) -> None:
    table: Table = before.lake.catalog.load_table(IDENTITIES.name)
    table.delete(AlwaysTrue())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (few_links, "there are few links"),
        (earlier_version, "an earlier version computed 2026-03-01"),
        (other_rules, "the rules of identity are not those of 2026-03-01"),
        (new_source, "what 2026-03-01 read of clean.account_links is no longer there"),
        (expired, "what 2026-03-01 read of clean.account_links, "),
        (deleted, "the users of 2026-03-01 are no longer there"),
    ],
)
def test_else_all_links_are_joined_for_a_reason(
    before: Before, change: Callable[[Before], None], reason: str
) -> None:
    change(before)
    found = before.start()
    assert isinstance(found, str) and found.startswith(reason)


def test_the_first_day_has_none_before(before: Before) -> None:
    found = start_from(before.lake, before.project, None, before.tables, before.version())
    assert found == "no day before it is published"


def test_the_rules_are_limits_blocked_ids_sources_zone_and_code(
    before: Before, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, identity = before.project, before.project.identity
    assert identity is not None
    version = before.version()
    links = project.sources["account_links"]
    fewer = {name: source for name, source in project.sources.items() if source.kind == "links"}
    others = {
        identity_version(project, replace(identity, limits={"open_id": 4}), ()),
        identity_version(project, identity, ("phone:1",)),
        identity_version(replace(project, timezone="UTC"), identity, ()),
        identity_version(replace(project, sources=fewer), identity, ()),
        identity_version(
            replace(project, sources={**project.sources, "account_links": replace(links, ids=links.ids[:1])}),
            identity,
            (),
        ),
    }
    assert version not in others and len(others) == 5
    assert identity_version(project, identity, ()) == version
    monkeypatch.setattr(identity_before, "_RULES", 0)
    assert before.version() != version


@pytest.mark.parametrize(("changed", "too_many"), [(0, False), (2, False), (3, True)])
def test_more_than_a_quarter_is_too_many(changed: int, too_many: bool) -> None:
    assert Start(DAY, "r1", {}, identities=8, refused=0).too_many(changed) is too_many
