"""Alerts about blocked, warned, late and recovered days: each is sent once, however often this runs.

A message is claimed in `ops.alerts` before it is sent, and its outcome is added afterwards. One that could
not be sent is due again. Only if the process dies after the receiver's answer and before that row, it is
sent twice, because a receiver cannot be asked whether it already has a message.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from usertags.config.alert_models import AlertsEntry, HookEntry, MailEntry
from usertags.errors import InfrastructureError
from usertags.project.lineage import Lineage
from usertags.project.masking import masked_columns
from usertags.project.model import Project
from usertags.published import PUBLISHED
from usertags.quality.alert_texts import Message, Place, message_of, unknown_message
from usertags.quality.alerting import Due, Entry, Status, days_to_look_at, due
from usertags.quality.checks import CheckRow
from usertags.quality.register import publication_from, record_of
from usertags.quality.timeline import History, history
from usertags.stages.alert_ledger import Ledger
from usertags.stages.days import expected_day
from usertags.store.filters import rows_among
from usertags.store.lake import Lake
from usertags.store.schemas import CHECKS, PUBLICATIONS, RUNS
from usertags.store.tables import find_table

Send = Callable[[MailEntry | HookEntry, Message], None]
_CLAIMS = 5


@dataclass(frozen=True)
class Delivery:
    """The outcome of a message. `note` says why it was not sent, without an address or a secret."""

    channel: str
    message: Message
    sent: bool
    note: str = ""

    def __str__(self) -> str:
        how = "sent" if self.sent else f"not sent: {self.note}"
        return f"{self.channel}: {self.message.title} ({how})"


def send_due(
    project: Project, lake: Lake, *, send: Send | None = None, now: datetime | None = None
) -> list[Delivery]:
    """Send all due messages and return their outcomes. A failing receiver is not an error: its
    message is due again the next time."""
    if project.alerts is None:
        return []
    moment = now or datetime.now(UTC)
    ledger = Ledger(lake)
    found, known = _claimed(project, lake, ledger, moment)
    if not found:
        return []
    place = _place(project, project.alerts)
    deliveries = []
    for item, claim in found:
        message = message_of(item, known, place)
        channel = project.alerts.channels[item.channel]
        sent, note = (True, "") if not item.wanted else _sent(channel, message, send)
        status: Status = ("sent" if item.wanted else "silent") if sent else "failed"
        ledger.add(_entry(item, status, claim, datetime.now(UTC) if now is None else now, note))
        if item.wanted:
            deliveries.append(Delivery(item.channel, message, sent, note))
    return deliveries


def send_unknown(
    project: Project, *, send: Send | None = None, now: datetime | None = None
) -> list[Delivery]:
    """Notify the channels for late days that the tables do not answer, so that it is unknown whether the
    newest day is published. Earlier messages are recorded in those tables: the caller sends this one once."""
    if project.alerts is None:
        return []
    place = _place(project, project.alerts)
    message = unknown_message(expected_day(project.timezone, now or datetime.now(UTC)), place)
    deliveries = []
    for name, channel in project.alerts.channels.items():
        if "late" in channel.tell:
            deliveries.append(Delivery(name, message, *_sent(channel, message, send)))
    return deliveries


def pending(project: Project, lake: Lake, now: datetime | None = None) -> list[tuple[str, Message]]:
    """The messages that are due, by channel; nothing is sent."""
    if project.alerts is None:
        return []
    entries = Ledger(lake).entries
    items, known = _due(project, project.alerts, lake, entries, now or datetime.now(UTC))
    place = _place(project, project.alerts)
    return [(item.channel, message_of(item, known, place)) for item in items if item.wanted]


def require_sent(deliveries: Collection[Delivery]) -> None:
    """Raises InfrastructureError if a message was not sent: calling `send_due` again later sends it."""
    left = [str(item) for item in deliveries if not item.sent]
    if left:
        raise InfrastructureError(
            f"{len(left)} of {len(deliveries)} messages were not sent:\n" + "\n".join(left),
            safe="the data is unchanged; unsent messages stay due and are sent the next time",
            next_step="check the Airflow connection of the channel, then run `usertags alert`",
        )


def _claimed(
    project: Project, lake: Lake, ledger: Ledger, now: datetime
) -> tuple[list[tuple[Due, str]], History]:
    """The due messages, claimed so that no other process sends them."""
    assert project.alerts is not None
    for _ in range(_CLAIMS):
        items, known = _due(project, project.alerts, lake, ledger.entries, now)
        claims = [(item, uuid4().hex) for item in items]
        entries = [_entry(item, "claimed", claim, now) for item, claim in claims]
        if not entries or ledger.claim(entries):
            return claims, known
        ledger.refresh()
    return [], History({})


def _due(
    project: Project, alerts: AlertsEntry, lake: Lake, entries: list[Entry], now: datetime
) -> tuple[list[Due], History]:
    runs = [record_of(row) for row in _rows(lake, RUNS.name)]
    published = [publication_from(row) for row in _rows(lake, PUBLICATIONS.name)]
    expected = expected_day(project.timezone, now)
    days = days_to_look_at(runs, published, entries, now) | {expected}
    checks = [CheckRow.of(row) for row in _rows(lake, CHECKS.name, days)]
    known = history(checks, runs, published, expected)
    wanted = {name: tuple(channel.tell) for name, channel in alerts.channels.items()}
    return due(known, days, entries, wanted, alerts.by, project.timezone, now), known


def _rows(lake: Lake, name: str, days: Collection[date] | None = None) -> list[dict[str, Any]]:
    table = find_table(lake, name)
    if table is None:
        return []
    scan = table.scan() if days is None else table.scan(row_filter=rows_among("dt", days))
    rows: list[dict[str, Any]] = scan.to_arrow().to_pylist()
    return rows


def _sent(channel: MailEntry | HookEntry, message: Message, send: Send | None) -> tuple[bool, str]:
    from usertags.notifiers import NotTaken
    from usertags.notifiers import send as by_airflow

    try:
        (send or by_airflow)(channel, message)
    except NotTaken as error:
        return False, str(error)
    except Exception as error:  # noqa: BLE001 - whatever the receiver's library raises; its text may be secret
        return False, type(error).__name__
    return True, ""


def _entry(item: Due, status: Status, claim: str, at: datetime, note: str = "") -> Entry:
    return Entry(item.day.data_day, 0, item.channel, item.kind, status, item.day.state, claim, at, note)


def _place(project: Project, alerts: AlertsEntry) -> Place:
    tables = [*(f"clean.{name}" for name in project.sources), *(spec.name for spec in PUBLISHED)]
    masked = {(table, column) for table in tables for column in masked_columns(project, table)}
    return Place(project.name, _base_url(), alerts.by, masked, project.quality.language, Lineage(project))


def _base_url() -> str:
    """The base URL of Airflow, from its settings."""
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback=""))
