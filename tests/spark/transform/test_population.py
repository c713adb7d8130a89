"""Everybody of a data day in one row each: profiles, first days and measures, by literal rows."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from tests.support.frames import ORDERS, frame, rows, tag
from usertags.project.model import Project, Source
from usertags.transform.first_seen import first_seen, seen_in_links, seen_in_profile, seen_in_rollup
from usertags.transform.identity import refused_links
from usertags.transform.population import population
from usertags.transform.profile_sources import profile_columns, profile_inputs, profile_rows
from usertags.transform.rollup import day_rollup

Build = Callable[..., Project]
DAY = date(2024, 7, 2)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)

MEMBERS: dict[str, Any] = {
    "kind": "profile",
    "read": {"connection": "shop", "table": "members"},
    "columns": {
        "number": {"from": "number", "type": "bigint"},
        "city": {"from": "city", "type": "string"},
        "grade": {"from": "grade", "type": "int"},
        "nobody_reads": {"from": "nobody_reads", "type": "string"},
        "version": {"from": "version", "type": "int"},
        "joined_at": {"from": "joined_at", "type": "timestamp"},
    },
    "key": ["number"],
    "version": "version",
    "user": {"customer": "number"},
    "time": "joined_at",
}
CLEAN = "number bigint, city string, grade int, nobody_reads string, version int, joined_at timestamp"
MEASURES = {
    "orders": {"source": "orders", "value": "count(*)"},
    "paid": {"source": "orders", "value": "sum(amount)"},
    "last_status": {"source": "orders", "value": "last(status)"},
    "by_status": {"source": "orders", "value": "count(*)", "by": "status"},
}


@pytest.fixture(scope="module")
def project(build: Build) -> Project:
    tags = {
        "city": tag(kind="fact", value="members.city"),
        "graded": tag(when="members.grade > 2 and orders > 0"),
    }
    return build(sources={"orders": ORDERS, "members": MEMBERS}, measures=MEASURES, tags=tags)


@pytest.fixture(scope="module")
def members(project: Project) -> Source:
    return project.sources["members"]


def at(day: date, hour: int = 12) -> datetime:
    """A time of a day in Shanghai, the zone of the session."""
    return datetime.fromisoformat(f"{day}T{hour:02}:00:00+08:00")


def clean_members(
    spark: SparkSession, found: Sequence[tuple[int, str, int | None, datetime | None]]
) -> DataFrame:
    """Clean rows: number, city, version, time. The grade is the version."""
    return frame(
        spark, CLEAN, [(number, city, version, "x", version, time) for number, city, version, time in found]
    )


# ---- sources of profiles ---------------------------------------------------------------------------


def test_a_profile_is_there_from_its_day_on_and_without_a_time_always(
    spark: SparkSession, members: Source
) -> None:
    clean = clean_members(
        spark,
        [(1, "a", 1, at(DAY, 0)), (2, "b", 1, at(DAY, 23)), (3, "c", 1, at(AFTER, 0)), (4, "d", 1, None)],
    )
    assert sorted(row["number"] for row in rows(profile_rows(clean, members, DAY))) == [1, 2, 4]
    assert sorted(row["number"] for row in rows(profile_rows(clean, members, BEFORE))) == [4]


def test_only_what_a_tag_reads_leaves_a_profile(project: Project, members: Source) -> None:
    assert profile_inputs(project, members) == ["city", "grade"]
    assert profile_inputs(project, project.sources["orders"]) == []


def test_a_profile_has_its_ids_as_text_and_its_columns_by_source(
    spark: SparkSession, members: Source
) -> None:
    clean = clean_members(spark, [(1, "a", 3, at(DAY)), (2, "b", None, None), (3, "late", 1, at(AFTER))])
    found = profile_columns(clean, members, ["city", "grade"], DAY, None)
    assert found.dtypes == [
        ("id_kind", "string"),
        ("id", "string"),
        ("members__city", "string"),
        ("members__grade", "int"),
    ]
    assert sorted(tuple(row.values()) for row in rows(found)) == [
        ("customer", "1", "a", 3),
        ("customer", "2", "b", None),
    ]


def test_of_the_profile_rows_of_one_person_the_highest_version_of_the_day_stands(
    spark: SparkSession, members: Source
) -> None:
    """The row of tomorrow has a higher version still, and is not there yet."""
    clean = clean_members(
        spark,
        [
            (1, "old", 1, at(DAY)),
            (2, "new", 2, at(DAY)),
            (3, "tomorrow", 3, at(AFTER)),
            (4, "alone", 1, None),
        ],
    )
    users = frame(
        spark,
        "id_kind string, id string, user_id string, first_seen date",
        [("customer", number, "customer:1", BEFORE) for number in ("1", "2", "3")],
    )
    found = profile_columns(clean, members, ["city"], DAY, users)
    assert found.columns == ["id_kind", "id", "members__city"]
    assert sorted(tuple(row.values()) for row in rows(found)) == [
        ("customer", "1", "new"),
        ("customer", "4", "alone"),
    ]


# ---- first days ------------------------------------------------------------------------------------


def days(found: DataFrame) -> list[tuple[str, str, date | None]]:
    assert found.columns == ["id_kind", "id", "first_seen"]
    return sorted((row["id_kind"], row["id"], row["first_seen"]) for row in rows(found))


def test_each_id_of_a_row_of_links_was_seen_on_its_day(spark: SparkSession) -> None:
    seen = frame(
        spark,
        "nodes array<string>, first_seen date, source string",
        [(["customer:1", "device:a:b"], DAY, "app"), (["customer:1"], BEFORE, "app"), ([], DAY, "app")],
    )
    assert days(seen_in_links(seen)) == [
        ("customer", "1", BEFORE),
        ("customer", "1", DAY),
        ("device", "a:b", DAY),
    ]


def test_a_rollup_shows_its_days_up_to_the_data_day(spark: SparkSession) -> None:
    rollup = frame(
        spark,
        "day date, id_kind string, id string, n bigint",
        [(DAY, "customer", "1", 1), (AFTER, "customer", "2", 1), (BEFORE, "customer", "3", 1)],
    )
    assert days(seen_in_rollup(rollup, DAY)) == [("customer", "1", DAY), ("customer", "3", BEFORE)]


def test_a_profile_shows_the_day_of_its_time(spark: SparkSession, members: Source) -> None:
    clean = clean_members(spark, [(1, "a", 1, at(BEFORE)), (3, "c", 1, at(AFTER))])
    assert days(seen_in_profile(clean, members, DAY)) == [("customer", "1", BEFORE)]


def test_a_profile_without_a_time_was_there_always(spark: SparkSession, build: Build) -> None:
    timeless = build(sources={"members": MEMBERS | {"time": None}}).sources["members"]
    found = seen_in_profile(clean_members(spark, [(1, "a", 1, at(AFTER))]), timeless, DAY)
    assert rows(found) == [{"id_kind": "customer", "id": "1", "first_seen": None}]
    assert dict(found.dtypes)["first_seen"] == "date"


def test_an_id_has_its_first_day_of_each_source_and_none_where_a_row_has_none(spark: SparkSession) -> None:
    schema = "id_kind string, id string, first_seen date"
    events = [("customer", "1", DAY), ("customer", "1", BEFORE), ("device", "1", DAY)]
    profile = [("customer", "1", AFTER), ("customer", "2", None), ("customer", "2", BEFORE)]
    found = rows(first_seen([frame(spark, schema, events), frame(spark, schema, profile)]))
    assert sorted((*row.values(),) for row in found if row["first_seen"]) == [
        ("customer", "1", BEFORE),
        ("customer", "1", AFTER),
        ("device", "1", DAY),
    ]
    assert [(row["id"], row["first_seen"]) for row in found if not row["first_seen"]] == [("2", None)]


def test_a_refused_link_is_shown_by_its_two_ids(spark: SparkSession) -> None:
    refused = frame(
        spark,
        "a string, b string, first_seen date, source string, reason string",
        [("customer:1", "device:a:b", DAY, "app, shop", "shared")],
    )
    assert rows(refused_links(refused)) == [
        {
            "id_kind": "customer",
            "id": "1",
            "other_kind": "device",
            "other_id": "a:b",
            "first_seen": DAY,
            "reason": "shared",
            "source": "app, shop",
        }
    ]


# ---- the population --------------------------------------------------------------------------------


def rollup_of(
    spark: SparkSession, project: Project, found: Sequence[tuple[date, str, int, str]]
) -> DataFrame:
    """A roll-up of orders as the day's aggregates are: day, id, orders of 2.50 each, status of the last."""
    partials = {p.id: p for measure in project.measures.values() for p in measure.partials}
    clean = frame(
        spark,
        "order_id string, customer string, status string, amount decimal(12,2), ordered_at timestamp, "
        "event_day date",
        [
            (f"{day}{user}{number}", user, status, Decimal("2.50"), at(day), day)
            for day, user, orders, status in found
            for number in range(orders)
        ],
    )
    return day_rollup(clean, project.sources["orders"], [partials[name] for name in sorted(partials)])


def everybody(found: DataFrame) -> dict[str, dict[str, Any]]:
    by_user = {row.pop("user_id"): row for row in rows(found)}
    assert found.count() == len(by_user)
    return by_user


def test_everybody_of_any_source_has_a_row(spark: SparkSession, project: Project) -> None:
    rollup = rollup_of(
        spark, project, [(DAY, "1", 2, "paid"), (BEFORE, "2", 1, "sent"), (AFTER, "9", 1, "paid")]
    )
    ids = "id_kind string, id string"
    profile = frame(spark, f"{ids}, members__city string", [("customer", "1", "a"), ("customer", "3", "c")])
    links = frame(spark, ids, [("customer", "1"), ("device", "d:1")])
    found = population([rollup], [profile, links], project.measures.values(), DAY)
    assert found.columns == ["user_id", *MEASURES, "members__city", "_has_events"]
    assert {user: row["_has_events"] for user, row in everybody(found).items()} == {
        "customer:1": True,
        "customer:2": True,
        "customer:3": None,
        "device:d:1": None,
    }
    nothing = {"orders": 0, "paid": Decimal("0.00"), "last_status": None, "by_status": None}
    people = everybody(found)
    assert {user: row["members__city"] for user, row in people.items()} == {
        "customer:1": "a",
        "customer:2": None,
        "customer:3": "c",
        "device:d:1": None,
    }
    for user in ("customer:3", "device:d:1"):
        assert {name: people[user][name] for name in MEASURES} == nothing
    assert {name: people["customer:1"][name] for name in ("orders", "paid", "last_status")} == {
        "orders": 2,
        "paid": Decimal("5.00"),
        "last_status": "paid",
    }


def test_without_events_there_are_the_profiles_alone(spark: SparkSession) -> None:
    ids = "id_kind string, id string"
    first = frame(spark, f"{ids}, a__x int", [("customer", "1", 1)])
    second = frame(spark, f"{ids}, b__y int", [("customer", "1", 2), ("device", "1", 3)])
    assert everybody(population([], [first, second], [], DAY)) == {
        "customer:1": {"a__x": 1, "b__y": 2, "_has_events": None},
        "device:1": {"a__x": None, "b__y": 3, "_has_events": None},
    }


def test_whoever_comes_later_than_the_day_is_not_there_yet(spark: SparkSession, project: Project) -> None:
    rollup = rollup_of(spark, project, [(AFTER, "9", 1, "paid")])
    assert everybody(population([rollup], [], project.measures.values(), DAY)) == {}
