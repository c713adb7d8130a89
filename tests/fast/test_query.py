"""Queries of DuckDB over tables in files."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from usertags.project.model import Project
from usertags.query import query
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS
from usertags.store.tables import ensure_table

# Where no machine is: 14 hours ahead of UTC, and 11 hours behind it.
EAST, WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"


@pytest.mark.parametrize(
    ("timezone", "shown"),
    [
        ("Asia/Shanghai", "2026-03-03 00:30:00+08"),
        (EAST, "2026-03-03 06:30:00+14"),
        (WEST, "2026-03-02 05:30:00-11"),
    ],
)
def test_instants_are_shown_in_the_time_zone_of_the_project(
    build: Callable[..., Project], lake_in_files: Lake, timezone: str, shown: str
) -> None:
    table = ensure_table(lake_in_files, PUBLICATIONS.name, PUBLICATIONS.schema)
    row = {"dt": date(2026, 3, 1), "published_at": datetime(2026, 3, 2, 16, 30, tzinfo=UTC)}
    table.append(pa.Table.from_pylist([row], schema=PUBLICATIONS.schema))
    project = replace(build(), timezone=timezone)
    sql = "select published_at::varchar, published_at::date::varchar from publications"
    assert query(project, lake_in_files, sql).rows == [(shown, shown[:10])]
