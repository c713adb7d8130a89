"""Models of the alert settings: when a day is late, and which channels receive which messages."""

import string
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from usertags.config.durations import TimeOfDay
from usertags.config.entry import Entry
from usertags.config.forms import Form
from usertags.config.yaml_file import read_yaml

AlertKind = Literal["blocked", "warned", "late", "recovered"]
KINDS: tuple[AlertKind, ...] = ("blocked", "warned", "late", "recovered")
# The placeholders of a custom body.
PLACEHOLDERS = ("title", "text", "day", "state", "page", "runbook")

ConnectionId = Annotated[
    str,
    Form(
        r"[A-Za-z0-9_.-]+",
        "the id of an Airflow connection (letters, digits, _, . and -) such as smtp_default",
    ),
]
Address = Annotated[str, Form(r"[^@\s,<>]+@[^@\s,<>]+", "a mail address such as data@example.com")]
ChannelName = Annotated[
    str, Form(r"[a-z][a-z0-9_]*", "a name (lowercase letters, digits and _, letter first) such as on_duty")
]


class ChannelEntry(Entry):
    """Base of every channel. `connection` is the id of an Airflow connection, which has the secrets;
    `tell` lists the messages sent to the channel."""

    connection: ConnectionId
    tell: list[AlertKind] = Field(default=list(KINDS), min_length=1)


class MailEntry(ChannelEntry):
    """Mail through Airflow's SmtpNotifier. The default of `from` is the sender of the connection."""

    kind: Literal["smtp"]
    connection: ConnectionId = "smtp_default"
    to: Annotated[list[Address], Field(min_length=1)]
    from_: Address | None = Field(default=None, alias="from")


class HookEntry(ChannelEntry):
    """A JSON body posted to the address of the connection, in the format of the service.

    `kind: webhook` posts all fields of the message, or a custom `body` with placeholders.
    """

    kind: Literal["slack", "dingtalk", "feishu", "wecom", "webhook"]
    body: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _body_of_a_webhook(self) -> "HookEntry":
        if self.body is None:
            return self
        if self.kind != "webhook":
            raise ValueError(f"`body` requires `kind: webhook`; the body of {self.kind} is fixed")
        unknown = sorted(_fields(self.body) - set(PLACEHOLDERS))
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise ValueError(f"unknown placeholder {{{unknown[0]}}} in `body`, expected one of {known}")
        return self


Channel = Annotated[MailEntry | HookEntry, Field(discriminator="kind")]


class AlertsEntry(Entry):
    """A day that is not published `by` this time of the next day (project time zone) is late."""

    by: TimeOfDay
    channels: dict[ChannelName, Channel]


def deadline_of(folder: Path) -> tuple[time, str] | None:
    """The time and time zone of a configuration's deadline, without loading the rest of it; None if there
    are no alerts. Problems of the file are reported when it is loaded."""
    project_yml = read_yaml(folder / "project.yml", "project.yml").data
    try:
        by = TimeOfDay.read(str(project_yml["alerts"]["by"]))
        timezone = str(project_yml["timezone"])
    except (KeyError, TypeError):
        return None
    return (by, timezone) if by else None


def filled(value: Any, placeholders: dict[str, str]) -> Any:
    """A body with its placeholders replaced."""
    if isinstance(value, str):
        return value.format_map(placeholders)
    if isinstance(value, dict):
        return {key: filled(each, placeholders) for key, each in value.items()}
    return [filled(each, placeholders) for each in value] if isinstance(value, list) else value


def _fields(value: Any) -> set[str]:
    """The placeholders of all texts in a value."""
    if isinstance(value, str):
        try:
            return {name for _, name, *_ in string.Formatter().parse(value) if name is not None}
        except ValueError as error:
            raise ValueError(f"`body` has a brace that is not part of a placeholder: {value!r}") from error
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for part in parts for name in _fields(part)}
