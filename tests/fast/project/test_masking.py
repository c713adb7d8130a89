"""Which columns are masked: the one rule that samples, pages, alerts and quarantine follow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.frames import ORDERS, write_project
from tests.support.frames import tag as entry
from usertags.project.masking import masked, masked_columns, masked_of, masked_raw
from usertags.project.model import Project

MEASURES = {"orders": {"source": "orders", "value": "count(*)"}}
TAGS = {"big": entry(when="orders > 9"), "small": entry(when="orders < 2")}
PERSONAL = {
    "phone": {"from": "Phone No", "type": "string", "pii": "hash"},
    "born": {"from": "birth", "type": "date", "pii": "drop"},
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    def make(**columns: Any) -> Project:
        source = ORDERS | {"columns": ORDERS["columns"] | columns}
        folder = tmp_path_factory.mktemp("configs")
        return write_project(folder, sources={"orders": source}, measures=MEASURES, tags=TAGS)

    return make


def test_nothing_is_masked_where_nothing_is_personal(build: Callable[..., Project]) -> None:
    for table in ("clean.orders", "clean.gone", "tags.user_tags", "ops.refused_links"):
        assert masked_columns(build(), table) == frozenset()


def test_of_a_source_its_personal_columns_are_masked(build: Callable[..., Project]) -> None:
    """Those that are dropped as well: a sample may be older than the configuration."""
    project = build(**PERSONAL)
    assert masked_columns(project, "clean.orders") == masked_of(project.sources["orders"])
    assert masked_of(project.sources["orders"]) == {"phone", "born"}
    assert masked_raw(project.sources["orders"]) == {"Phone No", "birth"}
    assert masked_columns(project, "tags.user_tags") == frozenset()


def test_ids_that_are_made_of_personal_data_are_masked_in_every_table_of_users(
    build: Callable[..., Project],
) -> None:
    hashed = build(customer={"from": "customer", "type": "string", "pii": "hash"})
    for table in ("tags.user_tags", "tags.user_profile", "tags.rfm", "ops.drafts"):
        assert masked_columns(hashed, table) == {"user_id"}


def test_a_tag_that_some_table_is_not_to_hold_is_masked_with_the_values_of_all(
    build: Callable[..., Project],
) -> None:
    """In `user_tags` a value stands in one column, whatever its tag."""
    whole = build()
    secret = replace(whole.tags["big"], kept_out_of=frozenset({"user_profile"}))
    restricted = replace(whole, tags={**whole.tags, "big": secret})
    assert masked_columns(restricted, "tags.user_tags") == {"big", "tag_value"}
    assert masked_columns(restricted, "clean.orders") == frozenset()


def test_a_masked_row_shows_that_a_value_is_there_and_no_more() -> None:
    row = {"id": "A1", "phone": "13800138000", "born": None}
    assert masked(row, frozenset({"phone", "born", "gone"})) == {"id": "A1", "phone": "***", "born": None}
