"""The data of the R package against its own results."""

from collections import Counter

import pytest

from tests.system.e2e.conftest import NewShop
from tests.system.e2e.shop import Shop
from tests.system.e2e.test_rfm_orders import CONFIGS, DAY, VARIABLE, identifier, read, shown

from .conftest import real_data


@pytest.fixture(scope="module")
def package(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE, real_data("rfm"))
    shop.run(DAY)
    return shop


def test_thresholds_of_the_package(package: Shop) -> None:
    rows = {row["dimension"]: row for row in package.published("rfm_thresholds", DAY)}
    assert rows["recency"]["edges"] == pytest.approx([115, 181, 297.4, 482])
    assert rows["frequency"]["edges"] == pytest.approx([4, 5, 6, 8])
    assert rows["monetary"]["edges"] == pytest.approx([255.8, 382, 506.4, 666])


def test_counts_of_the_package(package: Shop) -> None:
    rows = package.published("rfm", DAY)
    assert sum(row["monetary"] for row in rows) == 464_158
    assert Counter(row["segment"] for row in rows) == {
        "champions": 35,
        "potential_loyalist": 342,
        "loyal_customers": 170,
        "promising": 9,
        "new_customers": 104,
        "cant_lose_them": 47,
        "at_risk": 28,
        "need_attention": 10,
        "about_to_sleep": 102,
        "lost": 148,
    }
    assert Counter(row["octant"] for row in rows) == {
        "111": 274,
        "110": 102,
        "101": 20,
        "100": 185,
        "011": 125,
        "010": 39,
        "001": 28,
        "000": 222,
    }


def test_every_row_of_the_package(package: Shop) -> None:
    wanted = {
        row["customer_id"]: (
            int(row["recency_days"]),
            int(row["transaction_count"]),
            float(row["amount"]),
            int(row["recency_score"]),
            int(row["frequency_score"]),
            int(row["monetary_score"]),
            identifier(row["segment_readme_rules"]),
        )
        for row in read(real_data("rfm") / "expected_rfm_orders_2006-12-31.csv.gz")
    }
    assert len(wanted) == 995
    found = {user: row[:7] for user, row in shown(package.published("rfm", DAY)).items()}
    assert found == wanted


def test_another_engine_computes_the_same(package: Shop) -> None:
    assert package.differences(DAY) == ()
