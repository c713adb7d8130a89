"""The days as the person on duty sees them: verdicts, checks and trends.

Pure: results, records of runs and publications in; dataclasses out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Literal

from jobs.quality.checks import CheckRow, by_gravity
from jobs.quality.kinds import CheckKind
from jobs.quality.register import Publication, RunRecord, recorded_at, refusal_of

State = Literal["passed", "warned", "released", "blocked", "unfinished", "waiting", "missing"]


@dataclass(frozen=True)
class Day:
    """A data day. `results` are the newest of each check, those that failed first; `runs` are its records,
    the newest first; `refused` is the refusal that blocks it."""

    day: date
    state: State
    results: tuple[CheckRow, ...] = ()
    runs: tuple[RunRecord, ...] = ()
    published: Publication | None = None
    refused: RunRecord | None = None
    seconds: float | None = None
    blocked_by: date | None = None

    @cached_property
    def failed(self) -> tuple[CheckRow, ...]:
        return tuple(result for result in self.results if not result.success)

    @property
    def pass_rate(self) -> float | None:
        """The share of the checks that passed; None where none was run."""
        return 1 - len(self.failed) / len(self.results) if self.results else None

    @cached_property
    def rows_read(self) -> int | None:
        """The rows that the batch read, as its reconciliation counted them."""
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
        """Whether readers have the day."""
        return self.state in ("passed", "warned", "released")


@dataclass(frozen=True)
class Filter:
    """What the person wants to see; empty is everything."""

    table: str = ""
    severity: str = ""
    owner: str = ""

    def __bool__(self) -> bool:
        return bool(self.table or self.severity or self.owner)

    def shows(self, result: CheckRow) -> bool:
        return (
            self.table in ("", result.table)
            and self.severity in ("", result.severity)
            and self.owner in ("", result.owner)
        )


@dataclass(frozen=True)
class History:
    """All days from the first to the one that is expected, oldest first, without a gap."""

    days: Mapping[date, Day]
    results: Mapping[str, tuple[CheckRow, ...]] = field(repr=False, default_factory=dict)

    @property
    def newest(self) -> Day | None:
        """The day that is expected last: `today's data`."""
        return next(reversed(list(self.days.values())), None)

    def last_good(self, upto: date | None = None) -> Day | None:
        """The newest day that readers have, up to a day."""
        newest_first = reversed(list(self.days.values()))
        good = (day for day in newest_first if day.good and (upto is None or day.day <= upto))
        return next(good, None)

    @property
    def blocked(self) -> list[Day]:
        return [day for day in self.days.values() if day.state == "blocked"]

    def of_check(self, check_id: str) -> tuple[CheckRow, ...]:
        """The results of a check, one a day, oldest first."""
        return self.results.get(check_id, ())

    def failing_since(self, result: CheckRow) -> date | None:
        """The first day of the row of failures that the result stands in; None where it passed."""
        since = None
        for earlier in reversed([r for r in self.of_check(result.check_id) if r.day <= result.day]):
            if earlier.success:
                break
            since = earlier.day
        return since

    def filtered(self, wanted: Filter) -> "History":
        """The same days with the results that are wanted alone."""
        if not wanted:
            return self
        days = {
            day.day: replace(day, results=tuple(filter(wanted.shows, day.results)))
            for day in self.days.values()
        }
        return History(days, self.results)

    def last(self, count: int) -> list[Day]:
        return list(self.days.values())[-count:]

    def choices(self, column: Literal["table", "severity", "owner"]) -> list[str]:
        """What a filter can be set to."""
        found = (getattr(results[-1], column) for results in self.results.values())
        return sorted({value for value in found if value})


def history(
    checks: Iterable[CheckRow],
    runs: Iterable[RunRecord],
    publications: Iterable[Publication],
    expected: date | None = None,
) -> History:
    """Puts results, records of runs and publications together.

    `expected` is the newest day that should be there by now; days without a run up to it are shown as such.
    Which days are blocked says `refusal_of`; the days after one that have no run wait for it.
    """
    newest = _newest_results(checks)
    records: dict[date, list[RunRecord]] = defaultdict(list)
    for record in runs:
        records[record.day].append(record)
    published = {item.day: item for item in publications}
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
    """By day and check, the newest result: a rerun checks again only what it does again."""
    newest: dict[date, dict[str, CheckRow]] = defaultdict(dict)
    for result in rows:
        before = newest[result.day].get(result.check_id)
        if before is None or before.checked_at <= result.checked_at:
            newest[result.day][result.check_id] = result
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
    """From the start of a run, which its name says, to its end: of the published run, else of the newest."""
    run_id = published.run_id if published else (runs[0].run_id if runs else None)
    started = start_of(run_id) if run_id else None
    if started is None:
        return None
    ended = [recorded_at(end) for end in runs if end.run_id == run_id]
    ended += [published.published_at] if published and published.run_id == run_id else []
    seconds = (max(ended) - started).total_seconds() if ended else 0.0
    return seconds if seconds > 0 else None


def start_of(run_id: str) -> datetime | None:
    """The moment in the name of a run, `r20261102_020000_123`; None of any other name."""
    try:
        return datetime.strptime(run_id[:16], "r%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
