"""examples/rfm_orders: a small file against a brute force, the R package's data against its own results."""

import csv
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.places import CASES, EXAMPLES

from .shop import NewShop, Row, Shop

# Recency counts to the day after: 2006-12-31, the analysis date of the package's example.
DAY = date(2006, 12, 30)
ANALYSIS = date(2006, 12, 31)
CASE = CASES / "rfm_orders"
CONFIGS, VARIABLE = EXAMPLES / "rfm_orders", "RFM_ORDERS_DIR"

# The segments of the package's README: ranges of the three scores, first match wins.
SEGMENTS: tuple[tuple[str, tuple[int, int], tuple[int, int], tuple[int, int]], ...] = (
    ("Champions", (5, 5), (5, 5), (5, 5)),
    ("Potential Loyalist", (3, 5), (3, 5), (2, 5)),
    ("Loyal Customers", (2, 4), (2, 4), (2, 4)),
    ("Promising", (3, 4), (1, 3), (3, 5)),
    ("New Customers", (4, 5), (1, 3), (1, 5)),
    ("Can't Lose Them", (1, 2), (3, 4), (4, 5)),
    ("At Risk", (1, 2), (2, 5), (4, 5)),
    ("Need Attention", (1, 3), (3, 5), (3, 5)),
    ("About To Sleep", (2, 3), (1, 3), (1, 4)),
    ("Lost", (1, 1), (1, 5), (1, 5)),
)


def read(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return list(csv.DictReader(text.decode().splitlines()))


def identifier(segment: str) -> str:
    """The id in our configuration of a segment's name."""
    return segment.lower().replace("'", "").replace(" ", "_")


@dataclass(frozen=True)
class Oracle:
    """RFM by definition, in exact fractions, one user at a time."""

    recency: dict[str, Fraction]
    frequency: dict[str, Fraction]
    monetary: dict[str, Fraction]

    @classmethod
    def of(cls, orders: Iterable[Mapping[str, str]]) -> "Oracle":
        known = [row for row in orders if row["order_date"] <= str(DAY)]
        users = sorted({row["customer_id"] for row in known})
        dates = {u: max(row["order_date"] for row in known if row["customer_id"] == u) for u in users}
        paid = {u: [Fraction(row["revenue"]) for row in known if row["customer_id"] == u] for u in users}
        return cls(
            {u: Fraction((ANALYSIS - date.fromisoformat(day)).days) for u, day in dates.items()},
            {u: Fraction(len(amounts)) for u, amounts in paid.items()},
            {u: sum(amounts, Fraction()) for u, amounts in paid.items()},
        )

    def row(self, user: str) -> tuple[object, ...]:
        good = (
            self.recency[user] <= mean(self.recency.values()),
            self.frequency[user] >= mean(self.frequency.values()),
            self.monetary[user] >= mean(self.monetary.values()),
        )
        r = 6 - score(self.recency, user)
        f, m = score(self.frequency, user), score(self.monetary, user)
        octant = "".join(str(int(each)) for each in good)
        values = (int(self.recency[user]), int(self.frequency[user]), float(self.monetary[user]))
        return (*values, r, f, m, segment(r, f, m), octant)


def mean(values: Iterable[Fraction]) -> Fraction:
    numbers = list(values)
    return sum(numbers, Fraction()) / len(numbers)


def edges(values: Iterable[Fraction]) -> list[Fraction]:
    """Type-7 quantiles at 20, 40, 60 and 80 %, plus one."""
    return [quantile(sorted(values), Fraction(part, 5)) + 1 for part in (1, 2, 3, 4)]


def quantile(rising: Sequence[Fraction], share: Fraction) -> Fraction:
    place = share * (len(rising) - 1)
    below = place.numerator // place.denominator
    above = min(below + 1, len(rising) - 1)
    return rising[below] + (place - below) * (rising[above] - rising[below])


def score(values: Mapping[str, Fraction], user: str) -> int:
    return 1 + sum(values[user] >= edge for edge in edges(values.values()))


def segment(*scores: int) -> str:
    for name, *ranges in SEGMENTS:
        if all(low <= value <= high for value, (low, high) in zip(scores, ranges, strict=True)):
            return identifier(name)
    return "others"


def shown(rows: Iterable[Row]) -> dict[str, tuple[object, ...]]:
    columns = ("recency_days", "frequency", "monetary", "r_score", "f_score", "m_score", "segment", "octant")
    return {row["user_id"].removeprefix("customer:"): tuple(row[name] for name in columns) for row in rows}


@pytest.fixture(scope="module")
def small(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE)
    content = (CASE / "rfm_data_orders.csv").read_bytes()
    (shop.landing / "rfm_data_orders.csv.gz").write_bytes(gzip.compress(content))
    shop.run(DAY)
    return shop


def test_a_small_file_equals_the_brute_force(small: Shop) -> None:
    oracle = Oracle.of(read(CASE / "rfm_data_orders.csv"))
    wanted = {user: oracle.row(user) for user in oracle.recency}
    # Whoever ordered only after the day is not known on it.
    assert "Too Late" not in wanted
    assert {"Abbey O'Reilly", "TRUE Conroy", "Zoë Müller", "李 雷"} < set(wanted)
    assert shown(small.published("rfm", DAY)) == wanted
    assert {user: row["tag_value"] for user, row in small.tags(DAY, "rfm_segment").items()} == {
        user: row[6] for user, row in wanted.items()
    }


def test_thresholds_equal_the_brute_force(small: Shop) -> None:
    oracle = Oracle.of(read(CASE / "rfm_data_orders.csv"))
    for row in small.published("rfm_thresholds", DAY):
        values = getattr(oracle, row["dimension"]).values()
        assert row["edges"] == pytest.approx([float(edge) for edge in edges(values)])
        assert row["mean"] == pytest.approx(float(mean(values)))
        assert row["population"] == len(values)


def test_another_engine_computes_the_same(small: Shop) -> None:
    assert small.differences(DAY) == ()
