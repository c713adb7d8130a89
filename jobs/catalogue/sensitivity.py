"""Tags that not everybody may see: a sensitivity of project.yml keeps them out of some tables."""

from collections.abc import Mapping

from jobs.catalogue.model import Tag
from jobs.catalogue.references import used_tags
from jobs.config.loader import Located, Settings
from jobs.config.models import TagEntry
from jobs.config.validation import close
from jobs.kinds.base import TAGS

# What is computed from the rows of user_tags, and so cannot hold a tag that has none there.
_FOLLOWING = frozenset({"user_tag_changes", "tag_statistics"})


def kept_out_of(
    located: Located[TagEntry],
    tags: Mapping[str, Tag],
    settings: Settings,
) -> frozenset[str]:
    """The tables that hold nothing of the tag. `tags` are those that its rule can use, built before it.

    Problems: an unknown sensitivity; a table that the tag cannot be kept out of; a tag that tells what a
    more restricted one says.
    """
    name = located.entry.sensitivity
    stated = settings.project.entry.sensitivity if settings.project else {}
    if name is not None and name not in stated:
        # Without a project nothing is known of its sensitivities.
        if settings.project is not None:
            message = f"`sensitivity` of project.yml has no {name!r}"
            located.report(message, "sensitivity", suggestion=close(name, stated))
        return frozenset()
    tables = frozenset[str](stated[name].keep_out_of if name is not None else ())
    if "user_tags" in tables:
        tables |= _FOLLOWING
    _check_possible(located, tables, settings)
    for used in used_tags(located.entry):
        if used in tags:
            _check_as_restricted(located, tables, tags[used])
    return tables


def _check_possible(located: Located[TagEntry], tables: frozenset[str], settings: Settings) -> None:
    entry = located.entry
    if "user_tags" in tables and entry.validity != "dynamic":
        message = (
            f"sensitivity {entry.sensitivity!r} is kept out of user_tags, where a tag with validity "
            f"{entry.validity} is remembered from: `validity: dynamic` is possible"
        )
        located.report(message, "sensitivity")
    if "user_tags" in tables and not all(kind.over_today for kind in entry.kinds):
        message = (
            f"sensitivity {entry.sensitivity!r} is kept out of user_tags, where what follows from the day "
            "before is read"
        )
        located.report(message, "sensitivity")
    path = "/".join(entry.path)
    if "user_profile" in tables and path in settings.exclusive:
        message = (
            f"sensitivity {entry.sensitivity!r} is kept out of user_profile, where {path} is checked to be "
            "exclusive"
        )
        located.report(message, "sensitivity")


def _check_as_restricted(located: Located[TagEntry], tables: frozenset[str], used: Tag) -> None:
    """What a tag is computed from could be told from it."""
    missing = sorted(used.kept_out_of - tables)
    if missing:
        message = (
            f"{TAGS}{used.id} is of sensitivity {used.sensitivity!r} and kept out of {', '.join(missing)}: "
            "a tag that uses it is kept out of them as well"
        )
        located.report(message, "sensitivity")
    elif used.sensitivity is not None and located.entry.sensitivity is None:
        message = (
            f"{TAGS}{used.id} is of sensitivity {used.sensitivity!r}: a tag that uses it says its own "
            "`sensitivity`"
        )
        located.report(message, suggestion=f"sensitivity: {used.sensitivity}")
