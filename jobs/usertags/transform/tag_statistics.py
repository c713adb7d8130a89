"""The number of users per tag and per tag value: on a day, on the day before, and over several days.

The size of a tag is its number of distinct users (`tag_coverage`). The users of its values (`tag_statistics`)
do not add up to it where a user has several values of the tag.
"""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def tag_statistics(
    today: DataFrame, before: DataFrame, left_out: Sequence[str], population: int
) -> DataFrame:
    """Grain: tag, tag_value. In: `user_tags` of the day and of the latest published day before (tag_id and
    tag_value are read), the ids of the excluded tags, the users of the day.

    Out: tag_id, tag_value, users and users_before (bigint, 0 for a value without users on that day), share
    (double, users of the population as a fraction of 1; null where the population is 0), change (users -
    users_before).
    """
    now, then = _counted(today, left_out, "users"), _counted(before, left_out, "users_before")
    both = now.join(then, ["tag_id", "tag_value"], "full_outer")
    return both.select("tag_id", "tag_value", *_compared(population))


def tag_coverage(
    today: DataFrame, before: DataFrame, tags: Sequence[str], left_out: Sequence[str], population: int
) -> DataFrame:
    """Grain: tag. In: `user_tags` of the day and of the latest published day before (tag_id and rank are
    read), the ids of the published tags and of the excluded ones, the users of the day.

    Out: a row per published tag and per tag that users had on the day before: tag_id, users and users_before
    (bigint, distinct users, 0 for a tag without users on that day), share (double, users of the population as
    a fraction of 1; null where the population is 0), change (users - users_before).
    """
    shown = ~F.col("tag_id").isin(list(left_out))
    listed = today.sparkSession.createDataFrame([(tag,) for tag in tags], "tag_id string")
    now, then = users_of_tags(today), users_of_tags(before).withColumnRenamed("users", "users_before")
    both = listed.join(now, "tag_id", "left").join(then, "tag_id", "full_outer")
    return both.where(shown).select("tag_id", *_compared(population))


def _compared(population: int) -> list[Column]:
    """What both tables say of users and users_before, which are null where there are none."""
    users, users_before = F.coalesce("users", F.lit(0)), F.coalesce("users_before", F.lit(0))
    return [
        users.alias("users"),
        F.try_divide(users.cast("double"), F.lit(float(population))).alias("share"),
        users_before.alias("users_before"),
        (users - users_before).alias("change"),
    ]


def _counted(user_tags: DataFrame, left_out: Sequence[str], name: str) -> DataFrame:
    shown = user_tags.where(~F.col("tag_id").isin(list(left_out)))
    return shown.groupBy("tag_id", "tag_value").agg(F.count("*").alias(name))


def users_of_tags(user_tags: DataFrame) -> DataFrame:
    """Grain: tag. In: `user_tags` of one run (tag_id and rank are read). Out: tag_id, users (bigint); a user
    with several values of a tag counts once."""
    return user_tags.where(F.col("rank") == 1).groupBy("tag_id").agg(F.count("*").alias("users"))


def users_together(counted: DataFrame, runs: Sequence[tuple[date, str]], *grain: str) -> DataFrame:
    """Grain: `grain`, the columns that the rows of a run are counted by: tag_id and tag_value of
    `tag_statistics`, or tag_id of `tag_coverage`. In: one of these tables of any runs, and the runs wanted as
    data day and run_id, the earliest day first, at least one. Out: `grain`, users (bigint, summed over those
    runs); no row without users."""
    wanted = [f"{data_day}/{run_id}" for data_day, run_id in runs]
    rows = counted.where(F.concat_ws("/", "dt", "run_id").isin(wanted))
    rows = rows.where(F.col("dt") >= F.lit(runs[0][0])).where(F.col("users") > 0)
    return rows.groupBy(*grain).agg(F.sum("users").alias("users"))
