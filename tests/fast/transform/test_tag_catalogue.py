"""The rows of the tag catalogue, and what those of the day before say: no Spark."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.frames import ORDERS, tag
from usertags.project.model import Project
from usertags.published import TAG_CATALOGUE
from usertags.transform.tag_catalogue import left_out, previous_versions, tag_catalogue_rows

MEASURES = {
    "orders": {"source": "orders", "value": "count(*)"},
    "last_status": {"source": "orders", "value": "last(status)"},
}
TAGS = {
    "level": tag(value="last_status", values=["paid", "done"], title="Level"),
    "points": tag(value="orders", values=[1, 2.5]),
    "draft": tag(when="orders > 9", status="draft", validity="30d"),
}


@pytest.fixture(scope="module")
def project(build: Callable[..., Project]) -> Project:
    whole = build(sources={"orders": ORDERS}, measures=MEASURES, tags=TAGS)
    hidden = replace(
        whole.tags["level"],
        sensitivity="private",
        kept_out_of=frozenset({"user_tags", "tag_statistics", "user_tag_changes"}),
    )
    return replace(whole, tags={**whole.tags, "level": hidden})


def before(tag_id: str, version: str, *kept_out_of: str) -> dict[str, object]:
    """A row of the day before; without tables the column is null, as rows of older versions have it."""
    return {"tag_id": tag_id, "definition_version": version, "kept_out_of": list(kept_out_of) or None}


def test_every_tag_has_a_row_drafts_as_well(project: Project) -> None:
    names = list(TAG_CATALOGUE.columns)
    found = {row[0]: dict(zip(names, row, strict=True)) for row in tag_catalogue_rows(project)}
    assert list(found) == ["level", "points", "draft"]
    level = found["level"]
    assert level.pop("definition_version") == project.tags["level"].definition_version
    assert level == {
        "tag_id": "level",
        "name_zh": "level",
        "name_en": "Level",
        "level1": "first",
        "level2": "second",
        "level3": "third",
        "level1_zh": "一级",
        "level2_zh": "二级",
        "level3_zh": "三级",
        "kind": "rule",
        "type": "string",
        "values": ["paid", "done"],
        "definition": "last_status",
        "description": "a tag of a test",
        "owner": "data",
        "validity": "dynamic",
        "sensitivity": "private",
        "kept_out_of": ["tag_statistics", "user_tag_changes", "user_tags"],
        "status": "active",
    }
    assert found["points"]["values"] == ["1", "2.5"]
    assert (found["draft"]["values"], found["draft"]["status"], found["draft"]["validity"]) == (
        None,
        "draft",
        "30d",
    )
    assert (found["draft"]["sensitivity"], found["draft"]["kept_out_of"]) == (None, [])


def test_a_tag_that_user_tags_could_not_hold_had_no_version_there() -> None:
    rows = [before("a", "1"), before("b", "2", "user_tags", "tag_statistics"), before("c", "3", "rfm")]
    assert previous_versions(rows) == {"a": "1", "c": "3"}
    assert previous_versions([]) == {}


def test_left_out_is_what_today_hides_and_what_is_gone_and_was_hidden(project: Project) -> None:
    rows = [
        # Shown on the day before, hidden today; and the other way round.
        before("level", "1"),
        before("points", "1", "user_tag_changes"),
        before("gone_secret", "1", "user_tag_changes", "user_profile"),
        before("gone", "1"),
    ]
    assert left_out(project.tags, rows, "user_tag_changes") == ["level", "gone_secret"]
    assert left_out(project.tags, rows, "tag_statistics") == ["level"]
    assert left_out(project.tags, rows, "user_profile") == ["gone_secret"]
    assert left_out(project.tags, [], "user_profile") == []
