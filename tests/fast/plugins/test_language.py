"""The pages in the language of their project: a Chinese page has no English word left."""

import json
import re
from collections.abc import Iterator

import pytest

from plugins.usertags_quality import texts
from tests.support.every_page import every_page
from tests.support.languages import english_in, every_text, recorded, texts_of
from tests.support.places import TINY_SHOP
from usertags.project.build import load_project

# Names in the rows of the pages: tags and their types, columns, values, and what belongs to Airflow.
_TAGS = "Name city gender health tag_fact tag_rule tag_preference tag_manual tag_rfm string boolean decimal"
_COLUMNS = "amount paid_at channel order_id users.customer r_score status user_tag_changes"
_VALUES = "limit tangled A9 A1 orders referrals OSError ValueError Asia/Shanghai user_tags_daily plan"
NAMES = frozenset({*load_project(TINY_SHOP).tags, *_TAGS.split(), *_COLUMNS.split(), *_VALUES.split()})


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


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("quality", "2026-03-06 被阻断 43 项检查中有 43 项未通过；使用者看不到该日的数据。"),
        ("quality", "使用者可见 2026-03-03 ，发布于 2026-03-04 05:05 最新数据日 2026-03-08：等待中"),
        ("quality", "8 天内 60 秒 至 3 小时 5 分钟"),
        ("quality", "2026 年 3 月 一 二 三 四 五 六 日"),
        ("quality", "amount 在范围内 clean.orders 观测 40 行中有 3 行不符合 要求 0 至 100，至少占"),
        ("quality/day/2026-03-03", "由 王芳 放行：已确认 检查 尚无 读取行数 – 耗时 3 小时 5 分钟"),
        ("quality/day/2026-03-06", "orders amount 的类型不符 7 A9 status 1 一行 未保留"),
        ("tags", "覆盖率变化 用户数 变化 增长率 30 天 负责人"),
        ("tags/gender", "敏感级别 健康"),
        ("runbook", "在范围内 含义。 值超出数据源的 between"),
    ],
)
def test_a_chinese_page_reads_plainly(chinese: dict[str, str], page: str, shown: str) -> None:
    text = re.sub(r"<[^>]+>", " ", chinese[page])
    assert shown in " ".join(text.split())


def test_an_english_word_on_a_page_is_found() -> None:
    page = '<h1 title="x">正常</h1><td>Rows <code>code</code></td><p>`code` 2h clean.orders</p>'
    assert english_in(texts_of(page)) == ["Rows", "h", "x"]


def test_every_text_of_the_table_is_on_a_page(chinese: dict[str, str], used: set[int]) -> None:
    assert [name for name, words in every_text(texts) if id(words) not in used] == []
