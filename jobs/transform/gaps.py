"""Days on which something happened, and the days between them.

A roll-up has at most a few rows of an id and day, so the days themselves are few: a user's are sorted within
the user's own row. One day that stands in several rows is one day.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F


def distinct_days(day: Column) -> Column:
    """How many days there are. In: the day of each row in which it happened, null for the other rows."""
    return F.size(F.collect_set(day))


def gap_mean(day: Column) -> Column:
    """The mean of the days between one day and the next, as a double; null where there are fewer than two.

    In: as distinct_days. The gaps add up to the days from first to last.
    """
    span = F.datediff(F.max(day), F.min(day))
    return F.try_divide(span.cast("double"), distinct_days(day) - F.lit(1))


def gap_stddev(day: Column) -> Column:
    """The sample standard deviation of the days between one day and the next, as a double; null where there
    are fewer than two gaps, which is fewer than three days.

    In: as distinct_days. Counted in whole numbers up to the one root, so that the order of the rows makes
    no difference.
    """
    gaps = (distinct_days(day) - F.lit(1)).cast("bigint")
    span = F.datediff(F.max(day), F.min(day)).cast("bigint")
    variance = F.try_divide((gaps * _squares(day) - span * span).cast("double"), gaps * (gaps - F.lit(1)))
    return F.when(gaps > 1, F.sqrt(variance))


def _squares(day: Column) -> Column:
    """The sum of the squares of the gaps."""
    start = F.struct(F.lit(None).cast("date").alias("last"), F.lit(0).cast("bigint").alias("total"))

    def add(state: Column, following: Column) -> Column:
        gap = F.coalesce(F.datediff(following, state["last"]), F.lit(0)).cast("bigint")
        return F.struct(following.alias("last"), (state["total"] + gap * gap).alias("total"))

    return F.aggregate(F.array_sort(F.collect_set(day)), start, add, lambda state: state["total"])
