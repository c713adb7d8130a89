"""Users of tag values, by literal rows: what appears, what vanishes, and what is not shown."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.support.frames import frame, rows
from usertags.transform.tag_statistics import tag_coverage, tag_statistics, users_of_tags, users_together

ROW = "user_id string, tag_id string, tag_value string"
Holding = tuple[str, str, str]

BEFORE: list[Holding] = [
    ("a", "level", "gold"),
    ("b", "level", "gold"),
    ("c", "level", "silver"),
    ("a", "big", "true"),
    ("d", "secret", "yes"),
    ("d", "retired", "true"),
]
# c, who was silver, has left; d is gold now, e is new.
TODAY: list[Holding] = [
    ("a", "level", "gold"),
    ("b", "level", "gold"),
    ("d", "level", "gold"),
    ("e", "level", "bronze"),
    ("a", "big", "true"),
    ("d", "secret", "yes"),
]


def counted(
    spark: SparkSession,
    today: Sequence[Holding],
    before: Sequence[Holding],
    left_out: Sequence[str] = (),
    population: int = 4,
) -> dict[tuple[str, str], tuple[int, float | None, int, int]]:
    """By tag and value: users, share, users before, change."""
    result = tag_statistics(frame(spark, ROW, today), frame(spark, ROW, before), left_out, population)
    assert dict(result.dtypes) == {
        "tag_id": "string",
        "tag_value": "string",
        "users": "bigint",
        "share": "double",
        "users_before": "bigint",
        "change": "bigint",
    }
    found = rows(result)
    assert len({(row["tag_id"], row["tag_value"]) for row in found}) == len(found)
    return {
        (row["tag_id"], row["tag_value"]): (row["users"], row["share"], row["users_before"], row["change"])
        for row in found
    }


def test_each_value_of_either_day_has_a_row(spark: SparkSession) -> None:
    assert counted(spark, TODAY, BEFORE) == {
        ("level", "gold"): (3, 0.75, 2, 1),
        ("level", "bronze"): (1, 0.25, 0, 1),
        # Nobody is silver any more: the row says so, for a day.
        ("level", "silver"): (0, 0.0, 1, -1),
        ("big", "true"): (1, 0.25, 1, 0),
        ("secret", "yes"): (1, 0.25, 1, 0),
        ("retired", "true"): (0, 0.0, 1, -1),
    }


def test_a_tag_that_the_table_is_not_to_hold_has_no_row_of_either_day(spark: SparkSession) -> None:
    found = counted(spark, TODAY, BEFORE, ["secret", "retired"])
    assert set(found) == {("level", "gold"), ("level", "bronze"), ("level", "silver"), ("big", "true")}


def test_on_a_first_day_everything_is_new(spark: SparkSession) -> None:
    assert counted(spark, [("a", "big", "true")], [], population=8) == {("big", "true"): (1, 0.125, 0, 1)}


def test_a_day_without_tags_reports_what_there_was(spark: SparkSession) -> None:
    assert counted(spark, [], [("a", "big", "true")]) == {("big", "true"): (0, 0.0, 1, -1)}
    assert counted(spark, [], []) == {}


def test_without_anybody_there_is_no_share(spark: SparkSession) -> None:
    assert counted(spark, [], [("a", "big", "true")], population=0) == {("big", "true"): (0, None, 1, -1)}


def test_users_of_a_tag_count_once_whatever_they_have_of_it(spark: SparkSession) -> None:
    ranked = [("a", "tea", 1), ("a", "tea", 2), ("a", "tea", 3), ("b", "tea", 1), ("b", "big", 1)]
    found = rows(users_of_tags(frame(spark, "user_id string, tag_id string, rank int", ranked)))
    assert {row["tag_id"]: row["users"] for row in found} == {"tea": 2, "big": 1}


def test_users_of_the_last_days_are_those_of_their_published_runs(spark: SparkSession) -> None:
    first, second, third = (date(2026, 3, number) for number in (1, 2, 3))
    statistics = frame(
        spark,
        "dt date, run_id string, tag_id string, tag_value string, users bigint",
        [
            (first, "r1", "level", "gold", 100),
            (second, "r2", "level", "gold", 5),
            # Not the published run of its day, though another day has a run of that name.
            (second, "r3", "level", "gold", 1000),
            (third, "r3", "level", "gold", 6),
            (third, "r3", "level", "silver", 2),
            (third, "r3", "level", "bronze", 0),
        ],
    )
    runs = [(second, "r2"), (third, "r3")]
    found = rows(users_together(statistics, runs, "tag_id", "tag_value"))
    assert {row["tag_value"]: row["users"] for row in found} == {"gold": 11, "silver": 2}
    assert rows(users_together(statistics, runs, "tag_id")) == [{"tag_id": "level", "users": 13}]


RANKED = "user_id string, tag_id string, rank int"


def test_the_size_of_a_tag_is_its_distinct_users(spark: SparkSession) -> None:
    today = frame(
        spark,
        RANKED,
        [
            # a and b have several values of one tag: three rows of two users.
            ("a", "hours", 1), ("a", "hours", 2), ("b", "hours", 1), ("c", "big", 1), ("d", "secret", 1),
        ],
    )  # fmt: skip
    before = frame(
        spark,
        RANKED,
        [("a", "hours", 1), ("b", "hours", 1), ("b", "hours", 2), ("c", "hours", 1), ("a", "retired", 1)],
    )
    found = tag_coverage(today, before, ["hours", "big", "nobody", "secret"], ["secret"], 4)
    assert dict(found.dtypes) == {
        "tag_id": "string",
        "users": "bigint",
        "share": "double",
        "users_before": "bigint",
        "change": "bigint",
    }
    listed = {row["tag_id"]: tuple(row.values())[1:] for row in rows(found)}
    assert listed == {
        "hours": (2, 0.5, 3, -1),
        "big": (1, 0.25, 0, 1),
        "nobody": (0, 0.0, 0, 0),
        "retired": (0, 0.0, 1, -1),
    }
    distinct = rows(today.where("tag_id <> 'secret'").groupBy("tag_id").agg(F.countDistinct("user_id")))
    assert {row["tag_id"]: row["count(DISTINCT user_id)"] for row in distinct} == {
        tag: users for tag, (users, *_) in listed.items() if users
    }


def test_without_users_a_tag_has_no_share(spark: SparkSession) -> None:
    nothing = frame(spark, RANKED, [])
    (row,) = rows(tag_coverage(nothing, nothing, ["big"], [], 0))
    assert (row["users"], row["share"], row["users_before"]) == (0, None, 0)
