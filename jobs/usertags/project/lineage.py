"""Lineage: raw column → clean column → measure → derived column → tag → tags that use it.

What a tag reads follows expressions: a clean column is made of the raw columns that its expression names, and
whoever checks one clean column looks at all that are made of the same raw columns. Which rows of a source are
kept, and whose they are, bears on everything that is made of the source.

Not part of it: who is a user at all. An id in any source makes a user, who then carries the tags that hold
for somebody of whom nothing else is known.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from usertags.project.model import Project, Source, Tag

# Clean columns, or raw ones, by source.
Columns = Mapping[str, frozenset[str]]


class Lineage:
    """The lineage of a project; tags are all tags, drafts and retired ones as well."""

    def __init__(self, project: Project) -> None:
        self.project = project

    # ---- upwards: what something is made of ------------------------------------------------------

    def read_by(self, name: str) -> Columns:
        """The clean columns that an input of tags reads for its value: a measure, a derived column, or a
        profile column. A measure that counts rows has its source with no column."""
        project = self.project
        for derived in project.derived:
            if name in derived.columns:
                return _together(self.read_by(part) for part in derived.made_of(name))
        if name in project.measures:
            measure = project.measures[name]
            return {measure.source: frozenset(measure.uses)}
        if name == "user_id":
            return {source.name: _ids(source) for source in project.sources.values()}
        source, _, column = name.partition(".")
        return {source: frozenset({column})} if column and source in project.sources else {}

    def columns_of(self, tag: Tag) -> Columns:
        """The clean columns that the tag reads for its value, itself or through the tags that it uses."""
        return self._of_tag[tag.id]

    @cached_property
    def _of_tag(self) -> Mapping[str, Columns]:
        own = {tag.id: _together(map(self.read_by, tag.inputs)) for tag in self.project.tags.values()}
        return {
            name: _together(own[each] for each in (name, *self._used_by(name))) for name in self.project.tags
        }

    def raw_columns_of(self, tag: Tag) -> Columns:
        """The raw columns that the tag reads for its value, by source."""
        sources = self.project.sources
        return {
            name: frozenset().union(
                *(sources[name].column(column).raw for column in columns & _named(sources[name]))
            )
            for name, columns in self.columns_of(tag).items()
        }

    def _used_by(self, tag: str) -> list[str]:
        """The tags that a tag uses, and those that these use."""
        found: dict[str, None] = {}
        left = list(self.project.tags[tag].uses)
        while left:
            name = left.pop()
            if name not in found and name in self.project.tags:
                found[name] = None
                left += self.project.tags[name].uses
        return list(found)

    # ---- downwards: what is made of something ----------------------------------------------------

    def hit_by(self, source: Source, column: str | None) -> tuple[Tag, ...]:
        """The published tags that a clean column of a source bears on, or the whole source."""
        if column is not None and self.decides(source, column):
            column = None
        touched = None if column is None else beside(source, column)
        return tuple(
            tag
            for tag in self.project.published_tags()
            if source.name in (read := self.columns_of(tag))
            and (touched is None or touched & read[source.name])
        )

    def decides(self, source: Source, column: str) -> bool:
        """Whether the column, or one that is made of the same raw columns, decides which rows are kept, whose
        they are, and on which day."""
        return bool(beside(source, column) & source.deciding)

    def made_of(self, inputs: Collection[str]) -> tuple[Tag, ...]:
        """The published tags that read one of these inputs, and those that use such tags."""
        wanted = set(inputs)
        return self.with_users({tag.id for tag in self.project.tags.values() if wanted & set(tag.inputs)})

    def with_users(self, tags: Collection[str]) -> tuple[Tag, ...]:
        """Of these tags and those that use them, the published ones."""
        wanted = set(tags)
        return tuple(
            tag for tag in self.project.published_tags() if wanted & {tag.id, *self._used_by(tag.id)}
        )


def described(columns: Columns) -> str:
    """Columns by source for people: `orders (amount, status), users (city)`; of a source whose rows are
    counted none is named."""
    parts = [
        f"{source} ({', '.join(sorted(names))})" if names else source
        for source, names in sorted(columns.items())
    ]
    return ", ".join(parts)


def beside(source: Source, column: str) -> frozenset[str]:
    """The clean columns that are made of a raw column of this one, itself among them."""
    if column not in _named(source):
        return frozenset({column})
    raw = _folded(source.column(column).raw)
    return frozenset(each.name for each in source.columns if raw & _folded(each.raw)) | {column}


def _folded(names: Iterable[str]) -> set[str]:
    """Spark finds columns in any case."""
    return {name.casefold() for name in names}


def _named(source: Source) -> frozenset[str]:
    return frozenset(column.name for column in source.columns)


def _ids(source: Source) -> frozenset[str]:
    return frozenset(column for _, column in source.ids)


def _together(parts: Iterable[Columns]) -> Columns:
    found: dict[str, frozenset[str]] = defaultdict(frozenset)
    for part in parts:
        for source, columns in part.items():
            found[source] |= columns
    return dict(found)
