"""One row per key: which rows of a batch are kept, superseded by another version, or repeats."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from usertags.project.model import CLEAN_DATA_DAY, Source

KEPT, SUPERSEDED, REPEAT = "kept", "superseded", "repeat"
EXISTING, REPLACED = "existing", "replaced"

_HELPERS = ("_new", "_same", "_seen", "_read", "_place", "_rank", "_reading")


@dataclass(frozen=True)
class Resolved:
    """`rows`: all good rows of the batch, and all clean rows with its keys, with `_status` and `_tied`. One
    frame, so that it can be cached and used both for counting and for writing."""

    rows: DataFrame

    @property
    def batch(self) -> DataFrame:
        """Grain: good row of the batch, with `_status`: kept, superseded or repeat."""
        return self.rows.where(F.col("_status").isin(KEPT, SUPERSEDED, REPEAT)).drop("_tied")

    @property
    def replaced(self) -> DataFrame:
        """Grain: row of the clean table that is replaced by a row of the batch."""
        return self.rows.where(F.col("_status") == REPLACED).drop("_status", "_tied")

    @property
    def tied(self) -> DataFrame:
        """Grain: key with different rows in the batch of which none is the newer one; one of them."""
        return self.rows.where("_tied").drop("_status", "_tied")


def resolve(batch: DataFrame, existing: DataFrame, source: Source) -> Resolved:
    """Decide between the rows of a batch and the clean rows of other batches with the same key.

    Grain: good row of the batch, and row of other batches with one of its keys. In: both frames have the
    clean columns, `_batch` and `_content`, and `batch` has `_reading`; `existing` holds no row of this batch.
    Out: the clean columns, `_batch`, `_content`, `_status` and `_tied` (`Resolved`).

    The highest version wins; of equal versions the one from the later batch, and within the batch the later
    reading. Equal content is a repeat, and the existing row is kept, so that reading rows again changes
    nothing. Where all of this is equal and the content is not, nobody knows which row is right: one row of
    the key is `_tied`, and a critical check refuses the batch (`one_row_per_key`).
    """
    if source.repeats == "keep":
        every = {"_status": F.lit(KEPT), "_tied": F.lit(False)}
        return Resolved(batch.withColumns(every).drop("_reading"))
    key = key_columns(source)
    others = existing.join(batch.select(*key).distinct(), key, "left_semi")
    old = others.withColumns({"_new": F.lit(False), "_reading": F.lit(None).cast("int")})
    pool = batch.withColumn("_new", F.lit(True)).unionByName(old)
    return Resolved(_ranked(pool, key, source).withColumn("_status", _status()).drop(*_HELPERS))


def key_columns(source: Source) -> list[str]:
    """The columns that identify a row: the key, or all columns if repeats are dropped."""
    return list(source.key) or ["_content"]


def _ranked(pool: DataFrame, key: list[str], source: Source) -> DataFrame:
    """`_same`: position among rows with equal content; `_seen`, `_read`: the data day of the last
    batch with that content, and its last reading; `_rank`: position among the versions of the key;
    `_tied`: the second row of a key that only its content distinguishes from the first."""
    equal = Window.partitionBy(*key, "_content")
    versions = Window.partitionBy(*key).orderBy((F.col("_same") > 1).asc(), *_precedence(source))
    place = F.struct(*([source.version] if source.version else []), "_seen", "_read")
    same_place = F.lag("_place").over(versions).eqNullSafe(F.col("_place"))
    return (
        pool.withColumn("_same", F.row_number().over(equal.orderBy("_new", CLEAN_DATA_DAY)))
        .withColumn("_seen", F.max(CLEAN_DATA_DAY).over(equal))
        .withColumn("_read", F.max("_reading").over(equal))
        .withColumn("_place", place)
        .withColumn("_rank", F.row_number().over(versions))
        .withColumn("_tied", (F.col("_rank") == 2) & (F.col("_same") == 1) & same_place)
    )


def _precedence(source: Source) -> list[Column]:
    version = [F.col(source.version).desc_nulls_last()] if source.version else []
    return [*version, F.col("_seen").desc(), F.col("_read").desc_nulls_last(), F.col("_content").desc()]


def _status() -> Column:
    first = F.col("_rank") == 1
    of_batch = F.when(F.col("_same") > 1, REPEAT).when(first, KEPT).otherwise(SUPERSEDED)
    return F.when(F.col("_new"), of_batch).when(first, EXISTING).otherwise(REPLACED)
