"""The aggregates that a measure can be: each is one entry of `AGGREGATES`, and everybody else asks the entry.

An entry says how the aggregate is written, which argument it takes, what a day keeps of a user's rows (its
*parts*, columns of a roll-up), how the days of a window merge, of which type the result is, and how it is
explained to people. A new aggregate is a new entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from usertags.config.expression_conversions import cast_hint
from usertags.config.expression_operands import Operand
from usertags.config.expression_tree import Name, Tree
from usertags.config.expression_types import BOOLEAN, EVENT_DAY, NUMBERS, ExpressionError, word_set
from usertags.spark_functions import F

if TYPE_CHECKING:
    from pyspark.sql import Column

_EVENT_DAY = Name(EVENT_DAY)
# HyperLogLog with 2^12 registers is at most 4 kB a user and day. Up to some 400 values it counts practically
# exactly; beyond that the count is off by 1.6 % (one standard error), so that 1 count in 20 is off by more
# than 3.3 %, and hardly one by more than 5 %.
_REGISTERS = 12


@dataclass(frozen=True)
class Part:
    """What a day keeps of the rows of one id. `name` stands in the column names of roll-ups.

    `day` aggregates the values of the rows that count (null in all other rows), given with the time of each
    row; `merge` aggregates what the days of a window keep (null on the days outside).
    """

    name: str
    day: Callable[[Column, Column], Column]
    merge: Callable[[Column], Column]


@dataclass(frozen=True)
class Days:
    """The rows of a roll-up that merge into one measure: a column a part, null outside the measure's window,
    and the day of the row."""

    parts: tuple[Part, ...]
    kept: tuple[Column, ...]
    day: Column

    def merged(self, number: int = 0) -> Column:
        return self.parts[number].merge(self.kept[number])

    @property
    def happened(self) -> Column:
        """The day of each row whose first part counts something, null in all other rows."""
        return F.when(self.kept[0] > 0, self.day)


@dataclass(frozen=True)
class AggregateFunction:
    """One aggregate.

    `merge` makes the measure of the days of its window. `type` is the Spark type of the result, given that of
    the argument. `explained` says what the number is. `call` is the name in the configuration, where that is
    another; several distinct counts share a call and differ in `within`, the `distinct_within` of the
    measure. `written` are the spellings that messages list; `meant` are names that people write for it.

    `argument` is the one that it takes, where it takes no other: any row counts then, so its parts read none.
    `check` raises ExpressionError for an argument that does not fit. `counted`: a user without a row has 0,
    not null. `needs_window`: what is kept of each day is kept for a window only. `by`: whether it can be
    taken apart by the values of a column, as numbers that add up, or as the row that came last.
    """

    name: str
    parts: tuple[Part, ...]
    merge: Callable[[Days], Column]
    type: Callable[[str], str]
    explained: str
    written: tuple[str, ...] = ()
    meant: frozenset[str] = frozenset()
    call: str = ""
    within: Literal["day", "window", "approx"] | None = None
    argument: Tree | None = None
    check: Callable[[str, Operand], None] = lambda name, operand: None
    counted: bool = False
    needs_window: bool = False
    by: Literal["numbers", "rows"] | None = None

    @property
    def called(self) -> str:
        return self.call or self.name


def aggregate_function(called: str, argument: Tree | None, within: str | None) -> AggregateFunction:
    """The entry that a call means, given its argument and the measure's `distinct_within`."""
    entries = [entry for entry in AGGREGATES.values() if entry.called == called]
    own = [entry for entry in entries if entry.argument is not None and entry.argument == argument]
    fitting = own or [entry for entry in entries if entry.argument is None]
    return next((entry for entry in fitting if entry.within == within), fitting[0])


# ---- types and arguments -----------------------------------------------------------------


def _whole(argument: str) -> str:
    return "bigint"


def _fraction(argument: str) -> str:
    return "double"


def _same(argument: str) -> str:
    return argument


def _sum_type(argument: str) -> str:
    """Sums of exact numbers stay exact."""
    if argument in ("int", "bigint"):
        return "bigint"
    if argument.startswith("decimal"):
        scale = argument.rstrip(")").split(",")[1]
        return f"decimal(38,{scale})"
    return "double"


def _number(name: str, operand: Operand) -> None:
    if operand.kind not in NUMBERS:
        raise ExpressionError(
            f"{name}() needs a number, but {operand.described} is not; write {cast_hint(operand, 'number')}"
        )


def _no_condition(name: str, operand: Operand) -> None:
    if operand.kind == BOOLEAN:
        raise ExpressionError(
            f"{name}({operand.fragment}) counts false too; write count(*), and the condition in `where`"
        )


def _event_day(name: str, operand: Operand) -> None:
    if operand.tree != _EVENT_DAY:
        raise ExpressionError(
            f"{name}() is of the days between events, not of {operand.fragment}", f"{name}({EVENT_DAY})"
        )


# ---- what a day keeps --------------------------------------------------------------------


def _dated(values: Column, time: Column) -> Column:
    """The time stands first in the pair, so the smallest pair is the earliest value."""
    return F.when(values.isNotNull(), F.struct(time.alias("t"), values.alias("v")))


def _day_sketch(values: Column) -> Column:
    # A sketch takes texts and whole numbers only, and leaves out the empty text.
    return F.hll_sketch_agg(F.when(values.isNotNull(), F.xxhash64(values)), F.lit(_REGISTERS))


def _count_sketched(days: Column) -> Column:
    union = F.hll_union_agg(days)
    # A sketch remembers in which order it was filled and counts by it, until it is joined with another that
    # is as full. With itself it holds what it held, and the count no longer depends on the order of rows.
    return F.hll_sketch_estimate(F.hll_union(union, union))


def _added(days: Column) -> Column:
    return F.sum(days)


def _least(days: Column) -> Column:
    return F.min(days)


def _greatest(days: Column) -> Column:
    return F.max(days)


def _count_values(days: Column) -> Column:
    return F.size(F.array_distinct(F.flatten(F.collect_list(days))))


def _moments(values: Column) -> Column:
    """How many there are, their mean, and the sum of the squares of what they differ from it."""
    numbers = values.cast("double")
    count = F.count(numbers)
    squares = (F.var_pop(numbers) * count).alias("squares")
    return F.when(count > 0, F.struct(count.alias("count"), F.avg(numbers).alias("mean"), squares))


def _stddev(days: Column) -> Column:
    """The sample standard deviation; null where there are fewer than two values.

    Days are joined two by two after Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances" (1979), (2.1): sums and sums of squares would lose all digits where values
    are large and near each other. They are joined in one order, whatever the order of the rows.
    """
    none = F.struct(
        F.lit(0).cast("bigint").alias("count"), F.lit(0.0).alias("mean"), F.lit(0.0).alias("squares")
    )

    def join(one: Column, other: Column) -> Column:
        count = one["count"] + other["count"]
        apart = other["mean"] - one["mean"]
        mean = one["mean"] + apart * F.try_divide(other["count"], count)
        between = apart * apart * F.try_divide(one["count"] * other["count"], count)
        joined = F.struct(
            count.alias("count"),
            mean.alias("mean"),
            (one["squares"] + other["squares"] + between).alias("squares"),
        )
        return F.when(one["count"] == 0, other).otherwise(joined)

    def root(all_days: Column) -> Column:
        return F.when(
            all_days["count"] > 1, F.sqrt(F.try_divide(all_days["squares"], all_days["count"] - F.lit(1)))
        )

    return F.aggregate(F.array_sort(F.collect_list(days)), none, join, root)


_COUNT = Part("count", lambda values, time: F.count(values), _added)
_DISTINCT = Part("count_distinct", lambda values, time: F.countDistinct(values), _added)
_SUM = Part("sum", lambda values, time: F.sum(values), _added)
_MIN = Part("min", lambda values, time: F.min(values), _least)
_MAX = Part("max", lambda values, time: F.max(values), _greatest)
_FIRST = Part(
    "first", lambda values, time: F.min(_dated(values, time)), lambda days: F.min(days).getField("v")
)
_LAST = Part("last", lambda values, time: F.max(_dated(values, time)), lambda days: F.max(days).getField("v"))
_MOMENTS = Part("moments", lambda values, time: _moments(values), _stddev)
_VALUES = Part("values", lambda values, time: F.collect_set(values), _count_values)
_SKETCH = Part("sketch", lambda values, time: _day_sketch(values), _count_sketched)


# ---- how days merge ----------------------------------------------------------------------


def _alone(days: Days) -> Column:
    return days.merged()


def _mean(days: Days) -> Column:
    total, count = days.merged(0), days.merged(1)
    # A sum of decimals divided keeps too few digits; a mean is a double.
    return F.try_divide(total.cast("double"), count.cast("double"))


# A roll-up has at most a few rows of an id and day, so the days themselves are few: a user's are sorted
# within the user's own row. One day that stands in several rows is one day.


def _count_days(days: Days) -> Column:
    return F.size(F.collect_set(days.happened))


def _gap_mean(days: Days) -> Column:
    """Null where there are fewer than two days. The gaps add up to the days from first to last."""
    span = F.datediff(F.max(days.happened), F.min(days.happened))
    return F.try_divide(span.cast("double"), _count_days(days) - F.lit(1))


def _gap_stddev(days: Days) -> Column:
    """The sample standard deviation; null where there are fewer than two gaps, so fewer than three days.

    Counted in whole numbers up to the one root, so that the order of the rows makes no difference.
    """
    gaps = (_count_days(days) - F.lit(1)).cast("bigint")
    span = F.datediff(F.max(days.happened), F.min(days.happened)).cast("bigint")
    squares = _sum_of_squares(days.happened)
    variance = F.try_divide((gaps * squares - span * span).cast("double"), gaps * (gaps - F.lit(1)))
    return F.when(gaps > 1, F.sqrt(variance))


def _sum_of_squares(day: Column) -> Column:
    """The sum of the squares of the gaps between days."""
    start = F.struct(F.lit(None).cast("date").alias("last"), F.lit(0).cast("bigint").alias("total"))

    def add(state: Column, following: Column) -> Column:
        gap = F.coalesce(F.datediff(following, state["last"]), F.lit(0)).cast("bigint")
        return F.struct(following.alias("last"), (state["total"] + gap * gap).alias("total"))

    return F.aggregate(F.array_sort(F.collect_set(day)), start, add, lambda state: state["total"])


# ---- the aggregates ----------------------------------------------------------------------

_ENTRIES = (
    AggregateFunction(
        "count",
        parts=(_COUNT,),
        merge=_alone,
        type=_whole,
        explained="number of rows",
        written=("count(*)", "count(x)"),
        check=_no_condition,
        counted=True,
        by="numbers",
    ),
    AggregateFunction(
        "count_distinct",
        parts=(_DISTINCT,),
        merge=_alone,
        type=_whole,
        explained="number of different values, each of one day",
        written=("count(distinct x)",),
        within="day",
        counted=True,
        by="numbers",
    ),
    AggregateFunction(
        "distinct_days",
        call="count_distinct",
        argument=_EVENT_DAY,
        parts=(_COUNT,),
        merge=_count_days,
        type=_whole,
        explained="number of days with a row",
        counted=True,
    ),
    AggregateFunction(
        "distinct_values",
        call="count_distinct",
        within="window",
        parts=(_VALUES,),
        merge=_alone,
        type=_whole,
        explained="number of different values",
        counted=True,
        needs_window=True,
    ),
    AggregateFunction(
        "distinct_sketch",
        call="count_distinct",
        within="approx",
        parts=(_SKETCH,),
        merge=_alone,
        type=_whole,
        explained="about the number of different values",
        counted=True,
    ),
    AggregateFunction(
        "sum",
        parts=(_SUM,),
        merge=_alone,
        type=_sum_type,
        explained="sum",
        written=("sum(x)",),
        check=_number,
        counted=True,
        by="numbers",
    ),
    AggregateFunction(
        "min", parts=(_MIN,), merge=_alone, type=_same, explained="least value", written=("min(x)",)
    ),
    AggregateFunction(
        "max", parts=(_MAX,), merge=_alone, type=_same, explained="greatest value", written=("max(x)",)
    ),
    AggregateFunction(
        "avg",
        parts=(_SUM, _COUNT),
        merge=_mean,
        type=_fraction,
        explained="mean",
        written=("avg(x)",),
        meant=word_set("mean average"),
        check=_number,
    ),
    AggregateFunction(
        "stddev",
        parts=(_MOMENTS,),
        merge=_alone,
        type=_fraction,
        explained="sample standard deviation",
        written=("stddev(x)",),
        meant=word_set("stddev_samp std stdev"),
        check=_number,
    ),
    AggregateFunction(
        "first", parts=(_FIRST,), merge=_alone, type=_same, explained="earliest value", written=("first(x)",)
    ),
    AggregateFunction(
        "last",
        parts=(_LAST,),
        merge=_alone,
        type=_same,
        explained="latest value",
        written=("last(x)",),
        by="rows",
    ),
    AggregateFunction(
        "gap_mean",
        argument=_EVENT_DAY,
        parts=(_COUNT,),
        merge=_gap_mean,
        type=_fraction,
        explained="mean of the days between one day with a row and the next",
        written=(f"gap_mean({EVENT_DAY})",),
        check=_event_day,
        needs_window=True,
    ),
    AggregateFunction(
        "gap_stddev",
        argument=_EVENT_DAY,
        parts=(_COUNT,),
        merge=_gap_stddev,
        type=_fraction,
        explained="sample standard deviation of the days between one day with a row and the next",
        written=(f"gap_stddev({EVENT_DAY})",),
        check=_event_day,
        needs_window=True,
    ),
)
AGGREGATES = {entry.name: entry for entry in _ENTRIES}
# The names that a measure can be written with, each with its entry.
WRITTEN = {entry.name: entry for entry in _ENTRIES if entry.written and entry.within is None}
PARTS = {part.name: part for entry in _ENTRIES for part in entry.parts}
