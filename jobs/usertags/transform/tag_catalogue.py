"""The rows of `tag_catalogue`: those of the data day, and information from those of the day before."""

from collections.abc import Iterable, Mapping
from typing import Any

from usertags.project.model import Project, Tag, hidden
from usertags.published import USER_TAGS
from usertags.transform.tags import level_ids


def tag_catalogue_rows(project: Project) -> list[tuple[object, ...]]:
    """A row of `tag_catalogue` (usertags/published.py) for every tag, drafts as well."""
    return [_row(item, project) for item in project.tags.values()]


def _row(item: Tag, project: Project) -> tuple[object, ...]:
    values = [str(value) for value in item.values] if item.values is not None else None
    return (
        item.id,
        item.name,
        item.title,
        *level_ids(item, project.levels),
        *item.path,
        item.kind,
        item.type,
        values,
        item.definition,
        item.description,
        item.owner,
        str(item.validity),
        item.sensitivity,
        sorted(item.kept_out_of),
        item.status,
        item.definition_version,
    )


def previous_versions(before: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The definition_version of each tag that could be in `user_tags` of the day before; others are new.

    In: rows of `tag_catalogue` of that day (tag_id, definition_version, kept_out_of).
    """
    seen = [row for row in before if USER_TAGS.view not in (row["kept_out_of"] or ())]
    return {row["tag_id"]: row["definition_version"] for row in seen}


def left_out(today: Mapping[str, Tag], before: Iterable[Mapping[str, Any]], table: str) -> list[str]:
    """The ids of the tags excluded from a table; for removed tags as on the day before.

    In: the tags of today by id, rows of `tag_catalogue` of the day before (tag_id, kept_out_of), and the name
    of the table without its namespace.
    """
    gone = [
        row["tag_id"] for row in before if row["tag_id"] not in today and table in (row["kept_out_of"] or ())
    ]
    return [*hidden(today.values(), table), *gone]
