"""Percentiles: the rank of each user's measure among the users of the data day.

The population of a percentile is the set of users for whom its condition holds and who have the measure. The
percentile of a user is the whole percentage of the population with a value at or below: of 200 users of whom
57 have the same value or less, 28 (as scipy.stats.percentileofscore with kind="weak", rounded down). Equal
values have equal percentiles, and the highest is 100; users outside the population have none. Values of type
double count as equal up to nine decimals, which is more than the noise of binary fractions; all values are
compared as doubles.
"""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.config.expression_tree import as_condition
from usertags.project.model import Percentile

_EXACT = "decimal(30,9)"


def with_percentiles(measures: DataFrame, percentiles: Sequence[Percentile], data_day: date) -> DataFrame:
    """Grain: user. In: the measures of all users. Out: the same and one int column per percentile.

    Reads one row of aggregates, whatever the number of users: the least value at which each percent of the
    population is reached. `measures` is therefore read twice, and one task sorts one number per user.
    """
    if not percentiles:
        return measures
    dated = measures.withColumn("data_day", F.lit(data_day))
    ranked = dated.withColumns({f"_{item.id}": _ranked(item) for item in percentiles})
    rising = ranked.agg(*[F.sort_array(F.collect_list(f"_{item.id}")).alias(item.id) for item in percentiles])
    edges = rising.select(*[_edges(item).alias(item.id) for item in percentiles]).collect()[0].asDict()
    found = {item.id: _reached(F.col(f"_{item.id}"), edges[item.id]) for item in percentiles}
    return ranked.withColumns(found).drop("data_day", *[f"_{item.id}" for item in percentiles])


def _ranked(percentile: Percentile) -> Column:
    """The value by which the user is ranked; null outside the population."""
    value = F.col(percentile.measure).cast("double")
    if not percentile.exact:
        # A number too large for nine decimals has no significant fraction.
        value = F.coalesce(F.col(percentile.measure).try_cast(_EXACT).cast("double"), value)
    if percentile.where is None:
        return value
    return F.when(as_condition(percentile.where), value)


def _edges(percentile: Percentile) -> Column:
    """For 1 to 100 the least value that covers this percentage of the population; nulls without a population.

    With integers: Spark's percentile_disc uses binary fractions, where 7 % of 100 users are 8.
    """
    values = F.col(percentile.id)

    def edge(percent: Column) -> Column:
        users = F.size(values) * percent.cast("bigint")
        return F.get(values, F.call_function("div", users + 99, F.lit(100)).cast("int") - 1)

    return F.transform(F.sequence(F.lit(1), F.lit(100)), edge)


def _reached(value: Column, edges: Sequence[float | None]) -> Column:
    """The number of increasing edges that the value reaches, by binary search; null for null."""
    if edges[0] is None:
        return F.lit(None).cast("int")

    def search(low: int, high: int) -> Column:
        if low == high:
            return F.lit(low)
        middle = (low + high) // 2
        reached = value >= F.lit(edges[middle])
        return F.when(reached, search(middle + 1, high)).otherwise(search(low, middle))

    return F.when(value.isNotNull(), search(0, len(edges)))
