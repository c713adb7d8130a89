"""The texts of messages: names of checks, numbers and bounds, but no rows, users or personal names."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, time
from html import escape
from typing import Any

from usertags.config.alert_models import AlertKind
from usertags.config.quality_models import Language
from usertags.project.masking import MASK
from usertags.quality.alerting import Due, failed_checks
from usertags.quality.checks import CheckResult
from usertags.quality.runbook import LATE, UNREACHABLE, section_of
from usertags.quality.sentences import action, observed, title, wanted
from usertags.quality.timeline import Day, History

# The maximum number of failed checks in a message; the page has all of them.
_SHOWN = 10
# Observed values and bounds, such as long lists of values, are truncated.
_LONGEST = 200


@dataclass(frozen=True)
class Failure:
    """A failed check in a message. `runbook` is the URL of its section."""

    id: str
    table: str
    check: str
    severity: str
    observed: str
    bounds: str
    owner: str
    action: str
    runbook: str


@dataclass(frozen=True)
class Message:
    """A message about a day. `page` and `runbook` are URLs under Airflow's base URL."""

    kind: AlertKind
    project: str
    day: str
    state: str
    title: str
    reason: str
    readers: str
    failed: tuple[Failure, ...]
    page: str
    runbook: str

    def fields(self) -> dict[str, Any]:
        return asdict(self) | {"text": text_of(self)}


@dataclass(frozen=True)
class Place:
    """Where a message is about: the project, Airflow's address, columns whose values are not shown, and the
    language of sentences about checks."""

    project: str
    base_url: str
    deadline: time
    masked: Collection[tuple[str, str]] = ()
    language: Language = "en"


def message_of(due: Due, history: History, place: Place) -> Message:
    day, kind = due.day, due.kind
    base = place.base_url.rstrip("/")
    found = failed_checks(day, kind)
    failed = tuple(_failure(result, base, place) for result in found)
    section = LATE if kind == "late" else ""
    return Message(
        kind=kind,
        project=place.project,
        day=day.day.isoformat(),
        state=day.state,
        title=f"[{place.project}] {day.day} {_title(day, kind, len(found), place.deadline)}",
        reason=_reason(day, history),
        readers=_readers(day, history),
        failed=failed,
        page=f"{base}/usertags/quality/day/{day.day}",
        runbook=failed[0].runbook if failed and not section else _runbook(base, section),
    )


def unknown_message(day: date, place: Place) -> Message:
    """The message about a day if the tables cannot be read."""
    base = place.base_url.rstrip("/")
    return Message(
        kind="late",
        project=place.project,
        day=day.isoformat(),
        state="unknown",
        title=f"[{place.project}] it is unknown whether {day} is published: the tables do not respond",
        reason="The table catalog or its storage is down, or rejects the credentials. No data is lost.",
        readers="Readers may get errors until it is available again.",
        failed=(),
        page=f"{base}/usertags/quality/day/{day}",
        runbook=_runbook(base, UNREACHABLE),
    )


def _title(day: Day, kind: AlertKind, failed: int, deadline: time) -> str:
    if kind == "blocked":
        return f"is blocked: {_count(failed, 'critical check')} failed"
    if kind == "warned":
        return f"is published with {_count(failed, 'warning')}"
    if kind == "late":
        return f"is not published by {deadline:%H:%M}"
    how = {"released": ", released by a person", "warned": ", with warnings"}.get(day.state, "")
    return f"is good again: published{how}"


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _reason(day: Day, history: History) -> str:
    if day.refused is not None:
        return f"Its {day.refused.stage} checks refused it. Nothing of it is published, and later days wait."
    if day.good:
        return ""
    earlier = [each.day for each in history.blocked if each.day < day.day]
    if earlier:
        return f"It waits for {earlier[0]}, which is blocked."
    if day.runs:
        return f"Its run has not ended: the last completed stage is {day.runs[0].stage}."
    return "None of its stages has ended: check whether its run was started and its sources were read."


def _readers(day: Day, history: History) -> str:
    if day.published is not None:
        if day.good:
            return "Readers see this day."
        return f"Readers still see an earlier run of {day.day} ({day.published.run_id})."
    good = history.last_good(day.day)
    return f"Readers still see {good.day}." if good else "Readers see no data: no day is published yet."


def _failure(result: CheckResult, base: str, place: Place) -> Failure:
    masked = any((result.table, column) in place.masked for column in result.columns)
    return Failure(
        id=result.check_id,
        table=result.table,
        check=title(result, place.language),
        severity=result.severity,
        observed=MASK if masked else _cut(observed(result, place.language)),
        bounds=_cut(wanted(result, place.language)),
        owner=result.owner or "",
        action=action(result, place.language),
        runbook=_runbook(base, section_of(result.kind)),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]} …"


def _runbook(base: str, section: str) -> str:
    return f"{base}/usertags/runbook" + (f"#{section}" if section else "")


def text_of(message: Message, limit: int | None = None) -> str:
    """The message as plain text; with a limit in bytes, as many failed checks as fit."""
    for shown in range(min(len(message.failed), _SHOWN), 0, -1):
        text = _text(message, shown)
        if limit is None or len(text.encode()) <= limit:
            return text
    return _text(message, 0)


def _text(message: Message, shown: int) -> str:
    lines = [message.title, *filter(None, [message.reason]), message.readers]
    for failure in message.failed[:shown]:
        lines += [
            "",
            f"{failure.severity}: {failure.table}: {failure.check}",
            f"  observed {failure.observed}, expected {failure.bounds}",
            f"  owner: {failure.owner}. Do: {failure.action}",
            f"  {failure.runbook}",
        ]
    lines += ["", *filter(None, [_more(message, shown)])]
    return "\n".join([*lines, f"The day: {message.page}", f"Runbook: {message.runbook}"])


def html_of(message: Message) -> str:
    """The message as HTML for mail; all variable texts are escaped."""
    head = "".join(f"<p>{escape(text)}</p>" for text in (message.reason, message.readers) if text)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td style='padding:4px 8px;border:1px solid #ccc;vertical-align:top'>{cell}</td>"
            for cell in (
                escape(failure.severity),
                f"<a href='{escape(failure.runbook)}'>{escape(failure.check)}</a><br>{escape(failure.table)}",
                escape(failure.observed),
                escape(failure.bounds),
                escape(failure.owner),
                escape(failure.action),
            )
        )
        + "</tr>"
        for failure in message.failed[:_SHOWN]
    )
    names = "".join(
        f"<th align='left'>{name}</th>"
        for name in ("", "check", "observed", "expected", "owner", "what to do")
    )
    table = f"<table style='border-collapse:collapse'><tr>{names}</tr>{rows}</table>" if rows else ""
    left = _more(message, _SHOWN)
    more = f"<p>{left}</p>" if left else ""
    links = (
        f"<p><a href='{escape(message.page)}'>The day</a> · "
        f"<a href='{escape(message.runbook)}'>What to do</a></p>"
    )
    return f"<h3>{escape(message.title)}</h3>{head}{table}{more}{links}"


def _more(message: Message, shown: int) -> str:
    left = len(message.failed) - shown
    return f"{left} more on the page of the day." if left > 0 else ""
