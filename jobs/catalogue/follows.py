"""Tags that follow another from day to day: how long it has had its value, and which it had before."""

from collections.abc import Mapping

from jobs.catalogue.model import Tag
from jobs.config.expressions import Expression
from jobs.config.loader import Located, Settings
from jobs.config.models import TagEntry
from jobs.config.validation import close
from jobs.errors import ConfigProblem


def following(
    located: Located[TagEntry],
    tags: Mapping[str, Tag],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Expression | None:
    """No rule over today: carry gives the tag its value. None (and problems) where the other tag has no
    day before that could be read."""
    entry = located.entry.follows
    assert entry is not None
    name = entry.tag
    if name not in settings.tags:
        if not settings.broken.has("tags", name):
            hint = close(name, settings.tags)
            problems.append(located.problem(f"no tag {name!r}", "follows", "tag", suggestion=hint))
        return None
    other = settings.tags[name].entry
    before = len(problems)
    for wrong, why in (
        (other.prefer is not None, "can have several values"),
        (other.follows is not None, "follows another tag itself"),
        (other.status != "active", f"is {other.status}: no day has it"),
    ):
        if wrong:
            problems.append(located.problem(f"{name} {why}", "follows", "tag"))
    if located.entry.status == "draft":
        problems.append(located.problem("a draft is in no published day that it could follow from", "status"))
    if name not in tags or len(problems) > before:
        return None
    tag = tags[name]
    columns = frozenset(tag.inputs) | {"data_day"}
    return Expression("NULL", columns, "int" if entry.what == "days" else tag.type)
