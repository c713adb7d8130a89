"""What an extraction reads: cursor bounds, files, and what takes the place of what. No source, no store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.sources import orders
from usertags.config.durations import Duration
from usertags.errors import DataError
from usertags.project.model import Project
from usertags.project.source_entry import Read
from usertags.stages.batch_register import BatchRecord
from usertags.stages.extract import (
    SALT,
    Bounds,
    after_of,
    cursor_bounds,
    pii_salt,
    read_early,
    replaces,
    require_all,
)

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


def test_a_batch_reads_to_the_end_of_its_day() -> None:
    read = Read(connection="shop", table="orders", cursor="changed_at", lookback="15m")
    zone = "Asia/Shanghai"
    assert cursor_bounds(read, {}, D2, zone) == Bounds(after=None, until=end(D2))
    assert cursor_bounds(read, by_day(batch(D1, end(D1))), D2, zone) == Bounds(end(D1, 15), end(D2))
    assert cursor_bounds(read, {}, D2, "UTC").until == datetime(2026, 3, 3, tzinfo=UTC)


def test_a_day_that_is_not_over_is_read_until_now_and_the_next_batch_begins_there() -> None:
    read = Read(connection="shop", table="orders", cursor="changed_at", lookback="15m")
    zone, noon = "Asia/Shanghai", datetime(2026, 3, 2, 4, tzinfo=UTC)
    known = by_day(batch(D1, end(D1)))
    assert cursor_bounds(read, known, D2, zone, noon) == Bounds(end(D1, 15), noon)
    partial = batch(D2, noon)
    assert cursor_bounds(read, known | by_day(partial), D3, zone).after == noon - timedelta(minutes=15)
    # The day itself is read from its beginning again.
    assert cursor_bounds(read, known | by_day(partial), D2, zone) == Bounds(end(D1, 15), end(D2))
    assert read_early(partial, zone)
    assert not read_early(batch(D2, end(D2)), zone)
    assert not read_early(batch(D2), zone)


def test_a_table_without_a_cursor_is_read_whole() -> None:
    read = Read(connection="shop", table="orders")
    assert cursor_bounds(read, by_day(batch(D1, end(D1))), D2, "Asia/Shanghai") == Bounds()


def test_fewer_rows_than_the_database_counted_are_refused() -> None:
    require_all("orders", 7, [7])
    require_all("visits", 7, [])
    with pytest.raises(DataError, match="6 of the 7 rows that the database counted for source orders"):
        require_all("orders", 6, [7])


# ---- read again --------------------------------------------------------------------------------------

KEYED = orders()


@pytest.mark.parametrize("repeats", ["drop", "keep"])
def test_reading_again_adds_to_the_rows_of_a_key_and_replaces_others(repeats: str) -> None:
    without = replace(KEYED, key=(), repeats=repeats)  # type: ignore[arg-type]
    assert not replaces(KEYED, read_before=True)
    assert replaces(without, read_before=True)
    # A first reading finds nothing in its place.
    assert not replaces(KEYED, read_before=False) and not replaces(without, read_before=False)


# ---- the salt ----------------------------------------------------------------------------------------


@pytest.fixture
def embedded(build: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A configuration with an embedded lake, and an environment that gives no salt."""
    monkeypatch.delenv(SALT, raising=False)
    return replace(build(), state=tmp_path / "state")


def test_an_embedded_lake_keeps_the_salt_that_it_made(embedded: Project, tmp_path: Path) -> None:
    """Another salt gives everybody another hash: nobody would be found again."""
    salt = pii_salt(embedded)
    assert len(salt) == 64
    assert [pii_salt(embedded), pii_salt(embedded)] == [salt, salt]
    assert pii_salt(replace(embedded, state=tmp_path / "other")) != salt
    assert (embedded.state / "pii_salt").stat().st_mode & 0o777 == 0o600


def test_a_salt_of_the_environment_goes_first(embedded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    own = pii_salt(embedded)
    monkeypatch.setenv(SALT, "of the environment")
    assert pii_salt(embedded) == "of the environment"
    monkeypatch.delenv(SALT)
    assert pii_salt(embedded) == own
