"""How a run's tags differ from the last published days: their coverage, and the distribution of their values.

The measure is the population stability index (PSI): the sum over groups of users of (share today - share
before) · ln(share today / share before), as in credit scoring (Siddiqi, Credit Risk Scorecards, 2006), where
0.1 and 0.25 are the usual bounds. What is random is allowed for: without any drift PSI is about (groups - 1)
times (1/users today + 1/users before) (Yurdakul, Statistical Properties of Population Stability Index, 2018).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.config.expression_types import is_number
from usertags.config.quality_models import Bounds, Severity
from usertags.project.model import Project, Tag, visible
from usertags.published import TAG_COVERAGE, TAG_STATISTICS, USER_TAGS
from usertags.quality.checks import CheckResult, result_of
from usertags.quality.comparison import exceeded, first_bound, worst
from usertags.quality.kinds import CheckKind

_TABLE = TAG_STATISTICS.name
# A share of zero is replaced by this value, so that the logarithm is defined.
_NOBODY = 1e-4
# This multiple of the random PSI is allowed.
_CHANCE = 3
# With more distinct values than this, values are not compared individually.
_VALUES = 50


@dataclass(frozen=True)
class Distribution:
    """The users of a tag by value, or by decile of a number: `today`, and on the `before` days together."""

    today: Mapping[str, float]
    before: Mapping[str, float]


@dataclass(frozen=True)
class Size:
    """The distinct users of a tag: `today`, and the sum of those of each of the `before` days."""

    today: int
    before: int


def sizes(today: DataFrame, before: DataFrame) -> dict[str, Size]:
    """The sizes of the tags of today. Grain of the input: tag. In: tag_id and users of `tag_coverage`; of
    `before` the users summed over its days. One row per tag is collected."""
    both = today.select("tag_id", "users").join(
        before.select("tag_id", F.col("users").alias("then")), "tag_id", "left"
    )
    return {row["tag_id"]: Size(row["users"], row["then"] or 0) for row in both.collect()}


def numbers(tags: Iterable[Tag]) -> list[str]:
    """The tags with numeric values that are not listed: they are compared by deciles."""
    return [tag.id for tag in tags if tag.values is None and is_number(tag.type)]


def distributions(today: DataFrame, before: DataFrame, by_tenths: Sequence[str]) -> dict[str, Distribution]:
    """How many users have which values of a tag, by tag. Grain of the input: tag, tag_value. In: tag_id,
    tag_value, users; of `before` the users summed over its days; the tags that are grouped by deciles of the
    earlier users (`numbers`).

    One pass; a few rows per tag are collected. The values of a tag with many of them form one group.
    """
    # A value that only one side has counts 0 on the other.
    both = today.select("tag_id", "tag_value", F.col("users").cast("double").alias("now")).join(
        before.select("tag_id", "tag_value", F.col("users").cast("double").alias("then")),
        ["tag_id", "tag_value"],
        "full_outer",
    )
    both = both.select(
        "tag_id",
        "tag_value",
        F.coalesce("now", F.lit(0.0)).alias("now"),
        F.coalesce("then", F.lit(0.0)).alias("then"),
    )
    number = F.col("tag_value").try_cast("double")
    # Deciles are those of the earlier users alone, so that a shift of today's users does not move them.
    kinds = both.groupBy("tag_id").agg(
        (F.count("*") > _VALUES).alias("_many"),
        F.percentile(number, [tenth / 10 for tenth in range(1, 10)], F.col("then").cast("bigint")).alias(
            "_edges"
        ),
    )
    grouped = (
        both.join(kinds, "tag_id")
        .withColumn(
            "_group",
            F.when(F.col("tag_id").isin(list(by_tenths)), _tenth(number))
            .when(F.col("_many"), "many")
            .otherwise(F.col("tag_value")),
        )
        .groupBy("tag_id", "_group")
        .agg(F.sum("now").alias("now"), F.sum("then").alias("then"))
    )
    today_by: dict[str, dict[str, float]] = defaultdict(dict)
    before_by: dict[str, dict[str, float]] = defaultdict(dict)
    for row in grouped.collect():
        today_by[row["tag_id"]][row["_group"]] = row["now"]
        before_by[row["tag_id"]][row["_group"]] = row["then"]
    return {tag: Distribution(today_by[tag], before_by[tag]) for tag in today_by}


def _tenth(number: Column) -> Column:
    """The decile of the earlier users that a number belongs to."""
    edges = F.array_distinct(F.col("_edges"))
    return F.coalesce(F.size(F.filter(edges, lambda edge: edge < number)).cast("string"), F.lit("no number"))


def tag_drift(
    project: Project,
    found: Mapping[str, Distribution],
    covered: Mapping[str, Size],
    population: int,
    populations_before: Sequence[int],
) -> list[CheckResult]:
    """Coverage and values of every published tag against the last published days. In: the users of its values
    and its size by tag id, the users of the day, those of each earlier day.

    A tag with an edited rule is compared like any other tag: an edit that gives a tag to half of all
    users is exactly what this should detect. If it is intended, a person releases it. There is no
    comparison with a population smaller than `quality.least`.
    """
    users_before = sum(populations_before)
    least = project.quality.least
    if not populations_before or population < least or min(populations_before) < least:
        return []
    results: list[CheckResult | None] = []
    for tag in visible(project.published_tags(), TAG_COVERAGE.view):
        item, size = found.get(tag.id), covered.get(tag.id)
        if tag.drift is None or size is None or not size.before:
            continue
        results.append(_coverage_drift(tag, size, population, users_before, len(populations_before)))
        if item is not None and len(item.before) > 1 and tag.main.steady(tag):
            results.append(_value_drift(tag, item, least, len(populations_before)))
    return [result for result in results if result is not None]


def _coverage_drift(tag: Tag, size: Size, population: int, users_before: int, days: int) -> CheckResult:
    now, then = size.today / population, size.before / users_before
    index = psi({"with": now, "without": 1 - now}, {"with": then, "without": 1 - then})
    chance = _CHANCE * (1 / population + 1 / users_before)
    assert tag.drift is not None
    gone: Severity | None = "warning" if now == 0 and then * population >= 30 else None
    severity = worst(exceeded(index - chance, tag.drift.coverage), gone)
    details = {"before": then, "now": now, "days": days}
    return _result(CheckKind.COVERAGE_DRIFT, tag, severity, index, tag.drift.coverage, population, details)


def _value_drift(tag: Tag, item: Distribution, least: int, days: int) -> CheckResult | None:
    """None if the tag has too few users for a comparison."""
    now, then = sum(item.today.values()), sum(item.before.values())
    if now < least or then < least:
        return None
    index = psi(
        {value: users / now for value, users in item.today.items()},
        {value: users / then for value, users in item.before.items()},
    )
    chance = _CHANCE * (len(item.before) - 1) * (1 / now + 1 / then)
    assert tag.drift is not None
    severity = exceeded(index - chance, tag.drift.values)
    details = {"groups": len(item.before), "days": days}
    return _result(CheckKind.VALUE_DRIFT, tag, severity, index, tag.drift.values, int(now), details)


def psi(now: Mapping[str, float], then: Mapping[str, float]) -> float:
    """The population stability index of two distributions over the same groups, given as shares."""
    total = 0.0
    for group in {*now, *then}:
        today, before = max(now.get(group, 0.0), _NOBODY), max(then.get(group, 0.0), _NOBODY)
        total += (today - before) * log(today / before)
    return total


def _result(
    kind: CheckKind,
    tag: Tag,
    severity: Severity | None,
    index: float,
    bounds: Bounds,
    rows: int,
    details: Mapping[str, Any],
) -> CheckResult:
    return result_of(
        kind,
        _TABLE,
        severity or "critical",
        success=severity is None,
        column=tag.id,
        value=index,
        high=first_bound(bounds),
        unit="index",
        rows=rows,
        details={"bounds": bounds.model_dump(), **details},
        owner=tag.owner,
    )


def coverage_bounds(project: Project, users: Mapping[str, int], population: int) -> list[CheckResult]:
    """The share of users who carry a tag, for tags with configured bounds. In: users by tag id
    (`users_of_tags`), and the users of the day."""
    return [
        _bounded(tag, users.get(tag.id, 0), population)
        for tag in project.published_tags()
        if tag.coverage is not None
    ]


def _bounded(tag: Tag, users: int, population: int) -> CheckResult:
    assert tag.coverage is not None
    share = users / population if population else 0.0
    return result_of(
        CheckKind.COVERAGE,
        USER_TAGS.name,
        tag.coverage.severity,
        success=tag.coverage.min <= share <= tag.coverage.max,
        column=tag.id,
        value=share,
        low=tag.coverage.min or None,
        high=tag.coverage.max if tag.coverage.max < 1 else None,
        unit="share",
        rows=population,
        details={"users": users},
        owner=tag.owner,
    )
