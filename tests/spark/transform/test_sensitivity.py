"""A tag that is kept out of a table leaves nothing of itself there, and the other tags as they are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from pyspark.sql import SparkSession

from tests.support.frames import BEFORE, ORDERS, frame, rows, tag
from usertags.project.model import Project, Tag, visible
from usertags.quality.tag_checks import (
    as_profile,
    in_user_tags_alone,
    user_profile_checks,
    user_tags_value_checks,
)
from usertags.transform import carry

DAY, DAY_BEFORE = date(2024, 3, 1), date(2024, 2, 29)
TAGS = {
    "level": tag(value="last_status", values=["paid", "done"]),
    "points": tag(value="orders", values=[1, 2.0]),
    "big": tag(when="orders > 9"),
}


def restricted(project: Project, **tables: str) -> Project:
    """The project with some of its tags kept out of a table each."""
    tags: dict[str, Tag] = {
        name: replace(item, kept_out_of=frozenset({tables[name]} if name in tables else ()))
        for name, item in project.tags.items()
    }
    return replace(project, tags=tags)


def test_user_tags_lack_the_tag_and_remember_the_others(
    spark: SparkSession, build: Callable[..., Project]
) -> None:
    measures = {
        "orders": {"source": "orders", "value": "count(*)"},
        "last_status": {"source": "orders", "value": "last(status)"},
    }
    project = restricted(build(sources={"orders": ORDERS}, measures=measures, tags=TAGS), big="user_tags")
    tags = project.published_tags()
    today = frame(
        spark, "user_id string, level string, points double, big boolean", [("a", "paid", 10.0, True)]
    )
    before = frame(spark, BEFORE, [("a", "level", "paid", DAY_BEFORE, None, "v", 1, None)])
    state = carry.carried(today, before, tags, DAY)
    found = rows(carry.user_tags(state, before, visible(tags, "user_tags"), project.levels, DAY))
    assert {row["tag_id"]: row["valid_from"] for row in found} == {"level": DAY_BEFORE, "points": DAY}

    # Values that the profile does not show are checked where they are shown, as they are written there.
    project = restricted(project, level="user_profile", points="user_profile", big="user_tags")
    unseen = in_user_tags_alone(project)
    assert [item.id for item in unseen] == ["level", "points"]
    assert not {check.column for check in user_profile_checks(project)} & {"level", "points"}
    sets = {check.column: check.arguments["value_set"] for check in user_tags_value_checks(unseen)}
    assert sets == {"level": ["paid", "done"], "points": ["1", "2"]}
    profile = rows(
        as_profile(
            frame(spark, "user_id string, tag_id string, tag_value string", [("u1", "level", "x")]), unseen
        )
    )
    assert profile == [{"user_id": "u1", "level": "x", "points": None}]
