"""All tags of a user in one projection, and the tables that come of it."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.catalogue.model import Tag


def evaluated(inputs: DataFrame, tags: Sequence[Tag], day: date) -> DataFrame:
    """Grain: user. In: user_id, measures, profile columns (`source__column`), RFM columns.
    Out: user_id and one typed column a tag: a boolean that is false or null is null, no tag."""
    dated = inputs.withColumn("data_day", F.lit(day))
    return dated.select("user_id", *[_value(tag).alias(tag.id) for tag in tags])


def _value(tag: Tag) -> Column:
    value = F.expr(tag.sql)
    if tag.boolean:
        return F.when(F.coalesce(value, F.lit(False)), F.lit(True))
    if tag.type == "string":
        # An empty text says nothing about a user.
        return F.nullif(F.trim(value.cast("string")), F.lit(""))
    return value.try_cast(tag.type)


def as_text(tag: Tag, value: Column) -> Column:
    """A tag's value as `tag_value` shows it: numbers without trailing zeros."""
    text = value.cast("string")
    if tag.type == "double" or tag.type.startswith("decimal"):
        whole = value.try_cast("bigint")
        return F.when(whole == value, whole.cast("string")).otherwise(
            F.regexp_replace(text, r"\.0+$|(\.\d*?)0+$", "$1")
        )
    return text


def as_number(tag: Tag, value: Column) -> Column:
    numeric = tag.type in ("int", "bigint", "double") or tag.type.startswith("decimal")
    return value.cast("double") if numeric else F.lit(None).cast("double")


def level_ids(tag: Tag, levels: Mapping[str, str]) -> list[str]:
    """The English ids of the tag's three levels."""
    return [levels[name] for name in tag.path]
