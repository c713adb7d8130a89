"""One row a key: which row of which batch stands."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.support.frames import FEW, ORDERS, frame, rows
from usertags.project.model import Project, Source
from usertags.quality.clean_checks import reconciliation
from usertags.transform.versions import EXISTING, KEPT, REPEAT, REPLACED, SUPERSEDED, resolve

Build = Callable[..., Project]
Row = tuple[str, int | None, str, date]

FIRST, SECOND, THIRD = (date(2024, 7, day) for day in (1, 2, 3))
SCHEMA = "order_id string, version int, _content string, _batch date"


@pytest.fixture(scope="module")
def sources(build: Build) -> dict[str, Source]:
    """The same source with a version, with a key alone, and without a key."""
    columns = ORDERS["columns"] | {"version": {"from": "version", "type": "int"}}
    kinds = {
        "versioned": {"version": "version"},
        "keyed": {},
        "drop": {"key": None, "repeats": "drop"},
        "keep": {"key": None, "repeats": "keep"},
    }
    entries = {name: ORDERS | {"columns": columns} | parts for name, parts in kinds.items()}
    return dict(build(sources=entries).sources)


def decided(
    spark: SparkSession, source: Source, batch: Sequence[Row], existing: Sequence[Row] = ()
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows of the batch as (order_id, content, status), and replaced rows as (order_id, content, batch)."""
    read = frame(spark, SCHEMA, batch).withColumn("_reading", F.lit(0))
    resolved = resolve(read, frame(spark, SCHEMA, existing), source)
    found = rows(resolved.rows)
    of_batch = [row for row in found if row["_status"] in (KEPT, SUPERSEDED, REPEAT)]
    replaced = [row for row in found if row["_status"] == REPLACED]
    assert all(row["_status"] == EXISTING for row in found if row not in of_batch + replaced)
    return _named(of_batch, "_status"), _named(replaced, "_batch")


def _named(found: Sequence[dict[str, Any]], last: str) -> list[tuple[Any, ...]]:
    return sorted((row["order_id"], row["_content"], row[last]) for row in found)


@pytest.mark.parametrize("kind", ["versioned", "keyed"])
@pytest.mark.parametrize("contents", [("bad", "right"), ("right", "bad")])
def test_of_equal_versions_the_one_that_was_read_last_wins(
    spark: SparkSession, sources: dict[str, Source], kind: str, contents: tuple[str, str]
) -> None:
    """A source was put right in place, without a newer version, and its batch was read again."""
    first, last = contents
    batch = [("a", 1, first, SECOND, 0), ("b", 1, "same", SECOND, 0)]
    batch += [("a", 1, last, SECOND, 1), ("b", 1, "same", SECOND, 1)]
    existing = frame(spark, SCHEMA, [("a", 1, "older", FIRST)])
    resolved = resolve(frame(spark, f"{SCHEMA}, _reading int", batch), existing, sources[kind])
    found = Counter((row["order_id"], row["_content"], row["_status"]) for row in rows(resolved.rows))
    assert found == {
        ("a", last, KEPT): 1,
        ("a", first, SUPERSEDED): 1,
        ("a", "older", REPLACED): 1,
        ("b", "same", KEPT): 1,
        ("b", "same", REPEAT): 1,
    }


def test_the_highest_version_of_a_key_wins(spark: SparkSession, sources: dict[str, Source]) -> None:
    batch = [("a", 1, "old", SECOND), ("a", 3, "new", SECOND), ("a", 2, "between", SECOND)]
    assert decided(spark, sources["versioned"], batch) == (
        [("a", "between", SUPERSEDED), ("a", "new", KEPT), ("a", "old", SUPERSEDED)],
        [],
    )


def test_a_newer_version_takes_the_place_of_an_earlier_batch_and_an_older_one_does_not(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    existing = [("a", 1, "a1", FIRST), ("b", 5, "b5", FIRST), ("c", 1, "c1", FIRST)]
    batch = [("a", 2, "a2", SECOND), ("b", 4, "b4", SECOND), ("d", 1, "d1", SECOND)]
    assert decided(spark, sources["versioned"], batch, existing) == (
        [("a", "a2", KEPT), ("b", "b4", SUPERSEDED), ("d", "d1", KEPT)],
        [("a", "a1", FIRST)],
    )


def test_of_equal_versions_the_later_batch_wins_even_when_an_earlier_one_is_cleaned_again(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    batch = [("a", 1, "new", SECOND), ("b", 1, "new", SECOND)]
    existing = [("a", 1, "old", FIRST), ("b", 1, "last", THIRD)]
    assert decided(spark, sources["versioned"], batch, existing) == (
        [("a", "new", KEPT), ("b", "new", SUPERSEDED)],
        [("a", "old", FIRST)],
    )


def test_equal_content_is_a_repeat_and_the_row_that_was_there_first_stays(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    batch = [("a", 1, "same", SECOND), ("a", 1, "same", SECOND), ("b", 1, "twice", SECOND)] * 2
    kept, replaced = decided(spark, sources["versioned"], batch, [("a", 1, "same", FIRST)])
    assert kept == [("a", "same", REPEAT)] * 4 + [("b", "twice", KEPT), ("b", "twice", REPEAT)]
    assert replaced == []


def test_without_a_version_the_later_batch_wins(spark: SparkSession, sources: dict[str, Source]) -> None:
    batch = [("a", 1, "new", SECOND), ("b", 1, "same", SECOND)]
    existing = [("a", 9, "old", FIRST), ("b", 1, "same", FIRST)]
    assert decided(spark, sources["keyed"], batch, existing) == (
        [("a", "new", KEPT), ("b", "same", REPEAT)],
        [("a", "old", FIRST)],
    )


def test_a_row_without_a_version_loses_to_any_other(spark: SparkSession, sources: dict[str, Source]) -> None:
    batch = [("a", None, "unknown", SECOND), ("b", 0, "known", SECOND), ("c", None, "only", SECOND)]
    existing = [("a", -1, "known", FIRST), ("b", None, "unknown", FIRST)]
    assert decided(spark, sources["versioned"], batch, existing) == (
        [("a", "unknown", SUPERSEDED), ("b", "known", KEPT), ("c", "only", KEPT)],
        [("b", "unknown", FIRST)],
    )


def test_two_contents_of_one_version_in_one_batch_do_not_take_turns_when_read_again(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    both = [("a", 1, "x"), ("a", 1, "y")]
    first, _ = decided(spark, sources["versioned"], [(*row, FIRST) for row in both])
    assert first == [("a", "x", SUPERSEDED), ("a", "y", KEPT)]
    again, replaced = decided(
        spark, sources["versioned"], [(*row, SECOND) for row in both], [("a", 1, "y", FIRST)]
    )
    assert again == [("a", "x", SUPERSEDED), ("a", "y", REPEAT)]
    assert replaced == []


def tied(
    spark: SparkSession, source: Source, batch: Sequence[tuple[Any, ...]], existing: Sequence[Row] = ()
) -> list[str]:
    """The keys with different rows of which none is the newer one. A row of the batch may have its reading
    as a fifth value."""
    read = [(*row, 0)[:5] for row in batch]
    resolved = resolve(frame(spark, f"{SCHEMA}, _reading int", read), frame(spark, SCHEMA, existing), source)
    return sorted(row["order_id"] for row in rows(resolved.tied))


@pytest.mark.parametrize(
    ("kind", "batch", "found"),
    [
        ("keyed", [("a", 1, "x", SECOND), ("a", 2, "y", SECOND)], ["a"]),
        ("keyed", [("a", 1, "x", SECOND), ("a", 1, "x", SECOND), ("b", 1, "x", SECOND)], []),
        # Three rows of a key are one key.
        ("keyed", [("a", 1, text, SECOND) for text in "xyzx"], ["a"]),
        ("versioned", [("a", 1, "x", SECOND), ("a", 2, "y", SECOND)], []),
        ("versioned", [("a", 1, "x", SECOND), ("a", 1, "y", SECOND)], ["a"]),
        ("versioned", [("a", None, "x", SECOND), ("a", None, "y", SECOND)], ["a"]),
        ("versioned", [("a", None, "x", SECOND), ("a", 1, "y", SECOND)], []),
        # Of the rows that are superseded anyway it does not matter which is newer.
        ("versioned", [("a", 1, "x", SECOND), ("a", 1, "y", SECOND), ("a", 2, "z", SECOND)], []),
        # A later reading of the batch is newer.
        ("keyed", [("a", 1, "x", SECOND, 0), ("a", 1, "y", SECOND, 1)], []),
        ("keyed", [("a", 1, "x", SECOND, 1), ("a", 1, "y", SECOND, 1)], ["a"]),
        ("drop", [("a", 1, "x", SECOND), ("a", 1, "y", SECOND)], []),
        ("keep", [("a", 1, "x", SECOND), ("a", 1, "x", SECOND)], []),
    ],
)
def test_different_rows_of_a_key_of_which_none_is_newer_are_found(
    spark: SparkSession, sources: dict[str, Source], kind: str, batch: list[Any], found: list[str]
) -> None:
    assert tied(spark, sources[kind], batch) == found


def test_a_row_that_came_again_beside_another_of_its_key_is_found(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    """The row of the first day is read again by the lookback; nothing says that the other is newer."""
    batch = [("a", 1, "x", SECOND), ("a", 1, "y", SECOND), ("b", 1, "new", SECOND)]
    existing = [("a", 1, "x", FIRST), ("b", 1, "old", FIRST)]
    assert tied(spark, sources["keyed"], batch, existing) == ["a"]
    # The row of a later batch stands: nothing has to be chosen in this one.
    assert tied(spark, sources["keyed"], batch, [("a", 1, "later", THIRD)]) == []


def test_repeats_are_dropped_or_kept_as_the_source_says(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    batch = [("a", 1, "same", SECOND), ("a", 1, "same", SECOND), ("a", 1, "other", SECOND)]
    existing = [("a", 1, "same", FIRST)]
    assert decided(spark, sources["drop"], batch, existing) == (
        [("a", "other", KEPT), ("a", "same", REPEAT), ("a", "same", REPEAT)],
        [],
    )
    assert decided(spark, sources["keep"], batch, existing) == (
        [("a", "other", KEPT), ("a", "same", KEPT), ("a", "same", KEPT)],
        [],
    )


def test_earlier_rows_that_are_kept_are_distinguished_from_what_is_replaced(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    """Rows of keys that the batch does not name are not looked at; the columns are those that went in."""
    batch = [("a", 2, "a2", SECOND), ("b", 1, "b1", SECOND)]
    existing = [("a", 1, "a1", FIRST), ("b", 5, "b5", FIRST), ("c", 1, "c1", FIRST)]
    read = frame(spark, SCHEMA, batch).withColumn("_reading", F.lit(0))
    resolved = resolve(read, frame(spark, SCHEMA, existing), sources["versioned"])
    assert {row["_content"]: row["_status"] for row in rows(resolved.rows)} == {
        "a2": KEPT,
        "b1": SUPERSEDED,
        "a1": REPLACED,
        "b5": EXISTING,
    }
    assert {row["_content"] for row in rows(resolved.batch)} == {"a2", "b1"}
    assert rows(resolved.replaced) == [{"order_id": "a", "version": 1, "_content": "a1", "_batch": FIRST}]


def drawn(seed: int, batches: int) -> list[list[Row]]:
    """Batches that meet often: few keys, versions and contents, some rows without a version.

    Content is a hash of the whole row, so rows of equal content have equal versions."""
    draw = random.Random(seed)
    read: list[list[Row]] = []
    for number in range(batches):
        data_day = FIRST + timedelta(days=number)
        read.append([])
        for _ in range(draw.randrange(120)):
            key, version = f"k{draw.randrange(25)}", draw.choice([None, 1, 2, 3])
            read[-1].append((key, version, f"{version}{draw.choice('vwxy')}", data_day))
    return read


def best(read: Sequence[Row], *, versioned: bool) -> dict[str, tuple[int | None, str]]:
    """Of all rows ever read, the one that stands for each key: no windows, no order of arrival."""

    def precedence(row: Row) -> tuple[object, ...]:
        _, version, content, data_day = row
        known = (version is not None, version or 0) if versioned else ()
        return (*known, data_day, content)

    found: dict[str, Row] = {}
    for row in read:
        if row[0] not in found or precedence(row) > precedence(found[row[0]]):
            found[row[0]] = row
    return {key: (version, content) for key, (_, version, content, _) in found.items()}


@pytest.mark.parametrize("name", ["versioned", "keyed"])
@settings(FEW, max_examples=3)
@given(seed=st.integers(0, 2**32))
def test_batch_by_batch_the_best_version_of_every_key_stands_and_no_row_is_lost(
    spark: SparkSession, sources: dict[str, Source], name: str, seed: int
) -> None:
    read: list[Row] = []
    existing: list[Row] = []
    for batch in drawn(seed, batches=3):
        read += batch
        found, replaced = decided(spark, sources[name], batch, existing)
        assert Counter(row[:2] for row in found) == Counter((row[0], row[2]) for row in batch)
        assert reconciliation(sources[name], _counts(batch, found)).success
        kept = {row[:2] for row in found if row[2] == KEPT}
        gone = {row[:2] for row in replaced}
        new = {(row[0], row[2]): row for row in batch if (row[0], row[2]) in kept}
        existing = [row for row in existing if (row[0], row[2]) not in gone] + list(new.values())
        assert len(existing) == len({row[0] for row in existing})
        assert {row[0]: row[1:3] for row in existing} == best(read, versioned=name == "versioned")


def _counts(batch: Sequence[Row], found: Sequence[tuple[Any, ...]]) -> dict[str, int]:
    statuses = Counter(row[2] for row in found)
    return {
        "read": len(batch),
        "kept": statuses[KEPT],
        "superseded": statuses[SUPERSEDED],
        "repeats": statuses[REPEAT],
        "quarantined": 0,
    }


@settings(FEW, max_examples=3)
@given(seed=st.integers(0, 2**32))
def test_reading_the_rows_of_a_batch_again_touches_nothing(
    spark: SparkSession, sources: dict[str, Source], seed: int
) -> None:
    (batch,) = drawn(seed, batches=1)
    found, _ = decided(spark, sources["versioned"], batch)
    kept = {row[:2] for row in found if row[2] == KEPT}
    existing = list({(row[0], row[2]): row for row in batch if (row[0], row[2]) in kept}.values())
    again, replaced = decided(spark, sources["versioned"], [(*row[:3], SECOND) for row in batch], existing)
    assert {row[2] for row in again} <= {REPEAT, SUPERSEDED}
    assert replaced == []
