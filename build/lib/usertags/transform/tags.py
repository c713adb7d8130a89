"""All tags of a user in one projection, and helpers for the tables computed from it."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.config.expression_types import is_number
from usertags.project.model import Tag


def evaluated(inputs: DataFrame, tags: Sequence[Tag], day: date) -> DataFrame:
    """Grain: user. In: user_id, measures, profile columns (`source__column`), RFM columns.
    Out: user_id, one typed column per tag (a boolean false becomes null, which means no tag), and
    `_set_<tag>` for manually set tags: the row that gave the user the tag, if any."""
    dated = inputs.withColumn("data_day", F.lit(day))
    beside = {name: column for tag in tags for kind in tag.kinds for name, column in kind.beside(tag).items()}
    return dated.select(
        "user_id",
        *[tag.main.today(tag).alias(tag.id) for tag in tags],
        *[column.alias(name) for name, column in beside.items()],
    )


def first_value(tag: Tag, value: Column) -> Column:
    """The single value of a tag: of several values, the first."""
    return tag.main.first(value)


def as_text(tag: Tag, value: Column) -> Column:
    """A tag's value as `tag_value` shows it; several stand in their order, as changes show them."""
    return tag.main.text(tag, value)


def as_number(tag: Tag, value: Column) -> Column:
    return value.cast("double") if is_number(tag.type) else F.lit(None).cast("double")


def level_ids(tag: Tag, levels: Mapping[str, str]) -> list[str]:
    """The English ids of the tag's three levels."""
    return [levels[name] for name in tag.path]
