"""The profile and the changes of one day as their tables get them, by literal rows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from tests.support.frames import BEFORE, ORDERS, frame, rows, tag
from usertags.project.model import Project, Tag
from usertags.transform import carry
from usertags.transform.tag_changes import listed_changes
from usertags.transform.user_profile import user_profile

DAY, DAY_BEFORE = date(2024, 3, 1), date(2024, 2, 29)
LEVELS = {"一级": "first", "二级": "second", "三级": "third"}
CATEGORIES = {"source": "orders", "value": "sum(amount)", "by": "status", "window": "30d"}
TAGS = {
    "level": tag(value="last_status"),
    "points": tag(value="orders"),
    "big": tag(when="orders > 9"),
    "likes": tag(kind="preference", prefer={"measure": "spent_by_status", "top": 2}),
}
TODAY = (
    "user_id string, level string, points double, big boolean, "
    "likes array<struct<value:string,number:double,share:double>>"
)
EVALUATED = [
    ("stays", "gold", 3.0, True, [("tea", 6.0, 0.6), ("rice", 4.0, 0.4)]),
    ("joined", "gold", None, None, None),
]
PUBLISHED = [
    ("stays", "level", "silver", DAY_BEFORE, None, "v", 1, None),
    ("stays", "likes", "rice", DAY_BEFORE, None, "v", 1, 1.0),
    ("stays", "gone", "true", DAY_BEFORE, None, "v", 1, None),
    ("stays", "gone_secret", "true", DAY_BEFORE, None, "v", 1, None),
    ("left", "level", "gold", DAY_BEFORE, None, "v", 1, None),
]


@pytest.fixture(scope="module")
def tags(build: Callable[..., Project]) -> tuple[Tag, ...]:
    measures = {
        "orders": {"source": "orders", "value": "count(*)"},
        "last_status": {"source": "orders", "value": "last(status)"},
        "spent_by_status": CATEGORIES,
    }
    return build(sources={"orders": ORDERS}, measures=measures, tags=TAGS).published_tags()


@pytest.fixture(scope="module")
def before(spark: SparkSession) -> DataFrame:
    return frame(spark, BEFORE, PUBLISHED)


@pytest.fixture(scope="module")
def state(spark: SparkSession, before: DataFrame, tags: tuple[Tag, ...]) -> DataFrame:
    return carry.carried(frame(spark, TODAY, EVALUATED), before, tags, DAY)


@pytest.fixture(scope="module")
def days(state: DataFrame, before: DataFrame, tags: tuple[Tag, ...]) -> tuple[DataFrame, DataFrame]:
    """`user_tags` of the day and of the day before."""
    return carry.user_tags(state, before, tags, LEVELS, DAY), before


def test_a_profile_has_a_row_a_user_of_the_day_and_a_typed_column_a_tag(
    state: DataFrame, tags: tuple[Tag, ...]
) -> None:
    found = user_profile(state, tags)
    kinds = {name: kind for name, kind in found.dtypes if name != "user_id"}
    assert kinds == {"level": "string", "points": "double", "big": "boolean", "likes": "string"}
    # Whoever left has no row; of several values the first stands.
    assert sorted(rows(found), key=lambda row: row["user_id"]) == [
        {"user_id": "joined", "level": "gold", "points": None, "big": None, "likes": None},
        {"user_id": "stays", "level": "gold", "points": 3.0, "big": True, "likes": "tea"},
    ]


def test_a_profile_holds_the_tags_that_it_is_given_and_everybody(
    state: DataFrame, tags: tuple[Tag, ...]
) -> None:
    found = user_profile(state, [item for item in tags if item.id == "big"])
    assert found.columns == ["user_id", "big"]
    assert {row["user_id"]: row["big"] for row in rows(found)} == {"stays": True, "joined": None}
    assert sorted(row["user_id"] for row in rows(user_profile(state, []))) == ["joined", "stays"]


def changed(
    days: tuple[DataFrame, DataFrame],
    tags: Sequence[Tag],
    *,
    versions: Mapping[str, str] | None = None,
    left_out: Sequence[str] = (),
    moved: DataFrame | None = None,
) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By user and tag: change, old value, new value, reason."""
    known = {item.id: item.definition_version for item in tags} if versions is None else versions
    result = listed_changes(*days, tags, known, left_out, moved)
    assert result.columns == ["user_id", "tag_id", "change", "old_value", "new_value", "reason"]
    return {
        (row["user_id"], row["tag_id"]): (row["change"], row["old_value"], row["new_value"], row["reason"])
        for row in rows(result)
    }


def test_changes_cover_the_users_of_both_days(
    days: tuple[DataFrame, DataFrame], tags: tuple[Tag, ...]
) -> None:
    assert changed(days, tags) == {
        ("stays", "level"): ("changed", "silver", "gold", "data"),
        ("stays", "points"): ("added", None, "3", "data"),
        ("stays", "big"): ("added", None, "true", "data"),
        ("stays", "likes"): ("changed", "rice", "tea|rice", "data"),
        ("stays", "gone"): ("removed", "true", None, "retired"),
        ("stays", "gone_secret"): ("removed", "true", None, "retired"),
        ("joined", "level"): ("added", None, "gold", "data"),
        ("left", "level"): ("removed", "gold", None, "data"),
    }


def test_a_restricted_tag_is_left_out_whether_it_exists_or_was_removed(
    days: tuple[DataFrame, DataFrame], tags: tuple[Tag, ...]
) -> None:
    found = changed(days, tags, left_out=["level", "gone_secret"])
    assert set(found) == {("stays", "points"), ("stays", "big"), ("stays", "likes"), ("stays", "gone")}


def test_a_tag_that_the_day_before_did_not_know_is_new_by_definition(
    days: tuple[DataFrame, DataFrame], tags: tuple[Tag, ...]
) -> None:
    known = {item.id: item.definition_version for item in tags if item.id != "big"} | {"level": "other"}
    found = changed(days, tags, versions=known)
    assert {key: reason for key, (*_, reason) in found.items() if reason == "definition"} == {
        ("stays", "big"): "definition",
        ("stays", "level"): "definition",
        ("joined", "level"): "definition",
        ("left", "level"): "definition",
    }
    # Without a day before, nothing was defined otherwise.
    assert {reason for *_, reason in changed(days, tags, versions={}).values()} == {"data", "retired"}


def test_changes_of_users_that_were_joined_or_parted_say_so(
    spark: SparkSession, days: tuple[DataFrame, DataFrame], tags: tuple[Tag, ...]
) -> None:
    moved = frame(spark, "user_id string", [("stays",), ("nobody",)])
    found = changed(days, tags, left_out=["gone_secret", "points"], moved=moved)
    assert {key: reason for key, (*_, reason) in found.items()} == {
        ("stays", "level"): "identity",
        ("stays", "big"): "identity",
        ("stays", "likes"): "identity",
        ("stays", "gone"): "retired",
        ("joined", "level"): "data",
        ("left", "level"): "data",
    }
