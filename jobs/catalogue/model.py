"""What the machine runs: sources, measures and tags with their expressions parsed and their parts resolved.

Built once from the settings by `jobs.catalogue.build`; frozen, and free of Spark.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from jobs.config.alert_models import AlertsEntry
from jobs.config.models import Example, FollowsEntry, Read, RfmEntry, Segment, SparkEntry, TagKind
from jobs.config.quality_models import (
    CheckEntry,
    CompareEntry,
    CoverageEntry,
    QualityEntry,
    RetentionEntry,
    Severity,
    TagDriftEntry,
)

# What a user prefers, the most first.
PREFERENCES = "array<struct<value:string,number:double,share:double>>"


@dataclass(frozen=True)
class Column:
    """A clean column. `sql` is Spark SQL over the raw columns named in `raw`."""

    name: str
    type: str
    sql: str
    raw: frozenset[str]
    pii: Literal["hash", "drop"] | None = None
    timezone: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class Explicit:
    """What a row says of a tag: the column that names the tag, and Spark SQL for value, set_by, reason,
    until and withdrawn. `uses` are the columns that these read."""

    tag: str
    row: str
    uses: frozenset[str]


@dataclass(frozen=True)
class Source:
    """A source of rows about users. `ids` are the columns that hold ids, each with its kind: the one of the
    user, or of links those that belong to one person. `compare` says how far a batch may differ from those
    before it; None: it is compared with none.

    `deciding` are the columns that decide which rows are kept, and whose they are.
    """

    name: str
    kind: Literal["events", "profile", "links"]
    read: Read
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    repeats: Literal["drop", "keep"] | None
    version: str | None
    ids: tuple[tuple[str, str], ...]
    time: str | None
    reject: tuple[tuple[str, str], ...]
    checks: tuple[CheckEntry, ...]
    deciding: frozenset[str] = frozenset()
    explicit: Explicit | None = None
    compare: CompareEntry | None = None
    may_be_empty: bool = False

    @property
    def id_kind(self) -> str:
        """The kind of the user's id, of a source that has one."""
        ((kind, _),) = self.ids
        return kind

    @property
    def user(self) -> str:
        """The column of the user's id, of a source that has one."""
        ((_, column),) = self.ids
        return column

    @property
    def kept_columns(self) -> tuple[Column, ...]:
        """The columns that reach the clean table."""
        return tuple(column for column in self.columns if column.pii != "drop")

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The raw columns that any clean column needs: nothing else is landed."""
        names = {name for column in self.columns for name in column.raw}
        if self.read.cursor:
            names.add(self.read.cursor)
        return tuple(sorted(names))

    @property
    def raw_pii(self) -> Mapping[str, Literal["hash", "drop"]]:
        return {name: column.pii for column in self.columns if column.pii for name in column.raw}

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


MeasureFunction = Literal[
    "count",
    "count_distinct",
    "distinct_days",
    "distinct_values",
    "distinct_sketch",
    "sum",
    "min",
    "max",
    "avg",
    "first",
    "last",
    "gap_mean",
    "gap_stddev",
]
# A user without a row has none of what these count or add up; any other measure is null.
COUNTED = frozenset({"count", "count_distinct", "distinct_days", "distinct_values", "distinct_sketch", "sum"})


@dataclass(frozen=True)
class Partial:
    """An aggregate of one user's rows of one day that merges with those of other days; with `by`, of one
    value of that column."""

    id: str
    function: Literal["count", "count_distinct", "sum", "min", "max", "first", "last", "values", "sketch"]
    argument: str | None
    where: str | None
    by: str | None = None


@dataclass(frozen=True)
class CalendarPeriod:
    """A period of every year, each end as month and day; `years_ago` that of an earlier year."""

    first: tuple[int, int]
    last: tuple[int, int]
    years_ago: int


@dataclass(frozen=True)
class Measure:
    """One number a user, merged from partials over its window: `window` days that end `offset` days before D,
    or the days of a calendar's period up to D, or all days up to D.

    With `by` it is a map from the values of that column to a number each; `half_life` weighs a day's part by
    half for every so many days of age.
    `uses` are the clean columns that its aggregate and condition read. `definition`, the aggregate as it was
    written, `unit`, `description` and `owner` are for people alone.
    """

    id: str
    source: str
    function: MeasureFunction
    partials: tuple[Partial, ...]
    window: int | None
    offset: int
    calendar: CalendarPeriod | None
    type: str
    uses: frozenset[str]
    description: str
    by: str | None = None
    half_life: int | None = None
    definition: str = ""
    unit: Literal["currency"] | None = None
    owner: str = ""


@dataclass(frozen=True)
class SetByPeople:
    """How people set a tag: in rows of `source` that call it `tag`. `row` is Spark SQL for the row that gives
    the user the tag (value, set_by, reason, until), null where none does."""

    source: str
    tag: str
    row: str


@dataclass(frozen=True)
class Percentile:
    """A measure that says where another one stands among the users of the data day: an int from 0 to 100.

    `where` is Spark SQL over the measures in `uses` and data_day; `exact` says that the measure's values
    have no noise of binary fractions.
    """

    id: str
    measure: str
    exact: bool
    where: str | None
    uses: frozenset[str]
    definition: str
    description: str
    owner: str

    type: ClassVar[str] = "int"


@dataclass(frozen=True)
class Tag:
    """A tag: `sql` is Spark SQL over the measures and profile columns of one user. One that follows another
    has no rule over today: its `sql` is NULL, and carry gives it its value. `coverage` bounds the share of
    users that carry it, `drift` how far it may differ from the days before; None: any share, any day."""

    id: str
    name: str
    title: str
    path: tuple[str, str, str]
    kind: TagKind
    sql: str
    type: str
    inputs: tuple[str, ...]
    values: tuple[str | int | float, ...] | None
    definition: str
    description: str
    validity: str
    owner: str
    status: Literal["draft", "active", "retired"]
    examples: tuple[Example, ...]
    definition_version: str
    set_by: SetByPeople | None = None
    follows: FollowsEntry | None = None
    sensitivity: str | None = None
    kept_out_of: frozenset[str] = frozenset()
    coverage: CoverageEntry | None = None
    drift: TagDriftEntry | None = None

    @property
    def boolean(self) -> bool:
        return self.type == "boolean"

    @property
    def multiple(self) -> bool:
        """Whether a user can have several values of it, in order."""
        return self.type == PREFERENCES

    @property
    def value_sql(self) -> str:
        """What the rule makes of a user: false where a condition is null, no empty text, its type or null."""
        if self.boolean:
            return f"coalesce(({self.sql}), FALSE)"
        if self.multiple:
            return self.sql
        if self.type == "string":
            return f"nullif(trim(CAST(({self.sql}) AS STRING)), '')"
        return f"TRY_CAST(({self.sql}) AS {self.type.upper()})"


def visible(tags: Iterable[Tag], table: str) -> tuple[Tag, ...]:
    """The tags that a table may hold; `table` is its name without the namespace."""
    return tuple(tag for tag in tags if table not in tag.kept_out_of)


def hidden(tags: Iterable[Tag], table: str) -> list[str]:
    """The ids of the tags that a table is not to hold."""
    return [tag.id for tag in tags if table in tag.kept_out_of]


@dataclass(frozen=True)
class Rfm:
    """RFM of the project; segment rules are Spark SQL over the scores."""

    entry: RfmEntry
    segments: tuple[tuple[Segment, str], ...]
    version: str


@dataclass(frozen=True)
class Identity:
    """How ids become people. `limits`: the most ids of a kind that one person has; `block`: the ids that
    join nobody, as configuration gives them; `hashed`: the kinds whose ids are hashed at extract."""

    limits: Mapping[str, int]
    block: tuple[tuple[str, str], ...]
    hashed: frozenset[str]


@dataclass(frozen=True)
class OwnCheck:
    """A check that somebody wrote as an expectation of Great Expectations, over one table. `description` is
    for people alone: another one makes it no other check."""

    id: str
    table: str
    expectation: str
    arguments: Mapping[str, Any]
    severity: Severity
    owner: str
    action: str
    description: str = field(default="", repr=False)


@dataclass(frozen=True)
class Catalogue:
    """A whole configuration, ready to run. `version` is the hash of everything that results depend on."""

    folder: Path
    project: str
    timezone: str
    currency: str
    state: Path
    lake: str
    connections: Mapping[str, Any]
    spark: SparkEntry
    sources: Mapping[str, Source]
    measures: Mapping[str, Measure]
    percentiles: Mapping[str, Percentile]
    tags: Mapping[str, Tag]
    rfm: Rfm | None
    identity: Identity | None
    levels: Mapping[str, str]
    exclusive: frozenset[str]
    version: str
    quality: QualityEntry
    retention: RetentionEntry
    own_checks: tuple[OwnCheck, ...]
    alerts: AlertsEntry | None = None

    def measures_of(self, source: str) -> tuple[Measure, ...]:
        return tuple(measure for measure in self.measures.values() if measure.source == source)

    def own_checks_of(self, table: str) -> tuple[OwnCheck, ...]:
        return tuple(check for check in self.own_checks if check.table == table)

    def links(self) -> tuple[Source, ...]:
        """The sources that say which ids belong to one person."""
        return tuple(source for source in self.sources.values() if source.kind == "links")

    def profile_columns(self) -> dict[str, tuple[Source, Column]]:
        """`source.column` of every profile column that tags can use."""
        return {
            f"{source.name}.{column.name}": (source, column)
            for source in self.sources.values()
            if source.kind == "profile"
            for column in source.kept_columns
        }

    def published_tags(self) -> tuple[Tag, ...]:
        return tuple(tag for tag in self.tags.values() if tag.status == "active")


RFM_COLUMNS: Mapping[str, str] = {
    "recency_days": "int",
    "frequency": "bigint",
    "monetary": "double",
    "r_score": "int",
    "f_score": "int",
    "m_score": "int",
    "segment": "string",
    "octant": "string",
    "portrait": "string",
}

# Columns of the tables that hold the measures, or the tags, of a user.
RESERVED_MEASURES = frozenset({"id", "id_kind", "user_id", "data_day", "dt", "run_id", *RFM_COLUMNS})
RESERVED_TAGS = frozenset({"user_id", "dt", "run_id"})
