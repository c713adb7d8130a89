"""Counts rows with duplicate keys for Great Expectations on Spark: with hashes of keys instead of a sort.

The library groups all rows by key, which sorts the table once per check. Here hashes of 64 bits are compared;
where two are equal, the keys themselves are counted. The number is the same.
"""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_METRICS = {
    "column_values.unique": "ColumnValuesUnique",
    "compound_columns.unique": "CompoundColumnsUnique",
}

# A bucket is an array: for 100 million rows it has 25,000 hashes.
_BUCKETS = 4001


def register() -> None:
    """Replace the library's own metrics in this process."""
    from great_expectations.core.metric_function_types import MetricFunctionTypes
    from great_expectations.execution_engine import SparkDFExecutionEngine
    from great_expectations.expectations import metrics
    from great_expectations.expectations.registry import register_metric

    for name, kind in _METRICS.items():
        provider = getattr(metrics, kind)
        register_metric(
            metric_name=f"{name}.unexpected_count",
            metric_domain_keys=provider.condition_domain_keys,
            metric_value_keys=provider.condition_value_keys,
            execution_engine=SparkDFExecutionEngine,
            metric_class=provider,
            metric_provider=_unexpected_count,
            metric_fn_type=MetricFunctionTypes.VALUE,
        )


def _unexpected_count(cls: type, execution_engine: Any, metrics: Mapping[str, Any], **_: object) -> int:
    """The library's metric: the rows, among those matching its condition, whose key occurs in another row."""
    _condition, domain, accessor = metrics["unexpected_condition"]
    columns = accessor.get("column_list") or [accessor["column"]]
    frame = execution_engine.get_domain_records(domain_kwargs={**domain, **accessor})
    return repeated(frame, [F.col(f"`{name}`") for name in columns])


def repeated(frame: DataFrame, key: list[Column]) -> int:
    """The rows of a frame whose key occurs in another row; empty parts of a key are equal."""
    if not _equal_hashes(frame, key):
        return 0
    counted = frame.groupBy(*key).agg(F.count("*").alias("_rows")).where("_rows > 1")
    return int(counted.agg(F.sum("_rows")).collect()[0][0] or 0)


def _equal_hashes(frame: DataFrame, key: list[Column]) -> bool:
    """Whether two rows have the same hash. In buckets, because a group for each hash is a map of all rows."""
    hashes = frame.select(F.xxhash64(*key).alias("_hash"))
    buckets = hashes.groupBy(F.pmod("_hash", F.lit(_BUCKETS))).agg(F.collect_list("_hash").alias("_hashes"))
    again = F.size("_hashes") - F.size(F.array_distinct("_hashes"))
    return bool(buckets.agg(F.sum(again)).collect()[0][0])
