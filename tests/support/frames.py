"""Small projects, frames of literal rows, and their rows again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from hypothesis import HealthCheck, Phase, settings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from usertags.project.build import load_project
from usertags.project.model import Project

# Each example is a Spark job, so there are few, each of many rows; the same ones on every machine.
FEW = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=(HealthCheck.too_slow,),
)

CONNECTIONS = {
    "files": {"kind": "files", "root": "landing"},
    "shop": {"kind": "sql", "url": "${SHOP_URL}"},
    "lake": {"kind": "lake", "embedded": "store"},
}

ORDERS: dict[str, Any] = {
    "kind": "events",
    "read": {"connection": "shop", "table": "orders"},
    "columns": {
        "order_id": {"from": "order_id", "type": "string"},
        "customer": {"from": "customer", "type": "string"},
        "status": {"from": "status", "type": "string"},
        "amount": {"from": "amount", "type": "decimal(12,2)"},
        "units": {"from": "units", "type": "int"},
        "rating": {"from": "rating", "type": "double"},
        "ordered_at": {"from": "ordered_at", "type": "timestamp"},
    },
    "key": ["order_id"],
    "user": {"customer": "customer"},
    "time": "ordered_at",
}

PATH = ["一级", "二级", "三级"]

# What carry reads of the `user_tags` that were published before.
BEFORE = (
    "user_id string, tag_id string, tag_value string, valid_from date, valid_until date, "
    "definition_version string, rank int, share double"
)


def tag(**parts: Any) -> dict[str, Any]:
    """A tag entry; what a test does not speak of is filled in."""
    usual = {
        "title": "A tag",
        "path": PATH,
        "kind": "rule",
        "description": "a tag of a test",
        "validity": "dynamic",
        "owner": "data",
        "status": "active",
    }
    return usual | parts


def write_project(
    folder: Path,
    *,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
    measures: Mapping[str, Mapping[str, Any]] | None = None,
    tags: Mapping[str, Mapping[str, Any]] | None = None,
    rfm: Mapping[str, Any] | None = None,
    calendar: Mapping[str, Any] | None = None,
) -> Project:
    """Write a configuration folder and load it as the command line would."""
    project_yml = {"project": "small", "timezone": "Asia/Shanghai", "currency": "CNY", "state": "state"}
    project_yml |= (
        {"lake": "lake"} | ({"rfm": rfm} if rfm else {}) | ({"calendar": calendar} if calendar else {})
    )
    _write(folder / "project.yml", project_yml)
    _write(folder / "connections.yml", {"connections": CONNECTIONS})
    for name, source in (sources or {"orders": ORDERS}).items():
        # None takes out what the source that a test starts from has.
        given = {key: value for key, value in source.items() if value is not None}
        _write(folder / "sources" / f"{name}.yml", {"source": name} | given)
    if measures:
        _write(folder / "measures" / "all.yml", {"measures": measures})
    if tags:
        named = {name: {"name": name} | dict(entry) for name, entry in tags.items()}
        levels = {"一级": "first", "二级": "second", "三级": "third"}
        _write(folder / "tags" / "all.yml", {"levels": levels, "tags": named})
    return load_project(folder)


def _write(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")


def frame(spark: SparkSession, schema: str, rows: Sequence[Sequence[object]]) -> DataFrame:
    """A frame of literal rows; through Arrow it is local to the driver, and small jobs stay small."""
    fields = StructType.fromDDL(schema)
    columns = list(zip(*rows, strict=True)) or [()] * len(fields)
    types = to_arrow_schema(fields)
    table = pa.table(
        [pa.array(values, type_) for values, type_ in zip(columns, types.types, strict=True)], types
    )
    return spark.createDataFrame(table, fields)


def rows(result: DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame; instants are aware, whatever the zone of this process."""
    return result.toArrow().to_pylist()
