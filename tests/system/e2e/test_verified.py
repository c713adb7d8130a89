"""`usertags verify` on the days of the wide shop: DuckDB computes again what Spark published."""

from datetime import date

import pytest

from usertags.errors import UsageError
from usertags.verify.verify import verify

from .conftest import GoodDays
from .expected import D1, D2, D3, D4, D5, D6

pytestmark = pytest.mark.shared("good_days")


@pytest.mark.parametrize("day", [D1, D2, D3, D4, D5, D6])
def test_a_published_day_is_what_its_clean_tables_say(good_days: GoodDays, day: date) -> None:
    """With late rows, a rerun, an empty day, merged and split users, restricted, retired and changed tags."""
    found = verify(good_days.projects[day], good_days.shop.lake, day)
    assert (found.count, found.differences) == (0, ())
    assert {each.table: each.published for each in found.tables}["tags.user_profile"] >= 16
    assert [line for line in found.not_verified if line.startswith(("measure", "tag "))] == []


def test_another_configuration_than_that_of_the_day_is_refused(good_days: GoodDays) -> None:
    with pytest.raises(UsageError, match=f"{D6} was published with version"):
        verify(good_days.projects[D1], good_days.shop.lake, D6)


def test_a_day_that_is_not_published_is_refused(good_days: GoodDays) -> None:
    with pytest.raises(UsageError, match="2026-04-01 is not published"):
        verify(good_days.projects[D1], good_days.shop.lake, date(2026, 4, 1))


def test_the_command_says_that_nothing_differs(
    good_days: GoodDays, capsys: pytest.CaptureFixture[str]
) -> None:
    assert good_days.shop.command("verify", "--day", str(D4), "--sample", "50%") == 0
    shown = capsys.readouterr().out
    assert "0 differences on 2026-03-04" in shown
    assert "not verified  ops.drafts" in shown
