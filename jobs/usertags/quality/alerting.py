"""Decides which messages are due: pure, from the history of the days and the messages sent before.

It depends on the current state, not on events: a message that could not be sent, or was missed because a
process died, is due the next time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from usertags.config.alert_models import KINDS, AlertKind
from usertags.quality.checks import CheckRow
from usertags.quality.register import Publication, RunRecord
from usertags.quality.timeline import Day, History

Status = Literal["claimed", "sent", "failed", "silent"]
# A claim older than this has expired: the process that was sending the message died.
CLAIM = timedelta(minutes=10)
# Days are considered for this long after their last change.
RECENT = timedelta(days=7)
_OPEN: tuple[AlertKind, ...] = ("blocked", "late")


@dataclass(frozen=True)
class Entry:
    """A row of `ops.alerts`: the outcome of a message to a channel. `silent` marks a message that the
    channel does not receive but that has to be recorded: the day is good again."""

    data_day: date
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
    """A due message. `wanted` is false if the channel does not receive this kind of message."""

    channel: str
    kind: AlertKind
    day: Day
    wanted: bool = True


@dataclass(frozen=True)
class Memory:
    """The messages sent to a channel about a day since it was last good, and those being sent."""

    sent: frozenset[AlertKind] = frozenset()
    claimed: Mapping[AlertKind, datetime] = field(default_factory=dict)
    failed: frozenset[AlertKind] = frozenset()


def remembered(entries: Iterable[Entry]) -> dict[tuple[str, date], Memory]:
    """The messages sent by channel and day. Once a day is good again, all messages can be sent again."""
    by_key: dict[tuple[str, date], list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.number):
        by_key[entry.channel, entry.data_day].append(entry)
    return {key: _memory(found) for key, found in by_key.items()}


def _memory(entries: Sequence[Entry]) -> Memory:
    sent: set[AlertKind] = set()
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
            # The message about a recovered day with warnings also reports the warnings.
            sent, failed = ({"warned"} if entry.day_state == "warned" else set()), set()
        else:
            sent.add(entry.kind)
            failed.discard(entry.kind)
    return Memory(
        frozenset(sent), {kind: entry.at for kind, entry in claimed.items()}, frozenset(failed - sent)
    )


def days_to_look_at(
    runs: Iterable[RunRecord], publications: Iterable[Publication], entries: Iterable[Entry], now: datetime
) -> set[date]:
    """The days with recent events, and those with an open message: about a blocked or late day, or one that
    could not be sent."""
    moments = [(run.data_day, run.recorded_at) for run in runs]
    moments += [(item.data_day, item.published_at) for item in publications]
    recent = {day for day, at in moments if at is not None and now - at <= RECENT}
    memory = remembered(entries)
    return recent | {day for (_, day), found in memory.items() if found.sent & {*_OPEN} or found.failed}


def due(
    history: History,
    days: Iterable[date],
    entries: Sequence[Entry],
    wanted: Mapping[str, Sequence[AlertKind]],
    deadline: time,
    timezone: str,
    now: datetime,
) -> list[Due]:
    """All messages that are due now, earliest day first.

    `wanted` has the kinds of messages of each channel. Only the newest day can become late: the deadlines
    of earlier days have passed.
    """
    memory = remembered(entries)
    newest = history.newest
    looked_at = sorted({*days, *([newest.data_day] if newest else [])} & set(history.days))
    found: list[Due] = []
    for one in looked_at:
        day = history.days[one]
        passed = is_late(day, deadline, timezone, now)
        for channel, kinds in wanted.items():
            known = memory.get((channel, one), Memory())
            late = passed and (day is newest or bool({"late"} & (known.sent | known.failed)))
            found += [
                Due(channel, kind, day, kind in kinds)
                for kind in _facts(day, late, known)
                if (kind in kinds or kind == "recovered") and not _being_sent(known, kind, now)
            ]
    return found


def is_late(day: Day, deadline: time, timezone: str, now: datetime) -> bool:
    """Whether the day is not published after the deadline on the following day."""
    by = datetime.combine(day.data_day + timedelta(days=1), deadline, ZoneInfo(timezone))
    return not day.good and day.published is None and now >= by


def _facts(day: Day, late: bool, known: Memory) -> list[AlertKind]:
    """The facts that have not been reported yet."""
    troubled = bool(known.sent & {*_OPEN}) or (known.sent == {"warned"} and day.state != "warned")
    if day.good and troubled:
        return ["recovered"]
    facts: dict[AlertKind, bool] = {
        "blocked": day.state == "blocked",
        "warned": day.state == "warned",
        "late": late,
    }
    return [kind for kind in KINDS if facts.get(kind) and kind not in known.sent]


def _being_sent(known: Memory, kind: AlertKind, now: datetime) -> bool:
    claimed = known.claimed.get(kind)
    return claimed is not None and now - claimed < CLAIM


def failed_checks(day: Day, kind: AlertKind) -> tuple[CheckRow, ...]:
    """The checks listed in a message: those that block the day, otherwise those that warn."""
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
