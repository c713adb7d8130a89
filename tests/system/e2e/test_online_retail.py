"""examples/online_retail: on a small file with every kind of dirt, and on the whole data set."""

import csv
import gzip
import json
from collections import Counter
from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.support.places import CASES, EXAMPLES
from usertags.store.filters import rows_where

from .shop import NewShop, Shop

DAY = date(2011, 12, 9)
CASE = CASES / "online_retail"
CONFIGS, VARIABLE = EXAMPLES / "online_retail", "ONLINE_RETAIL_DIR"


def expected(name: str) -> list[dict[str, str]]:
    with (CASE / name).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def small(new_shop: NewShop) -> Shop:
    shop = new_shop(CONFIGS, VARIABLE)
    for file in CASE.glob("online_retail_*.csv"):
        (shop.landing / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    shop.run(DAY)
    return shop


def test_every_line_is_kept_or_set_aside_for_one_reason(small: Shop) -> None:
    assert small.line("clean", "order_lines") == {
        "read": 34,
        "kept": 18,
        "superseded": 0,
        "repeats": 0,
        "quarantined": 16,
    }
    reasons = Counter(row["reason"] for row in small.rows("ops.quarantine"))
    assert reasons == {row["reason"]: int(row["rows"]) for row in expected("expected_quarantine.csv")}


def test_clean_lines_are_typed(small: Shop) -> None:
    rows = small.rows("clean.order_lines")
    # Ids came as 12001.0 in one month and as 12001 in the next.
    assert {row["customer"] for row in rows} == {f"1200{number}" for number in (1, 2, 3, 4, 5, 6, 8)}
    two_times = {row["description"]: row for row in rows if row["invoice"] == "572002"}
    assert set(two_times) == {"WHITE HANGING HEART T-LIGHT HOLDER", 'RETROSPOT TEA SET "CERAMIC", 11 PC'}
    tea_set = two_times['RETROSPOT TEA SET "CERAMIC", 11 PC']
    assert (tea_set["quantity"], tea_set["unit_price"], tea_set["amount"]) == (
        2,
        Decimal("4.950"),
        Decimal("9.900"),
    )
    assert tea_set["ordered_at"] == datetime.fromisoformat("2011-11-15 09:01:00+00:00")


def test_a_row_set_aside_names_the_line_of_its_file(small: Shop) -> None:
    (row,) = small.rows("ops.quarantine", rows_where(reason="unparsable"))
    raw = json.loads(row["raw"])
    assert (raw["landed_file"], raw["landed_line"]) == ("online_retail_2011-12.csv.gz", 4)
    assert raw["landed_unparsed"].startswith("579801,22087,PAPER BUNTING WHITE LACE")


def test_rfm_rows(small: Shop) -> None:
    wanted = [
        {
            "user_id": row["user_id"],
            **{
                name: int(row[name])
                for name in ("recency_days", "frequency", "r_score", "f_score", "m_score")
            },
            "monetary": float(row["monetary"]),
            **{name: row[name] for name in ("segment", "octant", "portrait")},
        }
        for row in expected("expected_rfm.csv")
    ]
    found = sorted(small.published("rfm", DAY), key=lambda row: row["user_id"])
    assert found == wanted


def test_thresholds_are_type_7_quantiles_plus_one_unit(small: Shop) -> None:
    rows = {row["dimension"]: row for row in small.published("rfm_thresholds", DAY)}
    assert rows["recency"]["edges"] == [3, 11, 17, 31]
    assert rows["frequency"]["edges"] == [2, 3, 3, 4]
    assert rows["monetary"]["edges"] == pytest.approx([41.4, 81, 101, 251.5])
    assert rows["recency"]["portrait_edges"] == pytest.approx([25 / 3, 65 / 3])
    assert rows["frequency"]["portrait_edges"] == pytest.approx([8 / 3, 10 / 3])
    means = {dimension: row["mean"] for dimension, row in rows.items()}
    assert means == {
        "recency": 16,
        "frequency": pytest.approx(13 / 6),
        "monetary": pytest.approx(130.15),
    }


def test_equal_edges_are_published_with_a_warning(small: Shop) -> None:
    row = small.publication(DAY)
    assert row["verdict"] == "warned"
    edges, scores = json.loads(row["warnings"])
    assert "edges of frequency differ" in edges
    assert "scores of frequency" in scores


def test_tags_of_the_small_file(small: Shop) -> None:
    assert {user: row["tag_value"] for user, row in small.tags(DAY, "country").items()} == {
        "12001": "United Kingdom",
        "12002": "Germany",
        "12003": "United Kingdom",
        "12004": "France",
        "12005": "Germany",
        "12006": "EIRE",
    }
    assert set(small.tags(DAY, "frequent_buyer")) == {"12001", "12002"}


def test_another_engine_computes_the_same(small: Shop) -> None:
    assert small.differences(DAY) == ()
