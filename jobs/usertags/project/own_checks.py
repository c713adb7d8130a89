"""Custom checks of checks/*.yml: an expectation of Great Expectations on one table."""

from collections.abc import Mapping

from usertags.config.expectation_names import EXPECTATIONS, named_columns
from usertags.config.quality_models import OwnCheckEntry
from usertags.config.validation import close
from usertags.project.loader import Located, Settings
from usertags.project.model import OwnCheck, Source, Tag
from usertags.published import RFM, USER_PROFILE, USER_TAGS


def build_own_checks(
    settings: Settings, sources: Mapping[str, Source], tags: Mapping[str, Tag]
) -> tuple[OwnCheck, ...]:
    """The checks of checks/*.yml; an unknown table, expectation or column is a problem."""
    tables = _tables(sources, tags)
    for located in settings.own_checks.values():
        _check(located, tables, settings)
    return tuple(
        OwnCheck(
            id=name,
            table=located.entry.table,
            expectation=located.entry.expectation,
            arguments=located.entry.arguments,
            severity=located.entry.severity,
            owner=located.entry.owner,
            action=located.entry.action,
            description=located.entry.description,
        )
        for name, located in settings.own_checks.items()
    )


def _tables(sources: Mapping[str, Source], tags: Mapping[str, Tag]) -> dict[str, set[str]]:
    """The tables available for checks, and their columns."""
    found = {
        f"clean.{name}": {column.name for column in source.kept_columns}
        | ({"event_day"} if source.kind == "events" else set())
        for name, source in sources.items()
    }
    shown = {tag.id for tag in tags.values() if tag.status == "active"}
    hidden = {tag.id for tag in tags.values() if USER_PROFILE.view in tag.kept_out_of}
    found |= {table.name: set(table.columns) for table in (USER_TAGS, USER_PROFILE, RFM)}
    found[USER_PROFILE.name] |= shown - hidden
    return found


def _check(
    located: Located[OwnCheckEntry],
    tables: Mapping[str, set[str]],
    settings: Settings,
) -> None:
    entry = located.entry
    if entry.expectation not in EXPECTATIONS:
        hint = close(entry.expectation, EXPECTATIONS)
        message = f"unknown expectation {entry.expectation!r}"
        located.report(message, "expectation", suggestion=hint)
    if entry.table not in tables:
        kind, _, name = entry.table.partition(".")
        if not (kind == "clean" and (settings.broken.has("sources", name) or name in settings.sources)):
            message = f"table {entry.table!r} cannot be checked"
            located.report(message, "table", suggestion=close(entry.table, tables))
        return
    if entry.table == USER_PROFILE.name and settings.broken.any_of("tags"):
        return
    for key, column in named_columns(entry.arguments):
        if column not in tables[entry.table]:
            hint = close(column, tables[entry.table])
            message = f"{entry.table} has no column {column!r}"
            located.report(message, "arguments", key, suggestion=hint)
