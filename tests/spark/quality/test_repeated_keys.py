"""Rows whose key stands twice: counted as the library counts them, without a sort."""

from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from usertags.quality import repeated_keys
from usertags.quality.checks import Check
from usertags.quality.expectations import Sampling, Validator
from usertags.quality.kinds import CheckKind
from usertags.quality.repeated_keys import repeated

ROWS = [("1", "a", 1), ("1", "a", 2), ("1", "b", 3), (None, "b", 4), (None, "b", 5), ("b", None, 6)]
SCHEMA = "id string, part string, number int"


@pytest.mark.parametrize(
    ("key", "wanted"), [(["number"], 0), (["id"], 5), (["id", "part"], 4), (["id", "number"], 0)]
)
def test_rows_of_repeated_keys(spark: SparkSession, key: list[str], wanted: int) -> None:
    """Two and two rows have one id and part; three have id 1, two none. `(empty, b)` is not `(b, empty)`."""
    frame = spark.createDataFrame(ROWS, SCHEMA)
    assert repeated(frame, [F.col(name) for name in key]) == wanted


def test_equal_hashes_of_different_keys_are_looked_into(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(F, "xxhash64", lambda *_: F.lit(7).cast("bigint"))
    frame = spark.createDataFrame([("1",), ("2",), ("3",)], "id string")
    assert repeated(frame, [F.col("id")]) == 0
    assert repeated(frame.union(frame.limit(1)), [F.col("id")]) == 2


@pytest.mark.parametrize("rows", [ROWS, [("1", "a", 1), (None, "a", 2), (None, "b", 3)], []])
def test_the_library_says_what_it_said_before(spark: SparkSession, rows: list[Any]) -> None:
    """Its own metric sorts; rows without a value are no doubles of each other in a key of one column."""
    frame = spark.createDataFrame(rows, SCHEMA)
    checks = [
        Check(
            "t.x", CheckKind.OWN, "ExpectColumnValuesToBeUnique", {"column": "id"}, "critical", "o", "a", "id"
        ),
        Check(
            "t.x",
            CheckKind.OWN,
            "ExpectCompoundColumnsToBeUnique",
            {"column_list": ["id", "part"]},
            "critical",
            "o",
            "a",
            "id_and_part",
        ),
    ]
    found = Validator().validate("t.x", frame, checks, sampling=Sampling(("number",)))
    by_id = [row for row in rows if row[0] is not None]
    pairs = [row[:2] for row in rows]
    assert [item.success for item in found] == [
        True,
        len({row[0] for row in by_id}) == len(by_id),
        len(set(pairs)) == len(pairs),
    ]


def test_great_expectations_takes_our_count(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    whole = repeated_keys.repeated

    def counted(*arguments: Any) -> int:
        asked.append(1)
        return whole(*arguments)

    monkeypatch.setattr(repeated_keys, "repeated", counted)
    frame = spark.createDataFrame([("1",), ("2",)], "id string")
    check = Check(
        "t.x", CheckKind.OWN, "ExpectColumnValuesToBeUnique", {"column": "id"}, "critical", "o", "a", "id"
    )
    assert all(item.success for item in Validator().validate("t.x", frame, [check]))
    assert asked == [1]
