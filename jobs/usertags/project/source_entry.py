"""Entries of sources/*.yml; `usertags.project.sources` checks them and builds sources of them."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from usertags.config.durations import Duration
from usertags.config.entry import ColumnType, Entry, Name, Texts
from usertags.config.quality_models import CheckEntry, Compare, CompareEntry, Share


class Read(Entry):
    connection: str
    table: str | None = None
    cursor: str | None = None
    lookback: Duration = Duration(0, "s")
    files: str | None = None
    format: Literal["csv", "json", "parquet"] | None = None
    encoding: Literal["utf-8", "gbk", "gb18030"] = "utf-8"
    delimiter: str = ","
    header: list[str] | None = None
    overwritten: bool = False
    # What becomes of rows that are gone at a source of which every delivery is the whole.
    whole: Literal["replace", "keep"] | None = None
    # The share of the rows that a delivery may lose, rounded up to whole rows.
    may_lose: Share = 0.2

    @model_validator(mode="after")
    def _table_or_files(self) -> "Read":
        if (self.table is None) == (self.files is None):
            raise ValueError("needs either `table` or `files`")
        if self.files is not None and self.format is None:
            raise ValueError("files need a `format`: csv, json or parquet")
        if self.overwritten and self.files is None:
            raise ValueError("`overwritten` is only allowed with `files`")
        if self.files is not None and self.cursor is not None:
            raise ValueError("a `cursor` requires a `table`; new files are found by their names")
        if self.whole is not None and self.cursor is not None:
            raise ValueError("`whole` is not allowed with a `cursor`, which reads only new rows")
        if "may_lose" in self.model_fields_set and self.whole != "replace":
            raise ValueError("`may_lose` is only allowed with `whole: replace`")
        return self


class ColumnEntry(Entry):
    from_: str | None = Field(default=None, alias="from")
    expr: str | None = None
    type: ColumnType
    pii: Literal["hash", "drop"] | None = None
    # The kind of id that a personal column holds which is no id of the user, such as a second phone.
    id: Name | None = None
    timezone: str | None = None
    format: str | None = None
    null_when: str | None = None
    normalise: list[Literal["width"]] = Field(default_factory=list)
    # The first of the hundred years that two-digit years stand for.
    two_digit_years_from: int | None = Field(default=None, ge=1800, le=2100)

    @model_validator(mode="after")
    def _from_or_expr(self) -> "ColumnEntry":
        if (self.from_ is None) == (self.expr is None):
            raise ValueError("needs either `from` or `expr`")
        if self.null_when is not None and self.expr is None:
            raise ValueError("`null_when` is only allowed with `expr`")
        if self.normalise and self.pii is not None:
            raise ValueError(
                "`normalise` is not allowed for personal data, which is normalised before its hash, as `ids` "
                "of project.yml says"
            )
        if self.id is not None and self.pii != "hash":
            raise ValueError(
                "`id` is only allowed with `pii: hash`: it says how an id is written before its hash"
            )
        if self.pii is not None and self.from_ is None:
            raise ValueError("a pii column needs `from`: an expression would read it in plain text")
        if self.pii == "hash" and self.type != "string":
            raise ValueError("a hashed column must have the type string")
        if (self.timezone or self.format) and self.type not in ("timestamp", "date"):
            raise ValueError("`timezone` and `format` are only allowed for timestamps and dates")
        if self.two_digit_years_from is not None and self.format is None:
            raise ValueError("`two_digit_years_from` needs a `format` with yy")
        return self


class ExplicitEntry(Entry):
    """The columns of rows that set or withdraw a tag manually; `withdrawn` is a condition."""

    tag: str
    value: str | None = None
    set_by: str
    reason: str | None = None
    until: str | None = None
    withdrawn: str | None = None


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
    order_by: list[str] = Field(default_factory=list)
    explicit: ExplicitEntry | None = None
    nulls: Texts | None = None
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
        if self.kind != "events" and self.order_by:
            raise ValueError("`order_by` is only allowed in a source of kind events: it orders their rows")
        if self.read.whole == "replace" and self.repeats == "keep":
            raise ValueError(
                "`whole: replace` needs a `key` or `repeats: drop`: a delivery has the rows of the one before"
            )
        if self.read.lookback.number and self.key is None:
            raise ValueError("a `lookback` needs a `key`, because it reads rows again")
        return self
