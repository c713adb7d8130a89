"""What people are told, and when: pure, from the history of the days and from what was told before.

Every telling looks at how things are, not at what has just happened: a message that could not be sent, or
that nobody asked for because a process died, is due the next time anybody looks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from jobs.config.alert_models import KINDS, AlertKind
from jobs.quality.checks import CheckRow
from jobs.quality.register import Publication, RunRecord
from jobs.quality.timeline import Day, History

Status = Literal["claimed", "sent", "failed", "silent"]
# A message that is being sent for longer than this never was: whoever sent it died.
CLAIM = timedelta(minutes=10)
# Days are looked at for so long after anything happened to them.
RECENT = timedelta(days=7)
_OPEN: tuple[AlertKind, ...] = ("blocked", "late")


@dataclass(frozen=True)
class Entry:
    """A row of `ops.alerts`: what became of a message to a channel. `silent` marks what the channel does not
    want to hear but has to be known, that the day is good again."""

    day: date
    number: int
    channel: str
    kind: AlertKind
    status: Status
    day_state: str
    claim: str
    at: datetime
    note: str = ""


@dataclass(frozen=True)
class Due:
    """A message that has to be sent. `wanted` is false where the channel does not want it."""

    channel: str
    kind: AlertKind
    day: Day
    wanted: bool = True


@dataclass(frozen=True)
class Memory:
    """What a channel was told of a day since it was last good, and what is being sent to it."""

    told: frozenset[AlertKind] = frozenset()
    claimed: Mapping[AlertKind, datetime] = field(default_factory=dict)
    failed: frozenset[AlertKind] = frozenset()


def remembered(entries: Iterable[Entry]) -> dict[tuple[str, date], Memory]:
    """By channel and day: what was told. Once a day is good again, everything can be told anew."""
    by_key: dict[tuple[str, date], list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.number):
        by_key[entry.channel, entry.day].append(entry)
    return {key: _memory(found) for key, found in by_key.items()}


def _memory(entries: Sequence[Entry]) -> Memory:
    told: set[AlertKind] = set()
    failed: set[AlertKind] = set()
    claimed: dict[AlertKind, Entry] = {}
    for entry in entries:
        if entry.status == "claimed":
            claimed[entry.kind] = entry
            continue
        if entry.kind in claimed and claimed[entry.kind].claim == entry.claim:
            del claimed[entry.kind]
        if entry.status == "failed":
            failed.add(entry.kind)
        elif entry.kind == "recovered":
            # A day that is published with warnings has been told with them.
            told, failed = ({"warned"} if entry.day_state == "warned" else set()), set()
        else:
            told.add(entry.kind)
            failed.discard(entry.kind)
    return Memory(
        frozenset(told), {kind: entry.at for kind, entry in claimed.items()}, frozenset(failed - told)
    )


def days_to_look_at(
    runs: Iterable[RunRecord], publications: Iterable[Publication], entries: Iterable[Entry], now: datetime
) -> set[date]:
    """The days to which something happened of late, and those that a channel was told to be blocked or
    late."""
    moments = [(run.day, run.recorded_at) for run in runs]
    moments += [(item.day, item.published_at) for item in publications]
    recent = {day for day, at in moments if at is not None and now - at <= RECENT}
    memory = remembered(entries)
    return recent | {day for (_, day), found in memory.items() if found.told & {*_OPEN} or found.failed}


def due(
    history: History,
    days: Iterable[date],
    entries: Sequence[Entry],
    wanted: Mapping[str, Sequence[AlertKind]],
    deadline: time,
    timezone: str,
    now: datetime,
) -> list[Due]:
    """What every channel has to be told now, the earliest day first.

    `wanted` is what each channel wants to hear. Only the newest day can become late: the mornings of the days
    before it have been.
    """
    memory = remembered(entries)
    newest = history.newest
    looked_at = sorted({*days, *([newest.day] if newest else [])} & set(history.days))
    found: list[Due] = []
    for one in looked_at:
        day = history.days[one]
        passed = is_late(day, deadline, timezone, now)
        for channel, kinds in wanted.items():
            known = memory.get((channel, one), Memory())
            late = passed and (day is newest or bool({"late"} & (known.told | known.failed)))
            found += [
                Due(channel, kind, day, kind in kinds)
                for kind in _facts(day, late, known)
                if (kind in kinds or kind == "recovered") and not _being_sent(known, kind, now)
            ]
    return found


def is_late(day: Day, deadline: time, timezone: str, now: datetime) -> bool:
    """Whether readers do not have the day although its time has come, on the day after it."""
    by = datetime.combine(day.day + timedelta(days=1), deadline, ZoneInfo(timezone))
    return not day.good and day.published is None and now >= by


def _facts(day: Day, late: bool, known: Memory) -> list[AlertKind]:
    """What is so and has not been told."""
    troubled = bool(known.told & {*_OPEN}) or (known.told == {"warned"} and day.state != "warned")
    if day.good and troubled:
        return ["recovered"]
    facts: dict[AlertKind, bool] = {
        "blocked": day.state == "blocked",
        "warned": day.state == "warned",
        "late": late,
    }
    return [kind for kind in KINDS if facts.get(kind) and kind not in known.told]


def _being_sent(known: Memory, kind: AlertKind, now: datetime) -> bool:
    claimed = known.claimed.get(kind)
    return claimed is not None and now - claimed < CLAIM


def failed_checks(day: Day, kind: AlertKind) -> tuple[CheckRow, ...]:
    """The checks that a message names: those that block the day, or else those that warn."""
    if day.refused is not None:
        refused = (day.refused.run_id, day.refused.stage)
        return tuple(
            result
            for result in day.failed
            if result.severity == "critical" and (result.run_id, result.stage) == refused
        )
    if day.state in ("warned", "released") and kind in ("warned", "recovered"):
        return tuple(result for result in day.failed if result.severity in ("critical", "warning"))
    return ()
