"""A publication killed after any of its commits: readers see one whole run, and it can be finished."""

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pytest

from jobs.errors import InfrastructureError, UsageError
from jobs.query import query
from jobs.sources.s3 import S3Access
from jobs.stages.publish import publish, publish_steps
from jobs.stages.runs import RunRecord, record_run, run_branch, stage_record
from jobs.store.filters import rows_where
from jobs.store.lake import Lake
from jobs.store.schemas import PUBLISHED, USER_MEASURES
from jobs.store.tables import ensure_table

from .conftest import TINY_SHOP, FourDays, NewShop
from .shop import Shop

# Every table moves, then the publication, then every table is cleaned.
STEPS = 2 * len(PUBLISHED) + 1
PUBLISHING = len(PUBLISHED) + 1
NOBODY: dict[str, tuple[str, int]] = {}

# A server that has the modules loaded forks the children that are killed.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["jobs.stages.publish"])


@dataclass(frozen=True)
class Audited:
    """A lake of its own, and the rows of a run that Spark has built; runs of any day are made of them."""

    shop: Shop
    tables: dict[str, pa.Table]

    @property
    def lake(self) -> Lake:
        return self.shop.lake

    def prepare(self, day: date, run_id: str) -> None:
        """A run that has passed its audit, as the tag and audit stages leave it."""
        with ThreadPoolExecutor(len(PUBLISHED)) as pool:
            list(pool.map(lambda name: self._branch(name, day, run_id), self.tables))
        counts = {name: table.num_rows for name, table in self.tables.items()} | {USER_MEASURES.name: 0}
        record_run(self.lake, RunRecord(day, run_id, "tag", "built", row_counts=counts))
        record_run(self.lake, RunRecord(day, run_id, "audit", "passed"))

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

    def kill_after(self, day: date, run_id: str, step: int) -> None:
        """Publish in another process, which is killed after so many commits."""
        child = context.Process(target=_publish_and_die, args=(self.lake.properties, day, run_id, step))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL

    def publish(self, day: date, run_id: str) -> None:
        publish(self.shop.pipeline.catalogue, self.lake, day, run_id)

    def read(self, day: date) -> dict[str, tuple[str, int]]:
        """What BI sees of a day: each table's run and its rows. Fails where a table shows two runs."""
        parts = [
            f"select '{name}' as name, run_id, count(*) from {name.removeprefix('tags.')} "
            f"where dt = date '{day}' group by run_id"
            for name in [*self.tables, "tags.publications"]
        ]
        rows = query(self.shop.pipeline.catalogue, self.lake, " union all ".join(parts)).rows
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


def _publish_and_die(properties: dict[str, str], day: date, run_id: str, step: int) -> None:
    s3 = S3Access(
        properties["s3.endpoint"],
        properties["s3.region"],
        properties["s3.access-key-id"],
        properties["s3.secret-access-key"],
    )
    lake = Lake(properties, s3, "reports")
    built, audited = stage_record(lake, day, run_id, "tag"), stage_record(lake, day, run_id, "audit")
    assert built is not None and audited is not None
    for number, _ in enumerate(publish_steps(lake, built, audited), start=1):
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def audited(four_days: FourDays, new_shop: NewShop) -> Audited:
    """An empty lake beside the one whose third day's rows are taken."""
    day = date(2026, 3, 3)
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    where = rows_where(dt=day, run_id=four_days.runs[day][-1])
    tables = {}
    for spec in PUBLISHED:
        source = four_days.shop.lake.catalog.load_table(spec.name)
        tables[spec.name] = source.scan(row_filter=where).to_arrow()
        assert tables[spec.name].num_rows > 0
        ensure_table(shop.lake, spec.name, tables[spec.name].schema, spec.partition)
    return Audited(shop, tables)


def test_before_the_first_publication_there_is_nothing_to_read(audited: Audited) -> None:
    day = date(2026, 4, 1)
    audited.prepare(day, "r0")
    with pytest.raises(UsageError, match="user_tags"):
        audited.read(day)
    audited.kill_after(day, "r0", PUBLISHING - 1)
    with pytest.raises(UsageError, match="user_tags"):
        audited.read(day)
    audited.publish(day, "r0")
    assert audited.read(day) == audited.whole("r0")


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_publication_killed_after_any_commit_shows_whole_runs(audited: Audited, step: int) -> None:
    day = date(2026, 5, 1) + timedelta(days=step)
    before: dict[str, tuple[str, int]] = {}
    for run_id in (f"first{step}", f"again{step}"):
        audited.prepare(day, run_id)
        audited.kill_after(day, run_id, step)
        assert audited.read(day) == (audited.whole(run_id) if step >= PUBLISHING else before)
        audited.publish(day, run_id)
        assert audited.stored(day) == audited.holds_alone(run_id)
        before = audited.whole(run_id)
    assert audited.read(day) == before


def test_another_run_takes_over_from_one_that_was_killed(audited: Audited) -> None:
    day = date(2026, 6, 1)
    audited.prepare(day, "published")
    audited.publish(day, "published")
    audited.prepare(day, "killed")
    audited.kill_after(day, "killed", 3)
    audited.prepare(day, "next")
    audited.publish(day, "next")
    assert audited.read(day) == audited.whole("next")
    runs = {run for found in audited.stored(day).values() for run in found if not run.startswith("run_")}
    assert runs == {"next"}


def test_a_run_that_another_one_overtook_is_refused(audited: Audited) -> None:
    day = date(2026, 6, 2)
    audited.prepare(day, "faster")
    audited.prepare(day, "slower")
    audited.publish(day, "faster")
    with pytest.raises(InfrastructureError, match="written by somebody else"):
        audited.publish(day, "slower")
    assert audited.read(day) == audited.whole("faster")


def test_publishing_again_changes_nothing(audited: Audited) -> None:
    day = date(2026, 6, 3)
    audited.prepare(day, "once")
    audited.publish(day, "once")
    before = {name: audited.shop.snapshot(name) for name in [*audited.tables, "tags.publications"]}
    audited.publish(day, "once")
    assert {name: audited.shop.snapshot(name) for name in before} == before


def test_a_run_that_was_not_audited_is_not_published(audited: Audited) -> None:
    with pytest.raises(UsageError, match="is not audited"):
        audited.publish(date(2026, 6, 4), "unknown")
