"""The pages in the language of their project: a Chinese page has no English word left."""

import json
from collections.abc import Iterator

import pytest

from plugins.usertags_quality import texts
from tests.support.every_page import every_page
from tests.support.languages import english_in, every_text, recorded, texts_of
from tests.support.places import TINY_SHOP
from usertags.catalogue.build import load_catalogue

# Names in the rows of the pages: tags and their types, columns, values, and what belongs to Airflow.
_TAGS = "Name city gender health tag_fact tag_rule tag_preference tag_manual tag_rfm string boolean decimal"
_COLUMNS = "amount paid_at channel order_id users.customer r_score status user_tag_changes"
_VALUES = "limit tangled A9 A1 orders OSError ValueError Asia/Shanghai user_tags_daily plan"
NAMES = frozenset({*load_catalogue(TINY_SHOP).tags, *_TAGS.split(), *_COLUMNS.split(), *_VALUES.split()})


@pytest.fixture(scope="module")
def used() -> Iterator[set[int]]:
    with recorded() as found:
        yield found


@pytest.fixture(scope="module")
def chinese(used: set[int]) -> dict[str, str]:
    """Every page in Chinese, by what it shows."""
    return every_page("zh")


def read(answer: str) -> list[str]:
    """What a person reads of a page, or of the tile."""
    if not answer.startswith("{"):
        return texts_of(answer)
    found = json.loads(answer)
    found |= found.pop("tile", {})
    return [
        *(found.get(name, "") for name in ("heading", "title", "unavailable", "detail")),
        *found.get("lines", ()),
    ]


def test_a_chinese_page_has_no_english_word(chinese: dict[str, str]) -> None:
    left = {name: english_in(read(answer), NAMES) for name, answer in chinese.items()}
    assert {name: words for name, words in left.items() if words} == {}
    assert all('<html lang="zh-CN">' in answer for answer in chinese.values() if not answer.startswith("{"))


def test_an_english_word_on_a_page_is_found() -> None:
    page = '<h1 title="x">正常</h1><td>Rows <code>code</code></td><p>`code` 2h clean.orders</p>'
    assert english_in(texts_of(page)) == ["Rows", "h", "x"]


def test_every_text_of_the_table_is_on_a_page(chinese: dict[str, str], used: set[int]) -> None:
    assert [name for name, words in every_text(texts) if id(words) not in used] == []
