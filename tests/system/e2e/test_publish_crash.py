"""A publication or release that ends after any of its commits: readers see one whole run, and it can be
finished. A few are killed in another process; the others are stopped between two commits, which leaves the
same tables.
"""

import multiprocessing
import signal
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.support.places import TINY_SHOP
from usertags.errors import DataError, InfrastructureError, UsageError
from usertags.published import PUBLISHED, USER_PROFILE
from usertags.quality.checks import result_of, save_checks
from usertags.quality.kinds import CheckKind
from usertags.quality.register import RunRecord
from usertags.query import query
from usertags.stages import rebase
from usertags.stages.publish import publish_steps
from usertags.stages.releases import decide, verdict_of
from usertags.stages.runs import blocked_days, record_run, run_branch, stage_record
from usertags.stages.tag import Run
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import USER_MEASURES, TableSpec
from usertags.store.tables import ensure_table, find_table

from .conftest import GoodDays
from .expected import D3
from .killed import publish_and_die
from .shop import NewShop, Shop

pytestmark = pytest.mark.shared("good_days")

# Every table moves, then the publication, then every table is cleaned.
STEPS = 2 * len(PUBLISHED) + 1
PUBLISHING = len(PUBLISHED) + 1
DAY, EARLIER = date(2026, 5, 1), date(2026, 4, 30)
NOTHING: dict[str, tuple[str, int]] = {}
CHECK = result_of(
    CheckKind.OWN,
    "tags.user_tags",
    "critical",
    success=True,
    subject="a_check",
    value=7,
    owner="operations",
    action="correct the rules",
)

# A server that has the modules loaded forks the children that are killed.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload([publish_and_die.__module__])


@dataclass(frozen=True)
class Audited:
    """A lake of its own, and the rows of a run that Spark has built; runs of any day are made of them."""

    shop: Shop
    tables: dict[str, pa.Table]
    states: dict[str, Path] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        return self.shop.lake

    def bring_to(self, state: str, make: Callable[[], None]) -> None:
        """Bring the lake to a state that is made once. Later the catalog of then is put back: the files that
        it points to are never changed."""
        catalog = Path(self.lake.properties["uri"].removeprefix("sqlite:///").partition("?")[0])
        if state in self.states:
            _copy_catalog(self.states[state], catalog)
            return
        make()
        self.states[state] = catalog.with_name(f"{state}.db")
        _copy_catalog(catalog, self.states[state])

    def make_empty(self) -> None:
        """Nothing was published yet."""
        catalog = self.lake.catalog

        def make(spec: TableSpec) -> None:
            ensure_table(self.lake, spec.name, self.tables[spec.name].schema, spec.partition)

        with ThreadPoolExecutor(len(PUBLISHED)) as pool:
            there = [*catalog.list_tables("tags"), *catalog.list_tables("ops")]
            list(pool.map(catalog.drop_table, there))
            list(pool.map(make, PUBLISHED))

    def make_first(self) -> None:
        self.prepare(DAY, "first")

    def make_again(self) -> None:
        self.prepare(DAY, "first")
        self.publish(DAY, "first")
        self.prepare(DAY, "again")

    def make_held(self) -> None:
        self.prepare(DAY, "published")
        self.publish(DAY, "published")
        self.prepare(DAY, "held", passed=False)
        (refused,) = blocked_days(self.lake)
        decide(self.lake, refused, "Wang Fang", "known")

    def prepare(self, day: date, run_id: str, *, passed: bool = True) -> None:
        """A run that has passed its audit, or was refused by it, as the tag and audit stages leave it."""
        with ThreadPoolExecutor(len(PUBLISHED)) as pool:
            list(pool.map(lambda name: self._branch(name, day, run_id), self.tables))
        counts = {name: table.num_rows for name, table in self.tables.items()}
        counts[USER_MEASURES.name] = counts[USER_PROFILE.name]
        record_run(self.lake, RunRecord(day, run_id, "tag", "built", row_counts=counts))
        save_checks(self.lake, day, run_id, "audit", [replace(CHECK, success=passed)])
        record_run(self.lake, RunRecord(day, run_id, "audit", "passed" if passed else "refused"))

    def _branch(self, name: str, day: date, run_id: str) -> None:
        table = self.lake.catalog.load_table(name)
        current = table.current_snapshot()
        assert current is not None
        table.manage_snapshots().create_branch(current.snapshot_id, run_branch(run_id)).commit()
        rows = self.tables[name]
        for column, value in (("dt", day), ("run_id", run_id)):
            place = rows.schema.get_field_index(column)
            field = rows.schema.field(column)
            rows = rows.set_column(place, field, pa.array([value] * rows.num_rows, field.type))
        table.append(rows, branch=run_branch(run_id))

    def stop_after(self, day: date, run_id: str, step: int) -> None:
        """Publish, and leave it after so many commits."""
        built, audited = (stage_record(self.lake, day, run_id, stage) for stage in ("tag", "audit"))
        assert built is not None and audited is not None
        verdict = verdict_of(self.lake, built, audited)
        assert verdict is not None
        for number, _ in enumerate(publish_steps(self.lake, built, verdict), start=1):
            if number == step:
                return
        raise AssertionError(f"a publication has fewer than {step} commits")

    def kill_after(self, day: date, run_id: str, step: int) -> None:
        """Publish in another process, which is killed after so many commits."""
        child = context.Process(target=publish_and_die, args=(self.lake.properties, day, run_id, step))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL

    def release(self, day: date) -> int:
        return self.shop.command("release", "--day", str(day), "--by", "Wang Fang", "--reason", "known")

    def publish(self, day: date, run_id: str) -> None:
        list(self.shop.pipeline.stage("publish", day, run_id))

    def read(self, day: date) -> dict[str, tuple[str, int]]:
        """What BI sees of a day: each table's run and its rows. Fails where a table shows two runs."""
        parts = [
            f"select '{name}' as name, run_id, count(*) from {name.removeprefix('tags.')} "
            f"where dt = date '{day}' group by run_id"
            for name in [*self.tables, "tags.publications"]
        ]
        if find_table(self.lake, "tags.publications") is None:
            return NOTHING
        rows = query(self.shop.pipeline.project, self.lake, " union all ".join(parts)).rows
        found = {name: (run_id, count) for name, run_id, count in rows}
        assert len(found) == len(rows), f"a table shows two runs of {day}: {rows}"
        return found

    def whole(self, run_id: str) -> dict[str, tuple[str, int]]:
        counts = {name: (run_id, table.num_rows) for name, table in self.tables.items()}
        return counts | {"tags.publications": (run_id, 1)}

    def stored(self, day: date) -> dict[str, set[str]]:
        """The runs of a day that the tables hold, published or not, and the branches that are left."""
        found = {}
        for name in self.tables:
            table = self.lake.catalog.load_table(name)
            rows = table.scan(row_filter=rows_where(dt=day), selected_fields=("run_id",)).to_arrow()
            found[name] = set(rows["run_id"].to_pylist()) | (set(table.metadata.refs) - {"main"})
        return found

    def holds_alone(self, run_id: str) -> dict[str, set[str]]:
        return {name: {run_id} for name in self.tables}


def _copy_catalog(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)


@pytest.fixture(scope="module")
def built(good_days: GoodDays) -> dict[str, pa.Table]:
    """The rows of a run that Spark has built, by table."""
    where = rows_where(dt=D3, run_id=good_days.newest(D3))
    catalog = good_days.shop.lake.catalog
    tables = {
        spec.name: catalog.load_table(spec.name).scan(row_filter=where).to_arrow() for spec in PUBLISHED
    }
    assert all(table.num_rows > 0 for table in tables.values())
    return tables


@pytest.fixture(scope="module")
def other_lake(built: dict[str, pa.Table], new_shop: NewShop) -> Audited:
    return Audited(new_shop(TINY_SHOP, "TINY_SHOP_DIR"), built)


@pytest.fixture
def audited(other_lake: Audited) -> Audited:
    """A lake of its own in which nothing was published yet."""
    other_lake.bring_to("empty", other_lake.make_empty)
    return other_lake


def test_before_the_first_publication_there_is_nothing_to_read(audited: Audited) -> None:
    audited.prepare(DAY, "r1")
    with pytest.raises(UsageError, match="publications does not exist"):
        query(audited.shop.pipeline.project, audited.lake, "select * from tags.publications")
    assert audited.read(DAY) == NOTHING


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_first_publication_stopped_after_any_commit_shows_whole_runs(audited: Audited, step: int) -> None:
    audited.bring_to("first", audited.make_first)
    _stopped_and_finished(audited, "first", step, NOTHING)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_replacement_stopped_after_any_commit_shows_whole_runs(audited: Audited, step: int) -> None:
    audited.bring_to("again", audited.make_again)
    _stopped_and_finished(audited, "again", step, audited.whole("first"))


def _stopped_and_finished(
    audited: Audited, run_id: str, step: int, before: dict[str, tuple[str, int]]
) -> None:
    audited.stop_after(DAY, run_id, step)
    assert audited.read(DAY) == (audited.whole(run_id) if step >= PUBLISHING else before)
    audited.publish(DAY, run_id)
    assert audited.stored(DAY) == audited.holds_alone(run_id)
    assert audited.shop.publication(DAY)["run_id"] == run_id


def test_a_publication_that_is_killed_shows_whole_runs(audited: Audited) -> None:
    """The last commit before the one to `publications`, and that one, are followed by the end."""
    audited.prepare(DAY, "first")
    audited.kill_after(DAY, "first", PUBLISHING - 1)
    assert audited.read(DAY) == NOTHING
    audited.publish(DAY, "first")
    assert audited.stored(DAY) == audited.holds_alone("first")
    audited.prepare(DAY, "again")
    audited.kill_after(DAY, "again", PUBLISHING)
    assert audited.read(DAY) == audited.whole("again")
    audited.publish(DAY, "again")
    assert audited.stored(DAY) == audited.holds_alone("again")
    assert audited.shop.publication(DAY)["run_id"] == "again"


def test_the_command_finishes_the_newest_run(audited: Audited) -> None:
    audited.prepare(DAY, "killed")
    audited.stop_after(DAY, "killed", 2)
    assert audited.shop.command("publish", "--day", str(DAY)) == 0
    assert audited.read(DAY) == audited.whole("killed")


def test_another_run_takes_over_from_one_that_was_killed(audited: Audited) -> None:
    audited.prepare(DAY, "published")
    audited.publish(DAY, "published")
    audited.prepare(DAY, "killed")
    audited.stop_after(DAY, "killed", 3)
    audited.prepare(DAY, "next")
    audited.publish(DAY, "next")
    assert audited.read(DAY) == audited.whole("next")
    for found in audited.stored(DAY).values():
        assert found == {"next", run_branch("killed")}


def test_a_run_that_another_one_overtook_is_refused(audited: Audited) -> None:
    audited.prepare(DAY, "faster")
    audited.prepare(DAY, "slower")
    audited.publish(DAY, "faster")
    with pytest.raises(InfrastructureError, match="written by somebody else"):
        audited.publish(DAY, "slower")
    assert audited.read(DAY) == audited.whole("faster")


def test_publishing_again_changes_nothing(audited: Audited) -> None:
    audited.prepare(DAY, "once")
    audited.publish(DAY, "once")
    before = {name: audited.shop.snapshot(name) for name in [*audited.tables, "tags.publications"]}
    audited.publish(DAY, "once")
    assert {name: audited.shop.snapshot(name) for name in before} == before


def test_a_run_that_was_not_audited_is_not_published(audited: Audited) -> None:
    with pytest.raises(UsageError, match="has not been audited"):
        audited.publish(DAY, "unknown")


# ---- releases ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 4, len(PUBLISHED), PUBLISHING, PUBLISHING + 1, STEPS])
def test_a_release_that_ends_after_any_commit_shows_whole_runs(audited: Audited, step: int) -> None:
    audited.bring_to("held", audited.make_held)
    end = audited.kill_after if step == PUBLISHING else audited.stop_after
    assert audited.read(DAY) == audited.whole("published")
    end(DAY, "held", step)
    assert audited.read(DAY) == audited.whole("held" if step >= PUBLISHING else "published")
    assert audited.release(DAY) == 0
    assert audited.read(DAY) == audited.whole("held")
    assert audited.stored(DAY) == audited.holds_alone("held")
    row = audited.shop.publication(DAY)
    assert (row["verdict"], row["released_by"], row["release_reason"]) == ("released", "Wang Fang", "known")
    assert row["replaces"] == "published"


def test_a_refused_run_is_not_published_by_a_release_of_other_checks(audited: Audited) -> None:
    audited.prepare(DAY, "held", passed=False)
    (refused,) = blocked_days(audited.lake)
    decide(audited.lake, refused, "Wang Fang", "known")
    another = result_of(CheckKind.OWN, "tags.user_tags", "critical", success=False, subject="another_check")
    failed = [replace(CHECK, success=False), another]
    save_checks(audited.lake, DAY, "held", "audit", failed)
    with pytest.raises(DataError, match="was refused by its audit"):
        audited.publish(DAY, "held")


class Killed(BaseException):
    """The end of the process: nothing catches it."""


# What comes after each of the commits that bring a table's rows onto today's main.
MOMENTS: dict[str, tuple[Any, str]] = {
    "its branch is made": (Run, "read"),
    "the rows are there": (rebase, "branch_snapshot"),
    "the run has them": (rebase, "drop_branch"),
}


@pytest.mark.parametrize(
    ("moment", "tables"), [("its branch is made", 4), ("the rows are there", 1), ("the run has them", 4)]
)
def test_a_release_that_moves_rows_can_be_killed_anywhere(
    audited: Audited, monkeypatch: pytest.MonkeyPatch, moment: str, tables: int
) -> None:
    """Another day was published since: main of each table has moved, and the held rows are copied."""
    audited.prepare(DAY, "held", passed=False)
    audited.prepare(EARLIER, "other")
    audited.publish(EARLIER, "other")
    record = stage_record(audited.lake, DAY, "held", "tag")
    assert record is not None
    record_run(audited.lake, replace(record, previous_day=EARLIER, previous_run="other"))
    owner, name = MOMENTS[moment]
    work, calls = getattr(owner, name), iter(range(1, 100))

    def dies(*arguments: Any, **options: Any) -> Any:
        copying = name != "branch_snapshot" or str(arguments[1]).startswith("release_")
        if copying and next(calls) == tables:
            raise Killed
        return work(*arguments, **options)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(owner, name, dies)
        audited.release(DAY)
    assert audited.read(DAY) == NOTHING
    assert audited.read(EARLIER) == audited.whole("other")
    assert audited.release(DAY) == 0
    assert audited.read(DAY) == audited.whole("held")
    assert audited.stored(DAY) == audited.holds_alone("held")
    assert audited.read(EARLIER) == audited.whole("other")
