"""The history of days for the person on call: verdicts, checks and trends.

Pure: results, records of runs and publications in; dataclasses out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Literal

from usertags.quality.checks import CheckRow, by_gravity
from usertags.quality.kinds import CheckKind
from usertags.quality.register import Publication, RunRecord, recorded_at, refusal_of

State = Literal["passed", "warned", "released", "blocked", "unfinished", "waiting", "missing"]


@dataclass(frozen=True)
class Day:
    """A data day. `results` are the newest of each check, those that failed first; `runs` are its records,
    the newest first; `refused` is the refusal that blocks it."""

    data_day: date
    state: State
    results: tuple[CheckRow, ...] = ()
    runs: tuple[RunRecord, ...] = ()
    published: Publication | None = None
    refused: RunRecord | None = None
    seconds: float | None = None
    blocked_by: date | None = None

    @cached_property
    def failed(self) -> tuple[CheckRow, ...]:
        """The results that failed, the gravest first."""
        return tuple(result for result in self.results if not result.success)

    @property
    def pass_rate(self) -> float | None:
        """The share of passed checks; None if no check was run."""
        return 1 - len(self.failed) / len(self.results) if self.results else None

    @cached_property
    def rows_read(self) -> int | None:
        """The rows read for the batch, according to its reconciliation check."""
        counts = [
            result.rows
            for result in self.results
            if result.kind is CheckKind.RECONCILED and result.rows is not None
        ]
        return sum(counts) if counts else None

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs of the day, the newest first."""
        ids = {end.run_id for end in self.runs} | {result.run_id for result in self.results}
        return tuple(sorted(ids, reverse=True))

    @property
    def good(self) -> bool:
        """Whether the day is published for readers."""
        return self.state in ("passed", "warned", "released")


@dataclass(frozen=True)
class Filter:
    """The filter of a page; empty means everything."""

    table: str = ""
    severity: str = ""
    owner: str = ""

    def __bool__(self) -> bool:
        return bool(self.table or self.severity or self.owner)

    def shows(self, result: CheckRow) -> bool:
        """Whether a result is of the table, severity and owner that are asked for."""
        return (
            self.table in ("", result.table)
            and self.severity in ("", result.severity)
            and self.owner in ("", result.owner)
        )


@dataclass(frozen=True)
class History:
    """All days from the first to the expected one, oldest first, without gaps."""

    days: Mapping[date, Day]
    results: Mapping[str, tuple[CheckRow, ...]] = field(repr=False, default_factory=dict)

    @property
    def newest(self) -> Day | None:
        """The newest expected day."""
        return next(reversed(list(self.days.values())), None)

    def last_good(self, upto: date | None = None) -> Day | None:
        """The newest good day up to a day."""
        newest_first = reversed(list(self.days.values()))
        good = (day for day in newest_first if day.good and (upto is None or day.data_day <= upto))
        return next(good, None)

    @property
    def blocked(self) -> list[Day]:
        """The blocked days, oldest first."""
        return [day for day in self.days.values() if day.state == "blocked"]

    def of_check(self, check_id: str) -> tuple[CheckRow, ...]:
        """The results of a check, one per day, oldest first."""
        return self.results.get(check_id, ())

    def failing_since(self, result: CheckRow) -> date | None:
        """The first day of the series of failures that includes the result; None if it passed."""
        since = None
        for earlier in reversed([r for r in self.of_check(result.check_id) if r.data_day <= result.data_day]):
            if earlier.success:
                break
            since = earlier.data_day
        return since

    def filtered(self, wanted: Filter) -> "History":
        """The same days with only the filtered results."""
        if not wanted:
            return self
        days = {
            day.data_day: replace(day, results=tuple(filter(wanted.shows, day.results)))
            for day in self.days.values()
        }
        return History(days, self.results)

    def last(self, count: int) -> list[Day]:
        """So many newest days, oldest first."""
        return list(self.days.values())[-count:]

    def choices(self, column: Literal["table", "severity", "owner"]) -> list[str]:
        """The possible values of a filter."""
        found = (getattr(results[-1], column) for results in self.results.values())
        return sorted({value for value in found if value})


def history(
    checks: Iterable[CheckRow],
    runs: Iterable[RunRecord],
    publications: Iterable[Publication],
    expected: date | None = None,
) -> History:
    """Puts results, records of runs and publications together.

    `expected` is the newest day that should be published; days without a run up to it are shown as missing.
    Which days are blocked says `refusal_of`; the days after one that have no run wait for it.
    """
    newest = _newest_results(checks)
    records: dict[date, list[RunRecord]] = defaultdict(list)
    for record in runs:
        records[record.data_day].append(record)
    published = {item.data_day: item for item in publications}
    known = {*newest, *records, *published}
    if not known:
        return History({})
    days: dict[date, Day] = {}
    blocked_by: date | None = None
    for day in _every_day(min(known), max({*known, *([expected] if expected else [])})):
        found = _day(day, newest.get(day, {}), records.get(day, []), published.get(day), blocked_by)
        days[day] = found
        if found.state == "blocked" and blocked_by is None:
            blocked_by = day
    by_check: dict[str, list[CheckRow]] = defaultdict(list)
    for found in days.values():
        for result in found.results:
            by_check[result.check_id].append(result)
    return History(days, {name: tuple(results) for name, results in by_check.items()})


def _every_day(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _newest_results(rows: Iterable[CheckRow]) -> dict[date, dict[str, CheckRow]]:
    """The latest result by day and check: a rerun only repeats some checks."""
    newest: dict[date, dict[str, CheckRow]] = defaultdict(dict)
    for result in rows:
        before = newest[result.data_day].get(result.check_id)
        if before is None or before.checked_at <= result.checked_at:
            newest[result.data_day][result.check_id] = result
    return newest


def _day(
    day: date,
    results: Mapping[str, CheckRow],
    records: Sequence[RunRecord],
    published: Publication | None,
    blocked_by: date | None,
) -> Day:
    runs = tuple(sorted(records, key=recorded_at, reverse=True))
    refused = refusal_of(records, published.published_at if published else None)
    state = _state(runs, published, refused, blocked_by)
    return Day(
        day,
        state,
        tuple(sorted(results.values(), key=by_gravity)),
        runs,
        published,
        refused,
        _seconds(runs, published),
        blocked_by if state == "waiting" else None,
    )


def _state(
    runs: Sequence[RunRecord],
    published: Publication | None,
    refused: RunRecord | None,
    blocked_by: date | None,
) -> State:
    if refused is not None:
        return "blocked"
    if published is not None:
        return published.verdict if published.verdict in ("warned", "released") else "passed"  # type: ignore[return-value]
    if runs:
        return "unfinished"
    return "waiting" if blocked_by else "missing"


def _seconds(runs: Sequence[RunRecord], published: Publication | None) -> float | None:
    """The duration of the published run, otherwise of the newest run; the start is encoded in the run id."""
    run_id = published.run_id if published else (runs[0].run_id if runs else None)
    started = start_of(run_id) if run_id else None
    if started is None:
        return None
    ended = [recorded_at(end) for end in runs if end.run_id == run_id]
    ended += [published.published_at] if published and published.run_id == run_id else []
    seconds = (max(ended) - started).total_seconds() if ended else 0.0
    return seconds if seconds > 0 else None


def start_of(run_id: str) -> datetime | None:
    """The start time in a run id such as `r20261102_020000_123`; None for other names."""
    try:
        return datetime.strptime(run_id[:16], "r%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
