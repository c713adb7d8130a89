"""All tags of a user in one projection, and the tables that come of it."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.catalogue.model import Tag

SEPARATOR = "|"


def evaluated(inputs: DataFrame, tags: Sequence[Tag], day: date) -> DataFrame:
    """Grain: user. In: user_id, measures, profile columns (`source__column`), RFM columns.
    Out: user_id, one typed column a tag (a boolean that is false or null is null, no tag), and
    `_set_<tag>` of tags that people can set: the row that gave the user the tag, if one did."""
    dated = inputs.withColumn("data_day", F.lit(day))
    given = [F.expr(tag.set_by.row).alias(f"_set_{tag.id}") for tag in tags if tag.set_by is not None]
    return dated.select("user_id", *[_value(tag).alias(tag.id) for tag in tags], *given)


def _value(tag: Tag) -> Column:
    value = F.expr(tag.value_sql)
    return F.when(value, F.lit(True)) if tag.boolean else value


def first_value(tag: Tag, value: Column) -> Column:
    """The value that stands for a tag where there is room for one: of several, the first."""
    return value[0]["value"] if tag.multiple else value


def as_text(tag: Tag, value: Column) -> Column:
    """A tag's value as `tag_value` shows it: numbers without trailing zeros. Several values stand in their
    order with | between them, as changes show them."""
    if tag.multiple:
        return F.array_join(F.transform(value, lambda item: item["value"]), SEPARATOR)
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
