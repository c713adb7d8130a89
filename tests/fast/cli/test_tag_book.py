"""The tag book: a page that says what the project says, and a check that it still does."""

from pathlib import Path

import pytest

from tests.support.folders import MEASURES, TAGS, Folder
from tests.support.places import ROOT
from usertags.cli.tag_book import check_book, tag_book, write_book
from usertags.errors import UsageError
from usertags.project.build import load_project


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


def test_a_tag_is_shown_with_its_definition_owner_values_and_examples(folder: Folder) -> None:
    lines = tag_book(folder.project()).splitlines()
    start = lines.index("#### 消费规模 `size`")
    assert lines[start : start + 11] == [
        "#### 消费规模 `size`",
        "",
        "Size. 近一年实付",
        "",
        "- rule, string; owner finance; 30d: stays 30 days after it was true",
        "- definition: `large when paid_365d >= 1000; middle when paid_365d between 100 and 999.99; "
        "else small`",
        "- made of: orders (price, quantity, status)",
        "- values: large, middle, small",
        "- examples:",
        "  - paid_365d 1000 → **large**",
        "  - nothing known → **small**",
    ]
    assert "  - orders_180d 2, users.gender m → **no tag**" in lines
    assert "### 客户价值 customer_value / 交易 orders; every user carries exactly one" in lines
    assert "#### 城市 `city` (draft)" in lines


def test_groups_are_counted_by_status(folder: Folder) -> None:
    book = tag_book(folder.project())
    assert "| **all** | 2 | 1 | 1 |" in book


def test_measures_stand_behind_the_tags_and_amounts_have_their_currency(folder: Folder) -> None:
    folder.replace(
        MEASURES,
        "where: \"status = 'paid'\", window: 365d}",
        "where: \"status = '|'\", window: 365d, unit: currency, owner: finance, description: Paid}",
    )
    lines = tag_book(folder.project()).splitlines()
    at = lines.index("## Measures")
    assert lines[at : at + 4] == [
        "## Measures",
        "",
        "| measure | source | aggregate | window | unit | owner | description |",
        "|---|---|---|---|---|---|---|",
    ]
    assert lines[at + 4] == (
        "| orders_180d | orders | count(distinct order_id) where status in ('paid', 'done') | 180 days |  |  "
        "| orders that were paid |"
    )
    assert (
        "| paid_365d | orders | sum(amount) where status = '\\|' | 365 days | CNY | finance | Paid |"
    ) in lines
    assert len(lines) == at + 4 + 6
    assert "  - paid_365d 1000 CNY → **large**" in lines


def test_a_page_that_is_behind_is_refused_and_written_anew_it_is_current(
    folder: Folder, tmp_path: Path
) -> None:
    page = tmp_path / "tags.md"
    with pytest.raises(UsageError, match="is out of date"):
        check_book(folder.project(), page)
    write_book(folder.project(), page)
    check_book(folder.project(), page)
    folder.replace(TAGS, "owner: finance", "owner: sales")
    with pytest.raises(UsageError, match="is out of date"):
        check_book(folder.project(), page)


def test_the_page_of_the_project_that_ships_is_current() -> None:
    root = ROOT
    check_book(load_project(root / "configs"), root / "docs" / "tags.md")
