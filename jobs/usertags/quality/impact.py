"""The impact of a failed check: the tags and tables that depend on the checked data."""

from dataclasses import dataclass

from usertags.project.lineage import Lineage
from usertags.project.model import Tag
from usertags.published import PUBLISHED, USER_TAGS

_PUBLISHED = {table.name: table for table in PUBLISHED}
_TABLES = tuple(_PUBLISHED)


@dataclass(frozen=True)
class Impact:
    """`tables` in the order of the flow, `tags` by name."""

    tables: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()


def impact(lineage: Lineage, table: str, column: str | None) -> Impact:
    """The dependents of a column of a table, or of the whole table; empty for an unknown table."""
    project = lineage.project
    layer, _, name = table.partition(".")
    if layer == "clean" and name in project.sources:
        source = project.sources[name]
        if source.kind == "links":
            joins = column is None or lineage.decides(source, column)
            return Impact(("ops.identities", *_TABLES), project.published_tags()) if joins else Impact()
        hit = lineage.hit_by(source, column)
        return Impact((f"rollup.{name}", *_TABLES) if hit else (f"rollup.{name}",), hit)
    if table == "ops.refused_links":
        return Impact(("ops.identities", *_TABLES), project.published_tags())
    if table not in _PUBLISHED:
        return Impact()
    derived = _PUBLISHED[table].derived
    if derived:
        read = [column] if column is not None and column in derived else list(derived)
        return Impact((table, USER_TAGS.name), lineage.made_of(read))
    named = lineage.with_users([column]) if column is not None and column in project.tags else ()
    return Impact((table,), named or project.published_tags())
