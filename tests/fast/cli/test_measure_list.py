"""The measures as a list: `usertags measures`, and what `usertags check` says of those without an owner."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.folders import MEASURES, ORDERS, PROJECT_YML, Folder
from usertags.cli.app import app
from usertags.cli.measure_list import COLUMNS, MeasureLine, measure_lines, undescribed
from usertags.cli.render import show_explanations
from usertags.explain import Explanation


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder.small(tmp_path)
    folder.write(
        "measures/more.yml",
        """\
measures:
  paid_by_status:
    {source: orders, value: sum( amount ), by: status, window: 30d, offset: 30d, unit: currency, owner: shop}
  lines_in_sale: {source: orders, value: count(*), window: {calendar: sale, years_ago: 2}, description: Lines}
  lines_today: {source: orders, value: count(*), window: 1d, owner: shop, description: Lines of the day}
  among_all: {percentile_of: paid_365d, where: paid_365d > 0, owner: finance, description: Where one stands}
""",
    )
    folder.replace(PROJECT_YML, "state:", "calendar:\n  sale: {from: 10-20, to: 11-11}\nstate:")
    return folder


def test_a_line_says_what_is_counted_over_which_days_and_who_answers_for_it(folder: Folder) -> None:
    lines = {line.measure: line for line in measure_lines(folder.project())}
    assert lines["orders_180d"] == MeasureLine(
        "orders_180d",
        "orders",
        "count(distinct order_id) where status in ('paid', 'done')",
        "180 days",
        "",
        "",
        "orders that were paid",
    )
    assert lines["paid_by_status"].cells[2:6] == (
        "sum( amount ) by status",
        "30 days, until 30 days before",
        "CNY",
        "shop",
    )
    assert lines["lines_in_sale"].window == "10-20 to 11-11, 2 years ago"
    assert (lines["lines_today"].window, lines["orders_lifetime"].window) == ("the day", "all days")
    assert lines["among_all"].cells == (
        "among_all",
        "orders",
        "percentile of paid_365d where paid_365d > 0",
        "365 days",
        "",
        "finance",
        "Where one stands",
    )
    assert len(lines) == 10


def test_the_command_lists_the_measures(folder: Folder) -> None:
    done = CliRunner().invoke(app, ["--configs", str(folder.path), "measures", "--format", "json"])
    assert done.exit_code == 0
    rows = json.loads(done.stdout)
    assert [row["measure"] for row in rows][:2] == ["orders_180d", "orders_365d"]
    assert rows[-1] == dict(zip(COLUMNS, list(measure_lines(folder.project()))[-1].cells, strict=True))


def test_check_names_the_measures_without_a_description_or_an_owner(folder: Folder) -> None:
    folder.write(
        MEASURES, folder.read(MEASURES).replace("window: 180d\n", "window: 180d\n    owner: finance\n")
    )
    lacking = undescribed(folder.project())
    assert lacking == [
        "orders_365d",
        "orders_lifetime",
        "paid_365d",
        "last_order_at",
        "last_status",
        "paid_by_status",
        "lines_in_sale",
    ]
    done = CliRunner().invoke(app, ["--configs", str(folder.path), "check"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1] == (f"7 measures lack a description or an owner: {', '.join(lacking)}")


def test_check_asks_what_becomes_of_rows_that_are_gone_at_a_source_that_is_read_whole(folder: Folder) -> None:
    def asked() -> list[str]:
        done = CliRunner().invoke(app, ["--configs", str(folder.path), "check"])
        assert done.exit_code == 0
        return [line for line in done.stdout.splitlines() if line.startswith("what becomes of rows")]

    assert asked() == []
    folder.replace(ORDERS, "  cursor: updated_at\n  lookback: 1h\n", "")
    assert asked() == [
        "what becomes of rows that are gone at the source? orders: add to `read` either `whole: replace` "
        "(they are gone here from the next data day, earlier days keep them) or `whole: keep` (they stay; so "
        "it is until you say)"
    ]
    folder.replace(ORDERS, "  table: order_lines\n", "  table: order_lines\n  whole: keep\n")
    assert asked() == []


def test_an_amount_is_explained_in_its_currency(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.replace(MEASURES, "where: \"status = 'paid'\",", "where: \"status = 'paid'\", unit: currency,")
    inputs = {"paid_365d": 1200.5, "monetary": 1200.5, "orders_180d": 3, "paid_by_status": {"paid": 2}}
    explained = Explanation(
        "size", "消费规模", "large", None, None, "rule", inputs | {"users.city": None}, {}
    )
    show_explanations([explained], folder.project())
    assert (
        "with: paid_365d = 1200.5 CNY, monetary = 1200.5 CNY, orders_180d = 3, "
        "paid_by_status = (paid 2) CNY, users.city = nothing"
    ) in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")
