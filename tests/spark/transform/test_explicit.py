"""Explicit tags (who set what, until when) and tags that follow another from day to day."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import SparkSession

from tests.support.frames import BEFORE, frame, rows, tag
from usertags.errors import ConfigError
from usertags.project.model import Project
from usertags.transform import carry
from usertags.transform.rollup import day_rollup, merge
from usertags.transform.tags import evaluated

Build = Callable[..., Project]
Row = dict[str, Any]
DAY = date(2026, 3, 10)
YESTERDAY = date(2026, 3, 9)
SHANGHAI = ZoneInfo("Asia/Shanghai")
SET_TAGS: dict[str, Any] = {
    "kind": "events",
    "read": {"connection": "shop", "table": "set_tags"},
    "columns": {
        "customer": {"from": "customer", "type": "string"},
        "tag": {"from": "tag", "type": "string"},
        "value": {"from": "value", "type": "string"},
        "who": {"from": "who", "type": "string"},
        "why": {"from": "why", "type": "string"},
        "until": {"from": "until", "type": "date"},
        "action": {"from": "action", "type": "string"},
        "at": {"from": "at", "type": "timestamp"},
    },
    "repeats": "keep",
    "user": {"customer": "customer"},
    "time": "at",
    "explicit": {
        "tag": "tag",
        "value": "value",
        "set_by": "who",
        "reason": "why",
        "until": "until",
        "withdrawn": "action = 'withdraw'",
    },
}
SCHEMA = (
    "customer string, tag string, value string, who string, why string, until date, action string, "
    "at timestamp, event_day date"
)
TAGS: dict[str, Any] = {
    "quiet": tag(kind="manual", set={"source": "set_tags", "tag": "quiet"}),
    "note": tag(kind="manual", set={"source": "set_tags", "tag": "note"}, values=["care", "diet"]),
    "active": tag(when="rows_30d >= 3", set={"source": "set_tags", "tag": "active", "wins": "explicit"}),
    "mood": tag(
        cases=[{"value": "up", "when": "rows_30d >= 3"}],
        values=["up", "down"],
        set={"source": "set_tags", "tag": "mood", "wins": "rule"},
    ),
    "quiet_and_active": tag(when="tags.quiet and tags.active"),
}
MEASURES: dict[str, Any] = {"rows_30d": {"source": "set_tags", "value": "count(*)", "window": "30d"}}


@pytest.fixture(scope="module")
def project(build: Build) -> Project:
    return build(sources={"set_tags": SET_TAGS}, measures=MEASURES, tags=TAGS)


def set_row(
    name: str, day: date = YESTERDAY, *, hour: int = 9, value: str | None = None, **parts: Any
) -> tuple[Any, ...]:
    at = datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI)
    given = {"who": "nurse", "why": "asked", "until": None, "action": "set"} | parts
    return ("u1", name, value, given["who"], given["why"], given["until"], given["action"], at, day)


def tags_of(
    spark: SparkSession, project: Project, set_rows: Sequence[tuple[Any, ...]], day: date = DAY
) -> dict[str, Row]:
    """The rows of user_tags of the one user, by tag."""
    partials = {p.id: p for measure in project.measures.values() for p in measure.partials}
    rollup = day_rollup(frame(spark, SCHEMA, set_rows), project.sources["set_tags"], list(partials.values()))
    inputs = merge([rollup], project.measures.values(), day).withColumnRenamed("id", "user_id")
    tags, before = list(project.tags.values()), memory(spark, [])
    state = carry.carried(evaluated(inputs, tags, day), before, tags, day)
    found = rows(carry.user_tags(state, before, tags, project.levels, day))
    return {row["tag_id"]: row for row in found}


def memory(spark: SparkSession, before: Sequence[tuple[Any, ...]]) -> Any:
    """What was published before: user, tag, value, valid_from."""
    return frame(spark, BEFORE, [(*row, None, "v", 1, None) for row in before])


def shown(row: Row | None) -> tuple[Any, ...] | None:
    return row and (row["tag_value"], row["source"], row["set_by"], row["reason"], row["valid_until"])


def test_a_tag_that_people_set_says_who_why_and_until_when(spark: SparkSession, project: Project) -> None:
    found = tags_of(
        spark,
        project,
        [set_row("quiet", until=date(2026, 4, 1)), set_row("note", value="diet", who="doctor", why="weight")],
    )
    assert shown(found["quiet"]) == ("true", "explicit", "nurse", "asked", date(2026, 4, 1))
    assert shown(found["note"]) == ("diet", "explicit", "doctor", "weight", None)


@pytest.mark.parametrize(("until", "carried"), [(DAY, True), (YESTERDAY, False)])
def test_it_counts_up_to_and_with_its_last_day(
    spark: SparkSession, project: Project, until: date, carried: bool
) -> None:
    assert ("quiet" in tags_of(spark, project, [set_row("quiet", until=until)])) == carried


def test_the_last_row_speaks_and_a_later_one_is_not_known_yet(spark: SparkSession, project: Project) -> None:
    set_rows = [
        set_row("quiet", hour=9),
        set_row("quiet", hour=10, action="withdraw"),
        set_row("note", YESTERDAY, value="care"),
        set_row("note", DAY, value="diet"),
        set_row("note", date(2026, 3, 11), value="care"),
    ]
    found = tags_of(spark, project, set_rows)
    assert "quiet" not in found
    assert found["note"]["tag_value"] == "diet"
    assert tags_of(spark, project, set_rows, YESTERDAY)["note"]["tag_value"] == "care"


def test_where_explicit_wins_it_beats_the_rule_and_a_withdrawal_removes_the_tag(
    spark: SparkSession, project: Project
) -> None:
    three = [set_row("other"), set_row("other"), set_row("other")]
    assert shown(tags_of(spark, project, three)["active"]) == ("true", "rule", None, None, None)
    assert shown(tags_of(spark, project, [set_row("active")])["active"]) == (
        "true",
        "explicit",
        "nurse",
        "asked",
        None,
    )
    assert "active" not in tags_of(spark, project, [*three, set_row("active", action="withdraw")])
    # A withdrawal that has run out removes nothing any more.
    ended = set_row("active", action="withdraw", until=YESTERDAY)
    assert shown(tags_of(spark, project, [*three, ended])["active"]) == ("true", "rule", None, None, None)


def test_where_the_rule_wins_people_speak_when_it_is_silent(spark: SparkSession, project: Project) -> None:
    down = set_row("mood", value="down")
    assert shown(tags_of(spark, project, [down])["mood"]) == ("down", "explicit", "nurse", "asked", None)
    three = [set_row("other"), set_row("other"), down]
    assert shown(tags_of(spark, project, three)["mood"]) == ("up", "rule", None, None, None)


def test_a_rule_can_use_a_tag_that_people_set(spark: SparkSession, project: Project) -> None:
    assert "quiet_and_active" in tags_of(spark, project, [set_row("quiet"), set_row("active")])
    assert "quiet_and_active" not in tags_of(spark, project, [set_row("active")])


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"kind": "manual"}, "or `set` alone"),
        ({"kind": "manual", "set": {"source": "set_tag", "tag": "a"}}, "unknown source 'set_tag'"),
        ({"kind": "manual", "when": "rows_30d > 1"}, "`kind: manual` is of a tag with `set` and no rule"),
        ({"when": "rows_30d > 1", "set": {"source": "set_tags", "tag": "a"}}, "needs `wins`"),
        (
            {"kind": "manual", "set": {"source": "set_tags", "tag": "a"}, "validity": "30d"},
            "needs `validity: dynamic`",
        ),
    ],
)
def test_a_tag_that_nobody_can_set_is_refused(build: Build, entry: Row, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        build(sources={"set_tags": SET_TAGS}, measures=MEASURES, tags={"a": tag(**entry)})


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"tag": "tagg"}, "`tag` must be a column of the clean table"),
        ({"until": "who"}, "`until` must be a column of type date"),
        ({"withdrawn": "action = 3"}, "cannot compare|compare"),
    ],
)
def test_an_explicit_source_whose_columns_do_not_fit_is_refused(
    build: Build, parts: Row, problem: str
) -> None:
    source = SET_TAGS | {"explicit": SET_TAGS["explicit"] | parts}
    with pytest.raises(ConfigError, match=problem):
        build(sources={"set_tags": source}, measures=MEASURES, tags={"a": tag(when="rows_30d > 1")})


FOLLOWING: dict[str, Any] = {
    "stage": tag(
        cases=[{"value": "new", "when": "rows_30d = 1"}, {"value": "grown", "when": "rows_30d > 1"}],
        values=["new", "grown"],
    ),
    "days_in_stage": tag(kind="fact", follows={"tag": "stage", "what": "days"}),
    "stage_before": tag(kind="fact", follows={"tag": "stage", "what": "value_before"}),
}


@pytest.mark.parametrize(
    ("before", "today", "days", "stage_before"),
    [
        ([], "grown", "1", None),
        ([("stage", "new", date(2026, 3, 1))], "grown", "1", "new"),
        ([("stage", "grown", date(2026, 3, 1))], "grown", "10", None),
        (
            [("stage", "grown", date(2026, 3, 1)), ("stage_before", "new", date(2026, 3, 1))],
            "grown",
            "10",
            "new",
        ),
        (
            [("stage", "new", date(2026, 3, 9)), ("stage_before", "grown", date(2026, 3, 9))],
            "grown",
            "1",
            "new",
        ),
        ([("stage", "new", date(2026, 3, 9)), ("stage_before", "grown", date(2026, 3, 9))], None, None, None),
    ],
)
def test_what_follows_from_the_days_before(
    spark: SparkSession,
    build: Build,
    before: list[tuple[str, str, date]],
    today: str | None,
    days: str | None,
    stage_before: str | None,
) -> None:
    project = build(sources={"set_tags": SET_TAGS}, measures=MEASURES, tags=FOLLOWING)
    tags = list(project.tags.values())
    inputs = frame(spark, "user_id string, rows_30d bigint", [("u1", 2 if today else 0)])
    remembered = memory(spark, [("u1", *row) for row in before])
    state = carry.carried(evaluated(inputs, tags, DAY), remembered, tags, DAY)
    found = rows(carry.user_tags(state, remembered, tags, project.levels, DAY))
    assert {row["tag_id"]: row["tag_value"] for row in found} == {
        name: value
        for name, value in (("stage", today), ("days_in_stage", days), ("stage_before", stage_before))
        if value is not None
    }


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"follows": {"tag": "stages", "what": "days"}}, "no tag 'stages'"),
        ({"follows": {"tag": "days_in_stage", "what": "days"}}, "follows another tag itself"),
        ({"follows": {"tag": "stage", "what": "days"}, "status": "draft"}, "a draft is in no published day"),
        ({"when": "tags.days_in_stage > 3", "kind": "rule"}, "follows from the days before"),
    ],
)
def test_a_tag_that_cannot_follow_is_refused(build: Build, parts: Row, problem: str) -> None:
    tags = FOLLOWING | {"a": tag(**({"kind": "fact"} | parts))}
    with pytest.raises(ConfigError, match=problem):
        build(sources={"set_tags": SET_TAGS}, measures=MEASURES, tags=tags)
