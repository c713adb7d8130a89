"""Windows by the calendar: right in any year and for any data day."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests.support.folders import MEASURES, PROJECT_YML, Folder
from usertags.config.durations import DayOfYear
from usertags.project.model import CalendarPeriod, Project
from usertags.transform.windows import calendar_days

from .test_rollup import measure, measured, order

DOUBLE_11 = (DayOfYear(10, 20), DayOfYear(11, 11))
NEW_YEAR = (DayOfYear(12, 28), DayOfYear(1, 3))


@pytest.mark.parametrize(
    ("ends", "years_ago", "day", "first", "last"),
    [
        (DOUBLE_11, 0, "2026-10-19", "2025-10-20", "2025-11-11"),
        (DOUBLE_11, 0, "2026-10-20", "2026-10-20", "2026-10-20"),
        (DOUBLE_11, 0, "2026-11-03", "2026-10-20", "2026-11-03"),
        (DOUBLE_11, 0, "2026-11-11", "2026-10-20", "2026-11-11"),
        (DOUBLE_11, 0, "2027-06-30", "2026-10-20", "2026-11-11"),
        (DOUBLE_11, 1, "2026-11-03", "2025-10-20", "2025-11-11"),
        (DOUBLE_11, 1, "2026-10-19", "2024-10-20", "2024-11-11"),
        (DOUBLE_11, 2, "2028-02-29", "2025-10-20", "2025-11-11"),
        (NEW_YEAR, 0, "2026-12-27", "2025-12-28", "2026-01-03"),
        (NEW_YEAR, 0, "2026-12-31", "2026-12-28", "2026-12-31"),
        (NEW_YEAR, 0, "2027-01-02", "2026-12-28", "2027-01-02"),
        (NEW_YEAR, 0, "2027-01-04", "2026-12-28", "2027-01-03"),
        (NEW_YEAR, 1, "2027-01-02", "2025-12-28", "2026-01-03"),
    ],
)
def test_the_period_that_began_last_up_to_the_day(
    ends: tuple[DayOfYear, DayOfYear], years_ago: int, day: str, first: str, last: str
) -> None:
    found = calendar_days(CalendarPeriod(*ends, years_ago), date.fromisoformat(day))
    assert found == (date.fromisoformat(first), date.fromisoformat(last))


@given(
    ends=st.tuples(*[st.dates(date(2001, 1, 1), date(2001, 12, 31))] * 2),
    day=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
)
def test_any_period_of_any_day_is_the_last_that_began(ends: tuple[date, date], day: date) -> None:
    """Against looking back day by day for the day on which the period begins."""
    first, last = (DayOfYear.of(end) for end in ends)
    began = next(
        before for before in (day - timedelta(days=n) for n in range(367)) if DayOfYear.of(before) == first
    )
    ended = next(
        after for after in (began + timedelta(days=n) for n in range(367)) if DayOfYear.of(after) == last
    )
    assert calendar_days(CalendarPeriod(first, last, 0), day) == (began, min(ended, day))


def test_a_measure_counts_the_days_of_its_period(spark: SparkSession, build: Callable[..., Project]) -> None:
    project = build(
        calendar={"double11": {"from": "10-20", "to": "11-11"}},
        measures={
            "this": measure("count(*)", window={"calendar": "double11"}),
            "last": measure("count(*)", window={"calendar": "double11", "years_ago": 1}),
        },
    )
    days = ["2025-10-19", "2025-10-20", "2025-11-11", "2025-11-12", "2026-10-19", "2026-10-20", "2026-11-03"]
    orders = [order(date.fromisoformat(day), day) for day in [*days, "2026-11-04"]]
    found = measured(spark, project, orders, date(2026, 11, 3))
    counted = {name: {user for user in found if found[user][name]} for name in project.measures}
    assert counted == {"this": {"2026-10-20", "2026-11-03"}, "last": {"2025-10-20", "2025-11-11"}}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder.small(tmp_path)
    folder.write(
        PROJECT_YML, folder.read(PROJECT_YML) + "\ncalendar:\n  double11: {from: 10-20, to: 11-11}\n"
    )
    return folder


def test_a_period_that_is_not_there_is_named_with_the_one_that_was_meant(folder: Folder) -> None:
    line = folder.replace(MEASURES, "window: 180d", "window: {calendar: doubel11}", at="{calendar")
    (problem,) = [text for text in folder.problems() if "period" in text]
    assert problem == (
        f"{MEASURES}:{line}: `calendar` of project.yml has no period 'doubel11' (did you mean double11?)"
    )


@pytest.mark.parametrize("text", ["02-29", "11-31", "2026-11-11", "1-1", "november"])
def test_a_day_that_not_every_year_has_is_refused(folder: Folder, text: str) -> None:
    line = folder.replace(PROJECT_YML, "to: 11-11", f"to: {text}")
    (problem,) = folder.problems()
    assert problem.startswith(f"{PROJECT_YML}:{line}: ")
    wrong = "must be" if text == "2026-11-11" else f"'{text}' is not"
    assert f"calendar.double11.to: {wrong} a day of every year as MM-DD" in problem


def test_a_definition_changes_with_the_period(folder: Folder) -> None:
    folder.replace(MEASURES, "window: 180d", "window: {calendar: double11}")
    before = folder.project().tags["important"].definition_version
    folder.replace(PROJECT_YML, "to: 11-11", "to: 11-12")
    assert folder.project().tags["important"].definition_version != before
