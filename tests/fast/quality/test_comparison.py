"""A batch beside those before it: literal statistics, and what is said of the newest."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from usertags.config.expression_tree import Name
from usertags.config.quality_models import Bounds, CheckEntry, CompareEntry, QualityEntry
from usertags.project.model import Column, Source
from usertags.project.source_entry import Read
from usertags.quality.checks import CheckResult
from usertags.quality.comparison import compared
from usertags.quality.freshness_references import freshness_checks
from usertags.quality.statistics import Statistic

SETTINGS = QualityEntry()
DAY = date(2026, 11, 2)


def source(kind: str = "events", **parts: object) -> Source:
    column = Column("amount", "double", Name("amount"), frozenset({"amount"}))
    of_all: dict[str, object] = {
        "name": "orders",
        "kind": kind,
        "read": Read(connection="shop", table="orders", cursor="updated_at"),
        "columns": (column,),
        "key": ("order_id",),
        "repeats": None,
        "version": None,
        "ids": (("customer", "customer"),),
        "time": "ordered_at",
        "reject": (),
        "checks": (),
        "compare": CompareEntry(),
    }
    return Source(**(of_all | parts))  # type: ignore[arg-type]


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def whole(
    rows: int, days: int = 0, seen: int | None = None, *, first: bool = False, mark: str = ""
) -> Statistic:
    """The rows of the day so many days ago, as the batch of `seen` days ago saw them."""
    of = ago(days if seen is None else seen)
    return Statistic("orders", of, first, ago(days), "", rows, fingerprint=mark or f"{rows}:{days}")


def column(
    days: int, *, rows: int = 200, seen: int | None = None, first: bool = False, **parts: object
) -> Statistic:
    of = ago(days if seen is None else seen)
    return replace(Statistic("orders", of, first, ago(days), "amount", rows), **parts)  # type: ignore[arg-type]


def severities(results: list[CheckResult]) -> dict[str, str | None]:
    """By check: the severity of what failed, None where it passed."""
    return {
        item.check_id.removeprefix("clean.orders."): None if item.success else item.severity
        for item in results
    }


def of(
    today: list[Statistic], before: list[Statistic], *, nothing_new: bool = False, **parts: object
) -> dict[str, str | None]:
    made = source(**parts)  # type: ignore[arg-type]
    return severities(compared(made, DAY, today, before, SETTINGS, nothing_new=nothing_new))


@pytest.mark.parametrize(
    ("rows", "severity"),
    [
        (1000, None),
        (701, None),
        (699, "warning"),
        (551, "warning"),
        (549, "critical"),
        (0, "critical"),
        (2999, None),
        (3000, "warning"),
        (19_999, "warning"),
        (20_000, "critical"),
    ],
)
def test_rows_are_compared_with_the_same_weekday(rows: int, severity: str | None) -> None:
    # The day before had twice as many: it is another weekday.
    before = [whole(1000, 7), whole(990, 14), whole(1010, 21), whole(2000, 1)]
    assert of([whole(rows)], before)["rows_as_before"] == severity


def test_a_few_rows_less_are_chance() -> None:
    before = [whole(14, 7), whole(14, 14)]
    assert of([whole(0)], before)["rows_as_before"] is None
    assert of([whole(0)], [whole(17, 7), whole(17, 14)])["rows_as_before"] == "critical"


def test_with_one_week_the_days_before_warn_and_with_two_days_nothing_does() -> None:
    days = [whole(1000, 1), whole(1000, 2), whole(1000, 7)]
    assert of([whole(400)], days)["rows_as_before"] == "warning"
    assert "rows_as_before" not in of([whole(400)], days[:2])


def test_a_first_batch_brings_the_days_of_events_and_nothing_of_a_profile() -> None:
    history = [whole(1000, days, seen=3, first=True) for days in (7, 14, 21)]
    assert of([whole(400)], history)["rows_as_before"] == "critical"
    assert "rows_as_before" not in of([whole(400)], history, kind="profile")


def test_late_rows_of_a_day_are_not_taken_for_the_day() -> None:
    """A batch brings 5 late rows of the day before; that day had 1000 with its own batch."""
    before = [whole(1000, days) for days in (7, 14, 1)] + [whole(5, days + 1, seen=days) for days in (7, 14)]
    assert of([whole(1000), whole(5, 1, seen=0)], before)["rows_as_before"] is None
    assert of([whole(0), whole(5, 1, seen=0)], before)["rows_as_before"] == "critical"


def test_a_source_that_delivers_a_day_late_is_compared_with_itself() -> None:
    before = [whole(1000, days + 1, seen=days) for days in (7, 14)]
    assert of([whole(980, 1, seen=0)], before)["rows_as_before"] is None
    assert of([whole(500, 1, seen=0)], before)["rows_as_before"] == "critical"


def test_later_batches_are_no_history() -> None:
    assert "rows_as_before" not in of([whole(1)], [whole(1000, -7), whole(1000, -14), whole(1000, 0)])
    assert of([whole(9, mark="9:1")], [whole(9, -1, mark="9:1")])["new_content"] is None


def test_the_same_rows_as_an_earlier_batch_are_reported() -> None:
    before = [whole(1000, 1, mark="1000:77"), whole(1000, 2, mark="1000:5")]
    assert of([whole(1000, mark="1000:77")], before)["new_content"] == "critical"
    assert of([whole(1000, mark="1000:77")], before, kind="profile")["new_content"] == "warning"
    assert of([whole(1000, mark="1000:78")], before)["new_content"] is None
    # Two days without a row have nothing in common.
    none = Statistic("orders", DAY, False, DAY, "", 0)
    assert of([none], [replace(none, data_day=ago(1), day=ago(1))])["new_content"] is None


WHOLE = Read(connection="shop", table="orders")


@pytest.mark.parametrize("kind", ["events", "profile"])
def test_the_rows_of_a_table_that_has_not_changed_are_no_old_delivery(kind: str) -> None:
    """Read again were all rows of a whole table, or those with an empty cursor: all of them are repeats."""
    before = [whole(3, 1, mark="3:77")]
    again = [whole(0, mark="3:77")]
    assert of(again, before, nothing_new=True, kind=kind)["new_content"] is None
    # A delivery, or rows of earlier days that were not known, with the content of an earlier batch.
    assert of(again, before, kind=kind)["new_content"] is not None
    assert of([whole(3, mark="3:77")], before, kind=kind)["new_content"] is not None


def test_a_whole_table_that_has_not_changed_is_no_reason_to_refuse_a_day() -> None:
    before = [whole(1000, 7), whole(990, 14), whole(1010, 21)]
    none = [whole(0, mark="9:9")]
    assert of(none, before, nothing_new=True, read=WHOLE)["rows_as_before"] == "warning"
    # Some new rows, and too few of them, or no row at all: the table is not what it was.
    assert of([whole(5, mark="9:9")], before, read=WHOLE)["rows_as_before"] == "critical"
    assert (
        of([Statistic("orders", DAY, False, DAY, "", 0)], before, read=WHOLE)["rows_as_before"] == "critical"
    )
    # A table with a cursor has new rows every day.
    assert of(none, before, nothing_new=True)["rows_as_before"] == "critical"


def test_few_rows_of_a_day_that_is_not_over_only_warn() -> None:
    before = [whole(1000, 7), whole(990, 14), whole(1010, 21)]
    found = compared(source(), DAY, [whole(300)], before, SETTINGS, not_over=True)
    assert severities(found)["rows_as_before"] == "warning"


@pytest.mark.parametrize(
    ("empty", "severity"), [(60, None), (90, None), (110, "warning"), (140, "critical"), (200, "critical")]
)
def test_a_column_that_empties_is_reported(empty: int, severity: str | None) -> None:
    before = [column(days, empty=40) for days in (1, 2, 3)]
    assert of([column(0, empty=empty)], before)["amount_empty_as_before"] == severity


def test_a_value_that_comes_later_than_its_row_is_compared_with_days_that_were_as_young() -> None:
    """In the history nearly all coupons are redeemed; on their own day hardly any were."""
    history = [column(days, empty=10, seen=3, first=True) for days in range(4, 12)]
    young = [column(days, empty=190) for days in (1, 2, 3)]
    assert of([column(0, empty=195)], history + young)["amount_empty_as_before"] is None
    assert "amount_empty_as_before" not in of([column(0, empty=195)], history + young[:2])


@pytest.mark.parametrize(
    ("median", "severity"),
    [
        (60.0, None),
        (99.0, None),
        (100.0, "warning"),
        (25.0, "warning"),
        (500.0, "critical"),
        (5.0, "critical"),
    ],
)
def test_a_number_in_another_unit_is_reported(median: float, severity: str | None) -> None:
    before = [column(days, median=value) for days, value in ((1, 50.0), (2, 49.0), (3, 51.0))]
    assert of([column(0, median=median)], before)["amount_scale_as_before"] == severity


@pytest.mark.parametrize(
    ("length", "severity"),
    [(12.0, None), (12.4, None), (11.4, "warning"), (10.0, "critical"), (14.0, "critical")],
)
def test_ids_of_another_length_are_reported(length: float, severity: str | None) -> None:
    before = [column(days, mean_length=12.0) for days in (1, 2, 3)]
    assert of([column(0, mean_length=length)], before)["amount_length_as_before"] == severity


def test_few_rows_and_few_days_are_not_compared() -> None:
    before = [column(days, median=50.0) for days in (1, 2, 3)]
    assert "amount_scale_as_before" not in of([column(0, rows=99, median=5000.0)], before)
    assert "amount_scale_as_before" not in of([column(0, median=5000.0)], before[:2])
    few = [column(days, rows=30, median=50.0) for days in (1, 2, 3)]
    assert "amount_scale_as_before" not in of([column(0, median=5000.0)], few)


def test_a_source_has_bounds_of_its_own_or_none() -> None:
    before = [whole(1000, 7), whole(1000, 14)]
    wide = CompareEntry(fall=Bounds(warning=0.8))
    assert of([whole(300)], before, compare=wide)["rows_as_before"] is None
    assert of([whole(100)], before, compare=wide)["rows_as_before"] == "warning"
    assert of([whole(100)], before, compare=None) == {}


@pytest.mark.parametrize(("minutes", "success"), [(90, True), (120, True), (121, False)])
def test_the_newest_row_is_within_its_time_of_the_end_of_the_day(minutes: int, success: bool) -> None:
    end = datetime(2026, 11, 3, tzinfo=ZoneInfo("Asia/Shanghai"))
    entry = CheckEntry(fresh_within="2h", severity="warning", owner="app", action="ask")
    newest = (end - timedelta(minutes=minutes)).astimezone(ZoneInfo("UTC"))
    found = [replace(whole(10), newest=newest), whole(3, 1)]
    (result,) = freshness_checks(source(checks=(entry,)), found, end)
    assert (result.success, result.check_id) == (success, "clean.orders.fresh")
    assert (result.value, result.high, result.unit) == (minutes, 120, "minutes")
    assert str(result.details["newest"]).startswith("2026-11-02")


def test_a_batch_without_rows_is_not_fresh_but_where_it_may_be_empty() -> None:
    end = datetime(2026, 11, 3, tzinfo=ZoneInfo("Asia/Shanghai"))
    entry = CheckEntry(fresh_within="2h", severity="warning", owner="app", action="ask")
    (result,) = freshness_checks(source(checks=(entry,)), [whole(0)], end)
    assert not result.success
    assert freshness_checks(source(checks=(entry,), may_be_empty=True), [whole(0)], end) == []
