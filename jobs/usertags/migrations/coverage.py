"""`tags.tag_coverage` for days that a version without this table published, counted from `user_tags`."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usertags.published import TAG_CATALOGUE, TAG_COVERAGE, TAG_STATISTICS, USER_PROFILE, USER_TAGS
from usertags.quality.register import Publication
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.tables import ensure_table

Row = dict[str, Any]


def count_days(lake: Lake, days: Collection[Publication]) -> None:
    """Make the table with the rows of these published days, given with the oldest first."""
    rows: list[Row] = []
    users_before: Mapping[str, int] = {}
    hidden_before: frozenset[str] = frozenset()
    for day in days:
        catalogue = _rows(lake, TAG_CATALOGUE.name, day, "tag_id", "status", "kept_out_of")
        hidden = frozenset(
            row["tag_id"] for row in catalogue if TAG_STATISTICS.view in (row["kept_out_of"] or ())
        )
        users = _users(lake, day)
        known = {row["tag_id"] for row in catalogue}
        left_out = hidden | (hidden_before - known)
        listed = {row["tag_id"] for row in catalogue if row["status"] == "active"} | {*users_before}
        rows += [
            _row(day, tag, users.get(tag, 0), users_before.get(tag, 0)) for tag in sorted(listed - left_out)
        ]
        users_before, hidden_before = users, hidden
    content = pa.Table.from_pylist(rows, schema=TAG_COVERAGE.schema)
    ensure_table(lake, TAG_COVERAGE.name, TAG_COVERAGE.schema, TAG_COVERAGE.partition, content)


def _row(day: Publication, tag: str, users: int, before: int) -> Row:
    population = day.row_counts.get(USER_PROFILE.name, 0)
    return {
        "tag_id": tag,
        "users": users,
        "share": users / population if population else None,
        "users_before": before,
        "change": users - before,
        "run_id": day.run_id,
        "dt": day.data_day,
    }


def _users(lake: Lake, day: Publication) -> Counter[str]:
    """The distinct users of each tag: each has one row of rank 1. Read batch by batch."""
    where = rows_where(dt=day.data_day, run_id=day.run_id, rank=1)
    scan = lake.catalog.load_table(USER_TAGS.name).scan(row_filter=where, selected_fields=("tag_id",))
    users: Counter[str] = Counter()
    for batch in scan.to_arrow_batch_reader():
        for found in pc.value_counts(batch.column("tag_id")).to_pylist():
            users[found["values"]] += found["counts"]
    return users


def _rows(lake: Lake, table: str, day: Publication, *columns: str) -> list[Row]:
    where = rows_where(dt=day.data_day, run_id=day.run_id)
    found = lake.catalog.load_table(table)
    present = tuple(name for name in columns if name in found.schema().column_names)
    rows: list[Row] = found.scan(row_filter=where, selected_fields=present).to_arrow().to_pylist()
    return [dict.fromkeys(columns) | row for row in rows]
