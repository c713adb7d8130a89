"""Who and what is in no table of a day, from clean tables in a lake in files."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from tests.support.frames import ORDERS, tag
from usertags.project.model import Project
from usertags.stages.left_out import WITHOUT_EVENTS, left_out_lines, rows_after, without_events_lines
from usertags.stages.report import Line
from usertags.store.lake import Lake
from usertags.store.tables import ensure_table

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))

MEMBERS: dict[str, Any] = {
    "kind": "profile",
    "read": {"connection": "shop", "table": "members"},
    "columns": {
        "number": {"from": "number", "type": "bigint"},
        "city": {"from": "city", "type": "string"},
        "joined_at": {"from": "joined_at", "type": "timestamp"},
    },
    "key": ["number"],
    "user": {"customer": "number"},
    "time": "joined_at",
}
LINKS: dict[str, Any] = {
    "kind": "links",
    "read": {"connection": "shop", "table": "logins"},
    "columns": {
        "device": {"from": "device", "type": "string"},
        "customer": {"from": "customer", "type": "string"},
        "at": {"from": "at", "type": "timestamp"},
    },
    "links": {"device": "device", "customer": "customer"},
    "repeats": "drop",
    "time": "at",
}
INSTANT = pa.timestamp("us", tz="UTC")


@pytest.fixture
def project(build: Callable[..., Project]) -> Project:
    sources = {"orders": ORDERS, "members": MEMBERS, "logins": LINKS}
    return build(sources=sources, tags={"city": tag(kind="fact", value="members.city")})


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def clean_tables(lake: Lake, members: list[tuple[int, date | None, date]]) -> None:
    """Members by number, day of their time and batch; an order and a login after D2 and one before."""
    member = [("number", pa.int64()), ("joined_at", INSTANT), ("_batch", pa.date32())]
    rows = [(number, time and noon(time), batch) for number, time, batch in members]
    order = [("customer", pa.string()), ("event_day", pa.date32()), ("ordered_at", INSTANT)]
    login = [("device", pa.string()), ("customer", pa.string()), ("at", INSTANT), ("_batch", pa.date32())]
    fill(lake, "clean.members", member, rows)
    orders = [
        ("1", D2, noon(D2), D2),
        ("8", D3, noon(D3), D2),
        ("1", D3, noon(D3), D2),
        ("7", D3, noon(D3), D3),
    ]
    fill(lake, "clean.orders", [*order, ("_batch", pa.date32())], orders, "event_day")
    fill(lake, "clean.logins", login, [("d1", "1", noon(D2), D2), ("d2", " ", noon(D3), D2)])


def fill(lake: Lake, name: str, fields: list[Any], rows: list[tuple[Any, ...]], *partition: str) -> None:
    schema = pa.schema(fields)
    content = [dict(zip(schema.names, row, strict=True)) for row in rows]
    ensure_table(lake, name, schema, partition).append(pa.Table.from_pylist(content, schema=schema))


def test_rows_after_the_day_are_counted_with_their_users_who_are_in_no_table(
    spark_of_lake: SparkSession, lake_in_files: Lake, project: Project
) -> None:
    """A row of a later batch is no row of the day, one without a time has always been there, a blank id is
    nobody. Customer 1 has orders, and so is a user whatever the profile says."""
    members = [(1, D3, D2), (2, D3, D1), (3, None, D2), (4, D2, D2), (5, D3, D3), (6, date(2062, 1, 1), D2)]
    clean_tables(lake_in_files, members)
    known = spark_of_lake.createDataFrame([("customer:1",), ("customer:3",)], "user_id string")
    lines = left_out_lines(spark_of_lake, project, lake_in_files, D2, None, known)
    assert {line.name: (line.later, line.users) for line in lines} == {
        "orders": (2, 1),
        "members": (3, 2),
        "logins": (1, 1),
    }
    notes = {line.name: line.note for line in lines}
    assert notes["members"] == (
        "3 rows of a time after 2026-03-02 stay in the clean table and count from the day of their time on; "
        "2 of their users are in no table of 2026-03-02"
    )
    # Linked with customer 1, whoever has the later order is that user.
    users = spark_of_lake.createDataFrame(
        [("customer", "8", "customer:1", D1), ("customer", "1", "customer:1", D1)],
        "id_kind string, id string, user_id string, first_seen date",
    )
    linked = left_out_lines(spark_of_lake, project, lake_in_files, D2, users, known)
    assert {line.name: line.users for line in linked} == {"orders": 0, "members": 2, "logins": 1}


def test_the_time_of_a_profile_may_be_a_date(lake_in_files: Lake, project: Project) -> None:
    member = [("number", pa.int64()), ("joined_at", pa.date32()), ("_batch", pa.date32())]
    fill(lake_in_files, "clean.members", member, [(1, D2, D2), (2, D3, D2), (3, D3, D3), (4, None, D2)])
    assert rows_after(lake_in_files, project.sources["members"], D2, "Asia/Shanghai") == 1


def test_a_day_without_later_rows_says_nothing(
    spark_of_lake: SparkSession, lake_in_files: Lake, project: Project
) -> None:
    clean_tables(lake_in_files, [(1, D2, D2)])
    known = spark_of_lake.createDataFrame([], "user_id string")
    assert left_out_lines(spark_of_lake, project, lake_in_files, date(2026, 3, 4), None, known) == []


def test_users_without_any_event_are_counted_where_there_are_events(
    project: Project, build: Callable[..., Project]
) -> None:
    note = (
        "2 users have no event up to 2026-03-02: a profile or a link makes them users, and they are in the "
        "tables with 0 for counts and sums"
    )
    assert without_events_lines(project, D2, 2) == [Line(WITHOUT_EVENTS, users=2, note=note)]
    assert without_events_lines(project, D2, 0) == []
    profiles = build(
        sources={"members": MEMBERS}, measures={}, tags={"city": tag(kind="fact", value="members.city")}
    )
    assert without_events_lines(profiles, D2, 2) == []
