"""Tags that follow another from day to day: how long it has had its value, and which it had before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast

from usertags.config.entry import Entry
from usertags.config.expression_operands import Expression
from usertags.config.expression_tree import NULL
from usertags.config.validation import close
from usertags.kinds.base import Given, Making, TagKind
from usertags.spark_functions import F

if TYPE_CHECKING:
    from pyspark.sql import Column

    from usertags.project.model import Tag
    from usertags.project.tag_entry import TagEntry


class FollowsEntry(Entry):
    """What follows from the days before of another tag: the days that it has had its value, the data day
    included, or the value that it had before."""

    tag: str
    what: Literal["days", "value_before"]


class FollowsKeys(Entry):
    follows: FollowsEntry | None = None


class Follows(TagKind):
    keys = FollowsKeys
    instead = ("follows",)
    order = 2
    over_today = False
    dynamic = True
    unusable = "follows from the days before, and a rule reads the data day alone"

    def uses(self, entry: TagEntry) -> list[str]:
        return [_of(entry).tag]

    def expression(self, making: Making) -> Expression | None:
        """No rule over today: carry gives the tag its value. None (and problems) where the other tag has no
        day before that could be read."""
        located, settings = making.located, making.settings
        name, what = _of(located.entry).tag, _of(located.entry).what
        if name not in settings.tags:
            if not settings.broken.has("tags", name):
                hint = close(name, settings.tags)
                located.report(f"no tag {name!r}", "follows", "tag", suggestion=hint)
            return None
        other, before = settings.tags[name].entry, len(located.problems)
        for wrong, why in (
            (any(kind.several for kind in other.kinds), "can have several values"),
            (not all(kind.over_today for kind in other.kinds), "follows another tag itself"),
            (other.status != "active", f"is {other.status}: no day has it"),
        ):
            if wrong:
                located.report(f"{name} {why}", "follows", "tag")
        if located.entry.status == "draft":
            message = "a draft is in no published day that it could follow from"
            located.report(message, "status")
        if name not in making.tags or len(located.problems) > before:
            return None
        tag = making.tags[name]
        columns = frozenset(tag.inputs) | {"data_day"}
        return Expression(NULL, columns, "int" if what == "days" else tag.type)

    def around(
        self, entry: TagEntry, expression: Expression, type_: str
    ) -> tuple[Expression, dict[str, Any]]:
        return expression, {"follows": _of(entry)}

    def depends(self, entry: TagEntry, tags: Mapping[str, Tag]) -> list[object]:
        return [tags[_of(entry).tag].definition_version, _of(entry).what]

    def described(self, entry: TagEntry) -> list[str]:
        return [f"{_of(entry).what} of {_of(entry).tag}"]

    def gives(self, entry: TagEntry) -> Mapping[str, Given]:
        return {
            "today": Given("value", lambda given: True),
            "before": Given("the day before", _is_day_before),
        }

    def steady(self, tag: Tag) -> bool:
        """Days that are counted, and values before, change whenever those of the other tag stay."""
        return False

    def remembers(self, tag: Tag) -> tuple[str, ...]:
        assert tag.follows is not None
        return (tag.follows.tag, tag.id)

    def carried(self, tag: Tag, tags: Mapping[str, Tag], data_day: date) -> Column | None:
        """The days that the other tag has had its value, or the value before; nothing without the other."""
        assert tag.follows is not None
        other = tags[tag.follows.tag]
        earlier = F.col("_before").getItem(other.id)
        now = other.main.text(other, F.col(other.id))
        same = F.coalesce(earlier["tag_value"] == now, F.lit(False))
        if tag.follows.what == "days":
            since = F.when(same, earlier["valid_from"]).otherwise(F.lit(data_day))
            value = F.datediff(F.lit(data_day), since) + 1
        else:
            kept = F.col("_before").getItem(tag.id)["tag_value"]
            value = F.when(same, kept).otherwise(earlier["tag_value"])
        return F.when(now.isNotNull(), value).try_cast(tag.type)


def _of(entry: TagEntry) -> FollowsEntry:
    follows = cast(FollowsKeys, entry).follows
    assert follows is not None
    return follows


def _is_day_before(given: Any) -> bool:
    return isinstance(given, dict) and given.keys() == {"value", "valid_from", "follower"}


KIND = Follows()
