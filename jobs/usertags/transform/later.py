"""The ids in rows of a time after the data day."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from usertags.project.model import CLEAN_DATA_DAY, Source


def ids_after(clean: DataFrame, source: Source, data_day: date) -> DataFrame:
    """Grain: id in a row, with duplicates. In: the clean rows of a source with a time. Out: id_kind, id (as
    text), source; of the rows of batches up to the day whose time is after it (project time zone)."""
    day = F.lit(data_day)
    ids = [
        F.struct(F.lit(kind).alias("id_kind"), F.col(column).cast("string").alias("id"))
        for kind, column in source.ids
    ]
    after = (F.to_date(F.col(source.time or "")) > day) & (F.col(CLEAN_DATA_DAY) <= day)
    rows = clean.where(after).select(F.inline(F.array(*ids)))
    return rows.where(F.trim("id") != "").withColumn("source", F.lit(source.name))
