"""What a batch makes of a clean table, by literal rows: what it meets, counts, rewrites and sets aside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.support.frames import ORDERS, frame, rows
from usertags.project.model import Project, Source
from usertags.transform.batches import comparable, outcome, quarantine_rows, rewritten, touched
from usertags.transform.versions import resolve

Build = Callable[..., Project]
# A clean row: order, version, event day, content, batch.
Row = tuple[str | None, int | None, date, str, date]

D1, D2, D3, D4 = (date(2024, 7, day) for day in (1, 2, 3, 4))
COLUMNS = ["order_id", "version", "event_day", "_content", "_batch"]
CLEAN = "order_id string, version int, event_day date, _content string, _batch date"
# In front of the clean columns of a batch: why a row is set aside, and the raw row.
TYPED = f"{CLEAN}, _reading int, _reason string, _raw string"


@pytest.fixture(scope="module")
def sources(build: Build) -> dict[str, Source]:
    """Orders with a version, without a key (repeats dropped or kept), with two columns as key; a profile."""
    columns = ORDERS["columns"] | {"version": {"from": "version", "type": "int"}}
    kinds: dict[str, dict[str, Any]] = {
        "versioned": {"version": "version"},
        "drop": {"key": None, "repeats": "drop"},
        "keep": {"key": None, "repeats": "keep"},
        "two_keys": {"key": ["order_id", "version"]},
        "profile": {"kind": "profile", "version": "version", "user": {"customer": "order_id"}, "time": None},
    }
    return dict(
        build(sources={name: ORDERS | {"columns": columns} | parts for name, parts in kinds.items()}).sources
    )


@dataclass(frozen=True)
class Result:
    """What became of a batch: its counts, the days it changes, and the content that stands on the days that
    are rewritten."""

    counts: dict[str, int]
    changed: set[date]
    stands: list[str]


def batch_of(
    spark: SparkSession,
    source: Source,
    batch: Sequence[Row],
    others: Sequence[Row] = (),
    *,
    bad: Sequence[str] = (),
    earlier: Sequence[date] = (),
) -> Result:
    """Take in a batch as the clean stage does. `bad`: the reasons of rows set aside; `earlier`: the days of
    an earlier try of the batch."""
    rejected = [("x", 0, D1, reason, D3, 0, reason, "{}") for reason in bad]
    # Rows of a profile have no event day.
    absent = [] if source.kind == "events" else ["event_day"]
    columns = [name for name in COLUMNS if name not in absent]
    typed = frame(spark, TYPED, [*[(*row, 0, None, "{}") for row in batch], *rejected]).drop(*absent)
    good = typed.where("_reason is null").drop("_reason", "_raw")
    there = frame(spark, CLEAN, others).drop(*absent)
    resolved = resolve(good, comparable(good, there, source), source)
    found = outcome(typed, resolved, source)
    days = found.changed | set(earlier)
    result = rewritten(there, resolved, source, sorted(days), columns)
    assert result.columns == columns
    return Result(found.counts, set(found.changed), sorted(row["_content"] for row in rows(result)))


def counts(kept: int = 0, superseded: int = 0, repeats: int = 0, quarantined: int = 0) -> dict[str, int]:
    return {"kept": kept, "superseded": superseded, "repeats": repeats, "quarantined": quarantined}


# ---- which rows stay, which are replaced, which days are touched -------------------------------------


def test_only_the_days_that_a_batch_changes_are_rewritten(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    others: list[Row] = [("a", 1, D1, "a1", D1), ("b", 1, D2, "b1", D2), ("c", 1, D2, "c1", D2)]
    batch: list[Row] = [("b", 2, D2, "b2", D3), ("d", 1, D3, "d1", D3)]
    assert batch_of(spark, sources["versioned"], batch, others) == Result(
        counts(kept=2), {D2, D3}, ["b2", "c1", "d1"]
    )


def test_of_a_key_whose_event_day_moves_both_days_are_touched(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    """The order is of the 3rd now: it must go from the 1st, where its neighbour stays."""
    others: list[Row] = [("a", 1, D1, "a1", D1), ("n", 1, D1, "n1", D1), ("far", 1, D2, "f1", D2)]
    assert batch_of(spark, sources["versioned"], [("a", 2, D3, "a2", D3)], others) == Result(
        counts(kept=1), {D1, D3}, ["a2", "n1"]
    )


def test_an_older_version_that_comes_late_touches_nothing(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    others: list[Row] = [("a", 5, D1, "a5", D1)]
    assert batch_of(spark, sources["versioned"], [("a", 4, D2, "a4", D3)], others) == Result(
        counts(superseded=1), set(), []
    )


def test_a_row_that_was_there_before_touches_nothing(spark: SparkSession, sources: dict[str, Source]) -> None:
    row: Row = ("a", 1, D1, "a1", D3)
    assert batch_of(spark, sources["versioned"], [row], [("a", 1, D1, "a1", D1)]) == Result(
        counts(repeats=1), set(), []
    )


def test_a_batch_is_counted_whole_with_what_is_set_aside(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    others: list[Row] = [("a", 1, D1, "a1", D1), ("b", 5, D1, "b5", D1)]
    batch: list[Row] = [
        ("a", 2, D2, "a2", D3),
        ("a", 3, D3, "a3", D3),
        ("a", 3, D3, "a3", D3),
        ("b", 4, D4, "b4", D3),
    ]
    found = batch_of(spark, sources["versioned"], batch, others, bad=["missing_key", "type_amount"])
    assert found == Result(counts(kept=1, superseded=2, repeats=1, quarantined=2), {D1, D3}, ["a3", "b5"])


def test_rows_set_aside_touch_no_day(spark: SparkSession, sources: dict[str, Source]) -> None:
    found = batch_of(spark, sources["versioned"], [], [("a", 1, D1, "a1", D1)], bad=["missing_key"])
    assert found == Result(counts(quarantined=1), set(), [])


@pytest.mark.parametrize("kind", ["versioned", "drop", "keep", "profile"])
def test_an_empty_batch_replaces_no_row(spark: SparkSession, sources: dict[str, Source], kind: str) -> None:
    """A profile is rewritten whole, as it was."""
    stands = ["a1"] if kind == "profile" else []
    found = batch_of(spark, sources[kind], [], [("a", 1, D1, "a1", D1)])
    assert found == Result(counts(), set(), stands)


def test_a_batch_extracted_again_clears_the_days_of_its_earlier_try(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    """The earlier try wrote the 1st and the 2nd; the order is of the 2nd alone now. What stood of the try is
    not among the other batches' rows, and so it goes from the 1st."""
    others: list[Row] = [("n", 1, D1, "n1", D1), ("m", 1, D2, "m1", D2), ("far", 1, D4, "f1", D4)]
    batch: list[Row] = [("a", 1, D2, "a1", D3)]
    assert batch_of(spark, sources["versioned"], batch, others, earlier=[D1, D2]) == Result(
        counts(kept=1), {D2}, ["a1", "m1", "n1"]
    )


def test_without_a_key_equal_rows_of_a_day_are_one(spark: SparkSession, sources: dict[str, Source]) -> None:
    others: list[Row] = [(None, 1, D1, "same", D1), (None, 1, D1, "other", D1)]
    batch: list[Row] = [(None, 1, D1, "same", D3), (None, 1, D2, "new", D3), (None, 1, D2, "new", D3)]
    assert batch_of(spark, sources["drop"], batch, others) == Result(counts(kept=1, repeats=2), {D2}, ["new"])


def test_a_row_without_a_key_joins_what_stands_on_its_day(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    others: list[Row] = [(None, 1, D1, "same", D1), (None, 1, D2, "far", D2)]
    batch: list[Row] = [(None, 1, D1, "same", D3), (None, 1, D1, "new", D3)]
    assert batch_of(spark, sources["drop"], batch, others) == Result(
        counts(kept=1, repeats=1), {D1}, ["new", "same"]
    )


def test_where_repeats_are_kept_every_row_is_one_more(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    row: Row = (None, 1, D1, "same", D3)
    assert batch_of(spark, sources["keep"], [row, row], [(None, 1, D1, "same", D1)]) == Result(
        counts(kept=2), {D1}, ["same"] * 3
    )


def test_a_profile_has_no_days_and_is_rewritten_whole(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    batch: list[Row] = [("a", 2, D1, "a2", D3), ("c", 1, D1, "c1", D3), ("d", 1, D1, "d1", D3)]
    others: list[Row] = [("a", 1, D1, "a1", D1), ("b", 1, D1, "b1", D1), ("d", 2, D1, "d2", D1)]
    assert batch_of(spark, sources["profile"], batch, others) == Result(
        counts(kept=2, superseded=1), set(), ["a2", "b1", "c1", "d2"]
    )


def test_rows_on_touched_days_are_those_that_the_commit_replaces(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    table = frame(spark, "event_day date", [(D1,), (D2,), (D3,), (None,)])

    def chosen(kind: str, *days: date) -> list[date | None]:
        return [row["event_day"] for row in rows(table.where(touched(sources[kind], days)))]

    assert chosen("versioned", D1, D3) == [D1, D3]
    assert chosen("versioned") == []
    assert chosen("profile") == [D1, D2, D3, None]


# ---- which clean rows a batch can meet ---------------------------------------------------------------


def met(spark: SparkSession, source: Source, batch: Sequence[Row], others: Sequence[Row]) -> list[str]:
    good = frame(spark, CLEAN, batch).withColumn("_reading", F.lit(0))
    return sorted(row["_content"] for row in rows(comparable(good, frame(spark, CLEAN, others), source)))


def test_a_batch_meets_keys_between_its_least_and_its_greatest(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    others: list[Row] = [(key, 1, D1, key, D1) for key in ("a", "b", "c", "d", "e")]
    batch: list[Row] = [("d", 1, D2, "x", D3), ("b", 1, D3, "y", D3)]
    assert met(spark, sources["versioned"], batch, others) == ["b", "c", "d"]
    # Of two key columns the first decides; a null key is on neither end.
    assert met(spark, sources["two_keys"], [*batch, (None, 1, D1, "z", D3)], others) == ["b", "c", "d"]
    assert met(spark, sources["versioned"], [], others) == []


def test_without_a_key_a_batch_meets_the_rows_of_its_days_or_none(
    spark: SparkSession, sources: dict[str, Source]
) -> None:
    others: list[Row] = [(None, 1, day, str(day.day), D1) for day in (D1, D2, D3)]
    batch: list[Row] = [(None, 1, D1, "x", D4), (None, 1, D3, "y", D4), (None, 1, D3, "z", D4)]
    assert met(spark, sources["drop"], batch, others) == ["1", "3"]
    assert met(spark, sources["drop"], [], others) == []
    assert met(spark, sources["keep"], batch, others) == []


# ---- rows set aside ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("versioned", ["a", ""]),
        ("two_keys", ["a|7", "7"]),
        # Without a key nothing names the row but what it is.
        ("drop", ["", ""]),
    ],
)
def test_a_row_set_aside_keeps_its_reason_key_and_raw_row(
    spark: SparkSession, sources: dict[str, Source], kind: str, keys: list[str]
) -> None:
    typed = frame(
        spark,
        TYPED,
        [
            ("a", 7, D1, "h1", D3, 0, "type_amount", '{"order_id":"a"}'),
            (None, 7, D1, "h2", D3, 0, "missing_key", '{"order_id":null}'),
            ("good", 1, D1, "h3", D3, 0, None, "{}"),
        ],
    )
    found = quarantine_rows(typed, sources[kind], D3, "r1")
    assert found.columns == ["batch", "run_id", "source", "reason", "key", "raw"]
    assert [tuple(row.values()) for row in rows(found)] == [
        (D3, "r1", kind, "type_amount", keys[0], '{"order_id":"a"}'),
        (D3, "r1", kind, "missing_key", keys[1], '{"order_id":null}'),
    ]


def test_a_personal_part_of_the_key_names_no_row_that_is_set_aside(spark: SparkSession, build: Build) -> None:
    columns = ORDERS["columns"] | {
        "order_id": {"from": "order_id", "type": "string", "pii": "hash"},
        "version": {"from": "version", "type": "int"},
    }
    source = build(sources={"o": ORDERS | {"columns": columns, "key": ["order_id", "version"]}}).sources["o"]
    bad = [
        ("8f3a", 7, D1, "h1", D3, 0, "type_amount", "{}"),
        (None, 7, D1, "h2", D3, 0, "missing_key", "{}"),
    ]
    found = quarantine_rows(frame(spark, TYPED, bad), source, D3, "r1")
    assert [row["key"] for row in rows(found)] == ["***|7", "7"]
