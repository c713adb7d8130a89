"""The impact of a failed check: the tags and tables that depend on the checked data."""

from dataclasses import dataclass

from usertags.project.model import Measure, Project, Source, Tag
from usertags.published import PUBLISHED, USER_TAGS

_PUBLISHED = {table.name: table for table in PUBLISHED}
_TABLES = tuple(_PUBLISHED)


@dataclass(frozen=True)
class Impact:
    """`tables` in the order of the flow, `tags` by name."""

    tables: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()


def impact(project: Project, table: str, column: str | None) -> Impact:
    """The dependents of a column of a table, or of the whole table; empty for an unknown table.

    A column that determines which rows are kept, or their user, affects everything computed from the source.
    """
    layer, _, name = table.partition(".")
    tags = project.published_tags()
    if layer == "clean" and name in project.sources:
        source = project.sources[name]
        if source.kind == "links":
            return Impact(("ops.identities", *_TABLES), tags)
        hit = [tag for tag in tags if _reads(project, tag, source, column)]
        return Impact((f"rollup.{name}", *_TABLES) if hit else (f"rollup.{name}",), tuple(hit))
    if table == "ops.refused_links":
        return Impact(("ops.identities", *_TABLES), tags)
    if table not in _PUBLISHED:
        return Impact()
    derived = _PUBLISHED[table].derived
    if derived:
        read = tuple(tag for tag in tags if derived.keys() & set(tag.inputs))
        return Impact((table, USER_TAGS.name), read)
    named = tuple(tag for tag in tags if tag.id == column)
    return Impact((table,), named or tags)


def _reads(project: Project, tag: Tag, source: Source, column: str | None) -> bool:
    if tag.set_in == source.name:
        return True
    return any(_input_reads(project, name, source, column) for name in tag.inputs)


def _input_reads(project: Project, name: str, source: Source, column: str | None) -> bool:
    """Whether an input of a tag depends on the column: a measure, a profile column, a score."""
    for derived in project.derived:
        if name in derived.columns:
            parts = derived.made_of(name)
            return any(_input_reads(project, part, source, column) for part in parts)
    if name in project.measures:
        measure: Measure = project.measures[name]
        if measure.source != source.name:
            return False
        return column is None or column in measure.uses or _decides(source, column)
    owner, _, profile_column = name.partition(".")
    if owner != source.name:
        return False
    return column is None or column == profile_column or _decides(source, column)


def _decides(source: Source, column: str) -> bool:
    rules = set(source.deciding) | {name for _, name in source.ids} | {*source.key}
    return column in rules or column in (source.version, source.time)
