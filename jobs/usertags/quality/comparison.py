"""Comparing a batch with those before it: rows, content, empty values, scale of numbers, length of ids.

Everything is computed from `Statistic`s, a few rows per batch; no user rows are read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from statistics import median
from typing import Any, Literal

from usertags.config.quality_models import SEVERITIES, Bounds, QualityEntry, Severity
from usertags.project.model import Source
from usertags.quality.checks import CheckResult, result_of
from usertags.quality.kinds import CheckKind, Unit
from usertags.quality.statistics import Statistic

# Differences within this number of standard deviations are considered random.
_CHANCE = 4
_LEAST_WEEKS, _LEAST_DAYS = 2, 3


def compared(
    source: Source,
    data_day: date,
    today: Sequence[Statistic],
    before: Sequence[Statistic],
    settings: QualityEntry,
    *,
    not_over: bool = False,
    nothing_new: bool = False,
) -> list[CheckResult]:
    """How the batch differs from earlier ones of its source: no result for a source with `compare: off`, nor
    for what earlier batches are too few or too small to say. `today` describes it, `before` the others.
    `not_over`: its day was not over when it was read. `nothing_new`: it has rows of a table, all of which
    are known from earlier batches.

    A difference counts from the bounds of `compare` on, and only beyond what is random: a count of n rows
    has a standard deviation of √n (Poisson), a share p of n rows one of √(p (1 - p) / n); four of them are
    allowed.
    """
    if source.compare is None:
        return []
    history = _History(source, data_day, [item for item in before if item.data_day < data_day], settings)
    day = history.main_day(today)
    results = [_same_content(source, today, history, nothing_new=nothing_new)]
    usual = history.usual_rows(day)
    rows = next((item.rows for item in today if item.day == day and not item.column), 0)
    if usual is not None and (not_over or (nothing_new and source.read_whole)):
        usual = usual.only_warning()
    if usual is not None:
        results.append(_row_count(source, day, rows, usual))
    columns = [item for item in today if item.day == day and item.column]
    results += [result for item in columns for result in _column(source, item, history, settings)]
    return results


@dataclass(frozen=True)
class _Usual:
    """What earlier days had: their median, and of how many days it is: the same `weekday`, or the days
    `before`. `gravest` is what a difference can be."""

    value: float
    days: int
    compared: Literal["weekday", "before"] = "before"
    gravest: Severity = "critical"

    @property
    def basis(self) -> dict[str, object]:
        return {"days": self.days, "compared": self.compared}

    def only_warning(self) -> "_Usual":
        return _Usual(self.value, self.days, self.compared, "warning")


class _History:
    def __init__(
        self, source: Source, data_day: date, before: Sequence[Statistic], settings: QualityEntry
    ) -> None:
        self.source, self.data_day, self.settings = source, data_day, settings
        self.before = before
        self.batches = {item.data_day: item.first for item in before}

    def main_day(self, today: Sequence[Statistic]) -> date:
        """The main event day of the batch: its data day, or for a source with delayed delivery the day that
        has the most rows in its batches."""
        rows: Counter[int] = Counter()
        for item in self.before:
            if not item.first and not item.column:
                rows[(item.data_day - item.day).days] += item.rows
        if not rows.total():
            rows.update({(self.data_day - item.day).days: item.rows for item in today if not item.column})
        late = max(rows, key=lambda days: (rows[days], -days), default=0)
        return self.data_day - timedelta(days=late)

    def usual_rows(self, day: date) -> _Usual | None:
        """Rows of the same weekday of the last weeks; if there are too few, of the previous days. Other
        weekdays may differ, so then the check only warns."""
        weeks = [day - timedelta(days=7 * number) for number in range(1, self.settings.weeks + 1)]
        found = self._rows_of(weeks, day)
        if len(found) >= _LEAST_WEEKS:
            return _Usual(median(found), len(found), "weekday")
        found = self._rows_of([day - timedelta(days=number) for number in range(1, 8)], day)
        if len(found) >= _LEAST_DAYS:
            return _Usual(median(found), len(found), gravest="warning")
        return None

    def _rows_of(self, days: Iterable[date], main: date) -> list[int]:
        late = self.data_day - main
        found = [self._rows(day, day + late) for day in days]
        return [rows for rows in found if rows is not None]

    def _rows(self, day: date, data_day: date) -> int | None:
        """The rows of a day according to its own batch; otherwise according to the first batch."""
        if self.batches.get(data_day) is False:
            return sum(item.rows for item in self._of(day, "") if item.data_day == data_day)
        if self.source.kind != "events":
            return None
        return max((item.rows for item in self._of(day, "")), default=None)

    def _of(self, day: date, column: str) -> list[Statistic]:
        return [item for item in self.before if item.day == day and item.column == column]

    def usual(
        self, column: str, value: Callable[[Statistic], float | None], *, on_time: bool
    ) -> _Usual | None:
        """The values of earlier days for a column. `on_time`: only according to their own batch,
        because a value may be delivered later than its row."""
        since = self.data_day - timedelta(days=self.settings.days)
        rows, values = 0, []
        for item in self._days(column, since):
            number = value(item)
            if number is not None and not (on_time and item.first):
                rows += item.rows
                values.append(number)
        if len(values) < _LEAST_DAYS or rows < self.settings.least:
            return None
        return _Usual(median(values), len(values))

    def _days(self, column: str, since: date) -> Iterable[Statistic]:
        """One statistic per day, from the batch with the most rows of that day."""
        best: dict[date, Statistic] = {}
        for item in self.before:
            known = best.get(item.day)
            if item.column != column or item.day < since or not item.rows:
                continue
            if self.source.kind != "events" and item.first:
                continue
            if known is None or item.rows > known.rows:
                best[item.day] = item
        return best.values()


def _same_content(
    source: Source, today: Sequence[Statistic], history: _History, *, nothing_new: bool
) -> CheckResult:
    """Detects the rows of an earlier batch, for example a file that was delivered twice. Rows of a table with
    `nothing_new` were read again, not delivered again."""
    mark = next((item.fingerprint for item in today if item.fingerprint), None)
    same = [
        item.data_day
        for item in history.before
        if mark and item.fingerprint == mark and item.data_day != history.data_day and not nothing_new
    ]
    return result_of(
        CheckKind.CONTENT,
        f"clean.{source.name}",
        "critical" if source.kind == "events" else "warning",
        success=not same,
        value=len(same),
        high=0,
        unit="batches",
        details={"batch": str(max(same))} if same else {},
    )


def _row_count(source: Source, day: date, rows: int, usual: _Usual) -> CheckResult:
    assert source.compare is not None
    chance = abs(rows - usual.value) <= _CHANCE * sqrt(max(usual.value, 1.0))
    fall = 1 - rows / usual.value if usual.value else 0.0
    rise = rows / usual.value if usual.value else 0.0
    severity = None
    # The bounds are shares of the usual number, which few rows exceed by chance.
    if not chance:
        severity = worst(exceeded(fall, source.compare.fall), exceeded(rise, source.compare.rise))
        severity = usual.gravest if severity == "critical" else severity
    least, most = first_bound(source.compare.fall), first_bound(source.compare.rise)
    return result_of(
        CheckKind.ROWS_AS_BEFORE,
        f"clean.{source.name}",
        severity or "critical",
        success=severity is None,
        value=rows,
        usual=usual.value,
        low=None if least is None else usual.value * (1 - least),
        high=None if most is None else usual.value * most,
        unit="rows",
        rows=rows,
        details={
            "day": str(day),
            "fall": source.compare.fall.model_dump(),
            "rise": source.compare.rise.model_dump(),
            **usual.basis,
        },
    )


def _column(
    source: Source, item: Statistic, history: _History, settings: QualityEntry
) -> Iterable[CheckResult]:
    """The checks of one column with enough rows on this day and on earlier days: of its empty values, of
    its scale, of its length."""
    compare = source.compare
    if compare is None or item.rows < settings.least:
        return
    made = _Made(source, item)
    # Late values: on earlier days a column counts as empty as it was on its own day.
    empty = history.usual(item.column, lambda each: each.empty / each.rows, on_time=True)
    if empty is not None:
        share, bound = item.empty / item.rows, first_bound(compare.empty)
        # The standard deviation is at least the share of one row: it would be 0 for a column that was never
        # empty.
        chance = _CHANCE * sqrt(max(empty.value * (1 - empty.value), 1 / item.rows) / item.rows)
        severity = exceeded(share - empty.value - chance, compare.empty)
        high = None if bound is None else empty.value + bound
        counted = {"high": high, "unexpected": item.empty if severity else None}
        yield made.result(
            CheckKind.EMPTY_AS_BEFORE, severity, share, empty, "share", compare.empty, **counted
        )
    # A factor counts up and down alike, so 100 times the usual and a hundredth of it are both 100.
    scale = history.usual(item.column, lambda each: each.median, on_time=False)
    if scale is not None and scale.value and item.median:
        times, bound = max(item.median / scale.value, scale.value / item.median), first_bound(compare.scale)
        ends = {} if bound is None else {"low": scale.value / bound, "high": scale.value * bound}
        severity = exceeded(times, compare.scale)
        yield made.result(
            CheckKind.SCALE_AS_BEFORE, severity, item.median, scale, "number", compare.scale, **ends
        )
    length = history.usual(item.column, lambda each: each.mean_length, on_time=False)
    if length is not None and item.mean_length is not None:
        bound = first_bound(compare.length)
        ends = {} if bound is None else {"low": length.value - bound, "high": length.value + bound}
        severity = exceeded(abs(item.mean_length - length.value), compare.length)
        yield made.result(
            CheckKind.LENGTH_AS_BEFORE,
            severity,
            item.mean_length,
            length,
            "characters",
            compare.length,
            **ends,
        )


@dataclass(frozen=True)
class _Made:
    """Makes the results of a column."""

    source: Source
    item: Statistic

    def result(
        self,
        kind: CheckKind,
        severity: Severity | None,
        value: float,
        usual: _Usual,
        unit: Unit,
        bounds: Bounds,
        **columns: Any,
    ) -> CheckResult:
        return result_of(
            kind,
            f"clean.{self.source.name}",
            severity or "critical",
            success=severity is None,
            column=self.item.column,
            value=value,
            usual=usual.value,
            unit=unit,
            rows=self.item.rows,
            details={"bounds": bounds.model_dump(), **usual.basis},
            **columns,
        )


def first_bound(bounds: Bounds) -> float | None:
    """The least difference that is reported: the lower of the two bounds; None without any."""
    return min((each for each in (bounds.warning, bounds.critical) if each is not None), default=None)


def exceeded(value: float, bounds: Bounds) -> Severity | None:
    """The gravest bound that a value reaches; None below all of them."""
    if bounds.critical is not None and value >= bounds.critical:
        return "critical"
    return "warning" if bounds.warning is not None and value >= bounds.warning else None


def worst(*found: Severity | None) -> Severity | None:
    """The gravest of some severities; None if there is none."""
    return min((each for each in found if each), key=SEVERITIES.index, default=None)
