"""The tables whose columns do not depend on a business: their Arrow schemas and partitions.

Those that a run publishes are in jobs/published.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from jobs.catalogue.model import USER_TAG_COLUMNS

_TEXT, _DAY, _TIME, _COUNT = pa.string(), pa.date32(), pa.timestamp("us", tz="UTC"), pa.int64()


@dataclass(frozen=True)
class TableSpec:
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
    return TableSpec(name, pa.schema(list(columns.items())), partition)


_RUN = {"run_id": _TEXT, "dt": _DAY}

DRAFTS = TableSpec("ops.drafts", of_spark_types({**USER_TAG_COLUMNS, "run_id": "string", "dt": "date"}))
USER_MEASURES = _spec("ops.user_measures", {"user_id": _TEXT} | _RUN)
# The ids of users with more than one, and the links that join nobody.
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
QUARANTINE = _spec(
    "ops.quarantine",
    {"batch": _DAY, "run_id": _TEXT, "source": _TEXT, "reason": _TEXT, "key": _TEXT, "raw": _TEXT},
    ("source", "batch"),
)
CHECKS = _spec(
    "ops.checks",
    {
        "stage": _TEXT,
        "table": _TEXT,
        "check": _TEXT,
        "column": _TEXT,
        "severity": _TEXT,
        "success": pa.bool_(),
        "observed": _TEXT,
        "bounds": _TEXT,
        "rows": _COUNT,
        "failing": _COUNT,
        "owner": _TEXT,
        "action": _TEXT,
        "checked_at": _TIME,
        "check_id": _TEXT,
        "sample": _TEXT,
    }
    | _RUN,
    ("dt", "run_id", "stage"),
)
# What a batch held, by event day and column; `column` is empty in the row of the whole day. A profile or a
# link has no event day: its `day` is that of the batch. `first` marks a source's first batch, which brings
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
# What was told of a day by which channel. Rows are only added; `number` is their order. `claimed` rows are of
# messages that are being sent.
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
    }
    | _RUN,
    ("dt",),
)
