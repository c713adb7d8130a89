"""RFM: recency, frequency and monetary of every user, scored against the population of the data day.

Quantile scoring and its edges follow the R package rfm (`rfm_table_order`): type-7 quantiles at 20, 40,
60 and 80 %, plus one unit (one day, one order, one currency unit; `unit` of the configuration has others),
bins closed on the left. Edges are computed exactly and stored as the nearest double. Octants compare each
dimension with its mean over the population; a value equal to the mean counts as good.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.config.expression_tree import as_condition
from usertags.project.model import Rfm
from usertags.project.rfm_entry import Edges

DIMENSIONS = {"recency": "recency_days", "frequency": "frequency", "monetary": "monetary"}
SCORES = (1, 2, 3, 4, 5)
QUINTILES = tuple(Fraction(part, 5) for part in (1, 2, 3, 4))
TERCILES = (Fraction(1, 3), Fraction(2, 3))
_EXACT = "decimal(30,9)"
# Each value counts as so many equal ones where single values are looked up by their place: see `_values_at`.
_COPIES = 4
OUT_OF_WINDOW, NEVER_ORDERED, OTHERS = "out_of_window", "never_ordered", "others"


@dataclass(frozen=True)
class Threshold:
    """The parameters for scoring one dimension: increasing edges, portrait edges (none for monetary),
    mean."""

    dimension: str
    scoring: str
    edges: tuple[float, ...]
    portrait_edges: tuple[float, ...]
    mean: float | None
    population: int


def basis(measures: DataFrame, rfm: Rfm, data_day: date) -> DataFrame:
    """Grain: user. In: the measures of every user. Out: the same, recency_days (days to D+1),
    frequency and monetary (in the units of their measures), `_ever` (orders of all time).

    Recency, frequency and monetary are null for users without an order in the window. Monetary has no
    binary rounding noise, so that equal amounts are equal numbers.
    """
    entry = rfm.entry
    ordered = F.col(entry.frequency) >= 1
    following = F.lit(data_day + timedelta(days=1))
    return measures.withColumns(
        {
            "recency_days": F.when(ordered, F.datediff(following, F.to_date(entry.recency))),
            "frequency": F.when(ordered, F.col(entry.frequency).cast("bigint")),
            "monetary": F.when(ordered, F.col(entry.monetary).try_cast(_EXACT).cast("double")),
            "_ever": F.coalesce(F.col(entry.ever), F.lit(0)),
        }
    )


def thresholds(based: DataFrame, rfm: Rfm) -> list[Threshold]:
    """The edges, portrait edges and mean of each dimension over the users with an order in the window. Grain
    of the input: user. In: `basis`. Out: one `Threshold` per dimension, in the unit of its column.

    Reads one row of aggregates, whatever the number of users, and a second one where edges are quantiles.
    """
    population = based.where(F.col("frequency").isNotNull())
    aggregates = [F.count("*").alias("population")]
    for dimension, column in DIMENSIONS.items():
        aggregates.append(F.count(column).alias(f"{dimension}_count"))
        # A mean of doubles depends on their order: three users with 0.1 would be below their mean.
        aggregates.append(F.avg(F.col(column).cast(_EXACT)).cast("double").alias(f"{dimension}_mean"))
    row = population.agg(*aggregates).collect()[0].asDict()
    found = _quantiles(population, rfm, {name: row[f"{name}_count"] for name in DIMENSIONS})
    return [_threshold(dimension, row, found, rfm) for dimension in DIMENSIONS]


_Quantiles = Mapping[tuple[str, Fraction], Fraction]


def _quantiles(population: DataFrame, rfm: Rfm, counts: Mapping[str, int]) -> _Quantiles:
    """The type-7 quantiles that the edges need, by dimension and share: between the two values around the
    place, by how near it is to each. None of a dimension without values."""
    shares = {name: _shares(name, rfm) if counts[name] else () for name in DIMENSIONS}
    places = {name: [(counts[name] - 1) * share for share in of] for name, of in shares.items()}
    wanted = {name: sorted({end(at) for at in of for end in (floor, ceil)}) for name, of in places.items()}
    values = _values_at(population, wanted, counts)
    return {
        (name, share): _between(values[name], place)
        for name, of in shares.items()
        for share, place in zip(of, places[name], strict=True)
    }


def _shares(dimension: str, rfm: Rfm) -> tuple[Fraction, ...]:
    scores = QUINTILES if rfm.entry.scoring == "quantile" else ()
    return scores + (TERCILES if getattr(rfm.entry.portraits, dimension, None) == "terciles" else ())


def _between(values: Mapping[int, Fraction], place: Fraction) -> Fraction:
    low, high = values[floor(place)], values[ceil(place)]
    return low + (place - floor(place)) * (high - low)


def _values_at(
    population: DataFrame, places: Mapping[str, Sequence[int]], counts: Mapping[str, int]
) -> dict[str, dict[int, Fraction]]:
    """The values at places, counted from 0, of the sorted values of each dimension, exactly.

    Spark's percentile interpolates between two neighbours at a place that is a binary fraction, so that an
    edge of 6 becomes 6.000000000000001. With each value there four times, the middle of its copies is asked
    for, where both neighbours are that value.
    """
    aggregates = []
    for name, of in places.items():
        last = _COPIES * counts[name] - 1
        shares = [(_COPIES * place + (_COPIES - 1) / 2) / last for place in of]
        if shares:
            aggregates.append(F.percentile(DIMENSIONS[name], shares, _COPIES).alias(name))
    found = population.agg(*aggregates).collect()[0].asDict() if aggregates else {}
    return {
        name: {place: _exact(value) for place, value in zip(of, found.get(name, ()), strict=True)}
        for name, of in places.items()
    }


def _exact(value: float) -> Fraction:
    """The decimal that a double of nine digits after the point stands for."""
    return Fraction(repr(value))


def _threshold(dimension: str, row: Mapping[str, object], found: _Quantiles, rfm: Rfm) -> Threshold:
    mean: float | None = row[f"{dimension}_mean"]  # type: ignore[assignment]
    return Threshold(
        dimension=dimension,
        scoring=rfm.entry.scoring,
        edges=_edges(dimension, mean, found, rfm),
        portrait_edges=_portrait_edges(dimension, found, rfm),
        mean=mean,
        population=row["population"],  # type: ignore[arg-type]
    )


def _edges(dimension: str, mean: float | None, found: _Quantiles, rfm: Rfm) -> tuple[float, ...]:
    if rfm.entry.scoring == "fixed":
        edges: Edges | None = rfm.entry.edges
        return tuple(getattr(edges, dimension))
    if rfm.entry.scoring == "quantile":
        return _one_more(dimension, QUINTILES, found, rfm)
    return () if mean is None else (mean,)


def _portrait_edges(dimension: str, found: _Quantiles, rfm: Rfm) -> tuple[float, ...]:
    if dimension == "monetary":
        return ()
    given = getattr(rfm.entry.portraits, dimension)
    return _one_more(dimension, TERCILES, found, rfm) if given == "terciles" else tuple(given)


def _one_more(dimension: str, shares: Iterable[Fraction], found: _Quantiles, rfm: Rfm) -> tuple[float, ...]:
    """Quantiles plus one unit; empty without a population."""
    unit = Fraction(getattr(rfm.entry.unit, dimension))
    quantiles = [found[dimension, share] for share in shares if (dimension, share) in found]
    return tuple(float(quantile + unit) for quantile in quantiles)


def scored(based: DataFrame, found: Sequence[Threshold], rfm: Rfm) -> DataFrame:
    """Grain: user. In: `basis`. Out: the same without `_ever`, and r_score, f_score, m_score, segment,
    octant, portrait. Users without an order in the window have no scores; their segment gives the reason."""
    by = {threshold.dimension: threshold for threshold in found}
    scores = based.withColumns(
        {
            "r_score": _score(F.col("recency_days"), by["recency"], reverse=True),
            "f_score": _score(F.col("frequency"), by["frequency"], reverse=False),
            "m_score": _score(F.col("monetary"), by["monetary"], reverse=False),
            "octant": _octant(by),
            "portrait": _portrait(by, rfm),
        }
    )
    return scores.withColumn("segment", _segment(rfm)).drop("_ever")


def threshold_rows(found: Sequence[Threshold]) -> list[tuple[object, ...]]:
    """The rows of `rfm_thresholds` (usertags/published.py), one per dimension."""
    return [
        (t.dimension, t.scoring, list(t.edges), list(t.portrait_edges), t.mean, t.population) for t in found
    ]


def _score(value: Column, threshold: Threshold, *, reverse: bool) -> Column:
    if threshold.scoring == "mean":
        return _good(value, threshold.mean, low=reverse).cast("int")
    step = _step(value, threshold.edges)
    return F.lit(len(threshold.edges) + 2) - step if reverse else step


def _step(value: Column, edges: Sequence[float]) -> Column:
    """1 below the first edge, plus 1 for each edge reached; null for null."""
    above = [F.when(value >= F.lit(edge), 1).otherwise(0) for edge in edges]
    total = F.lit(1)
    for step in above:
        total = total + step
    return F.when(value.isNotNull(), total)


def _good(value: Column, mean: float | None, *, low: bool) -> Column:
    """1 on the good side of the mean or equal to it, else 0; null for null."""
    if mean is None:
        return F.lit(None).cast("int")
    good = value <= F.lit(mean) if low else value >= F.lit(mean)
    return F.when(value.isNotNull(), F.when(good, 1).otherwise(0))


def _octant(by: Mapping[str, Threshold]) -> Column:
    digits = [
        _good(F.col("recency_days"), by["recency"].mean, low=True),
        _good(F.col("frequency"), by["frequency"].mean, low=False),
        _good(F.col("monetary"), by["monetary"].mean, low=False),
    ]
    # concat, unlike concat_ws, is null when a digit is.
    return F.concat(*[digit.cast("string") for digit in digits])


def _portrait(by: Mapping[str, Threshold], rfm: Rfm) -> Column:
    """The cell of the recency × frequency grid: its name, or R3F3 … R1F1 if no names are configured."""
    recency, frequency = by["recency"].portrait_edges, by["frequency"].portrait_edges
    if not recency or not frequency:
        return F.lit(None).cast("string")
    r_level = F.lit(4) - _step(F.col("recency_days"), recency)
    f_level = _step(F.col("frequency"), frequency)
    names = rfm.entry.portraits.names
    if names is None:
        return F.concat(F.lit("R"), r_level.cast("string"), F.lit("F"), f_level.cast("string"))
    cells = F.array(*[F.array(*[F.lit(name) for name in row]) for row in names])
    return F.when(r_level.isNotNull(), cells[F.lit(3) - r_level][F.lit(3) - f_level])


def _segment(rfm: Rfm) -> Column:
    """The first matching segment rule; for users without scores the reason."""
    column = F.when(F.col("_ever") < 1, NEVER_ORDERED).when(F.col("frequency").isNull(), OUT_OF_WINDOW)
    for segment, rule in rfm.segments:
        column = column.when(as_condition(rule), segment.id)
    return column.otherwise(OTHERS)
