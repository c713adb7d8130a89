"""Models of the configuration files: one frozen model per kind of entry.

The compiled project is built from these in `usertags.project`.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    create_model,
    field_validator,
    model_validator,
)

from usertags.config.alert_models import AlertsEntry
from usertags.config.days import Days
from usertags.config.quality_models import (
    CheckEntry,
    CompareEntry,
    CoverageEntry,
    Entry,
    QualityEntry,
    RetentionEntry,
    TagDriftEntry,
    Word,
)
from usertags.kinds import KINDS, KindName, TagKind

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
ColumnType = Annotated[
    str,
    StringConstraints(
        pattern=r"^(string|int|bigint|double|boolean|date|timestamp|decimal\(\d{1,2},\d{1,2}\))$",
        strip_whitespace=True,
    ),
]
TagTable = Literal["user_tags", "user_profile", "user_tag_changes", "tag_statistics"]


class SqlConnection(Entry):
    kind: Literal["sql"]
    url: str | None = None
    embedded: Literal["postgres"] | None = None
    airflow: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "SqlConnection":
        if sum(way is not None for way in (self.url, self.embedded, self.airflow)) != 1:
            raise ValueError("needs exactly one of url, embedded and airflow")
        return self


class FilesConnection(Entry):
    kind: Literal["files"]
    root: str
    store: str | None = None


class S3Settings(Entry):
    endpoint: str
    region: str = "us-east-1"
    access_key: str
    secret_key: str


class LakeConnection(Entry):
    kind: Literal["lake"]
    embedded: Literal["store"] | None = None
    catalog: dict[str, str] | None = None
    s3: S3Settings | None = None
    reports_bucket: str = "reports"

    @model_validator(mode="after")
    def _one_way(self) -> "LakeConnection":
        outside = self.catalog is not None and self.s3 is not None
        if (self.embedded is not None) == outside:
            raise ValueError("needs either `embedded: store`, or both `catalog` and `s3`")
        return self


Connection = Annotated[SqlConnection | FilesConnection | LakeConnection, Field(discriminator="kind")]


class Read(Entry):
    connection: str
    table: str | None = None
    cursor: str | None = None
    lookback: Annotated[str, StringConstraints(pattern=r"^\d+[smhd]$")] = "0s"
    files: str | None = None
    format: Literal["csv", "json", "parquet"] | None = None
    encoding: Literal["utf-8", "gbk", "gb18030"] = "utf-8"
    delimiter: str = ","
    header: list[str] | None = None

    @model_validator(mode="after")
    def _table_or_files(self) -> "Read":
        if (self.table is None) == (self.files is None):
            raise ValueError("needs either `table` or `files`")
        if self.files is not None and self.format is None:
            raise ValueError("files need a `format`: csv, json or parquet")
        if self.files is not None and self.cursor is not None:
            raise ValueError("a `cursor` requires a `table`; new files are found by their names")
        return self


class ColumnEntry(Entry):
    from_: str | None = Field(default=None, alias="from")
    expr: str | None = None
    type: ColumnType
    pii: Literal["hash", "drop"] | None = None
    timezone: str | None = None
    format: str | None = None

    @model_validator(mode="after")
    def _from_or_expr(self) -> "ColumnEntry":
        if (self.from_ is None) == (self.expr is None):
            raise ValueError("needs either `from` or `expr`")
        if self.pii is not None and self.from_ is None:
            raise ValueError("a pii column needs `from`: an expression would read it in plain text")
        if self.pii == "hash" and self.type != "string":
            raise ValueError("a hashed column must have the type string")
        if (self.timezone or self.format) and self.type not in ("timestamp", "date"):
            raise ValueError("`timezone` and `format` are only allowed for timestamps and dates")
        return self


class ExplicitEntry(Entry):
    """The columns of rows that set or withdraw a tag manually; `withdrawn` is a condition."""

    tag: str
    value: str | None = None
    set_by: str
    reason: str | None = None
    until: str | None = None
    withdrawn: str | None = None


def _off_or_bounds(value: object) -> str:
    return "bounds" if isinstance(value, dict | Entry) else "off"


_Off = Annotated[Literal["off"], Tag("off")]
Compare = Annotated[Annotated[CompareEntry, Tag("bounds")] | _Off, Discriminator(_off_or_bounds)]
Drift = Annotated[Annotated[TagDriftEntry, Tag("bounds")] | _Off, Discriminator(_off_or_bounds)]


class SourceEntry(Entry):
    source: Name
    kind: Literal["events", "profile", "links"]
    read: Read
    columns: dict[Name, ColumnEntry]
    key: list[str] | None = None
    repeats: Literal["drop", "keep"] | None = None
    version: str | None = None
    user: dict[Name, str] | None = None
    links: dict[Name, str] | None = None
    time: str | None = None
    explicit: ExplicitEntry | None = None
    reject: dict[Name, str] = Field(default_factory=dict)
    checks: list[CheckEntry] = Field(default_factory=list)
    compare: Compare = CompareEntry()
    may_be_empty: bool = False

    @property
    def ids(self) -> dict[str, str]:
        """The id columns of the user by kind of id: one, or for links those of one person."""
        return self.user or self.links or {}

    @field_validator("user")
    @classmethod
    def _one_id(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value is not None and len(value) != 1:
            raise ValueError("must name exactly one id of the user, as `kind: column`")
        return value

    @field_validator("links")
    @classmethod
    def _several_ids(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value is not None and len(value) < 2:
            raise ValueError("must name two or more ids of one person, as `kind: column`")
        if value is not None and len(set(value.values())) < len(value):
            raise ValueError("each id of a person needs its own column")
        return value

    @model_validator(mode="after")
    def _ids_of_the_kind(self) -> "SourceEntry":
        if self.kind == "links" and self.user is not None:
            raise ValueError(
                "a source of kind links must not have `user`: its `links` name the ids of one person"
            )
        if self.kind == "links" and self.links is None:
            raise ValueError(
                "a source of kind links needs `links`: the ids that a row links, as `kind: column`"
            )
        if self.kind != "links" and self.links is not None:
            raise ValueError("`links` is only allowed in a source of kind links")
        if self.kind != "links" and self.user is None:
            raise ValueError("`user` is missing")
        return self

    @model_validator(mode="after")
    def _rows_are_told_apart(self) -> "SourceEntry":
        if (self.key is None) == (self.repeats is None):
            raise ValueError("needs either a `key`, or `repeats: drop` or `repeats: keep`")
        if self.version is not None and self.key is None:
            raise ValueError("a `version` needs a `key`")
        if self.kind == "events" and self.time is None:
            raise ValueError("events need `time`, the column with the time of the event")
        if self.kind == "links" and self.time is None:
            raise ValueError("links need `time`, the column with the time from which the link counts")
        if self.kind == "profile" and self.repeats is not None:
            raise ValueError("a profile needs a `key`: it has one current row per user")
        if self.kind != "events" and self.explicit is not None:
            raise ValueError("`explicit` is only allowed in a source of kind events")
        if self.read.lookback != "0s" and self.key is None:
            raise ValueError("a `lookback` needs a `key`, because it reads rows again")
        return self


class CalendarWindow(Entry):
    """A period of `calendar` in project.yml: the latest one that has begun, or the one some years earlier."""

    calendar: str
    years_ago: Annotated[int, Field(ge=0, le=20)] = 0


def _window_form(value: object) -> str:
    return "calendar" if isinstance(value, dict | CalendarWindow) else "days"


AnyWindow = Annotated[
    Annotated[Days, Tag("days")] | Annotated[CalendarWindow, Tag("calendar")], Discriminator(_window_form)
]


class MeasureEntry(Entry):
    """An aggregate of a user's rows over a window. `unit: currency` says that it is an amount in the
    project's currency; it, `description` and `owner` are for people, and change no version."""

    source: str
    value: str
    where: str | None = None
    window: AnyWindow | None = None
    offset: Days | None = None
    by: str | None = None
    half_life: Days | None = None
    distinct_within: Literal["day", "window", "approx"] | None = None
    unit: Literal["currency"] | None = None
    description: str = ""
    owner: str = ""

    @model_validator(mode="after")
    def _offset_needs_window(self) -> "MeasureEntry":
        if self.offset is not None and self.window is None:
            raise ValueError("an `offset` needs a `window`")
        if self.offset is not None and isinstance(self.window, CalendarWindow):
            raise ValueError("an `offset` needs a window of days; use `years_ago` with a calendar window")
        if self.half_life is not None and self.by is None:
            raise ValueError("a `half_life` needs `by`, because it weights the values of a column")
        return self


class PercentileEntry(Entry):
    """The percentile of another measure among the users of the data day."""

    percentile_of: str
    where: str | None = None
    description: str = ""
    owner: str = ""


def _measure_form(value: object) -> str:
    """Whether an entry is a percentile, even if `percentile_of` is misspelled."""
    if isinstance(value, dict):
        return "percentile" if any(str(key).startswith("percentil") for key in value) else "aggregate"
    return "percentile" if isinstance(value, PercentileEntry) else "aggregate"


AnyMeasure = Annotated[
    Annotated[MeasureEntry, Tag("aggregate")] | Annotated[PercentileEntry, Tag("percentile")],
    Discriminator(_measure_form),
]


class Example(Entry):
    given: dict[str, Any]
    expect: Any


class TagEntry(Entry):
    """A tag: what all kinds have. Each kind has keys of its own (usertags/kinds); `AnyTag` has them all."""

    name: str
    title: str
    path: Annotated[list[str], Field(min_length=3, max_length=3)]
    kind: KindName
    values: list[Word] | None = None
    type: ColumnType | None = None
    description: str
    validity: Annotated[str, StringConstraints(pattern=r"^(static|dynamic|[1-9]\d{0,3}d)$")]
    owner: str
    sensitivity: str | None = None
    coverage: CoverageEntry | None = None
    drift: Drift = TagDriftEntry()
    status: Literal["draft", "active", "retired"]
    examples: list[Example] = Field(default_factory=list)

    @property
    def kinds(self) -> tuple[TagKind, ...]:
        """The kinds that it is of: the one that has its value, and those that lay something around that."""
        return tuple(kind for kind in KINDS if kind.given(self))

    @model_validator(mode="after")
    def _one_kind(self) -> "TagEntry":
        one_of = [name for kind in KINDS for name in kind.instead]
        given = [name for name in one_of if getattr(self, name) is not None]
        if len(given) > 1 or not self.kinds:
            alone = "".join(f"; or `{name}` alone" for kind in KINDS for name in kind.alone)
            raise ValueError(f"needs exactly one of {', '.join(one_of)}{alone}")
        for kind in KINDS:
            refused = kind.refused(self)
            if refused is not None:
                raise ValueError(refused)
        if self.validity != "dynamic" and any(kind.dynamic for kind in self.kinds):
            raise ValueError("a tag with `prefer`, `set` or `follows` needs `validity: dynamic`")
        return self


# The model of an entry of tags/*.yml: what all kinds have, and the keys of each.
AnyTag: type[TagEntry] = create_model(
    "AnyTag",
    __base__=(TagEntry, *[kind.keys for kind in KINDS]),  # type: ignore[arg-type]  # found when it runs
)


class Levels(Entry):
    recency: list[float] | Literal["terciles"] = "terciles"
    frequency: list[float] | Literal["terciles"] = "terciles"
    names: list[list[str]] | None = None

    @model_validator(mode="after")
    def _three_by_three(self) -> "Levels":
        for edges in (self.recency, self.frequency):
            if edges != "terciles" and (len(edges) != 2 or sorted(edges) != edges):
                raise ValueError("portrait edges must be two increasing numbers or `terciles`")
        if self.names is not None and [len(row) for row in self.names] != [3, 3, 3]:
            raise ValueError("portrait names must be three rows of three names")
        return self


class Segment(Entry):
    id: Name
    name: str
    when: str


class Edges(Entry):
    recency: list[float]
    frequency: list[float]
    monetary: list[float]

    @model_validator(mode="after")
    def _four_rising(self) -> "Edges":
        for edges in (self.recency, self.frequency, self.monetary):
            if len(edges) != 4 or sorted(set(edges)) != edges:
                raise ValueError("fixed edges must be four increasing numbers per dimension")
        return self


class RfmEntry(Entry):
    recency: str
    frequency: str
    monetary: str
    ever: str
    scoring: Literal["quantile", "mean", "fixed"]
    edges: Edges | None = None
    portraits: Levels = Levels()
    segments: list[Segment] = Field(default_factory=list)

    @model_validator(mode="after")
    def _edges_with_fixed(self) -> "RfmEntry":
        if (self.scoring == "fixed") != (self.edges is not None):
            raise ValueError("`edges` are required with `scoring: fixed`, and only then")
        return self


class Period(Entry):
    """A yearly period, such as 10-20 to 11-11; `to` before `from` is in the next year."""

    from_: str = Field(alias="from")
    to: str

    @model_validator(mode="after")
    def _days_of_every_year(self) -> "Period":
        for key, text in (("from", self.from_), ("to", self.to)):
            if not is_day_of_every_year(text):
                raise ValueError(f"invalid day {text!r} in `{key}`, expected MM-DD such as 11-11 (not 02-29)")
        return self


def is_day_of_every_year(text: str) -> bool:
    if not re.fullmatch(r"\d\d-\d\d", text):
        return False
    try:
        date.fromisoformat(f"2001-{text}")
    except ValueError:
        return False
    return True


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
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    state: str
    lake: str
    rfm: RfmEntry | None = None
    calendar: dict[Name, Period] = Field(default_factory=dict)
    # Their content is read together with dictionaries/*.yml.
    dictionaries: dict[str, Any] = Field(default_factory=dict)
    identity: IdentityEntry | None = None
    sensitivity: dict[Name, Sensitivity] = Field(default_factory=dict)
    quality: QualityEntry = QualityEntry()
    retention: RetentionEntry = RetentionEntry()
    alerts: AlertsEntry | None = None


class SparkEntry(Entry):
    """How Spark runs, and Spark's own settings.

    By default each stage is its own application, on `master` unless spark-submit sets another one.
    `remote: embedded` keeps one session server of the configuration running, on `master`; `sc://host:port`
    is an external Spark Connect server.
    """

    master: str = "local[*]"
    remote: Annotated[str, StringConstraints(pattern=r"^(embedded|sc://.+)$")] | None = None
    conf: dict[str, str | int | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_place(self) -> "SparkEntry":
        if self.remote not in (None, "embedded") and "master" in self.model_fields_set:
            raise ValueError("a remote server has its own master: set `remote: sc://…` or `master`, not both")
        return self

    def texts(self) -> dict[str, str]:
        """The settings as texts, in Spark's format."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.conf.items()
        }
