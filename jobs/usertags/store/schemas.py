"""The tables whose columns do not depend on a business: their Arrow schemas and partitions.

Those that a run publishes are in usertags/published.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from usertags.published import USER_TAG_COLUMNS

_TEXT, _DAY, _TIME, _COUNT = pa.string(), pa.date32(), pa.timestamp("us", tz="UTC"), pa.int64()


class TableSpec(Protocol):
    """A table of the lake. Times are UTC."""

    @property
    def name(self) -> str:
        """Its name with the namespace."""

    @property
    def schema(self) -> pa.Schema:
        """The columns that it always has."""

    @property
    def partition(self) -> tuple[str, ...]:
        """The columns that it is partitioned by."""


@dataclass(frozen=True)
class FixedTable:
    """A table whose columns are listed here."""

    name: str
    schema: pa.Schema
    partition: tuple[str, ...] = ("dt", "run_id")


_ARROW = {
    "string": _TEXT,
    "int": pa.int32(),
    "bigint": _COUNT,
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": _DAY,
    "timestamp": _TIME,
}


def of_spark_types(columns: Mapping[str, str]) -> pa.Schema:
    """The schema of columns whose types are given as Spark writes them."""
    return pa.schema([(name, _arrow(type_)) for name, type_ in columns.items()])


def _arrow(type_: str) -> pa.DataType:
    if type_.startswith("array<"):
        return pa.list_(_arrow(type_.removeprefix("array<").removesuffix(">")))
    return _ARROW[type_]


def _spec(
    name: str, columns: dict[str, pa.DataType], partition: tuple[str, ...] = ("dt", "run_id")
) -> TableSpec:
    return FixedTable(name, pa.schema(list(columns.items())), partition)


_RUN = {"run_id": _TEXT, "dt": _DAY}

DRAFTS = FixedTable("ops.drafts", of_spark_types({**USER_TAG_COLUMNS, "run_id": "string", "dt": "date"}))
USER_MEASURES = _spec("ops.user_measures", {"user_id": _TEXT} | _RUN)
# The ids of users with several ids, and the refused links.
IDENTITIES = _spec(
    "ops.identities", {"id_kind": _TEXT, "id": _TEXT, "user_id": _TEXT, "first_seen": _DAY} | _RUN
)
REFUSED_LINKS = _spec(
    "ops.refused_links",
    {
        "id_kind": _TEXT,
        "id": _TEXT,
        "other_kind": _TEXT,
        "other_id": _TEXT,
        "first_seen": _DAY,
        "reason": _TEXT,
        "source": _TEXT,
    }
    | _RUN,
)
PUBLICATIONS = _spec(
    "tags.publications",
    {
        "dt": _DAY,
        "run_id": _TEXT,
        "published_at": _TIME,
        "catalogue_version": _TEXT,
        "verdict": _TEXT,
        "warnings": _TEXT,
        "inputs": _TEXT,
        "replaces": _TEXT,
        "released_by": _TEXT,
        "release_reason": _TEXT,
        "row_counts": _TEXT,
    },
    (),
)
# The register of batches: see `usertags.stages.batch_register.BatchRecord` for the meaning of a row.
BATCHES = _spec(
    "ops.batches",
    {
        "source": _TEXT,
        "data_day": _DAY,
        "stage": _TEXT,
        "attempt": pa.int32(),
        "status": _TEXT,
        "table_uuid": _TEXT,
        "cursor_from": _TIME,
        "cursor_to": _TIME,
        "rows_read": _COUNT,
        "rows_kept": _COUNT,
        "rows_superseded": _COUNT,
        "rows_repeated": _COUNT,
        "rows_quarantined": _COUNT,
        "raw_snapshot": pa.int64(),
        "clean_snapshot": pa.int64(),
        "definition_version": _TEXT,
        "input_fingerprint": _TEXT,
        "event_days": pa.list_(_DAY),
        "rolled_up": pa.bool_(),
        "run_id": _TEXT,
        "recorded_at": _TIME,
    },
    ("source",),
)
BATCH_FILES = _spec(
    "ops.batch_files",
    {
        "source": _TEXT,
        "data_day": _DAY,
        "attempt": pa.int32(),
        "path": _TEXT,
        "size": _COUNT,
        "fingerprint": _TEXT,
        "name": _TEXT,
        "content": _TEXT,
        "state": _TEXT,
        "same_as": _TEXT,
    },
    ("source",),
)
# `batch` is the data day, here and in the statistics of a batch.
QUARANTINE = _spec(
    "ops.quarantine",
    {"batch": _DAY, "run_id": _TEXT, "source": _TEXT, "reason": _TEXT, "key": _TEXT, "raw": _TEXT},
    ("source", "batch"),
)
# `details` and `samples` are JSON; `usertags.quality.checks` says what the columns hold.
CHECKS = _spec(
    "ops.checks",
    {
        "check_id": _TEXT,
        "kind": _TEXT,
        "stage": _TEXT,
        "table_name": _TEXT,
        "column_name": _TEXT,
        "subject": _TEXT,
        "severity": _TEXT,
        "success": pa.bool_(),
        "value": pa.float64(),
        "usual": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "unit": _TEXT,
        "rows_checked": _COUNT,
        "unexpected_rows": _COUNT,
        "samples": _TEXT,
        "details": _TEXT,
        "error": _TEXT,
        "owner": _TEXT,
        "action": _TEXT,
        "checked_at": _TIME,
    }
    | _RUN,
    ("dt", "run_id", "stage"),
)
# Statistics of a batch by event day and column; `column` is empty in the row of the whole day. A profile or a
# link has no event day: its `day` is that of the batch. `first` marks a source's first batch, which contains
# history.
BATCH_STATISTICS = _spec(
    "ops.batch_statistics",
    {
        "source": _TEXT,
        "batch": _DAY,
        "first": pa.bool_(),
        "day": _DAY,
        "column": _TEXT,
        "rows": _COUNT,
        "empty": _COUNT,
        "median": pa.float64(),
        "mean_length": pa.float64(),
        "newest": _TIME,
        "fingerprint": _TEXT,
        "run_id": _TEXT,
    },
    ("batch",),
)
# The alerts of a day by channel. Append-only; `number` is the order of rows. `claimed` rows belong to
# messages being sent.
ALERTS = _spec(
    "ops.alerts",
    {
        "dt": _DAY,
        "number": _COUNT,
        "channel": _TEXT,
        "kind": _TEXT,
        "status": _TEXT,
        "day_state": _TEXT,
        "claim": _TEXT,
        "at": _TIME,
        "note": _TEXT,
    },
    (),
)
RUNS = _spec(
    "ops.runs",
    {
        "stage": _TEXT,
        "status": _TEXT,
        "recorded_at": _TIME,
        "previous_dt": _DAY,
        "previous_run_id": _TEXT,
        "catalogue_version": _TEXT,
        "inputs": _TEXT,
        "row_counts": _TEXT,
        "warnings": _TEXT,
        "released_by": _TEXT,
        "release_reason": _TEXT,
        "identity_version": _TEXT,
    }
    | _RUN,
    ("dt",),
)
