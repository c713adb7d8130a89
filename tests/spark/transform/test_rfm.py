"""Recency, frequency and monetary: their edges, scores, octants, portraits and segments."""

import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests.support.frames import FEW, frame, rows
from usertags.project.model import Project, Rfm
from usertags.transform.rfm import Threshold, basis, scored, thresholds

Build = Callable[..., Project]
User = tuple[str, datetime | None, int, Decimal | None, int]

DAY = date(2024, 2, 29)
SHANGHAI = ZoneInfo("Asia/Shanghai")
SCHEMA = "user_id string, last_order_at timestamp, orders bigint, paid decimal(38,2), ever bigint"
MEASURES = {
    "last_order_at": {"source": "orders", "value": "max(ordered_at)", "window": "365d"},
    "orders": {
        "source": "orders",
        "value": "count(distinct order_id)",
        "distinct_within": "day",
        "window": "365d",
    },
    "paid": {"source": "orders", "value": "sum(amount)", "window": "365d"},
    "ever": {"source": "orders", "value": "count(distinct order_id)", "distinct_within": "day"},
}
ROLES = {"recency": "last_order_at", "frequency": "orders", "monetary": "paid", "ever": "ever"}
EDGES = {"recency": [8, 15, 31, 91], "frequency": [2, 3, 4, 6], "monetary": [10, 20, 30, 40]}
NAMES = [["r3f3", "r3f2", "r3f1"], ["r2f3", "r2f2", "r2f1"], ["r1f3", "r1f2", "r1f1"]]


def tied(threshold: Threshold) -> bool:
    """Whether two edges are equal: then some score is not assigned to any user."""
    return len(set(threshold.edges)) < len(threshold.edges)


@pytest.fixture(scope="module")
def configured(build: Build) -> Callable[..., Rfm]:
    def make(scoring: str, **parts: Any) -> Rfm:
        fixed = {"edges": EDGES} if scoring == "fixed" else {}
        rfm = build(measures=MEASURES, rfm=ROLES | {"scoring": scoring} | fixed | parts).rfm
        assert rfm is not None
        return rfm

    return make


def buyer(name: str, days_ago: int = 0, orders: int = 1, paid: str = "1.00", *, hour: int = 12) -> User:
    """A user whose last order was so many days before the data day."""
    on = DAY - timedelta(days=days_ago)
    return (name, datetime(on.year, on.month, on.day, hour, tzinfo=SHANGHAI), orders, Decimal(paid), orders)


def lapsed(name: str) -> User:
    """Ordered once, before the window."""
    return (name, None, 0, Decimal("0"), 1)


def newcomer(name: str) -> User:
    """Known from a profile, without an order."""
    return (name, None, 0, None, 0)


def computed(
    spark: SparkSession, rfm: Rfm, users: Sequence[User]
) -> tuple[dict[str, dict[str, Any]], dict[str, Threshold]]:
    based = basis(frame(spark, SCHEMA, users), rfm, DAY)
    found = thresholds(based, rfm)
    scores = scored(based, found, rfm).select("user_id", *rfm.columns)
    table = {row["user_id"]: row for row in rows(scores)}
    assert len(table) == len(users)
    return table, {threshold.dimension: threshold for threshold in found}


def test_a_purchase_today_has_recency_one_and_a_score(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    users = [buyer("midnight", 0, hour=0), buyer("evening", 0, hour=23), buyer("yesterday", 1, hour=23)]
    users += [buyer(f"older{n}", 10 + n) for n in range(7)]
    for scoring in ("quantile", "mean", "fixed"):
        table, _ = computed(spark, configured(scoring), users)
        assert [table[user]["recency_days"] for user in ("midnight", "evening", "yesterday")] == [1, 1, 2]
        best = 1 if scoring == "mean" else 5
        assert [table[user]["r_score"] for user in ("midnight", "evening")] == [best, best]
        for user in table.values():
            assert None not in user.values()


def test_edges_are_the_quantiles_plus_one_unit_and_bins_are_closed_on_the_left(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    """Eleven users at 1, 2 … 11: the 20 % quantile is 3, so 4 is the first value of the second score."""
    users = [buyer(f"u{n}", days_ago=n, orders=n + 1, paid=f"{n}") for n in range(11)]
    table, found = computed(spark, configured("quantile"), users)
    assert found["frequency"].edges == (4.0, 6.0, 8.0, 10.0)
    assert found["recency"].edges == (4.0, 6.0, 8.0, 10.0)
    assert found["monetary"].edges == (3.0, 5.0, 7.0, 9.0)
    scores = [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [table[f"u{n}"]["f_score"] for n in range(11)] == scores
    assert [table[f"u{n}"]["m_score"] for n in range(11)] == scores
    assert [table[f"u{n}"]["r_score"] for n in range(11)] == [6 - score for score in scores]
    assert not any(tied(threshold) for threshold in found.values())


def test_edges_are_exact_decimals(spark: SparkSession, configured: Callable[..., Rfm]) -> None:
    """Five users at 1, 6 … 21, whose 20 % quantile is 5: in binary fractions the edge is 6.000000000000001,
    and who has 6 is below it."""
    users = [buyer(f"u{n}", days_ago=5 * n, orders=5 * n + 1, paid=f"{5 * n + 1}.00") for n in range(5)]
    table, found = computed(spark, configured("quantile"), users)
    for threshold in found.values():
        assert threshold.edges == (6.0, 10.0, 14.0, 18.0)
    assert [table["u1"][score] for score in ("r_score", "f_score", "m_score")] == [4, 2, 2]
    # 0.1 + 0.2 is 0.30000000000000004 in binary fractions: the quantile of two amounts with cents.
    cents = [buyer("low", paid="0.10"), buyer("high", paid="0.20")]
    _, found = computed(spark, configured("quantile", unit={"monetary": 0.1}), cents)
    assert found["monetary"].edges == (0.22, 0.24, 0.26, 0.28)


def test_values_at_a_place_are_exact_whatever_the_number_of_users(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    """The place as a share of the users is no exact binary fraction for most of these numbers."""
    for count in (2, 3, 7, 50, 99, 1000):
        users = [buyer(f"u{n:04}", paid=f"{n}.01") for n in range(count)]
        _, found = computed(spark, configured("quantile", unit={"monetary": 0.01}), users)
        places = [Fraction(count - 1) * part / 5 for part in (1, 2, 3, 4)]
        assert found["monetary"].edges == tuple(float(place + Fraction("0.02")) for place in places)


def test_the_unit_is_that_of_the_configuration(spark: SparkSession, configured: Callable[..., Rfm]) -> None:
    """Forty users who spent 0.02 to 0.80: with a unit of 1 every edge is above them all."""
    users = [buyer(f"u{n:02}", paid=f"{n * 0.02:.2f}") for n in range(1, 41)]
    table, _ = computed(spark, configured("quantile"), users)
    assert {user["m_score"] for user in table.values()} == {1}
    table, found = computed(spark, configured("quantile", unit={"monetary": 0.001}), users)
    assert found["monetary"].edges == (0.177, 0.333, 0.489, 0.645)
    assert [user["m_score"] for user in sorted(table.values(), key=lambda user: user["user_id"])] == [
        score for score in (1, 2, 3, 4, 5) for _ in range(8)
    ]
    assert found["frequency"].edges == (2.0, 2.0, 2.0, 2.0)
    # Portraits by terciles have the unit of their dimension.
    _, found = computed(spark, configured("fixed", unit={"frequency": 2}), users)
    assert (found["frequency"].portrait_edges, found["recency"].portrait_edges) == ((3.0, 3.0), (2.0, 2.0))


def test_fixed_edges_are_closed_on_the_left_and_recency_is_reversed(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    recency = {7: 5, 8: 4, 14: 4, 15: 3, 30: 3, 31: 2, 90: 2, 91: 1}
    frequency = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 5}
    monetary = {"-3.00": 1, "9.99": 1, "10.00": 2, "20.00": 3, "39.99": 4, "40.00": 5}
    users = [buyer(f"r{days}", days - 1) for days in recency]
    users += [buyer(f"f{orders}", orders=orders) for orders in frequency]
    users += [buyer(f"m{paid}", paid=paid) for paid in monetary]
    table, found = computed(spark, configured("fixed"), users)
    assert {days: table[f"r{days}"]["r_score"] for days in recency} == recency
    assert {orders: table[f"f{orders}"]["f_score"] for orders in frequency} == frequency
    assert {paid: table[f"m{paid}"]["m_score"] for paid in monetary} == monetary
    assert found["frequency"].edges == (2.0, 3.0, 4.0, 6.0)


def test_a_value_equal_to_the_mean_counts_as_good(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    """Three amounts of 0.1 have the mean 0.1, which is not what adding binary fractions gives."""
    equal = [buyer(f"u{n}", 3, 2, "0.10") for n in range(3)]
    table, found = computed(spark, configured("mean"), equal)
    assert [found[name].mean for name in ("recency", "frequency", "monetary")] == [4.0, 2.0, 0.1]
    for user in table.values():
        assert (user["r_score"], user["f_score"], user["m_score"], user["octant"]) == (1, 1, 1, "111")
    users = [buyer("low", 9, 1, "0.10"), buyer("middle", 5, 2, "0.20"), buyer("high", 1, 3, "0.30")]
    table, _ = computed(spark, configured("mean"), users)
    assert {name: user["octant"] for name, user in table.items()} == {
        "low": "000",
        "middle": "111",
        "high": "111",
    }


def test_octants_by_the_mean_are_there_with_every_scoring(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    users = [
        buyer(f"{r}{f}{m}", 1 if r else 9, 3 if f else 1, "30" if m else "10")
        for r in (0, 1)
        for f in (0, 1)
        for m in (0, 1)
    ]
    for scoring in ("quantile", "fixed"):
        table, _ = computed(spark, configured(scoring), users)
        assert {name: user["octant"] for name, user in table.items()} == {name: name for name in table}


def test_portraits_are_the_grid_of_recency_and_frequency(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    days, orders = {3: 9, 2: 10, 1: 30}, {1: 1, 2: 2, 3: 5}
    users = [buyer(f"r{r}f{f}", days[r] - 1, orders[f]) for r in days for f in orders] + [lapsed("gone")]
    levels = {"recency": [10, 30], "frequency": [2, 5]}
    table, found = computed(spark, configured("fixed", portraits=levels | {"names": NAMES}), users)
    assert {name: user["portrait"] for name, user in table.items() if name != "gone"} == {
        name: name for name in table if name != "gone"
    }
    assert table["gone"]["portrait"] is None
    assert found["recency"].portrait_edges == (10.0, 30.0)
    assert found["monetary"].portrait_edges == ()
    unnamed, _ = computed(spark, configured("fixed", portraits=levels), users)
    assert {name: user["portrait"] for name, user in unnamed.items()} == {
        name: None if name == "gone" else name.upper() for name in table
    }


def test_users_without_an_order_in_the_window_have_no_scores_and_say_why(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    users = [buyer("buyer", 5, 4, "10"), lapsed("lapsed"), newcomer("newcomer")]
    table, found = computed(spark, configured("quantile"), users)
    assert {name: user["segment"] for name, user in table.items()} == {
        "buyer": "others",
        "lapsed": "out_of_window",
        "newcomer": "never_ordered",
    }
    for name in ("lapsed", "newcomer"):
        assert {value for key, value in table[name].items() if key not in ("user_id", "segment")} == {None}
    assert {threshold.population for threshold in found.values()} == {1}
    assert found["frequency"].mean == 4.0


def test_a_day_without_any_buyer_has_no_edges_and_nobody_has_scores(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    for scoring in ("quantile", "mean", "fixed"):
        table, found = computed(spark, configured(scoring), [lapsed("a"), newcomer("b")])
        assert [table["a"]["segment"], table["b"]["segment"]] == ["out_of_window", "never_ordered"]
        assert table["a"]["r_score"] is table["a"]["octant"] is table["a"]["portrait"] is None
        assert [(t.population, t.mean, tied(t)) for t in found.values()] == [(0, None, False)] * 3


def test_the_first_segment_that_matches_wins(spark: SparkSession, configured: Callable[..., Rfm]) -> None:
    segments = [
        {"id": "best", "name": "Best", "when": "r_score = 5 and f_score >= 4"},
        {"id": "recent", "name": "Recent", "when": "r_score >= 4"},
        {"id": "loyal", "name": "Loyal", "when": "f_score >= 4"},
    ]
    users = [buyer("best", 0, 6), buyer("recent", 7, 6), buyer("loyal", 60, 6), buyer("else", 60, 1)]
    table, _ = computed(spark, configured("fixed", segments=segments), [*users, lapsed("gone")])
    assert {name: user["segment"] for name, user in table.items()} == {
        "best": "best",
        "recent": "recent",
        "loyal": "loyal",
        "else": "others",
        "gone": "out_of_window",
    }


def test_ties_never_split_one_value_and_are_reported(
    spark: SparkSession, configured: Callable[..., Rfm]
) -> None:
    """Most users have one order: quintiles by rank would spread them over four scores."""
    users = [buyer(f"u{n}", n, 1 if n < 18 else 5, "1.00") for n in range(20)]
    table, found = computed(spark, configured("quantile"), users)
    assert found["frequency"].edges == (2.0, 2.0, 2.0, 2.0)
    assert {user["frequency"]: user["f_score"] for user in table.values()} == {1: 1, 5: 5}
    assert {(user["frequency"], user["f_score"]) for user in table.values()} == {(1, 1), (5, 5)}
    assert {name: tied(found[name]) for name in found} == {
        "recency": False,
        "frequency": True,
        "monetary": True,
    }


def drawn(seed: int) -> list[User]:
    """Buyers with many ties beside users who lapsed or never bought."""
    draw = random.Random(seed)
    users: list[User] = [buyer("one", draw.randrange(365), 1, "0.30")]
    for number in range(draw.randrange(90)):
        kind = draw.random()
        if kind < 0.1:
            users.append(lapsed(f"u{number}"))
        elif kind < 0.2:
            users.append(newcomer(f"u{number}"))
        else:
            paid = draw.choice(["0.10", "0.20", "0.30", "-5.00", str(draw.randrange(100_000) / 100)])
            days, orders = (
                min(draw.randrange(365), draw.randrange(365)),
                min(draw.randrange(1, 20), draw.randrange(1, 20)),
            )
            users.append(buyer(f"u{number}", days, orders, paid, hour=draw.choice([0, 12, 23])))
    return users


def by_pandas(users: Sequence[User], found: dict[str, Threshold], scoring: str) -> pd.DataFrame:
    """Scores of the buyers from the definition: positions among edges, and exact means."""
    buyers = [user for user in users if user[2] >= 1]
    table = pd.DataFrame(
        {
            "recency": [(DAY - user[1].date()).days + 1 for user in buyers if user[1]],
            "frequency": [user[2] for user in buyers],
            "monetary": [float(user[3]) for user in buyers if user[3] is not None],
        },
        index=[user[0] for user in buyers],
    )
    exact = {
        "recency": [Fraction(value) for value in table["recency"].tolist()],
        "frequency": [Fraction(value) for value in table["frequency"].tolist()],
        "monetary": [Fraction(user[3]) for user in buyers if user[3] is not None],
    }
    result = pd.DataFrame(index=table.index)
    for dimension, values in exact.items():
        mean, low = sum(values) / len(values), dimension == "recency"
        assert found[dimension].mean == pytest.approx(float(mean), rel=1e-12)
        good = [int(value <= mean if low else value >= mean) for value in values]
        result[f"{dimension}_good"] = good
        if scoring == "mean":
            result[dimension] = good
            continue
        if scoring == "quantile":
            percentiles = np.percentile(table[dimension], [20, 40, 60, 80]) + 1
            assert found[dimension].edges == pytest.approx(percentiles.tolist(), rel=1e-12)
        bins = [-np.inf, *found[dimension].edges, np.inf]
        position = np.searchsorted(bins, table[dimension], side="right")
        result[dimension] = 6 - position if low else position
    for dimension in ("recency", "frequency"):
        terciles = np.percentile(table[dimension], [100 / 3, 200 / 3]) + 1
        assert found[dimension].portrait_edges == pytest.approx(terciles.tolist(), rel=1e-12)
        level = np.searchsorted(found[dimension].portrait_edges, table[dimension], side="right")
        result[f"{dimension}_level"] = 3 - level if dimension == "recency" else level + 1
    return result


@pytest.mark.parametrize("scoring", ["quantile", "mean", "fixed"])
@settings(FEW, max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_scores_are_what_pandas_says_and_equal_values_have_equal_scores(
    spark: SparkSession, configured: Callable[..., Rfm], scoring: str, seed: int
) -> None:
    users = drawn(seed)
    table, found = computed(spark, configured(scoring), users)
    expected = by_pandas(users, found, scoring)
    for name, row in expected.iterrows():
        user = table[str(name)]
        assert (user["r_score"], user["f_score"], user["m_score"]) == (
            row["recency"],
            row["frequency"],
            row["monetary"],
        )
        assert user["octant"] == f"{row['recency_good']}{row['frequency_good']}{row['monetary_good']}"
        assert user["portrait"] == f"R{row['recency_level']}F{row['frequency_level']}"
    others = {user[0] for user in users} - set(expected.index)
    assert {table[name]["r_score"] for name in others} <= {None}
    for value, score in (("recency_days", "r_score"), ("frequency", "f_score"), ("monetary", "m_score")):
        pairs = {(user[value], user[score]) for user in table.values()}
        assert len(pairs) == len({pair[0] for pair in pairs})
    for threshold in found.values():
        assert list(threshold.edges) == sorted(threshold.edges)
