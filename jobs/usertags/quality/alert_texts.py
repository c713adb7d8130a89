"""The texts of messages: names of checks, numbers and bounds, but no rows, users or personal names."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, time
from html import escape
from typing import Any

from usertags.config.alert_models import AlertKind
from usertags.language import Language, Words, name_of
from usertags.project.lineage import Lineage
from usertags.project.masking import MASK
from usertags.quality import texts
from usertags.quality.alerting import Due, failed_checks
from usertags.quality.checks import CheckResult
from usertags.quality.impact import impact
from usertags.quality.runbook import LATE, UNREACHABLE, section_of
from usertags.quality.sentences import action, observed, title, wanted
from usertags.quality.timeline import Day, History

# The maximum number of failed checks in a message; the page has all of them.
_SHOWN = 10
# The maximum number of tags that a failed check names in a text; `tags` of its JSON has all of them.
_TAGS_SHOWN = 5
# Observed values and bounds, such as long lists of values, are truncated.
_LONGEST = 200


@dataclass(frozen=True)
class Failure:
    """A failed check in a message. `runbook` is the URL of its section, `tags` are the ids of the published
    tags that depend on what it looked at."""

    id: str
    table: str
    check: str
    severity: str
    observed: str
    bounds: str
    owner: str
    action: str
    runbook: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """A message about a day, in the language of its project. `page` and `runbook` are URLs under Airflow's
    base URL."""

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
    language: Language = "en"

    def fields(self) -> dict[str, Any]:
        """The message as JSON: what a webhook receives, with the plain text as `text`."""
        named = asdict(self)
        del named["language"]
        return named | {"text": text_of(self)}


@dataclass(frozen=True)
class Place:
    """Where a message is about: the project, Airflow's base URL, the deadline in the project's time zone, the
    masked columns as (table, column), the language of the message, and the lineage that says which tags a
    check affects; without it none are named."""

    project: str
    base_url: str
    deadline: time
    masked: Collection[tuple[str, str]] = ()
    language: Language = "en"
    lineage: Lineage | None = None


def message_of(due: Due, history: History, place: Place) -> Message:
    """The message that is due about a day. What was observed of a masked column is masked."""
    day, kind = due.day, due.kind
    base = place.base_url.rstrip("/")
    found = failed_checks(day, kind)
    failed = tuple(_failure(result, base, place) for result in found)
    section = LATE if kind == "late" else ""
    return Message(
        kind=kind,
        project=place.project,
        day=day.data_day.isoformat(),
        state=day.state,
        title=f"[{place.project}] {day.data_day} {_title(day, kind, len(found), place)}",
        reason=_reason(day, history, place.language),
        readers=_readers(day, history, place.language),
        failed=failed,
        page=f"{base}/usertags/quality/day/{day.data_day}",
        runbook=failed[0].runbook if failed and not section else _runbook(base, section),
        language=place.language,
    )


def unknown_message(day: date, place: Place) -> Message:
    """The message about a day if the tables cannot be read."""
    base, language = place.base_url.rstrip("/"), place.language
    return Message(
        kind="late",
        project=place.project,
        day=day.isoformat(),
        state="unknown",
        title=f"[{place.project}] {texts.UNKNOWN.filled(language, day=day)}",
        reason=texts.UNKNOWN_REASON.of(language),
        readers=texts.UNKNOWN_READERS.of(language),
        failed=(),
        page=f"{base}/usertags/quality/day/{day}",
        runbook=_runbook(base, UNREACHABLE),
        language=language,
    )


def _title(day: Day, kind: AlertKind, failed: int, place: Place) -> str:
    if kind in ("blocked", "warned"):
        counted = texts.BLOCKED if kind == "blocked" else texts.WARNED
        return counted.filled(place.language, count=failed)
    if kind == "late":
        return texts.LATE.filled(place.language, deadline=f"{place.deadline:%H:%M}")
    return texts.RECOVERED[day.state].of(place.language)


def _reason(day: Day, history: History, language: Language) -> str:
    if day.refused is not None:
        return texts.REFUSED_BY.filled(language, stage=name_of(day.refused.stage, texts.STAGES, language))
    if day.good:
        return ""
    earlier = [each.data_day for each in history.blocked if each.data_day < day.data_day]
    if earlier:
        return texts.WAITS_FOR.filled(language, day=earlier[0])
    if day.runs:
        return texts.NOT_ENDED.filled(language, stage=name_of(day.runs[0].stage, texts.STAGES, language))
    return texts.NOT_STARTED.of(language)


def _readers(day: Day, history: History, language: Language) -> str:
    if day.published is not None:
        if day.good:
            return texts.READERS_SEE_DAY.of(language)
        return texts.READERS_SEE_EARLIER_RUN.filled(language, day=day.data_day, run_id=day.published.run_id)
    good = history.last_good(day.data_day)
    if good is None:
        return texts.READERS_SEE_NOTHING.of(language)
    return texts.READERS_STILL_SEE.filled(language, day=good.data_day)


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
        tags=_tags(result, place.lineage),
    )


def _tags(result: CheckResult, lineage: Lineage | None) -> tuple[str, ...]:
    hit = impact(lineage, result.table, result.column).tags if lineage is not None else ()
    return tuple(tag.id for tag in hit)


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
        lines += ["", *_lines(failure, message.language)]
    lines += ["", *filter(None, [_more(message, shown)])]
    places = ((texts.PAGE, message.page), (texts.RUNBOOK, message.runbook))
    return "\n".join([*lines, *(words.filled(message.language, url=url) for words, url in places)])


def _lines(failure: Failure, language: Language) -> list[str]:
    severity = name_of(failure.severity, texts.SEVERITIES, language)
    return [
        texts.FAILED_CHECK.filled(language, severity=severity, table=failure.table, check=failure.check),
        texts.FOUND.filled(language, observed=failure.observed, wanted=failure.bounds),
        *([_hit(failure, language)] if failure.tags else []),
        texts.TO_DO.filled(language, owner=failure.owner, action=failure.action),
        f"  {failure.runbook}",
    ]


def _hit(failure: Failure, language: Language) -> str:
    """The tags that a failed check affects, by their ids."""
    shown = ", ".join(failure.tags[:_TAGS_SHOWN]) + (" …" if len(failure.tags) > _TAGS_SHOWN else "")
    return texts.TAGS_HIT.filled(language, count=len(failure.tags), tags=shown)


def html_of(message: Message) -> str:
    """The message as HTML for mail; all variable texts are escaped."""
    language = message.language
    head = "".join(f"<p>{escape(text)}</p>" for text in (message.reason, message.readers) if text)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td style='padding:4px 8px;border:1px solid #ccc;vertical-align:top'>{cell}</td>"
            for cell in (
                escape(name_of(failure.severity, texts.SEVERITIES, language)),
                f"<a href='{escape(failure.runbook)}'>{escape(failure.check)}</a><br>{escape(failure.table)}",
                escape(failure.observed)
                + (f"<br>{escape(_hit(failure, language).strip())}" if failure.tags else ""),
                escape(failure.bounds),
                escape(failure.owner),
                escape(failure.action),
            )
        )
        + "</tr>"
        for failure in message.failed[:_SHOWN]
    )
    # Mail programs show no style sheet, so every cell has its own style.
    columns = ("", *(words.of(language) for words in texts.MAIL_COLUMNS))
    names = "".join(f"<th align='left'>{name}</th>" for name in columns)
    table = f"<table style='border-collapse:collapse'><tr>{names}</tr>{rows}</table>" if rows else ""
    left = _more(message, _SHOWN)
    more = f"<p>{left}</p>" if left else ""
    links = f"<p>{_link(message.page, texts.PAGE_LINK, language)} · "
    links += f"{_link(message.runbook, texts.RUNBOOK_LINK, language)}</p>"
    return f"<h3>{escape(message.title)}</h3>{head}{table}{more}{links}"


def _link(url: str, words: Words, language: Language) -> str:
    return f"<a href='{escape(url)}'>{escape(words.of(language))}</a>"


def _more(message: Message, shown: int) -> str:
    left = len(message.failed) - shown
    return texts.MORE_FAILED.filled(message.language, count=left) if left > 0 else ""
