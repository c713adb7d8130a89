"""What samples of failing rows may show of the tag tables."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.frames import ORDERS, write_project
from tests.support.frames import tag as entry
from usertags.project.model import Project
from usertags.quality.expectations import Sampling
from usertags.stages.audit import sampling


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    def make(**parts: Any) -> Project:
        return write_project(tmp_path_factory.mktemp("configs"), **parts)

    return make


MEASURES = {"orders": {"source": "orders", "value": "count(*)"}}
TAGS = {"big": entry(when="orders > 9"), "small": entry(when="orders < 2")}


def test_samples_show_users_and_values_where_nothing_is_secret(build: Callable[..., Project]) -> None:
    assert sampling(build(measures=MEASURES, tags=TAGS)) == Sampling(("user_id",), frozenset())


def test_a_tag_that_some_table_is_not_to_hold_hides_itself_and_all_values(
    build: Callable[..., Project],
) -> None:
    """In `user_tags` a value stands in one column, whose tag a sample does not tell."""
    whole = build(measures=MEASURES, tags=TAGS)
    secret = replace(whole.tags["big"], kept_out_of=frozenset({"user_profile"}))
    found = sampling(replace(whole, tags={**whole.tags, "big": secret}))
    assert found == Sampling(("user_id",), frozenset({"big", "tag_value"}))


def test_ids_made_of_personal_data_are_not_shown(build: Callable[..., Project]) -> None:
    columns = ORDERS["columns"] | {"customer": {"from": "customer", "type": "string", "pii": "hash"}}
    hashed = build(sources={"orders": ORDERS | {"columns": columns}}, measures=MEASURES, tags=TAGS)
    assert sampling(hashed) == Sampling(("user_id",), frozenset({"user_id"}))
