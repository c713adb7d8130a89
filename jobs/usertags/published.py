"""The tables that readers see: each is one entry of `PUBLISHED`, and everybody else iterates the entries.

An entry says which columns a table has, how a run fills it, whether it carries (compares with the day
before), and so its asset, its views, and whether tags can be kept out of it. A new table is a new entry, and
what computes its rows in usertags/transform. `publications`, which says which run of a day is the published
one, follows these tables (usertags/stages/publish.py).

The configuration is read with this list, so what an entry needs to fill its table is imported when it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from usertags.config.rfm_columns import RFM_COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from usertags.project.model import DerivedColumns, Project, Tag
    from usertags.store.schemas import TableSpec

# What a row of `user_tags`, or of the drafts, says besides its day and run.
USER_TAG_COLUMNS: Mapping[str, str] = {
    "user_id": "string",
    "tag_id": "string",
    "tag_value": "string",
    "tag_number": "double",
    "rank": "int",
    "share": "double",
    "tag_kind": "string",
    "level1": "string",
    "level2": "string",
    "level3": "string",
    "valid_from": "date",
    "valid_until": "date",
    "confidence": "double",
    "source": "string",
    "set_by": "string",
    "reason": "string",
    "definition_version": "string",
}


class Filling(Protocol):
    """What a run has to fill its tables from. Tables that do not carry are filled first, in their order, then
    those that do."""

    @property
    def spark(self) -> SparkSession: ...
    @property
    def project(self) -> Project: ...
    @property
    def data_day(self) -> date: ...
    @property
    def users(self) -> DataFrame:
        """The measures and derived columns of every user; for tables that do not carry."""

    @property
    def learned(self) -> Mapping[type[DerivedColumns], Sequence[Any]]:
        """What the population said for each kind of derived columns; for tables that do not carry."""

    @property
    def tags(self) -> Sequence[Tag]:
        """The tags that readers see."""

    @property
    def state(self) -> DataFrame:
        """Their values of every user, as `carried` gives them (usertags/transform/carry.py)."""

    @property
    def tag_catalogue_before(self) -> Sequence[Mapping[str, Any]]:
        """What `tag_catalogue` of the day before says of its tags, and of where they were not to stand."""

    @property
    def moved(self) -> DataFrame | None:
        """The users who were joined or parted since the day before; None where ids are not joined."""

    def read(self, table: TableSpec) -> DataFrame:
        """The rows of the run in a table that is filled already."""

    def before(self, table: TableSpec) -> DataFrame:
        """The rows of a table as published on the day before; none where there is no such day."""

    def rows(self, table: TableSpec) -> int:
        """How many rows the run has put into a table."""


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """`columns` with their Spark types, without dt and run_id; the table may have more, a typed one a tag.
    `fill` makes the rows of a run. What `carries` holds tags of users, so that tags can be kept out of it; a
    tag that is kept out of the table that its rows are `made_of` (an entry before it), or would disclose, is
    kept out of it as well. `derived` are the columns of the population that it holds or explains, which tags
    read."""

    name: str
    columns: Mapping[str, str]
    fill: Callable[[Filling], DataFrame]
    partition: tuple[str, ...]
    carries: bool
    made_of: PublishedTable | None
    derived: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.name)

    @cached_property
    def schema(self) -> pa.Schema:
        from usertags.store.schemas import of_spark_types

        return of_spark_types({**self.columns, "run_id": "string", "dt": "date"})

    @property
    def view(self) -> str:
        """Its name without the namespace: that of its view, and of its Airflow asset."""
        return self.name.partition(".")[2]

    @property
    def asset(self) -> str:
        """The URI of its Airflow asset."""
        return f"usertags://tags/{self.view}"

    @property
    def ddl(self) -> str:
        """Its columns as Spark writes a schema."""
        return ", ".join(f"`{name}` {type_}" for name, type_ in self.columns.items())


def _table(
    name: str,
    columns: Mapping[str, str],
    fill: Callable[[Filling], DataFrame],
    *,
    carries: bool = False,
    made_of: PublishedTable | None = None,
    derived: Mapping[str, str] | None = None,
    partition: tuple[str, ...] = ("dt", "run_id"),
) -> PublishedTable:
    return PublishedTable(
        name=f"tags.{name}",
        columns=columns,
        fill=fill,
        partition=partition,
        carries=carries,
        made_of=made_of,
        derived=derived or {},
    )


def _left_out(run: Filling, table: PublishedTable) -> list[str]:
    from usertags.transform.tag_catalogue import left_out

    return left_out(run.project.tags, run.tag_catalogue_before, table.view)


def _fill_user_tags(run: Filling) -> DataFrame:
    from usertags.project.model import visible
    from usertags.transform.carry import user_tags

    tags = visible(run.tags, USER_TAGS.view)
    return user_tags(run.state, run.before(USER_TAGS), tags, run.project.levels, run.data_day)


USER_TAGS = _table(
    "user_tags", USER_TAG_COLUMNS, _fill_user_tags, carries=True, partition=("dt", "run_id", "level1")
)


def _fill_user_profile(run: Filling) -> DataFrame:
    from usertags.project.model import visible
    from usertags.transform.user_profile import user_profile

    return user_profile(run.state, visible(run.tags, USER_PROFILE.view))


# The typed column a tag is added when it is filled.
USER_PROFILE = _table("user_profile", {"user_id": "string"}, _fill_user_profile, carries=True)


def _fill_user_tag_changes(run: Filling) -> DataFrame:
    from usertags.transform.tag_catalogue import previous_versions
    from usertags.transform.tag_changes import listed_changes

    today, before = run.read(USER_TAGS), run.before(USER_TAGS)
    known = previous_versions(run.tag_catalogue_before)
    return listed_changes(today, before, run.tags, known, _left_out(run, USER_TAG_CHANGES), run.moved)


USER_TAG_CHANGES = _table(
    "user_tag_changes",
    {
        "user_id": "string",
        "tag_id": "string",
        "change": "string",
        "old_value": "string",
        "new_value": "string",
        "reason": "string",
    },
    _fill_user_tag_changes,
    carries=True,
    made_of=USER_TAGS,
)


def _fill_rfm(run: Filling) -> DataFrame:
    if run.project.rfm is None:
        return run.spark.createDataFrame([], RFM.ddl)
    return run.users.select("user_id", *RFM_COLUMNS)


RFM = _table("rfm", {"user_id": "string", **RFM_COLUMNS}, _fill_rfm, derived=RFM_COLUMNS)


def _fill_rfm_thresholds(run: Filling) -> DataFrame:
    from usertags.project.model import Rfm
    from usertags.transform.rfm import threshold_rows

    return run.spark.createDataFrame(threshold_rows(run.learned.get(Rfm, ())), RFM_THRESHOLDS.ddl)


RFM_THRESHOLDS = _table(
    "rfm_thresholds",
    {
        "dimension": "string",
        "scoring": "string",
        "edges": "array<double>",
        "portrait_edges": "array<double>",
        "mean": "double",
        "population": "bigint",
    },
    _fill_rfm_thresholds,
    derived=RFM_COLUMNS,
)


def _fill_tag_statistics(run: Filling) -> DataFrame:
    from usertags.transform.tag_statistics import tag_statistics

    today, before = run.read(USER_TAGS), run.before(USER_TAGS)
    return tag_statistics(today, before, _left_out(run, TAG_STATISTICS), run.rows(USER_PROFILE))


TAG_STATISTICS = _table(
    "tag_statistics",
    {
        "tag_id": "string",
        "tag_value": "string",
        "users": "bigint",
        "share": "double",
        "users_before": "bigint",
        "change": "bigint",
    },
    _fill_tag_statistics,
    carries=True,
    made_of=USER_TAGS,
)


def _fill_tag_coverage(run: Filling) -> DataFrame:
    from usertags.transform.tag_statistics import tag_coverage

    today, before = run.read(USER_TAGS), run.before(USER_TAGS)
    # The day before may have been published without this table: what its statistics left out stays hidden.
    left_out = [*_left_out(run, TAG_COVERAGE), *_left_out(run, TAG_STATISTICS)]
    return tag_coverage(today, before, [tag.id for tag in run.tags], left_out, run.rows(USER_PROFILE))


TAG_COVERAGE = _table(
    "tag_coverage",
    {
        "tag_id": "string",
        "users": "bigint",
        "share": "double",
        "users_before": "bigint",
        "change": "bigint",
    },
    _fill_tag_coverage,
    carries=True,
    made_of=TAG_STATISTICS,
)


def _fill_tag_catalogue(run: Filling) -> DataFrame:
    from usertags.transform.tag_catalogue import tag_catalogue_rows

    return run.spark.createDataFrame(tag_catalogue_rows(run.project), TAG_CATALOGUE.ddl)


TAG_CATALOGUE = _table(
    "tag_catalogue",
    {
        "tag_id": "string",
        "name_zh": "string",
        "name_en": "string",
        "level1": "string",
        "level2": "string",
        "level3": "string",
        "level1_zh": "string",
        "level2_zh": "string",
        "level3_zh": "string",
        "kind": "string",
        "type": "string",
        "values": "array<string>",
        "definition": "string",
        "description": "string",
        "owner": "string",
        "validity": "string",
        "sensitivity": "string",
        "kept_out_of": "array<string>",
        "status": "string",
        "definition_version": "string",
    },
    _fill_tag_catalogue,
)

# In the order in which they are published.
PUBLISHED = (
    USER_TAGS,
    USER_PROFILE,
    USER_TAG_CHANGES,
    RFM,
    RFM_THRESHOLDS,
    TAG_STATISTICS,
    TAG_COVERAGE,
    TAG_CATALOGUE,
)
