"""The compiled project: sources, measures and tags with parsed expressions and resolved references.

Expressions are trees (usertags/config/expression_tree.py).

Built once from the settings by `usertags.project.build`; frozen, without Spark.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from usertags.config.aggregates import AGGREGATES, PARTS, AggregateFunction, Part
from usertags.config.alert_models import AlertsEntry
from usertags.config.durations import DayOfYear, Validity
from usertags.config.expression_tree import Tree
from usertags.config.expressions import names_in
from usertags.config.id_forms import IdForm
from usertags.config.models import SparkEntry
from usertags.config.quality_models import (
    CheckEntry,
    CompareEntry,
    CoverageEntry,
    QualityEntry,
    RetentionEntry,
    Severity,
    TagDriftEntry,
)
from usertags.config.rfm_columns import RFM_COLUMNS
from usertags.kinds import TagKind, rule
from usertags.kinds.follows import FollowsEntry
from usertags.kinds.people import SetByPeople
from usertags.project.rfm_entry import RfmEntry, Segment
from usertags.project.source_entry import Read
from usertags.project.tag_entry import Example
from usertags.published import RFM

# The column with the data day of a row's batch, in raw and in clean tables. Stored tables have these names: a
# rename would have to reach the branches of held batches as well, and would not change a row.
RAW_DATA_DAY, CLEAN_DATA_DAY = "batch", "_batch"
# The data days from which on a clean row counts, and from which on it is gone at its source.
SINCE, GONE = "_since", "_gone"


@dataclass(frozen=True)
class Column:
    """A clean column: an expression over the raw columns named in `raw`.

    `unread` is the condition that it could not read a value; null is right where `null_when` is true.
    `normalise` are the changes of its text before it is converted. `form` is that of the ids in a personal
    column, if its kind has one."""

    name: str
    type: str
    tree: Tree
    raw: frozenset[str]
    pii: Literal["hash", "drop"] | None = None
    timezone: str | None = None
    format: str | None = None
    unread: Tree | None = None
    null_when: Tree | None = None
    normalise: tuple[Literal["width"], ...] = ()
    two_digit_years_from: int | None = None
    form: IdForm | None = None

    @property
    def reading(self) -> tuple[object, ...]:
        """What decides how a text of it is read; without two-digit years as versions have always had it."""
        centuries = () if self.two_digit_years_from is None else (self.two_digit_years_from,)
        return (self.timezone, self.format, *centuries)


@dataclass(frozen=True)
class Explicit:
    """How a row sets a tag: the column with the tag name, and a struct of value, set_by, reason, until and
    withdrawn. `uses` are the columns that these read."""

    tag: str
    row: Tree
    uses: frozenset[str]


@dataclass(frozen=True)
class Source:
    """A source of rows about users. `ids` are the id columns, each with its kind: the one of the
    user, or for links those that belong to one person. `compare` says how far a batch may differ from those
    before it; None: no comparison. `nulls` are the texts that stand for no value.

    `deciding` are the columns that determine which rows are kept, and their user. `order_by` are the columns
    that order rows of an equal time, for the earliest and the latest value.
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
    reject: tuple[tuple[str, Tree], ...]
    checks: tuple[CheckEntry, ...]
    deciding: frozenset[str] = frozenset()
    explicit: Explicit | None = None
    compare: CompareEntry | None = None
    may_be_empty: bool = False
    nulls: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()

    @property
    def id_kind(self) -> str:
        """The kind of the user's id, for a source with a user."""
        ((kind, _),) = self.ids
        return kind

    @property
    def user(self) -> str:
        """The column of the user's id, for a source with a user."""
        ((_, column),) = self.ids
        return column

    @property
    def read_whole(self) -> bool:
        """Whether every batch has all rows of the source, so that those that did not change are repeats."""
        return self.read.whole is not None or (self.read.table is not None and self.read.cursor is None)

    @property
    def asks_for_whole(self) -> bool:
        """Whether the source is read whole and does not say what becomes of rows that are gone there."""
        return self.read_whole and self.read.whole is None

    @property
    def loses_rows(self) -> bool:
        """Whether a row that a delivery no longer has is gone from its data day on."""
        return self.read.whole == "replace"

    @property
    def kept_columns(self) -> tuple[Column, ...]:
        """The columns that reach the clean table."""
        return tuple(column for column in self.columns if column.pii != "drop")

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The raw columns that any clean column needs; only these are landed."""
        names = {name for column in self.columns for name in column.raw}
        if self.read.cursor:
            names.add(self.read.cursor)
        return tuple(sorted(names))

    @property
    def raw_pii(self) -> Mapping[str, Literal["hash", "drop"]]:
        return {name: column.pii for column in self.columns if column.pii for name in column.raw}

    @property
    def raw_forms(self) -> Mapping[str, IdForm]:
        """The forms of the ids in personal columns, by raw column."""
        return {name: column.form for column in self.columns if column.form for name in column.raw}

    @property
    def hashed_columns(self) -> tuple[Column, ...]:
        """The columns with hashes of personal ids."""
        return tuple(column for column in self.columns if column.pii == "hash")

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Partial:
    """What a day keeps of one user's rows, to be merged with other days; with `by`, of one value of that
    column. `function` is one of `PARTS` (usertags/config/aggregates.py)."""

    id: str
    function: str
    argument: Tree | None
    where: Tree | None
    by: str | None = None

    @property
    def part(self) -> Part:
        return PARTS[self.function]

    @property
    def described(self) -> str:
        """What it holds, as the documentation of its column: `sum of amount where status = 'paid'`."""
        of = f" of {self.argument}" if self.argument else ""
        where = f" where {self.where}" if self.where else ""
        return f"{self.function}{of}{where}" + (f" by {self.by}" if self.by else "")


@dataclass(frozen=True)
class CalendarPeriod:
    """A yearly period; `years_ago` selects an earlier year."""

    first: DayOfYear
    last: DayOfYear
    years_ago: int


@dataclass(frozen=True)
class Measure:
    """One number per user, merged from partials over its window: `window` days ending `offset` days before D,
    or the days of a calendar period up to D, or all days up to D.

    With `by` it is a map from the values of that column to numbers; `half_life` halves the weight of a
    day's contribution for every `half_life` days of age. `function` is one of `AGGREGATES`
    (usertags/config/aggregates.py). `uses` are the clean columns that its aggregate and condition read.
    `definition`, the aggregate as it was written, `unit`, `description` and `owner` are for people alone.
    """

    id: str
    source: str
    function: str
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

    @property
    def aggregate(self) -> AggregateFunction:
        return AGGREGATES[self.function]

    @property
    def explained(self) -> str:
        """What the number is, of which rows."""
        by = f" for each {self.by}" if self.by else ""
        return f"{self.aggregate.explained}{by} ({self.source}, {self._days})"

    @property
    def _days(self) -> str:
        if self.calendar is not None:
            return "a period of the year"
        if self.window is None:
            return "all days"
        before = f", up to {self.offset} days ago" if self.offset else ""
        return f"{self.window} days{before}"


class DerivedColumns(ABC):
    """Columns of every user that are made of the measures of all users of the data day.

    `computed` of usertags/transform/derived.py computes them. They stand in `ops.user_measures`, or in
    `table`.
    """

    table: ClassVar[str | None] = None

    @property
    @abstractmethod
    def columns(self) -> Mapping[str, str]:
        """Their names, each with its Spark type."""

    @property
    @abstractmethod
    def versions(self) -> Mapping[str, object]:
        """What each of the columns is made of: other words, another version of what reads it."""

    @abstractmethod
    def made_of(self, column: str) -> Collection[str]:
        """The measures that one of the columns is made of."""


@dataclass(frozen=True)
class Percentile:
    """The percentile of another measure among the users of the data day: an int from 0 to 100.

    `where` is a condition over the measures in `uses` and data_day; `exact` says that the measure's values
    have no binary rounding noise.
    """

    id: str
    measure: str
    exact: bool
    where: Tree | None
    uses: frozenset[str]
    definition: str
    description: str
    owner: str

    type: ClassVar[str] = "int"


@dataclass(frozen=True)
class Percentiles(DerivedColumns):
    """All percentiles of a configuration: they are computed together."""

    of: Mapping[str, Percentile]
    definitions: Mapping[str, object]

    @property
    def columns(self) -> Mapping[str, str]:
        return {name: item.type for name, item in self.of.items()}

    @property
    def versions(self) -> Mapping[str, object]:
        return self.definitions

    def made_of(self, column: str) -> Collection[str]:
        return (self.of[column].measure, *self.of[column].uses)


# The measures that the columns of RFM read, besides the frequency.
_RFM_ROLES: Mapping[str, tuple[str, ...]] = {
    "recency_days": ("recency",),
    "monetary": ("monetary",),
    "r_score": ("recency",),
    "m_score": ("monetary",),
    "octant": ("recency", "monetary"),
    "portrait": ("recency",),
}


@dataclass(frozen=True)
class Rfm(DerivedColumns):
    """RFM of the project; segment rules are conditions over the scores."""

    entry: RfmEntry
    segments: tuple[tuple[Segment, Tree], ...]
    version: str

    table: ClassVar[str | None] = RFM.name

    @property
    def columns(self) -> Mapping[str, str]:
        return RFM_COLUMNS

    @property
    def versions(self) -> Mapping[str, object]:
        return dict.fromkeys(RFM_COLUMNS, self.version)

    def made_of(self, column: str) -> Collection[str]:
        """A user without an order in the window has none of them, so that all read the frequency."""
        entry, read = self.entry, [column]
        if column == "segment":
            read = [name for segment, _ in self.segments for name in map(str.lower, names_in(segment.when))]
        roles = {role for name in read for role in _RFM_ROLES.get(name, ())}
        measures = [entry.frequency, *(getattr(entry, role) for role in sorted(roles))]
        return tuple(dict.fromkeys([*measures, *([entry.ever] if column == "segment" else [])]))


@dataclass(frozen=True)
class Tag:
    """A tag: `tree` is an expression over the measures and profile columns of one user.

    `kinds` are those that it is of (usertags/kinds): the first has its value, others lay something around
    that. One that follows another has no rule over today: its `tree` is NULL, and carry gives it its
    value. `coverage` bounds the share of users that carry it, `drift` how far it may differ from the days
    before; None: any share, any day. `uses` are the tags that its entry names.
    """

    id: str
    name: str
    title: str
    path: tuple[str, str, str]
    kind: str
    tree: Tree
    type: str
    inputs: tuple[str, ...]
    values: tuple[str | int | float, ...] | None
    definition: str
    description: str
    validity: Validity
    owner: str
    status: Literal["draft", "active", "retired"]
    examples: tuple[Example, ...]
    definition_version: str
    kinds: tuple[TagKind, ...] = (rule.KIND,)
    set_by: SetByPeople | None = None
    follows: FollowsEntry | None = None
    sensitivity: str | None = None
    kept_out_of: frozenset[str] = frozenset()
    coverage: CoverageEntry | None = None
    drift: TagDriftEntry | None = None
    uses: tuple[str, ...] = ()

    @property
    def boolean(self) -> bool:
        return self.type == "boolean"

    @property
    def main(self) -> TagKind:
        """The kind that has its value."""
        return self.kinds[0]

    @property
    def set_in(self) -> str | None:
        """The source in which people set it, where they can."""
        return next((source for kind in self.kinds if (source := kind.set_in(self)) is not None), None)

    @property
    def value_tree(self) -> Tree:
        """What the rule makes of a user."""
        return self.main.value_tree(self)


def visible(tags: Iterable[Tag], table: str) -> tuple[Tag, ...]:
    """The tags that a table may hold; `table` is its name without the namespace."""
    return tuple(tag for tag in tags if table not in tag.kept_out_of)


def hidden(tags: Iterable[Tag], table: str) -> list[str]:
    """The ids of the tags that are excluded from a table."""
    return [tag.id for tag in tags if table in tag.kept_out_of]


@dataclass(frozen=True)
class Identity:
    """How ids are combined to users. `limits`: the maximum number of ids of a kind per person; `block`:
    the ids that are never linked, as configured; `hashed`: the kinds whose ids are hashed at extract;
    `forms`: how their ids are written, by kind."""

    limits: Mapping[str, int]
    block: tuple[tuple[str, str], ...]
    hashed: frozenset[str]
    forms: Mapping[str, IdForm] = field(default_factory=dict)


@dataclass(frozen=True)
class OwnCheck:
    """A custom check: an expectation of Great Expectations on one table. `description` is
    for people only and not part of the check's identity."""

    id: str
    table: str
    expectation: str
    arguments: Mapping[str, Any]
    severity: Severity
    owner: str
    action: str
    description: str = field(default="", repr=False)


@dataclass(frozen=True)
class Project:
    """A complete configuration, ready to run. `version` is the hash of everything that the results
    depend on."""

    folder: Path
    name: str
    timezone: str
    currency: str
    state: Path
    lake: str
    connections: Mapping[str, Any]
    spark: SparkEntry
    sources: Mapping[str, Source]
    measures: Mapping[str, Measure]
    derived: tuple[DerivedColumns, ...]
    tags: Mapping[str, Tag]
    identity: Identity | None
    levels: Mapping[str, str]
    exclusive: frozenset[str]
    version: str
    quality: QualityEntry
    retention: RetentionEntry
    own_checks: tuple[OwnCheck, ...]
    alerts: AlertsEntry | None = None

    @property
    def percentiles(self) -> Mapping[str, Percentile]:
        return next((item.of for item in self.derived if isinstance(item, Percentiles)), {})

    @property
    def rfm(self) -> Rfm | None:
        return next((item for item in self.derived if isinstance(item, Rfm)), None)

    def measures_of(self, source: str) -> tuple[Measure, ...]:
        return tuple(measure for measure in self.measures.values() if measure.source == source)

    def own_checks_of(self, table: str) -> tuple[OwnCheck, ...]:
        return tuple(check for check in self.own_checks if check.table == table)

    def links(self) -> tuple[Source, ...]:
        """The sources of kind links."""
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


# Reserved columns of the tables with the measures or tags of a user.
RESERVED_MEASURES = frozenset({"id", "id_kind", "user_id", "data_day", "dt", "run_id", *RFM_COLUMNS})
RESERVED_TAGS = frozenset({"user_id", "dt", "run_id"})
