"""Restricted tags: a sensitivity of project.yml excludes them from some tables."""

from collections.abc import Mapping

from usertags.config.validation import close
from usertags.kinds.base import TAGS
from usertags.project.loader import Located, Settings
from usertags.project.model import Tag
from usertags.project.references import used_tags
from usertags.project.tag_entry import TagEntry
from usertags.published import PUBLISHED, USER_PROFILE, USER_TAGS


def kept_out_of(
    located: Located[TagEntry],
    tags: Mapping[str, Tag],
    settings: Settings,
) -> frozenset[str]:
    """The tables that exclude the tag. `tags` are those that its rule can use, built before it.

    Problems: an unknown sensitivity; a table that the tag cannot be excluded from; a tag that reveals a
    more restricted tag.
    """
    name = located.entry.sensitivity
    stated = settings.project.entry.sensitivity if settings.project else {}
    if name is not None and name not in stated:
        # Without a project its sensitivities are unknown.
        if settings.project is not None:
            message = f"`sensitivity` of project.yml has no {name!r}"
            located.report(message, "sensitivity", suggestion=close(name, stated))
        return frozenset()
    tables = frozenset[str](stated[name].keep_out_of if name is not None else ())
    for table in PUBLISHED:
        if table.made_of is not None and table.made_of.view in tables:
            tables |= {table.view}
    _check_possible(located, tables, settings)
    for used in used_tags(located.entry):
        if used in tags:
            _check_as_restricted(located, tables, tags[used])
    return tables


def _check_possible(located: Located[TagEntry], tables: frozenset[str], settings: Settings) -> None:
    entry = located.entry
    if USER_TAGS.view in tables and not entry.validity.dynamic:
        message = (
            f"sensitivity {entry.sensitivity!r} is kept out of user_tags, where a tag with validity "
            f"{entry.validity} is looked up: use `validity: dynamic`"
        )
        located.report(message, "sensitivity")
    if USER_TAGS.view in tables and not all(kind.over_today for kind in entry.kinds):
        message = (
            f"sensitivity {entry.sensitivity!r} is kept out of user_tags, which `follows` reads for the day "
            "before"
        )
        located.report(message, "sensitivity")
    path = "/".join(entry.path)
    if USER_PROFILE.view in tables and path in settings.exclusive:
        message = (
            f"sensitivity {entry.sensitivity!r} is kept out of user_profile, where {path} is checked to be "
            "exclusive"
        )
        located.report(message, "sensitivity")


def _check_as_restricted(located: Located[TagEntry], tables: frozenset[str], used: Tag) -> None:
    """A tag reveals the tags that it is computed from."""
    missing = sorted(used.kept_out_of - tables)
    if missing:
        message = (
            f"{TAGS}{used.id} is of sensitivity {used.sensitivity!r} and kept out of {', '.join(missing)}: "
            "a tag that uses it must be kept out of them as well"
        )
        located.report(message, "sensitivity")
    elif used.sensitivity is not None and located.entry.sensitivity is None:
        message = (
            f"{TAGS}{used.id} is of sensitivity {used.sensitivity!r}: a tag that uses it must set its own "
            "`sensitivity`"
        )
        located.report(message, suggestion=f"sensitivity: {used.sensitivity}")
