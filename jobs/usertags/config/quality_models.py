"""Models of the quality settings: checks of a batch, allowed differences from earlier days, and the
allowed coverage of a tag."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from usertags.config.durations import Days, Duration
from usertags.config.entry import Entry, Word
from usertags.config.forms import Form
from usertags.config.switches import Off, On
from usertags.language import Language

Severity = Literal["critical", "warning", "info"]
# The gravest first: the one order of severities.
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
Above = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Rows(Entry):
    min: int | None = None
    max: int | None = None


_COLUMN_OF_A_SOURCE = Form(
    r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*",
    "a column of another source, as source.column, such as users.customer",
)


class CheckEntry(Entry):
    """One check of the clean batch.

    `references` is a column of another source, such as users.customer: the minimum share of rows with a
    value there is `mostly`. `fresh_within` is the maximum age of the newest row at the end of the data
    day.
    """

    column: str | None = None
    not_null: On | None = None
    between: tuple[float | None, float | None] | None = None
    in_set: list[Word] | None = None
    matches: str | None = None
    references: Annotated[str, _COLUMN_OF_A_SOURCE] | None = None
    rows: Rows | None = None
    fresh_within: Duration | None = None
    mostly: float = Field(default=1.0, gt=0, le=1)
    severity: Severity
    owner: str
    action: str

    @model_validator(mode="after")
    def _one_kind(self) -> "CheckEntry":
        of_column = [self.not_null, self.between, self.in_set, self.matches, self.references]
        given = sum(item is not None for item in of_column)
        if given + sum(item is not None for item in (self.rows, self.fresh_within)) != 1:
            raise ValueError(
                "needs exactly one of not_null, between, in_set, matches, references, rows, fresh_within"
            )
        if (given == 1) != (self.column is not None):
            raise ValueError(
                "a check of values needs `column`; a check of `rows` or `fresh_within` must not have it"
            )
        if self.fresh_within is not None and not self.fresh_within.number:
            raise ValueError("`fresh_within` must be longer than 0")
        return self


class OwnCheckEntry(Entry):
    """A custom check: an expectation of Great Expectations by class name and arguments."""

    table: str
    expectation: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    description: str = ""
    severity: Severity
    owner: str
    action: str


class Bounds(Entry):
    """Above `warning` the check warns, above `critical` the day is refused; a missing bound is never
    exceeded."""

    warning: Above | None = None
    critical: Above | None = None

    @model_validator(mode="after")
    def _rising(self) -> "Bounds":
        if self.warning is not None and self.critical is not None and self.warning > self.critical:
            raise ValueError("`warning` must not be greater than `critical`")
        return self


class CompareEntry(Entry):
    """The allowed difference of a batch from earlier batches.

    `fall` of rows, as a share of the usual; `rise` of rows, as a multiple of the usual; `empty`, the rise of
    the share of rows without a value; `scale`, the multiple by which a number's median is larger or smaller;
    `length`, the characters by which ids are longer or shorter on average.
    """

    fall: Bounds = Bounds(warning=0.3, critical=0.45)
    rise: Bounds = Bounds(warning=3, critical=20)
    empty: Bounds = Bounds(warning=0.15, critical=0.3)
    scale: Bounds = Bounds(warning=2, critical=10)
    length: Bounds = Bounds(warning=0.5, critical=1.5)


class TagDriftEntry(Entry):
    """The allowed difference of a tag from earlier days, as population stability index: of the users with and
    without it, and of its values."""

    coverage: Bounds = Bounds(warning=0.1, critical=0.25)
    values: Bounds = Bounds(warning=0.1, critical=0.25)


def _off_or_bounds(value: object) -> str:
    return "bounds" if isinstance(value, dict | Entry) else "off"


_Off = Annotated[Off, Tag("off")]
Compare = Annotated[Annotated[CompareEntry, Tag("bounds")] | _Off, Discriminator(_off_or_bounds)]
Drift = Annotated[Annotated[TagDriftEntry, Tag("bounds")] | _Off, Discriminator(_off_or_bounds)]


class QualityEntry(Entry):
    """What a day is compared with: the same weekday of `weeks`, the `days` before it, the `published` days
    before it; nothing below `least` rows or users. `owner` has the checks that nobody wrote, and the tasks in
    Airflow; `language` is that of pages, alerts and reports."""

    weeks: Annotated[int, Field(ge=1, le=12)] = 4
    days: Annotated[int, Field(ge=3, le=60)] = 14
    published: Annotated[int, Field(ge=1, le=60)] = 7
    least: Annotated[int, Field(ge=1)] = 100
    owner: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)] = "data engineering"
    language: Language = "en"
    batches: CompareEntry = CompareEntry()
    tags: TagDriftEntry = TagDriftEntry()


def owner_of(folder: Path) -> str:
    """The `quality.owner` of a configuration, without loading the rest of it. What is wrong with the file is
    reported when it is loaded."""
    try:
        project_yml = yaml.safe_load((folder / "project.yml").read_text(encoding="utf-8"))
        return QualityEntry(owner=project_yml["quality"]["owner"]).owner
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return QualityEntry().owner


class RetentionEntry(Entry):
    """Retention periods: `reports` of runs, in days such as 90d."""

    reports: Days = Days(90)


class CoverageEntry(Entry):
    """The allowed share of users who carry a tag."""

    min: Share = 0.0
    max: Share = 1.0
    severity: Severity = "critical"

    @model_validator(mode="after")
    def _can_hold(self) -> "CoverageEntry":
        if self.min > self.max:
            raise ValueError("`min` must not be greater than `max`")
        if self.min == 0 and self.max == 1:
            raise ValueError("this range allows any share: set `min` or `max`")
        return self
