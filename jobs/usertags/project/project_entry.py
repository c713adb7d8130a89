"""project.yml, with the settings of identity and sensitivities; `usertags.project.build` checks it."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from usertags.config.alert_models import AlertsEntry
from usertags.config.durations import DayOfYear
from usertags.config.entry import Entry, Name
from usertags.config.forms import Form
from usertags.config.id_forms import IdEntry
from usertags.config.quality_models import QualityEntry, RetentionEntry
from usertags.project.rfm_entry import RfmEntry
from usertags.published import PUBLISHED

if TYPE_CHECKING:
    TagTable = str
else:
    # A published table that tags can be kept out of.
    TagTable = Literal[tuple(table.view for table in PUBLISHED if table.carries)]


class Period(Entry):
    """A yearly period, such as 10-20 to 11-11; `to` before `from` is in the next year."""

    from_: DayOfYear = Field(alias="from")
    to: DayOfYear


class IdentityEntry(Entry):
    """Settings of identity: the maximum number of ids of a kind per person, and the blocked ids in plain
    text."""

    limits: dict[Name, Annotated[int, Field(ge=1, strict=True)]] = Field(default_factory=dict)
    block: dict[Name, list[str]] = Field(default_factory=dict)


class Sensitivity(Entry):
    """The tables that exclude tags of this sensitivity."""

    keep_out_of: list[TagTable]


class ProjectEntry(Entry):
    project: Name
    timezone: str
    currency: Annotated[str, Form(r"[A-Z]{3}", "a currency code of three capital letters such as CNY")]
    state: str
    lake: str
    rfm: RfmEntry | None = None
    calendar: dict[Name, Period] = Field(default_factory=dict)
    # Their content is read together with dictionaries/*.yml.
    dictionaries: dict[str, Any] = Field(default_factory=dict)
    identity: IdentityEntry | None = None
    # How ids of people are written, by kind of id.
    ids: dict[Name, IdEntry] = Field(default_factory=dict)
    sensitivity: dict[Name, Sensitivity] = Field(default_factory=dict)
    quality: QualityEntry = QualityEntry()
    retention: RetentionEntry = RetentionEntry()
    alerts: AlertsEntry | None = None
