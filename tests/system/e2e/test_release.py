"""A person releases a day that a check refused, its batch or its tags; or it is put right at the source.

Each shop lives through one story; each fixture takes it one step on and keeps what its tests look at.
"""

import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from jobs.errors import DataError, UsageError
from jobs.quality.checks import GateRefused
from jobs.query import query
from jobs.release import release
from jobs.stages import clean
from jobs.stages.held import bring_up
from jobs.stages.releases import decide
from jobs.stages.report import StageReport, load_reports
from jobs.stages.runs import RunRecord, blocked_days, run_branch, stage_record
from jobs.stages.summary import load_summary
from jobs.stages.tag import Run
from jobs.store.filters import rows_where
from jobs.store.schemas import PUBLISHED
from tests.support.places import TINY_SHOP

from .conftest import TABLES, NewShop
from .expected import D1, D2, D3, PROFILES, people
from .shop import Row, Shop, ordered

LANDING = TINY_SHOP / "landing"
WHO, WHY = "Wang Fang", "finance confirmed the order by telephone"


def order(number: str, user: str, amount: float, at: str, status: str = "paid") -> dict[str, object]:
    row = {"order_id": number, "customer": user, "status": status, "amount": amount}
    return row | {"ordered_at": at, "updated_at": at}


HUGE = order("A4", "u1", 5_000_000, "2026-03-02 09:00:00")
ODD = order("G1", "u6", 70, "2026-03-02 10:00:00", status="on its way")
FINE = order("G2", "u7", 30, "2026-03-02 11:00:00")


def released(shop: Shop, day: date, by: str = WHO, reason: str = WHY) -> list[StageReport]:
    return list(release(shop.pipeline, day, by=by, reason=reason))


def notes(reports: list[StageReport]) -> dict[str, str]:
    (report,) = [item for item in reports if item.stage == "release"]
    return {line.name: line.note for line in report.lines}


def summary(shop: Shop, run_id: str) -> dict[str, Any]:
    found = load_summary(shop.lake, shop.pipeline.catalogue, D2, run_id)
    assert found is not None
    return found


def amounts(shop: Shop) -> dict[str, Decimal]:
    return {row["order_id"]: row["amount"] for row in shop.rows("clean.orders", rows_where(_batch=D2))}


# ---- a batch that the clean checks refused -------------------------------------------------------------


@dataclass(frozen=True)
class Refused:
    """D1 is published, the batch of D2 is refused, D3 waits."""

    shop: Shop
    run_id: str
    branch: dict[str, int]
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def refused(new_shop: NewShop) -> Refused:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    shop.land(LANDING, str(D1))
    shop.run(D1)
    shop.write_orders(str(D2), [HUGE, ODD, FINE])
    with pytest.raises(GateRefused, match="usertags release"):
        shop.run(D2)
    run_id = shop.run_id
    with pytest.raises(DataError, match=f"{D3} waits: {D2} was refused"):
        shop.run(D3)
    held = {
        name: shop.lake.catalog.load_table(name).metadata.refs["batch_20260302"].snapshot_id
        for name in ("clean.orders", "clean.users", "clean.referrals")
    }
    return Refused(shop, run_id, held, summary(shop, run_id))


def test_nothing_is_built_on_a_batch_that_was_refused(refused: Refused) -> None:
    """Also when the stages after it are started one by one, or a task is marked as done by hand. A release
    that broke off before it took the batch over opens nothing."""
    shop = refused.shop
    for by in ("nobody", "somebody whose release broke off"):
        if by != "nobody":
            decide(shop.lake, blocked_days(shop.lake)[0], by, WHY)
        with pytest.raises(DataError, match=f"the batch of {D2} was refused by its clean checks"):
            list(shop.pipeline.stage("tag", D2, refused.run_id))


def test_a_refused_run_leaves_its_summary(refused: Refused) -> None:
    """G1 has a status that the source does not know, and the amount of A4 is outside its range."""
    found = refused.summary
    assert (found["verdict"], found["refused_by"], found["day"]) == ("refused", "clean", str(D2))
    assert found["rows"]["sources"]["orders"] == {
        "read": 3, "kept": 2, "superseded": 0, "repeats": 0, "quarantined": 1
    }  # fmt: skip
    failure = next(item for item in found["failed"] if item["severity"] == "critical")
    assert (failure["id"], failure["runbook"]) == ("clean.orders.amount_in_its_range", "in-its-range")
    assert found["checks"]["failed"]["critical"] == 1
    assert found["readers_get"]["day"] == str(D1)
    assert {item["stage"] for item in found["stages"]} == {"extract", "clean"}
    assert refused.shop.command("report", "--day", str(D2), "--run-id", refused.run_id) == 0


@pytest.mark.parametrize(
    ("day", "by", "reason", "text"),
    [
        (str(D1), WHO, WHY, r"2026-03-01 is not blocked: run r\w+ of it is published \(passed\)"),
        (str(D3), WHO, WHY, "no run of 2026-03-03 is known"),
        (str(D2), "  ", WHY, "a release has to say by whom.*nothing was released.*--by"),
        (str(D2), WHO, " ", "a release has to say why.*--reason"),
        ("second", WHO, WHY, "'second' is no day"),
    ],
)
def test_a_release_that_cannot_be_is_a_usage_error(
    refused: Refused, capfd: pytest.CaptureFixture[str], day: str, by: str, reason: str, text: str
) -> None:
    assert refused.shop.command("release", "--day", day, "--by", by, "--reason", reason) == 2
    assert re.search(text, " ".join(capfd.readouterr().err.split()))
    assert [record.day for record in blocked_days(refused.shop.lake)] == [D2]


@pytest.mark.parametrize("left_out", ["--by", "--reason", "--day"])
def test_who_why_and_which_day_must_be_said(
    refused: Refused, capfd: pytest.CaptureFixture[str], left_out: str
) -> None:
    given = {"--day": str(D2), "--by": WHO, "--reason": WHY}
    given.pop(left_out)
    assert refused.shop.command("release", *[text for pair in given.items() for text in pair]) == 2
    assert f"Missing option '{left_out}'" in capfd.readouterr().err


@dataclass(frozen=True)
class BatchReleased:
    shop: Shop
    run_id: str
    main: dict[str, int]
    amounts: dict[str, Decimal]
    publication: Row
    profile: dict[str, Row]
    shown: list[tuple[Any, ...]]
    stages: list[str]
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def batch_released(refused: Refused) -> BatchReleased:
    """Released by the command, after an attempt that broke off when the first source was taken over."""
    shop = refused.shop
    settle, settled = clean._settle, []

    def once(*arguments: Any, **options: Any) -> None:
        if settled:
            raise KeyboardInterrupt
        settled.append(settle(*arguments, **options))

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(clean, "_settle", once)
        released(shop, D2)
    with pytest.raises(DataError, match=f"{D3} waits"):
        shop.run(D3, until="clean")
    assert shop.command("release", "--day", str(D2), "--by", WHO, "--reason", WHY) == 0
    publication = shop.publication(D2)
    sql = f"select distinct verdict from user_tags where dt = date '{D2}'"
    return BatchReleased(
        shop,
        refused.run_id,
        {name: shop.snapshot(name) for name in refused.branch},
        amounts(shop),
        publication,
        shop.profile(D2),
        query(shop.pipeline.catalogue, shop.lake, sql).rows,
        [item.stage for item in load_reports(shop.lake, shop.pipeline.catalogue, D2, publication["run_id"])],
        summary(shop, refused.run_id),
    )


def test_the_held_batch_is_taken_over_in_every_source(
    refused: Refused, batch_released: BatchReleased
) -> None:
    assert batch_released.main == refused.branch
    assert batch_released.amounts == {"A4": Decimal(5_000_000), "G2": Decimal(30)}
    for name in refused.branch:
        assert batch_released.shop.branches(name) == {"main"}


def test_the_day_is_run_on_and_says_who_released_it_and_why(batch_released: BatchReleased) -> None:
    row = batch_released.publication
    assert (row["verdict"], row["released_by"], row["release_reason"]) == ("released", WHO, WHY)
    assert row["run_id"] == batch_released.run_id
    (warning,) = json.loads(row["warnings"])
    assert warning.startswith("clean.orders: amount in its range (observed 1 failing rows")
    assert batch_released.profile["u1"]["yearly_spend"] == Decimal(5_000_150)
    assert "release" in batch_released.stages and batch_released.stages[-1] == "publish"


def test_the_summary_says_who_released_it_and_what_was_built(batch_released: BatchReleased) -> None:
    found = batch_released.summary
    assert (found["verdict"], found["released_by"], found["release_reason"]) == ("released", WHO, WHY)
    assert found["rows"]["tables"] == json.loads(batch_released.publication["row_counts"])
    assert found["definition_version"] == batch_released.publication["catalogue_version"]
    assert found["readers_get"] == {"day": str(D2), "run_id": batch_released.run_id}
    assert found["failed"][0]["id"] == "clean.orders.amount_in_its_range"


def test_a_view_marks_the_rows_of_a_released_day(batch_released: BatchReleased) -> None:
    assert batch_released.shown == [("released",)]


def test_releasing_once_more_changes_nothing_and_another_person_is_told(
    batch_released: BatchReleased, capfd: pytest.CaptureFixture[str]
) -> None:
    shop = batch_released.shop
    before = {name: shop.snapshot(name) for name in [spec.name for spec in PUBLISHED] + ["tags.publications"]}
    assert shop.command("release", "--day", str(D2), "--by", WHO, "--reason", WHY) == 0
    assert {name: shop.snapshot(name) for name in before} == before
    assert shop.command("release", "--day", str(D2), "--by", "Li Lei", "--reason", WHY) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert re.search(rf"is not blocked: run r\w+ of it is published \(released, released by {WHO}\)", said)


@dataclass(frozen=True)
class Later:
    shop: Shop
    later: Row
    again: Row


@pytest.fixture(scope="module")
def later(batch_released: BatchReleased) -> Later:
    """D3 goes on, and D2 is run again on the batch that stands."""
    shop = batch_released.shop
    shop.run(D3)
    shop.run(D2)
    return Later(shop, shop.publication(D3), shop.publication(D2))


def test_the_waiting_day_goes_on(later: Later) -> None:
    assert (later.later["verdict"], later.later["released_by"]) == ("passed", None)


def test_another_run_on_the_released_batch_says_so_too(batch_released: BatchReleased, later: Later) -> None:
    assert later.again["replaces"] == batch_released.run_id
    assert (later.again["verdict"], later.again["released_by"]) == ("released", WHO)


@dataclass(frozen=True)
class PutRight:
    publication: Row
    amounts: dict[str, Decimal]
    line: dict[str, int | None]
    profile: dict[str, Row]


@pytest.fixture(scope="module")
def put_right(later: Later) -> PutRight:
    """The shop corrects its file without giving the rows a newer version; the day is read again."""
    shop = later.shop
    shop.write_orders(str(D2), [HUGE | {"amount": 50}, ODD | {"status": "paid"}, FINE])
    shop.run(D2, re_extract=True)
    return PutRight(shop.publication(D2), amounts(shop), shop.line("clean", "orders"), shop.profile(D2))


def test_a_day_that_is_put_right_is_released_no_more(put_right: PutRight) -> None:
    assert put_right.publication["verdict"] == "passed"
    assert put_right.publication["released_by"] is None
    assert json.loads(put_right.publication["warnings"]) == []


def test_what_was_set_aside_is_taken_in_again_without_any_clean_up(put_right: PutRight) -> None:
    assert put_right.amounts == {"A4": Decimal(50), "G1": Decimal(70), "G2": Decimal(30)}
    # Both files are in the batch: the huge row gave way, the fine one came twice, the odd one stays aside.
    assert put_right.line == {"read": 6, "kept": 3, "superseded": 1, "repeats": 1, "quarantined": 1}
    assert put_right.profile["u6"]["yearly_spend"] == Decimal(70)


# ---- a batch that is not what it was when it was refused -----------------------------------------------


@dataclass(frozen=True)
class Moved:
    """D2 is refused; then D1 is read again with an order that came late, so main of clean has moved."""

    shop: Shop
    error: UsageError
    notes: dict[str, str]
    orders: dict[str, date]
    publication: Row


@pytest.fixture(scope="module")
def moved(new_shop: NewShop) -> Moved:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    # An edit writes the file in another order, which is part of the definition.
    shop.edit("sources/orders.yml", lambda source: None)
    shop.land(LANDING, str(D1))
    shop.run(D1)
    shop.write_orders(str(D2), [HUGE, FINE])
    with pytest.raises(GateRefused):
        shop.run(D2)
    late = shop.landing / "orders" / f"dt={D1}" / "late.json"
    late.write_text(json.dumps(order("L1", "u3", 25, "2026-03-01 12:00:00")) + "\n")
    shop.run(D1, re_extract=True)
    rules = {"unknown_status": "status = 'lost'"}
    shop.edit("sources/orders.yml", lambda source: source["reject"].update(rules))
    with pytest.raises(UsageError) as error:
        released(shop, D2)
    rules = {"unknown_status": "status not in ('pending', 'paid', 'done', 'cancelled')"}
    shop.edit("sources/orders.yml", lambda source: source["reject"].update(rules))
    reports = released(shop, D2)
    rows = {row["order_id"]: row["_batch"] for row in shop.rows("clean.orders")}
    return Moved(shop, error.value, notes(reports), rows, shop.publication(D2))


def test_a_batch_that_another_definition_would_make_is_not_released(moved: Moved) -> None:
    assert f"the batch of {D2} is not the one that was refused: orders" in str(moved.error)
    assert f"usertags run --day {D2}" in str(moved.error)


def test_a_batch_is_cleaned_again_where_other_batches_came_since(moved: Moved) -> None:
    again = "cleaned again on today's table"
    assert moved.notes == {"orders": again, "referrals": again, "users": again}
    assert {name: moved.orders[name] for name in ("L1", "A4", "G2")} == {"L1": D1, "A4": D2, "G2": D2}
    assert (moved.publication["verdict"], moved.publication["released_by"]) == ("released", WHO)


# ---- tags that the audit refused -----------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """D1 is published. The run of D2 is held: two tags of an exclusive path hold for u5."""

    shop: Shop
    run_id: str
    rows: dict[str, list[Row]]

    @property
    def built(self) -> RunRecord:
        found = stage_record(self.shop.lake, D2, self.run_id, "tag")
        assert found is not None
        return found

    def on_branch(self) -> dict[str, list[Row]]:
        return {
            name: ordered(
                self.shop.lake.catalog.load_table(f"tags.{name}")
                .scan(row_filter=rows_where(dt=D2, run_id=self.run_id))
                .use_ref(run_branch(self.run_id))
                .to_arrow()
                .to_pylist()
            )
            for name in TABLES
        }

    def bring_up(self) -> dict[str, str]:
        pipeline = self.shop.pipeline
        run = Run(pipeline.spark, pipeline.catalogue, pipeline.lake, D2, self.run_id)
        report = bring_up(lambda: run, pipeline.lake, self.built, pipeline.catalogue.version)
        return {line.name: line.note for line in report.lines}


def overlap(tags: dict[str, Any]) -> None:
    tags["tags"]["no_order_yet"]["when"] = "orders_lifetime = 0 or paid_365d = 80"


@pytest.fixture(scope="module")
def held(new_shop: NewShop) -> Held:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    shop.edit("tags/tags.yml", overlap)
    shop.land(LANDING, str(D1))
    shop.run(D1)
    shop.land(LANDING, str(D2))
    with pytest.raises(GateRefused, match="exactly one tag of 生命周期/阶段/下单"):
        shop.run(D2)
    found = Held(shop, shop.run_id, {})
    return Held(shop, shop.run_id, found.on_branch())


@pytest.fixture(scope="module")
def overtaken(held: Held) -> dict[str, str]:
    """A day long ago is published since: main has moved, but the day before D2 is what it was."""
    held.shop.run(date(2026, 2, 28))
    return held.bring_up()


def test_held_rows_come_onto_todays_main_as_they_are(held: Held, overtaken: dict[str, str]) -> None:
    assert set(overtaken.values()) == {"held rows copied onto today's main"}
    assert held.on_branch() == held.rows
    assert set(held.bring_up().values()) == {"held rows as they are"}
    for table in TABLES:
        assert held.shop.branches(f"tags.{table}") == {"main", run_branch(held.run_id)}


@dataclass(frozen=True)
class TagsReleased:
    error: UsageError
    notes: dict[str, str]
    stages: list[str]
    publication: Row
    before: Row
    profile: dict[str, Row]
    changes: set[tuple[Any, ...]]
    kept: dict[str, Row]
    rfm: list[Row]
    statistics: list[Row]


@pytest.fixture(scope="module")
def tags_released(held: Held, overtaken: dict[str, str]) -> TagsReleased:
    """The next morning: D1 was run again meanwhile, with an order of u3 that came late."""
    shop = held.shop
    late = shop.landing / "orders" / f"dt={D1}" / "late.json"
    late.write_text(json.dumps(order("L1", "u3", 25, "2026-03-01 12:00:00")) + "\n")
    shop.run(D1, re_extract=True)
    before = shop.publication(D1)
    right = "orders_180d >= 3 or referrals_180d >= 2"
    shop.edit("tags/tags.yml", lambda tags: tags["tags"]["important_customer"].update(when="orders_180d > 9"))
    with pytest.raises(UsageError) as error:
        released(shop, D2)
    shop.edit("tags/tags.yml", lambda tags: tags["tags"]["important_customer"].update(when=right))
    reports = released(shop, D2)
    return TagsReleased(
        error.value,
        notes(reports),
        [report.stage for report in reports],
        shop.publication(D2),
        before,
        shop.profile(D2),
        shop.changes(D2),
        shop.tags(D2, "just_bought"),
        shop.published("rfm", D2),
        shop.published("tag_statistics", D2),
    )


def test_rows_that_other_rules_would_make_are_not_computed_again(tags_released: TagsReleased) -> None:
    assert "is another run since" in str(tags_released.error)
    assert "the rules have changed" in str(tags_released.error)
    assert f"usertags run --day {D2}" in str(tags_released.error)


def test_what_compares_with_the_day_before_is_computed_again_and_audited(
    tags_released: TagsReleased,
) -> None:
    again = "computed again: the day before is another run now"
    copied = "held rows copied onto today's main"
    assert tags_released.notes == {
        "tags.user_tags": again,
        "tags.user_profile": again,
        "tags.user_tag_changes": again,
        "tags.tag_statistics": again,
        "tags.rfm": copied,
        "tags.rfm_thresholds": copied,
        "tags.tag_catalogue": copied,
    }
    assert tags_released.stages == ["release", "publish"]


def test_a_released_run_shows_its_own_day_and_the_day_before_as_it_is_now(
    held: Held, tags_released: TagsReleased
) -> None:
    expected = people(PROFILES[D2])
    expected["u5"]["no_order_yet"] = True
    # The order that came late is no part of the held run; what D1 remembers of it is.
    expected["u3"]["just_bought"] = True
    assert tags_released.profile == expected
    assert str(tags_released.kept["u3"]["valid_from"]) == str(D1)
    assert str(tags_released.kept["u5"]["valid_from"]) == str(D2)
    of_u3 = {change[1:] for change in tags_released.changes if change[0] == "u3"}
    assert {change for change in of_u3 if change[0] != "rfm_segment"} == {
        ("has_ordered", "removed", "true", None, "data"),
        ("no_order_yet", "added", None, "true", "data"),
        ("important_customer", "added", None, "true", "data"),
        ("bought_today", "removed", "true", None, "data"),
        ("yearly_spend", "changed", "25", "0", "data"),
    }
    counts = {row["tag_id"]: (row["users"], row["users_before"]) for row in tags_released.statistics}
    assert counts["has_ordered"] == (5, 4)
    assert counts["just_bought"] == (5, 2)
    names = {"dt", "run_id"}
    rows = [{name: row[name] for name in row if name not in names} for row in held.rows["rfm"]]
    assert tags_released.rfm == ordered(rows)


def test_its_publication_says_who_released_what_and_why(held: Held, tags_released: TagsReleased) -> None:
    row = tags_released.publication
    assert (row["run_id"], row["verdict"]) == (held.run_id, "released")
    assert (row["released_by"], row["release_reason"]) == (WHO, WHY)
    assert any("exactly one tag of 生命周期/阶段/下单" in text for text in json.loads(row["warnings"]))
    assert tags_released.before["verdict"] == "passed"
    built = stage_record(held.shop.lake, D2, held.run_id, "tag")
    assert built is not None and built.previous_run == tags_released.before["run_id"]
    for table in TABLES:
        assert held.shop.branches(f"tags.{table}") == {"main"}


def test_the_day_after_a_released_one_goes_on_from_it(held: Held, tags_released: TagsReleased) -> None:
    shop = held.shop
    shop.land(LANDING, str(D3))
    shop.run(D3)
    assert shop.publication(D3)["verdict"] == "passed"
    of_u5 = {change[1:5] for change in shop.changes(D3) if change[0] == "u5"}
    assert ("no_order_yet", "removed", "true", None) in of_u5
