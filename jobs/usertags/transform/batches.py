"""The effect of a batch on a clean table: existing rows with the same keys, the outcome of its own rows, the
rewritten days and their new content."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.project.masking import MASK, masked_of
from usertags.project.model import CLEAN_DATA_DAY, Source
from usertags.transform.versions import KEPT, REPEAT, REPLACED, SUPERSEDED, Resolved, key_columns


@dataclass(frozen=True)
class Outcome:
    """Row counts of a batch by outcome, quarantined rows included; together they are the rows read. `changed`
    are the event days (project time zone) on which it adds or replaces rows; empty for a source without event
    days. `tied` are the keys with different rows of which none is the newer one."""

    kept: int
    superseded: int
    repeats: int
    quarantined: int
    changed: frozenset[date]
    tied: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """The counts by the names that reports and `ops.batches` have for them."""
        return {
            "kept": self.kept,
            "superseded": self.superseded,
            "repeats": self.repeats,
            "quarantined": self.quarantined,
        }


def comparable(good: DataFrame, others: DataFrame, source: Source) -> DataFrame:
    """Grain: row of the clean table that can have the same key as a row of the batch. In: the good rows of
    the batch (`typed`), the clean rows of other batches. Out: a subset of these, in their columns.

    Other files are not opened: keys are limited by the minimum and maximum of the batch, and equal rows of a
    source without a key have the same event day. Collects one row for the batch, or one per day.
    """
    if source.repeats == "keep":
        return others.limit(0)
    if source.key:
        first = F.col(source.key[0])
        low, high = good.agg(F.min(first), F.max(first)).collect()[0]
        return others.where(first.between(F.lit(low), F.lit(high)))
    days = [row["event_day"] for row in good.select("event_day").distinct().collect()]
    return others.where(F.col("event_day").isin(days))


def outcome(rows: DataFrame, resolved: Resolved, source: Source) -> Outcome:
    """The counts of a batch. Grain of the input: row of the batch. In: all its rows with `_reason` (`typed`),
    and the decisions about the good ones (`resolve`). Collects one row per status and event day."""
    event_day = F.col("event_day") if source.kind == "events" else F.lit(None).cast("date")
    found = resolved.rows.groupBy("_status", event_day.alias("day")).agg(
        F.count("*").alias("count"), F.count_if("_tied").alias("tied")
    )
    rejected = rows.where("_reason is not null").agg(
        F.lit("quarantined").alias("_status"),
        F.lit(None).cast("date").alias("day"),
        F.count("*").alias("count"),
        F.lit(0).cast("long").alias("tied"),
    )
    grouped = found.union(rejected).collect()
    totals: Counter[str] = Counter()
    for row in grouped:
        totals[row["_status"]] += row["count"]
    changed = {row["day"] for row in grouped if row["_status"] in (KEPT, REPLACED)}
    return Outcome(
        totals[KEPT],
        totals[SUPERSEDED],
        totals[REPEAT],
        totals["quarantined"],
        frozenset(changed - {None}),
        sum(row["tied"] for row in grouped),
    )


def quarantine_rows(rows: DataFrame, source: Source, data_day: date, run_id: str) -> DataFrame:
    """Grain: rejected row of the batch. In: all its rows (`typed`). Out: the columns of
    `ops.quarantine`: batch, run_id, source, reason, key (its parts with | between them, personal ones masked,
    empty without a key), raw (the raw row as JSON, masked by `typed`)."""
    hidden = masked_of(source)
    key = [
        F.when(F.col(name).isNotNull(), F.lit(MASK)) if name in hidden else F.col(name).cast("string")
        for name in key_columns(source)
        if name != "_content"
    ]
    return rows.where("_reason is not null").select(
        F.lit(data_day).alias("batch"),
        F.lit(run_id).alias("run_id"),
        F.lit(source.name).alias("source"),
        F.col("_reason").alias("reason"),
        F.concat_ws("|", *key).alias("key"),
        F.col("_raw").alias("raw"),
    )


def touched(source: Source, days: Collection[date]) -> Column:
    """Whether a row of the clean table is on a rewritten day: for events one of the days, for other
    sources every row."""
    if source.kind != "events":
        return F.lit(True)
    return F.col("event_day").isin(list(days)) if days else F.lit(False)


def rewritten(
    others: DataFrame, resolved: Resolved, source: Source, days: Collection[date], columns: Sequence[str]
) -> DataFrame:
    """Grain: row of the clean table on a touched day, after the batch: the rows of other batches that are
    not replaced, and the kept rows of the batch.

    In: the clean rows of other batches, what was decided (`resolve`), the days that the batch touches (at
    least those of its kept and replaced rows), the columns of the clean table. Out: these columns.
    """
    kept = resolved.batch.where(F.col("_status") == KEPT).drop("_status")
    stay = others
    if source.repeats is None:
        # Of a key that is back, an earlier batch has the row that was gone: it stays.
        same = [*key_columns(source), CLEAN_DATA_DAY]
        stay = others.join(resolved.replaced.select(*same), same, "left_anti")
    return stay.where(touched(source, days)).select(*columns).unionByName(kept.select(*columns))
