"""Bulk sampling from distributions: instants, products, spellings, and the arrays for tables.

Instants are whole seconds since 1970 in UTC. Money is whole fen (hundredths of a yuan).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rng = np.random.Generator
Files = dict[str, bytes]  # the content of files by path

DAY = 86_400
HOUR = 3_600
SHANGHAI = 8 * HOUR  # Asia/Shanghai has had no daylight saving since 1991

# Activity by hour: quiet nights, a peak before noon, a higher peak in the evening.
_HOURS = np.array(
    [2, 1, 0.5, 0.3, 0.3, 0.6, 1.5, 3, 5, 6.5, 7.5, 7, 6, 5.5, 5, 5, 5, 5, 5.5, 7, 9, 9.5, 7, 4],
    dtype=np.float64,
)
_WEEKDAYS = np.array([0.85, 0.9, 0.95, 0.95, 1.1, 1.35, 1.3], dtype=np.float64)  # Monday first


@dataclass(frozen=True)
class Span:
    """The observed days of the shop: `days` days from `first`, in Shanghai."""

    first: date
    days: int

    @property
    def start(self) -> int:
        """The midnight in Shanghai that `first` begins with."""
        midnight = datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)
        return int(midnight.timestamp()) - SHANGHAI

    @property
    def end(self) -> int:
        return self.start + self.days * DAY

    def day(self, index: int) -> date:
        return self.first + timedelta(days=index)

    def index(self, at: Ints) -> Ints:
        """The day of each instant, counted from `first`."""
        return (at - self.start) // DAY

    def moments(self, rng: Rng, earliest: Ints) -> Ints:
        """An instant for each user, busy days and hours more often, ten minutes after `earliest` or later.

        An `earliest` in the last ten minutes of a day would push the instant into the next one.
        """
        weekday = (self.first.weekday() + np.arange(self.days)) % 7
        edges = np.concatenate([[0.0], np.cumsum(_WEEKDAYS[weekday])])
        lowest = edges[np.clip(self.index(earliest), 0, self.days - 1)]
        drawn = lowest + rng.random(len(earliest)) * (edges[-1] - lowest)
        day = np.clip(np.searchsorted(edges, drawn, side="right") - 1, 0, self.days - 1)
        at = self.start + day * DAY + seconds_of_day(rng, len(earliest))
        moments: Ints = np.maximum(at, earliest + 600).astype(np.int64)
        return moments


def seconds_of_day(rng: Rng, count: int) -> Ints:
    hour = rng.choice(24, count, p=_HOURS / _HOURS.sum())
    return (hour * HOUR + rng.integers(0, HOUR, count)).astype(np.int64)


def some(rng: Rng, count: int, share: float) -> Ints:
    """Rows to corrupt: about `share` of `count`, at least one, so that every kind of error occurs."""
    wanted = min(count, max(1, round(count * share)))
    return rng.choice(count, wanted, replace=False).astype(np.int64)


def pick(rng: Rng, values: Sequence[str], weights: Sequence[float], count: int) -> NDArray[np.object_]:
    """Texts drawn with the given weights."""
    chances = np.array(weights, dtype=np.float64)
    drawn = rng.choice(len(values), count, p=chances / chances.sum())
    return np.array(values, dtype=object)[drawn]


def zipf(count: int, exponent: float) -> Floats:
    """Probabilities of ranks 1 to `count`."""
    weights: Floats = 1.0 / np.arange(1, count + 1, dtype=np.float64) ** exponent
    chances: Floats = weights / weights.sum()
    return chances


def within_group(groups: Ints) -> Ints:
    """0, 1, 2 … within each run of equal values; `groups` is sorted."""
    position = np.arange(len(groups), dtype=np.int64)
    starts = np.concatenate([[True], groups[1:] != groups[:-1]]) if len(groups) else np.zeros(0, bool)
    return position - np.maximum.accumulate(np.where(starts, position, 0))


def local_iso(at: int, milliseconds: int) -> str:
    """ISO 8601 with milliseconds and the offset of Shanghai."""
    local = datetime.fromtimestamp(at + SHANGHAI, UTC).replace(tzinfo=None)
    return f"{local.isoformat()}.{milliseconds:03d}+08:00"


def instants(at: Ints, missing: Bools | None = None) -> pa.Array:
    return pa.array(at * 1_000_000, mask=missing).cast(pa.timestamp("us", tz="UTC"))


def money(fen: Ints, missing: Ints | None = None) -> pa.Array:
    """decimal(12,2) from fen: Arrow keeps a decimal as a 128-bit integer, low half first."""
    halves = np.empty((len(fen), 2), dtype=np.int64)
    halves[:, 0] = fen
    halves[:, 1] = fen >> 63
    given = None
    if missing is not None:
        there = np.ones(len(fen), dtype=bool)
        there[missing] = False
        given = pa.py_buffer(np.packbits(there, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(12, 2), len(fen), [given, pa.py_buffer(halves.tobytes())])


def texts(values: NDArray[np.object_]) -> pa.Array:
    return pa.array(values, type=pa.string())


def numbers(values: Ints, missing: Ints | None = None, kind: pa.DataType | None = None) -> pa.Array:
    """Integers, with nulls at the positions in `missing`."""
    mask = np.zeros(len(values), dtype=bool)
    if missing is not None:
        mask[missing] = True
    return pa.array(values, mask=mask).cast(kind or pa.int64())


def numbered(prefix: str, count: int) -> pa.Array:
    """Identifiers in order: the prefix and a number from 1, in eight digits."""
    return pa.array([f"{prefix}{number:08d}" for number in range(1, count + 1)], type=pa.string())


def known_rows(rng: Rng, table: pa.Table, updated: Ints, span: Span, repeated: float) -> pa.Table:
    """The state of the shop at the end, oldest change first, with a share of the rows duplicated."""
    heard: Bools = updated < span.end
    known = table.filter(pa.array(heard))
    repeats = known.take(pa.array(some(rng, len(known), repeated)))
    return pa.concat_tables([known, repeats]).sort_by("updated_at")


def prefixed(prefix: str, ids: Sequence[str]) -> pa.Array:
    return pa.array([prefix + item for item in ids], type=pa.string())
