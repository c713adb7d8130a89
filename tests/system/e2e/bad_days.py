"""One tiny shop that lives through days that go wrong; test_days_again.py and test_release.py look at it.

Each fixture takes the shop one step on, after the one that it asks for, and keeps what is looked at then:
the tests read that and nothing else, so they pass in any order.

- D1 and D3 are run; D2 is left out.
- D4 is refused by its clean checks and released by a person; it is run again on the released batch.
- D5 is refused by its clean checks, D3 is cleaned again meanwhile, and D5 is released; then the audit refuses
  its tags, because two tags of an exclusive path hold for u5.
- D2 is filled in, D4 is put right at the source, and the held tags of D5 are released.
- D6 has a new measure and tag, and a tag retired.
- D1 and D4 are cleaned again by other definitions.
"""

import io
import json
from collections import Counter
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.support.places import TINY_SHOP
from usertags.errors import DataError, UsageError
from usertags.published import PUBLISHED
from usertags.quality.gate import GateRefused
from usertags.quality.kinds import CheckKind
from usertags.quality.register import RunRecord
from usertags.query import query
from usertags.release import release
from usertags.stages import clean_promotion
from usertags.stages.rebase import rebase_run
from usertags.stages.releases import decide
from usertags.stages.report import StageReport, load_reports
from usertags.stages.runs import blocked_days, publications, run_branch, stage_record
from usertags.stages.summary import load_summary
from usertags.stages.tag import Run
from usertags.store.filters import rows_where
from usertags.store.schemas import PUBLICATIONS
from usertags.verify.compare import Difference

from .expected import D1, D2, D3, D4, D5, D6
from .shop import TABLES, NewShop, Row, Shop, ordered

LANDING = TINY_SHOP / "landing"
SOURCES = ("clean.orders", "clean.users", "clean.referrals")
WHO, WHY = "Wang Fang", "finance confirmed the order by telephone"
CLERK, SEEN = "Li Lei", "the contract of the order was seen"
TAGS, ORDERS = "tags/tags.yml", "sources/orders.yml"

Change = tuple[str, str, str, str | None, str | None, str]
Tables = dict[str, list[Row]]


def order(number: str, user: str, amount: float, at: str, status: str = "paid") -> dict[str, object]:
    row = {"order_id": number, "customer": user, "status": status, "amount": amount}
    return row | {"ordered_at": at, "updated_at": at}


HUGE = order("A4", "u1", 5_000_000, "2026-03-04 09:00:00")
ODD = order("G1", "u6", 70, "2026-03-04 10:00:00", status="on its way")
FINE = order("G2", "u7", 30, "2026-03-04 11:00:00")
SMALL = order("G3", "u2", 20, "2026-03-04 12:00:00")
# On D5 u5 buys twice, the first time for more than the source's check lets through.
TWICE = (
    order("K1", "u5", 2_000_000, "2026-03-05 09:00:00"),
    order("K2", "u5", 20, "2026-03-05 11:00:00"),
)
REFERRALS = "referrer,referee,referred_at\nu6,u9,2026-03-05 09:00:00\nu6,u10,2026-03-05 09:30:00\n"
# Outside the window of every measure but that of a lifetime, and u8 has ordered before.
LATE = order("L1", "u8", 25, "2024-12-02 12:00:00")


@dataclass(frozen=True)
class CommandResult:
    """What a command ended with and said on its error channel, on one line."""

    code: int
    text: str


def command(shop: Shop, *arguments: str) -> CommandResult:
    with redirect_stderr(io.StringIO()) as printed:
        code = shop.command(*arguments)
    return CommandResult(code, " ".join(printed.getvalue().split()))


def release_command(shop: Shop, day: str, by: str, reason: str) -> CommandResult:
    return command(shop, "release", "--day", day, "--by", by, "--reason", reason)


def released(shop: Shop, day: date, by: str = WHO, reason: str = WHY) -> list[StageReport]:
    return list(release(shop.pipeline, day, by=by, reason=reason))


def notes(reports: list[StageReport]) -> dict[str, str]:
    (report,) = [item for item in reports if item.stage == "release"]
    return {line.name: line.note for line in report.lines}


def summary(shop: Shop, day: date, run_id: str) -> dict[str, Any]:
    found = load_summary(shop.lake, shop.pipeline.project, day, run_id)
    assert found is not None
    return found


def amounts(shop: Shop, data_day: date) -> dict[str, Decimal]:
    return {row["order_id"]: row["amount"] for row in shop.rows("clean.orders", rows_where(_batch=data_day))}


def set_when(shop: Shop, tag: str, when: str) -> None:
    shop.edit(TAGS, lambda tags: tags["tags"][tag].update(when=when))


def published_days(shop: Shop) -> list[date]:
    return [item.data_day for item in publications(shop.lake)]


# ---- a day that is left out ----------------------------------------------------------------------------


@dataclass(frozen=True)
class LeftOut:
    """D1 and D3 are published; D3 found the files of D2 as well."""

    shop: Shop
    profile: dict[str, Row]


@pytest.fixture(scope="session")
def left_out(new_shop: NewShop) -> LeftOut:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    # An edit writes the file in another order, which is part of the definition: all edits come after this.
    shop.edit(ORDERS, lambda source: None)
    set_when(shop, "no_order_yet", "orders_lifetime = 0 or orders_1d = 2")
    shop.land(LANDING, str(D1))
    shop.run(D1)
    shop.land(LANDING, str(D2))
    shop.land(LANDING, str(D3))
    shop.run(D3)
    return LeftOut(shop, shop.profile(D3))


# ---- a batch that the clean checks refused -------------------------------------------------------------

# A release that cannot be: the day, by whom and why it is asked for.
CANNOT_BE = {
    "published": (str(D1), WHO, WHY),
    "unknown": (str(D5), WHO, WHY),
    "by nobody": (str(D4), "  ", WHY),
    "for no reason": (str(D4), WHO, " "),
    "no day": ("second", WHO, WHY),
}
REQUIRED_OPTIONS = {"--day": str(D4), "--by": WHO, "--reason": WHY}


@dataclass(frozen=True)
class Refused:
    """The batch of D4 is refused, D5 waits.

    `moved` holds the snapshots of tables before and after. `not_built` is what the tag stage says when nobody
    released the batch, and after a release that broke off at once. `cannot_be` and `incomplete` are commands
    of `release` with the days that were blocked after them.
    """

    run_id: str
    error: GateRefused
    waiting: DataError
    moved: dict[str, tuple[int, int]]
    checks: list[Row]
    published: list[date]
    branch: dict[str, int]
    summary: dict[str, Any]
    report: int
    not_built: list[DataError]
    cannot_be: dict[str, tuple[CommandResult, list[date]]]
    incomplete: dict[str, tuple[CommandResult, list[date]]]


@pytest.fixture(scope="session")
def refused(left_out: LeftOut) -> Refused:
    shop = left_out.shop
    shop.write_orders(str(D4), [HUGE, ODD, FINE, SMALL])
    tables = ("clean.orders", "clean.users", "rollup.orders", "tags.user_tags")
    before = {table: shop.snapshot(table) for table in tables}
    with pytest.raises(GateRefused, match="usertags release") as error:
        shop.run(D4)
    run_id = shop.run_id
    found = summary(shop, D4, run_id)
    shop.write_orders(str(D5), TWICE)
    referrals = shop.landing / "referrals" / f"dt={D5}" / "referrals.csv"
    referrals.parent.mkdir()
    referrals.write_text(REFERRALS)
    with pytest.raises(DataError) as waiting:
        shop.run(D5)
    loaded = {name: shop.lake.catalog.load_table(name) for name in SOURCES}
    branch = {name: table.metadata.refs["batch_20260304"].snapshot_id for name, table in loaded.items()}
    after = {table: (before[table], shop.snapshot(table)) for table in tables}
    checks = shop.rows("ops.checks", rows_where(dt=D4, success=False))
    report = shop.command("report", "--day", str(D4), "--run-id", run_id)

    not_built = [_not_built(shop, run_id)]
    decide(shop.lake, blocked_days(shop.lake)[0], "somebody whose release broke off", WHY)
    not_built.append(_not_built(shop, run_id))

    def blocked() -> list[date]:
        return [record.data_day for record in blocked_days(shop.lake)]

    cannot_be = {name: (release_command(shop, *given), blocked()) for name, given in CANNOT_BE.items()}
    incomplete = {}
    for left in REQUIRED_OPTIONS:
        pairs = [pair for pair in REQUIRED_OPTIONS.items() if pair[0] != left]
        incomplete[left] = command(shop, "release", *[text for pair in pairs for text in pair]), blocked()
    return Refused(
        run_id,
        error.value,
        waiting.value,
        after,
        checks,
        published_days(shop),
        branch,
        found,
        report,
        not_built,
        cannot_be,
        incomplete,
    )


def _not_built(shop: Shop, run_id: str) -> DataError:
    with pytest.raises(DataError) as error:
        list(shop.pipeline.stage("tag", D4, run_id))
    return error.value


@dataclass(frozen=True)
class BatchReleased:
    """D4 is released by the command, after an attempt that broke off when the first source was taken over.

    `waiting` is the error of D5 between the two. `again` and `by_another` are the command once more, and as
    another person; `moved` are the snapshots of what readers see before and after the former.
    """

    run_id: str
    waiting: DataError
    code: int
    main: dict[str, int]
    branches: dict[str, set[str]]
    amounts: dict[str, Decimal]
    publication: Row
    profile: dict[str, Row]
    shown: list[tuple[Any, ...]]
    stages: list[str]
    summary: dict[str, Any]
    again: CommandResult
    moved: dict[str, tuple[int, int]]
    by_another: CommandResult


@pytest.fixture(scope="session")
def batch_released(left_out: LeftOut, refused: Refused) -> BatchReleased:
    shop = left_out.shop
    settle = clean_promotion._settle
    settled: list[None] = []

    def once(*arguments: Any, **options: Any) -> None:
        if settled:
            raise KeyboardInterrupt
        settled.append(settle(*arguments, **options))

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(clean_promotion, "_settle", once)
        released(shop, D4)
    with pytest.raises(DataError) as waiting:
        shop.run(D5, until="clean")
    code = release_command(shop, str(D4), WHO, WHY).code
    publication = shop.publication(D4)
    reports = load_reports(shop.lake, shop.pipeline.project, D4, publication["run_id"])
    sql = f"select distinct verdict from user_tags where dt = date '{D4}'"
    shown = query(shop.pipeline.project, shop.lake, sql).rows
    found = summary(shop, D4, refused.run_id)
    tables = [spec.name for spec in PUBLISHED] + [PUBLICATIONS.name]
    before = {name: shop.snapshot(name) for name in tables}
    again = release_command(shop, str(D4), WHO, WHY)
    return BatchReleased(
        refused.run_id,
        waiting.value,
        code,
        {name: shop.snapshot(name) for name in SOURCES},
        {name: shop.branches(name) for name in SOURCES},
        amounts(shop, D4),
        publication,
        shop.profile(D4),
        shown,
        [item.stage for item in reports],
        found,
        again,
        {name: (before[name], shop.snapshot(name)) for name in tables},
        release_command(shop, str(D4), CLERK, WHY),
    )


@pytest.fixture(scope="session")
def batch_again(left_out: LeftOut, batch_released: BatchReleased) -> Row:
    """The publication of D4 when it is run again on the batch that stands."""
    left_out.shop.run(D4)
    return left_out.shop.publication(D4)


# ---- a batch that is not what it was when it was refused; its tags are refused as well -----------------


@dataclass(frozen=True)
class Moved:
    """D5 is refused by its clean checks. D3 is cleaned again with an order that came late, so main of clean
    has moved; then D5 is released and its batch taken over. Its tags are refused by their audit."""

    run_id: str
    error: UsageError
    notes: dict[str, str]
    orders: dict[str, date]
    refusal: GateRefused


@pytest.fixture(scope="session")
def moved(left_out: LeftOut, batch_again: Row) -> Moved:
    shop = left_out.shop
    with pytest.raises(GateRefused, match="amount in its range"):
        shop.run(D5)
    run_id = shop.run_id
    late = shop.landing / "orders" / f"dt={D3}" / "late.json"
    late.write_text(json.dumps(LATE) + "\n")
    shop.run(D3, until="clean", re_extract=True)
    rules = {"unknown_status": "status = 'lost'"}
    shop.edit(ORDERS, lambda source: source["reject"].update(rules))
    with pytest.raises(UsageError) as error:
        released(shop, D5, CLERK, SEEN)
    rules = {"unknown_status": "status not in ('pending', 'paid', 'done', 'cancelled')"}
    shop.edit(ORDERS, lambda source: source["reject"].update(rules))
    reports: list[StageReport] = []
    with pytest.raises(GateRefused) as refusal:
        for report in release(shop.pipeline, D5, by=CLERK, reason=SEEN):
            reports.append(report)
    rows = {row["order_id"]: row["_batch"] for row in shop.rows("clean.orders")}
    return Moved(run_id, error.value, notes(reports), rows, refusal.value)


@dataclass(frozen=True)
class Held:
    """The tags of D5 stay on the branch of their run; D6 waits."""

    shop: Shop
    run_id: str
    unpublished: DataError
    waiting: DataError
    published: list[date]
    rows: Tables

    @property
    def built(self) -> RunRecord:
        return _built(self.shop, self.run_id)

    def on_branch(self) -> Tables:
        return _on_branch(self.shop, self.run_id)

    def rebase_run(self) -> dict[str, str]:
        pipeline = self.shop.pipeline
        run = Run(pipeline.spark, pipeline.project, pipeline.lake, D5, self.run_id)
        report = rebase_run(lambda: run, pipeline.lake, self.built, pipeline.project.version)
        return {line.name: line.note for line in report.lines}


def _built(shop: Shop, run_id: str) -> RunRecord:
    found = stage_record(shop.lake, D5, run_id, "tag")
    assert found is not None
    return found


def _on_branch(shop: Shop, run_id: str) -> Tables:
    return {
        name: ordered(
            shop.lake.catalog.load_table(f"tags.{name}")
            .scan(row_filter=rows_where(dt=D5, run_id=run_id))
            .use_ref(run_branch(run_id))
            .to_arrow()
            .to_pylist()
        )
        for name in TABLES
    }


@pytest.fixture(scope="session")
def held(left_out: LeftOut, moved: Moved) -> Held:
    shop = left_out.shop
    with pytest.raises(DataError) as unpublished:
        list(shop.pipeline.stage("publish", D5, moved.run_id))
    with pytest.raises(DataError) as waiting:
        shop.run(D6)
    return Held(
        shop,
        moved.run_id,
        unpublished.value,
        waiting.value,
        published_days(shop),
        _on_branch(shop, moved.run_id),
    )


# ---- the day that was left out is filled in: main has moved, but the day before D5 is what it was -------


@dataclass(frozen=True)
class Backfilled:
    """D2 is filled in. `before` and `after` are what is published of D3. `first` and `second` say how the
    held rows of D5 came onto main after that, and once more; `rows` and `branches` are what was there."""

    before: Tables
    after: Tables
    profiles: dict[date, dict[str, Row]]
    changes: set[Change]
    order: list[date]
    first: dict[str, str]
    rows: Tables
    second: dict[str, str]
    branches: dict[str, set[str]]


@pytest.fixture(scope="session")
def backfilled(held: Held) -> Backfilled:
    shop = held.shop
    before = {table: shop.published(table, D3) for table in TABLES}
    shop.run(D2)
    first = held.rebase_run()
    rows = held.on_branch()
    return Backfilled(
        before,
        {table: shop.published(table, D3) for table in TABLES},
        {day: shop.profile(day) for day in (D1, D2)},
        shop.changes(D2),
        published_days(shop),
        first,
        rows,
        held.rebase_run(),
        {table: shop.branches(f"tags.{table}") for table in TABLES},
    )


# ---- the released day is put right, and the held tags of the day after are released ---------------------


@dataclass(frozen=True)
class PutRight:
    publication: Row
    amounts: dict[str, Decimal]
    line: dict[str, int | None]
    profile: dict[str, Row]


@pytest.fixture(scope="session")
def put_right(held: Held, backfilled: Backfilled) -> PutRight:
    """The shop corrects its file of D4, of A4 and G1 without a newer version; the day is read again."""
    shop = held.shop
    newer = SMALL | {"amount": 40, "updated_at": "2026-03-04 18:00:00"}
    shop.write_orders(str(D4), [HUGE | {"amount": 50}, ODD | {"status": "paid"}, FINE, newer])
    shop.run(D4, re_extract=True)
    return PutRight(shop.publication(D4), amounts(shop, D4), shop.line("clean", "orders"), shop.profile(D4))


@dataclass(frozen=True)
class TagsReleased:
    """The held tags of D5 are released, after a try under other rules; D4 is another run since."""

    error: UsageError
    notes: dict[str, str]
    stages: list[str]
    publication: Row
    previous_run: str | None
    branches: dict[str, set[str]]
    profile: dict[str, Row]
    changes: set[Change]
    kept: dict[str, Row]
    rfm: list[Row]
    statistics: list[Row]
    differences: tuple[Difference, ...]


@pytest.fixture(scope="session")
def tags_released(held: Held, put_right: PutRight) -> TagsReleased:
    shop = held.shop
    set_when(shop, "important_customer", "orders_180d > 9")
    with pytest.raises(UsageError) as error:
        released(shop, D5)
    set_when(shop, "important_customer", "orders_180d >= 3 or referrals_180d >= 2")
    reports = released(shop, D5)
    return TagsReleased(
        error.value,
        notes(reports),
        [report.stage for report in reports],
        shop.publication(D5),
        held.built.previous_run,
        {table: shop.branches(f"tags.{table}") for table in TABLES},
        shop.profile(D5),
        shop.changes(D5),
        shop.tags(D5, "just_bought"),
        shop.published("rfm", D5),
        shop.published("tag_statistics", D5),
        shop.differences(D5),
    )


# ---- an edited configuration ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Extended:
    """D6, a day without any file, with one more measure and tag, and one tag retired. `genders` are the users
    that carried the retired tag on D5 and on D6."""

    publication: Row
    profile: dict[str, Row]
    changes: set[Change]
    rollups: dict[str, tuple[int, int]]
    files: tuple[set[str], set[str]]
    statuses: dict[str, str]
    genders: tuple[set[str], set[str]]


@pytest.fixture(scope="session")
def extended(held: Held, tags_released: TagsReleased) -> Extended:
    shop = held.shop

    def rollups() -> dict[str, int]:
        return {name: shop.snapshot(f"rollup.{name}") for name in ("orders", "referrals")}

    def files() -> set[str]:
        table = shop.lake.catalog.load_table("rollup.orders")
        return set(table.inspect.files()["file_path"].to_pylist())

    before, files_before = rollups(), files()
    shop.edit("measures/all.yml", _add_measure)
    shop.edit(TAGS, _add_and_retire)
    shop.run(D6)
    after = rollups()
    return Extended(
        shop.publication(D6),
        shop.profile(D6),
        shop.changes(D6),
        {name: (before[name], after[name]) for name in before},
        (files_before, files()),
        {row["tag_id"]: row["status"] for row in shop.published("tag_catalogue", D6)},
        (set(shop.tags(D5, "gender")), set(shop.tags(D6, "gender"))),
    )


def _add_measure(data: dict[str, Any]) -> None:
    paid = "status in ('paid', 'done')"
    data["measures"]["biggest_365d"] = {
        "source": "orders",
        "value": "max(amount)",
        "where": paid,
        "window": "365d",
    }


def _add_and_retire(data: dict[str, Any]) -> None:
    data["tags"]["gender"]["status"] = "retired"
    data["tags"]["biggest_order"] = data["tags"]["yearly_spend"] | {
        "name": "最大单笔",
        "title": "Biggest order",
        "value": "biggest_365d",
        "type": "decimal(12,2)",
    }


@dataclass(frozen=True)
class Relaxed:
    """D1 cleaned again after the configuration learnt to read what it had set aside. `checks` is what a run
    that finds it clean says of definitions."""

    line: dict[str, int | None]
    reasons: Counter[str]
    orders: dict[str, Row]
    checks: list[Row]


@pytest.fixture(scope="session")
def relaxed(held: Held, extended: Extended) -> Relaxed:
    shop = held.shop
    any_spelling = {"expr": "lower(trim(status))", "type": "string"}
    shop.edit(ORDERS, lambda source: source["columns"].update(status=any_spelling))
    shop.run(D1, until="clean")
    line, rows = shop.line("clean", "orders"), shop.rows("clean.orders")
    rejected = shop.rows("ops.quarantine", rows_where(source="orders", batch=D1))
    checks = shop.rows("ops.checks", rows_where(dt=D1, run_id=shop.run(D1, until="clean")))
    return Relaxed(
        line,
        Counter(row["reason"] for row in rejected),
        {row["order_id"]: row for row in rows},
        [row for row in checks if row["kind"] == CheckKind.DEFINITION],
    )


@dataclass(frozen=True)
class Forgotten:
    """A try of D4 is refused under a definition that is taken back; then D4 is cleaned once more."""

    amounts: dict[str, Decimal]
    branches: set[str]


@pytest.fixture(scope="session")
def forgotten(held: Held, relaxed: Relaxed) -> Forgotten:
    shop = held.shop
    right = {"from": "amount", "type": "decimal(12,2)"}
    wrong = {"expr": "cast(amount as decimal(12,2)) * 1000000", "type": "decimal(12,2)"}
    shop.run(D4, until="clean")
    shop.edit(ORDERS, lambda source: source["columns"].update(amount=wrong))
    with pytest.raises(GateRefused):
        shop.run(D4, until="clean")
    shop.edit(ORDERS, lambda source: source["columns"].update(amount=right))
    shop.run(D4, until="clean")
    return Forgotten(amounts(shop, D4), shop.branches("clean.orders"))
