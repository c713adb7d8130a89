"""The days as the person on duty sees them: verdicts, checks and trends.

Pure: rows of `ops.checks`, `ops.runs` and `tags.publications` in, as dictionaries; dataclasses out.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from jobs.config.quality_models import Severity
from jobs.quality.checks import RECONCILED, check_id

Row = Mapping[str, Any]
State = Literal["passed", "warned", "released", "blocked", "unfinished", "waiting", "missing"]

_GATES = ("clean", "audit")
_WEIGHT = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check in one run. `sample` are some failing rows, personal data masked."""

    day: date
    run_id: str
    stage: str
    id: str
    table: str
    name: str
    column: str | None
    severity: Severity
    success: bool
    observed: str
    bounds: str
    rows: int | None
    failing: int | None
    owner: str
    action: str
    checked_at: datetime
    sample: tuple[Row, ...] = ()

    @property
    def failing_share(self) -> float | None:
        """Failing rows of all rows, where both are counted."""
        return self.failing / self.rows if self.rows and self.failing is not None else None


@dataclass(frozen=True)
class StageEnd:
    """What a stage of a run ended with."""

    run_id: str
    stage: str
    status: str
    recorded_at: datetime


@dataclass(frozen=True)
class Published:
    """The publication of a day."""

    day: date
    run_id: str
    verdict: str
    published_at: datetime
    rows: Mapping[str, int]
    released_by: str | None = None
    release_reason: str | None = None


@dataclass(frozen=True)
class Day:
    """A data day. `results` are the newest of each check, those that failed first."""

    day: date
    state: State
    results: tuple[Result, ...] = ()
    runs: tuple[StageEnd, ...] = ()
    published: Published | None = None
    seconds: float | None = None
    blocked_by: date | None = None

    @cached_property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.success)

    @property
    def pass_rate(self) -> float | None:
        """The share of the checks that passed; None where none was run."""
        return 1 - len(self.failed) / len(self.results) if self.results else None

    @cached_property
    def rows_read(self) -> int | None:
        """The rows that the batch read, as its reconciliation counted them."""
        counts = [r.rows for r in self.results if r.name == RECONCILED and r.rows is not None]
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

    def shows(self, result: Result) -> bool:
        return (
            self.table in ("", result.table)
            and self.severity in ("", result.severity)
            and self.owner in ("", result.owner)
        )


@dataclass(frozen=True)
class History:
    """All days from the first to the one that is expected, oldest first, without a gap."""

    days: Mapping[date, Day]
    results: Mapping[str, tuple[Result, ...]] = field(repr=False, default_factory=dict)

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

    def of_check(self, name: str) -> tuple[Result, ...]:
        """The results of a check, one a day, oldest first."""
        return self.results.get(name, ())

    def failing_since(self, result: Result) -> date | None:
        """The first day of the row of failures that the result stands in; None where it passed."""
        since = None
        for earlier in reversed([r for r in self.of_check(result.id) if r.day <= result.day]):
            if earlier.success:
                break
            since = earlier.day
        return since

    def filtered(self, wanted: Filter) -> "History":
        """The same days with the results that are wanted alone."""
        if not wanted:
            return self
        days = {
            day.day: Day(
                day.day,
                day.state,
                tuple(filter(wanted.shows, day.results)),
                day.runs,
                day.published,
                day.seconds,
                day.blocked_by,
            )
            for day in self.days.values()
        }
        return History(days, self.results)

    def last(self, count: int) -> list[Day]:
        return list(self.days.values())[-count:]

    def choices(self, column: Literal["table", "severity", "owner"]) -> list[str]:
        """What a filter can be set to."""
        return sorted({getattr(results[-1], column) for results in self.results.values()})


def history(
    checks: Iterable[Row | Result],
    runs: Iterable[Row],
    publications: Iterable[Row],
    expected: date | None = None,
) -> History:
    """Puts the rows of `ops.checks` (or the results they are), `ops.runs` and `tags.publications` together.

    `expected` is the newest day that should be there by now; days without a run up to it are shown as such.
    A day whose newest clean or audit verdict is `refused`, and that is not published since, is blocked, and
    the days after it that have no run wait for it.
    """
    newest = _newest_results(checks)
    ends: dict[date, list[StageEnd]] = defaultdict(list)
    for row in runs:
        ends[row["dt"]].append(StageEnd(row["run_id"], row["stage"], row["status"], row["recorded_at"]))
    published = {row["dt"]: _published(row) for row in publications}
    known = {*newest, *ends, *published}
    if not known:
        return History({})
    days: dict[date, Day] = {}
    blocked_by: date | None = None
    for day in _every_day(min(known), max({*known, *([expected] if expected else [])})):
        found = _day(day, newest.get(day, {}), ends.get(day, []), published.get(day), blocked_by)
        days[day] = found
        if found.state == "blocked" and blocked_by is None:
            blocked_by = day
    by_check: dict[str, list[Result]] = defaultdict(list)
    for found in days.values():
        for result in found.results:
            by_check[result.id].append(result)
    return History(days, {name: tuple(results) for name, results in by_check.items()})


def _every_day(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _newest_results(rows: Iterable[Row | Result]) -> dict[date, dict[str, Result]]:
    """By day and check, the newest result: a rerun checks again only what it does again."""
    newest: dict[date, dict[str, Result]] = defaultdict(dict)
    for row in rows:
        result = row if isinstance(row, Result) else result_of(row)
        before = newest[result.day].get(result.id)
        if before is None or before.checked_at <= result.checked_at:
            newest[result.day][result.id] = result
    return newest


def result_of(row: Row) -> Result:
    """A row of `ops.checks` as a result."""
    name = row.get("check_id") or check_id(row["table"], row["check"])
    return Result(
        day=row["dt"],
        run_id=row["run_id"],
        stage=row["stage"],
        id=name,
        table=row["table"],
        name=row["check"],
        column=row["column"],
        severity=row["severity"],
        success=row["success"],
        observed=row["observed"] or "",
        bounds=row["bounds"] or "",
        rows=row["rows"],
        failing=row["failing"],
        owner=row["owner"] or "",
        action=row["action"] or "",
        checked_at=row["checked_at"],
        sample=_sample(row.get("sample")),
    )


def _sample(text: str | None) -> tuple[Row, ...]:
    """The failing rows of a result; nothing where the text is not a list of them."""
    try:
        rows = json.loads(text) if text else []
    except ValueError:
        return ()
    return tuple(row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()


def _published(row: Row) -> Published:
    return Published(
        day=row["dt"],
        run_id=row["run_id"],
        verdict=row["verdict"],
        published_at=row["published_at"],
        rows=json.loads(row["row_counts"] or "{}"),
        released_by=row["released_by"],
        release_reason=row["release_reason"],
    )


def _day(
    day: date,
    results: Mapping[str, Result],
    ends: Sequence[StageEnd],
    published: Published | None,
    blocked_by: date | None,
) -> Day:
    ordered = sorted(results.values(), key=lambda r: (r.success, _WEIGHT.get(r.severity, 3), r.table, r.name))
    runs = tuple(sorted(ends, key=lambda end: end.recorded_at, reverse=True))
    state = _state(runs, published, blocked_by)
    waits_for = blocked_by if state == "waiting" else None
    return Day(day, state, tuple(ordered), runs, published, _seconds(runs, published), waits_for)


def _state(runs: Sequence[StageEnd], published: Published | None, blocked_by: date | None) -> State:
    """`runs` is the newest first."""
    verdicts: dict[str, StageEnd] = {}
    for end in runs:
        if end.stage in _GATES:
            verdicts.setdefault(end.stage, end)
    refused = [end for end in verdicts.values() if end.status == "refused"]
    if any(published is None or published.published_at <= end.recorded_at for end in refused):
        return "blocked"
    if published is not None:
        return published.verdict if published.verdict in ("warned", "released") else "passed"  # type: ignore[return-value]
    if runs:
        return "unfinished"
    return "waiting" if blocked_by else "missing"


def _seconds(runs: Sequence[StageEnd], published: Published | None) -> float | None:
    """From the start of a run, which its name says, to its end: of the published run, else of the newest."""
    run_id = published.run_id if published else (runs[0].run_id if runs else None)
    started = start_of(run_id) if run_id else None
    if started is None:
        return None
    ended = [end.recorded_at for end in runs if end.run_id == run_id]
    ended += [published.published_at] if published and published.run_id == run_id else []
    seconds = (max(ended) - started).total_seconds() if ended else 0.0
    return seconds if seconds > 0 else None


def start_of(run_id: str) -> datetime | None:
    """The moment in the name of a run, `r20261102_020000_123`; None of any other name."""
    try:
        return datetime.strptime(run_id[:16], "r%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
