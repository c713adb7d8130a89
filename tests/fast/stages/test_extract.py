"""What an extraction reads: cursor bounds, files, and what takes the place of what. No source, no store."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.sources import orders
from usertags.config.durations import Duration
from usertags.sources.files import SourceFile
from usertags.stages.batch_register import BatchRecord
from usertags.stages.extract import after_of, new_files, replaces

NO_LOOKBACK = Duration(0, "s")
D1, D2, D3, D4 = (date(2026, 3, day) for day in (1, 2, 3, 4))


def batch(day: date, until: datetime | None = None) -> BatchRecord:
    return BatchRecord("orders", day, "extract", 0, "landed", "raw", cursor_to=until)


def end(day: date, minutes: int = 0) -> datetime:
    """Midnight in Shanghai that ends the day, less some minutes."""
    return datetime(day.year, day.month, day.day, 16, tzinfo=UTC) - timedelta(minutes=minutes)


def by_day(*batches: BatchRecord) -> dict[date, BatchRecord]:
    return {item.data_day: item for item in batches}


# ---- cursors -----------------------------------------------------------------------------------------


def test_a_first_batch_reads_from_the_beginning() -> None:
    assert after_of({}, D2, NO_LOOKBACK) is None


def test_a_batch_begins_where_the_last_one_before_it_ended() -> None:
    known = by_day(batch(D1, end(D1)), batch(D2, end(D2)))
    assert after_of(known, D3, NO_LOOKBACK) == end(D2)
    # A day was left out: its rows are of the next batch.
    assert after_of(known, D4, NO_LOOKBACK) == end(D2)


@pytest.mark.parametrize(
    ("lookback", "back"),
    [
        ("0s", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("6h", timedelta(hours=6)),
        ("2d", timedelta(days=2)),
    ],
)
def test_rows_that_were_late_are_looked_for_again(lookback: str, back: timedelta) -> None:
    assert after_of(by_day(batch(D1, end(D1))), D2, Duration.validated(lookback)) == end(D1) - back


def test_a_day_read_again_begins_where_it_began() -> None:
    """Neither its own batch nor later ones move its bound."""
    known = by_day(batch(D1, end(D1)), batch(D2, end(D2)), batch(D3, end(D3)))
    assert after_of(known, D2, NO_LOOKBACK) == end(D1)
    assert after_of(known, D1, NO_LOOKBACK) is None


def test_a_batch_without_a_bound_is_none_to_begin_at() -> None:
    """As of a source that had no cursor then."""
    assert after_of(by_day(batch(D1, end(D1)), batch(D2)), D3, NO_LOOKBACK) == end(D1)
    assert after_of(by_day(batch(D1)), D2, NO_LOOKBACK) is None


# ---- files -------------------------------------------------------------------------------------------


def file(path: str, fingerprint: str = "v1") -> SourceFile:
    return SourceFile(path, path, 10, fingerprint, None)


def paths(found: list[SourceFile]) -> list[str]:
    return [item.path for item in found]


def test_files_that_another_day_has_read_are_not_read_again() -> None:
    known = {D1: {("a", "v1")}, D3: {("c", "v1")}}
    assert paths(new_files([file("a"), file("b"), file("c"), file("d")], known, D2)) == ["b", "d"]


def test_a_file_whose_content_has_changed_is_new() -> None:
    known = {D1: {("a", "v1")}}
    assert paths(new_files([file("a", "v2")], known, D2)) == ["a"]


def test_the_same_content_under_another_name_is_new() -> None:
    known = {D1: {("a", "v1")}}
    assert paths(new_files([file("b", "v1")], known, D2)) == ["b"]


def test_a_day_that_is_read_again_reads_its_own_files_again() -> None:
    known = {D1: {("a", "v1")}, D2: {("b", "v1")}}
    assert paths(new_files([file("a"), file("b")], known, D2)) == ["b"]


def test_without_files_there_is_nothing_to_read() -> None:
    assert new_files([], {D1: {("a", "v1")}}, D2) == []


# ---- read again --------------------------------------------------------------------------------------

KEYED = orders()


@pytest.mark.parametrize("repeats", ["drop", "keep"])
def test_reading_again_adds_to_the_rows_of_a_key_and_replaces_others(repeats: str) -> None:
    without = replace(KEYED, key=(), repeats=repeats)  # type: ignore[arg-type]
    assert not replaces(KEYED, read_before=True)
    assert replaces(without, read_before=True)
    # A first reading finds nothing in its place.
    assert not replaces(KEYED, read_before=False) and not replaces(without, read_before=False)
