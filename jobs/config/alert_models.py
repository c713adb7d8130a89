"""What a person writes about alerts: when a day is late, and who is told what by which channel."""

import string
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from jobs.config.quality_models import Entry
from jobs.config.yaml_file import read_yaml

AlertKind = Literal["blocked", "warned", "late", "recovered"]
KINDS: tuple[AlertKind, ...] = ("blocked", "warned", "late", "recovered")
# What a body of one's own can hold.
PLACEHOLDERS = ("title", "text", "day", "state", "page", "runbook")

ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s,<>]+@[^@\s,<>]+$")]


class ChannelEntry(Entry):
    """Base of every channel. `connection` is the id of an Airflow connection, which holds what is secret;
    `tell` says which messages go there."""

    connection: ConnectionId
    tell: list[AlertKind] = Field(default=list(KINDS), min_length=1)


class MailEntry(ChannelEntry):
    """Mail by Airflow's SmtpNotifier. Without `from` the sender is that of the connection."""

    kind: Literal["smtp"]
    connection: ConnectionId = "smtp_default"
    to: Annotated[list[Address], Field(min_length=1)]
    from_: Address | None = Field(default=None, alias="from")


class HookEntry(ChannelEntry):
    """A JSON body that is posted to the connection's address, in the form that the service expects.

    `kind: webhook` posts all fields of the message, or a `body` of one's own whose texts hold placeholders.
    """

    kind: Literal["slack", "dingtalk", "feishu", "wecom", "webhook"]
    body: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _body_of_a_webhook(self) -> "HookEntry":
        if self.body is None:
            return self
        if self.kind != "webhook":
            raise ValueError(f"`body` is given with `kind: webhook`; the body of {self.kind} is known")
        unknown = sorted(_fields(self.body) - set(PLACEHOLDERS))
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise ValueError(f"`body` has no placeholder {{{unknown[0]}}}: there are {known}")
        return self


Channel = Annotated[MailEntry | HookEntry, Field(discriminator="kind")]


class AlertsEntry(Entry):
    """A day that is not published `by` this time of the day after it is late, in the project's time zone."""

    by: str
    channels: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], Channel]

    @field_validator("by")
    @classmethod
    def _time_of_day(cls, text: str) -> str:
        if time_of_day(text) is None:
            raise ValueError(f"`by` is a time of the day such as 08:00: {text!r}")
        return text

    @property
    def time(self) -> time:
        found = time_of_day(self.by)
        assert found is not None
        return found


def time_of_day(text: object) -> time | None:
    """A time as HH:MM; None for anything else."""
    try:
        return time.fromisoformat(text) if isinstance(text, str) and len(text) == 5 else None
    except ValueError:
        return None


def deadline_of(folder: Path) -> tuple[time, str] | None:
    """The time and time zone of a configuration's deadline, without loading the rest of it; None where there
    are no alerts. What is wrong with the file is told by whoever loads it."""
    project = read_yaml(folder / "project.yml", "project.yml").data
    try:
        by = time_of_day(project["alerts"]["by"])
        timezone = str(project["timezone"])
    except (KeyError, TypeError):
        return None
    return (by, timezone) if by else None


def filled(value: Any, words: dict[str, str]) -> Any:
    """A body with its placeholders replaced."""
    if isinstance(value, str):
        return value.format_map(words)
    if isinstance(value, dict):
        return {key: filled(each, words) for key, each in value.items()}
    return [filled(each, words) for each in value] if isinstance(value, list) else value


def _fields(value: Any) -> set[str]:
    """The placeholders of all texts in a value."""
    if isinstance(value, str):
        try:
            return {name for _, name, *_ in string.Formatter().parse(value) if name is not None}
        except ValueError as error:
            raise ValueError(f"`body` holds a brace that is no placeholder: {value!r}") from error
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for part in parts for name in _fields(part)}
