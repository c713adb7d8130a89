"""Which columns are masked where rows are shown or set aside: in quarantine, samples, reports, pages, alerts.

Masked are the personal columns of a source, and of users the tags that a table is not to hold, and ids that
are made of personal data. Raw, clean, roll-ups and measures keep them. What may be shown of an error, which
can quote any column, says `usertags.quality.error_texts`.
"""

from collections.abc import Mapping
from typing import Any

from usertags.project.model import Project, Source

MASK = "***"


def masked_columns(project: Project, table: str) -> frozenset[str]:
    """The masked columns of a table, whose name has its namespace: of a clean table those of its source, of
    any other those of users."""
    namespace, _, name = table.partition(".")
    if namespace == "clean":
        source = project.sources.get(name)
        return masked_of(source) if source else frozenset()
    return _masked_of_users(project)


def masked_of(source: Source) -> frozenset[str]:
    """The masked columns of the source's clean table."""
    return frozenset(column.name for column in source.columns if column.pii)


def masked_raw(source: Source) -> frozenset[str]:
    """The masked columns of the source's raw table."""
    return frozenset(source.raw_pii)


def masked(row: Mapping[str, Any], columns: frozenset[str]) -> dict[str, Any]:
    """A row with the values of these columns masked; a value that is missing is no secret."""
    return {name: MASK if name in columns and value is not None else value for name, value in row.items()}


def _masked_of_users(project: Project) -> frozenset[str]:
    secret = {tag.id for tag in project.tags.values() if tag.kept_out_of}
    personal = any(name in masked_of(source) for source in project.sources.values() for _, name in source.ids)
    return frozenset(secret | ({"tag_value"} if secret else set()) | ({"user_id"} if personal else set()))
