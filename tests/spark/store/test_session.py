"""A session of the server that is configured for a lake in files."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from tests.support.lakes import catalog_in_files
from usertags.project.model import Project
from usertags.store.lake import Lake
from usertags.store.spark import of_lake, spark_table
from usertags.store.tables import ensure_table

ROWS = pa.schema([("n", pa.int64()), ("at", pa.timestamp("us", tz="UTC"))])
# Night in New York, and the next day in UTC and Shanghai.
AT = datetime(2026, 3, 1, 3, 30, tzinfo=UTC)


def lake_with(lake: Lake, number: int) -> Lake:
    ensure_table(lake, "ops.rows", ROWS).append(pa.table({"n": [number], "at": [AT]}, schema=ROWS))
    return lake


@pytest.mark.parametrize(
    ("timezone", "day"), [("America/New_York", date(2026, 2, 28)), ("Asia/Shanghai", date(2026, 3, 1))]
)
def test_an_instant_is_on_the_day_that_it_has_in_the_project(
    new_session: Callable[[str], SparkSession],
    build: Callable[..., Project],
    lake_in_files: Lake,
    timezone: str,
    day: date,
) -> None:
    """Whatever the session was before."""
    lake = lake_with(lake_in_files, 1)
    session = of_lake(new_session("Asia/Tokyo"), replace(build(), timezone=timezone), lake)
    (row,) = session.table(spark_table("ops.rows")).selectExpr("cast(at as date) as day").collect()
    assert row["day"] == day


def test_each_session_has_its_own_lake(
    new_session: Callable[[str], SparkSession],
    build: Callable[..., Project],
    lake_in_files: Lake,
    tmp_path: Path,
) -> None:
    other = replace(lake_in_files, properties=catalog_in_files(tmp_path / "other"))
    lakes = [lake_with(lake_in_files, 1), lake_with(other, 2)]
    sessions = [of_lake(new_session("UTC"), build(), lake) for lake in lakes]
    found = [session.table(spark_table("ops.rows")).select("n").collect() for session in sessions]
    assert [[row["n"] for row in rows] for rows in found] == [[1], [2]]
