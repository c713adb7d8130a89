"""The number of users per tag value: on a day, on the day before, and over several days."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
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
    users, users_before = F.coalesce("users", F.lit(0)), F.coalesce("users_before", F.lit(0))
    return now.join(then, ["tag_id", "tag_value"], "full_outer").select(
        "tag_id",
        "tag_value",
        users.alias("users"),
        F.try_divide(users.cast("double"), F.lit(float(population))).alias("share"),
        users_before.alias("users_before"),
        (users - users_before).alias("change"),
    )


def _counted(user_tags: DataFrame, left_out: Sequence[str], name: str) -> DataFrame:
    shown = user_tags.where(~F.col("tag_id").isin(list(left_out)))
    return shown.groupBy("tag_id", "tag_value").agg(F.count("*").alias(name))


def users_of_tags(user_tags: DataFrame) -> DataFrame:
    """Grain: tag. In: `user_tags` of one run (tag_id and rank are read). Out: tag_id, users (bigint); a user
    with several values of a tag counts once."""
    return user_tags.where(F.col("rank") == 1).groupBy("tag_id").agg(F.count("*").alias("users"))


def users_together(statistics: DataFrame, runs: Sequence[tuple[date, str]]) -> DataFrame:
    """Grain: tag, tag_value. In: `tag_statistics` of any runs, and the runs wanted as data day and run_id,
    the earliest day first, at least one. Out: tag_id, tag_value, users (bigint, summed over those runs); no
    row for a value without users."""
    wanted = [f"{data_day}/{run_id}" for data_day, run_id in runs]
    rows = statistics.where(F.concat_ws("/", "dt", "run_id").isin(wanted))
    rows = rows.where(F.col("dt") >= F.lit(runs[0][0])).where(F.col("users") > 0)
    return rows.groupBy("tag_id", "tag_value").agg(F.sum("users").alias("users"))
