"""Configured checks that need more than the rows of a batch: another source, or the end of the day."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from usertags.config.durations import Duration
from usertags.config.quality_models import CheckEntry
from usertags.project.model import Source
from usertags.quality.checks import SAMPLE, CheckResult, Row, result_of
from usertags.quality.expectations import Sampling, samples_of
from usertags.quality.kinds import CheckKind
from usertags.quality.statistics import Statistic


def referred(source: Source) -> frozenset[str]:
    """The sources that checks of this one refer to."""
    return frozenset(entry.references.split(".")[0] for entry in source.checks if entry.references)


def reference_checks(
    source: Source, batch: DataFrame, others: Mapping[str, DataFrame], sampling: Sampling
) -> list[CheckResult]:
    """The share of rows of a batch whose value exists in the other source. Grain of the input: row of a clean
    table. In: the kept rows of the batch, and by name the clean rows of each source that is referred to
    (`referred`), with those of this day. Out: one result per check; rows without a value are not counted,
    and a batch without any passes. Values are compared as texts."""
    return [
        _reference(source, entry, entry.column, batch, others, sampling)
        for entry in source.checks
        if entry.references is not None and entry.column is not None
    ]


def _reference(
    source: Source,
    entry: CheckEntry,
    column: str,
    batch: DataFrame,
    others: Mapping[str, DataFrame],
    sampling: Sampling,
) -> CheckResult:
    assert entry.references is not None
    other, other_column = entry.references.split(".")
    known = others[other].select(F.col(other_column).cast("string").alias("_known")).distinct()
    rows = batch.withColumn("_value", F.col(column).cast("string")).where("_value is not null")
    same = F.col("_value") == F.col("_known")
    # Spark broadcasts the known values if there are few, and uses a sort-merge join if there are many.
    looked_up = rows.join(known, same, "left")
    total, unknown = looked_up.agg(F.count("*"), F.count_if(F.col("_known").isNull())).collect()[0]
    share = 1 - unknown / total if total else 1.0
    success = share >= entry.mostly
    samples: tuple[Row, ...] = ()
    if not success:
        lost = rows.join(known, same, "left_anti")
        shown = lost.select(*dict.fromkeys([*sampling.keys, column])).limit(SAMPLE).collect()
        samples = samples_of([row.asDict() for row in shown], sampling)
    return result_of(
        CheckKind.KNOWN,
        f"clean.{source.name}",
        entry.severity,
        success=success,
        column=column,
        subject=entry.references,
        value=share,
        low=entry.mostly,
        unit="share",
        rows=total,
        unexpected=unknown,
        samples=samples,
        owner=entry.owner,
        action=entry.action,
    )


def freshness_checks(source: Source, found: Sequence[Statistic], end: datetime) -> list[CheckResult]:
    """The age of the newest row of the batch at the end of the data day, in minutes. In: the statistics of
    the batch, and the end of the day with the project's time zone. A batch without any row up to then is not
    fresh, unless the source may be empty."""
    newest = max((item.newest for item in found if item.newest), default=None)
    return [
        _freshness(source, entry, entry.fresh_within, newest, end)
        for entry in source.checks
        if entry.fresh_within is not None and not (source.may_be_empty and newest is None)
    ]


def _freshness(
    source: Source, entry: CheckEntry, within: Duration, newest: datetime | None, end: datetime
) -> CheckResult:
    newest = newest.astimezone(end.tzinfo) if newest else None
    age = end - newest if newest else None
    return result_of(
        CheckKind.FRESH,
        f"clean.{source.name}",
        entry.severity,
        success=age is not None and age <= within.delta,
        column=source.time,
        subject=str(within),
        value=age / timedelta(minutes=1) if age is not None else None,
        high=within.delta / timedelta(minutes=1),
        unit="minutes",
        details={"newest": f"{newest:%Y-%m-%d %H:%M}"} if newest else {},
        owner=entry.owner,
        action=entry.action,
    )
