"""Tags that use other tags: `tags.<id>` in a rule is replaced by the rule of that tag."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from usertags.config.expression_types import family, kind_of_type
from usertags.config.expressions import Expression
from usertags.kinds.base import TAGS
from usertags.project.loader import Located
from usertags.project.model import Tag
from usertags.project.tag_entry import TagEntry


def used_tags(entry: TagEntry) -> list[str]:
    """The ids of the tags that an entry uses, in the order in which it does."""
    return list(dict.fromkeys(name for kind in entry.kinds for name in kind.uses(entry)))


def in_order(tags: Mapping[str, Located[TagEntry]]) -> Iterator[str]:
    """The ids of the tags, each after those that it uses. A circular reference is reported as a problem; its
    tags are left out."""
    graph = {name: [n for n in used_tags(item.entry) if n in tags] for name, item in tags.items()}
    while True:
        try:
            yield from TopologicalSorter(graph).static_order()
            return
        except CycleError as error:
            # graphlib lists each tag before the tag that uses it.
            circle = list(reversed(error.args[1]))
            message = f"circular reference: {' → '.join(circle)}"
            tags[circle[0]].report(message)
            graph = {
                name: [n for n in uses if n not in circle]
                for name, uses in graph.items()
                if name not in circle
            }


def check_usable(located: Located[TagEntry], tags: Mapping[str, Located[TagEntry]]) -> bool:
    """Whether all tags used by the rule have a single value that depends only on the data day."""
    before = len(located.problems)
    if not all(kind.over_today for kind in located.entry.kinds):
        return True
    for name in used_tags(located.entry):
        other = tags[name].entry if name in tags else None
        unusable = [kind.unusable for kind in other.kinds if kind.unusable is not None] if other else []
        if other is not None and not other.validity.dynamic:
            message = (
                f"{TAGS}{name} keeps values of earlier days (validity {other.validity}): "
                "a rule can only use tags with `validity: dynamic`"
            )
            located.report(message)
        elif unusable:
            located.report(f"{TAGS}{name} {unusable[0]}")
    return len(located.problems) == before


def usable(tags: Iterable[Tag]) -> Iterator[Tag]:
    """The tags that a rule can use: those that have one value."""
    return (tag for tag in tags if not tag.main.several)


def definitions(tags: Iterable[Tag]) -> dict[str, Expression]:
    """What each usable tag stands for in a rule: its own, made of measures and columns alone."""
    return {
        f"{TAGS}{tag.id}": Expression(tag.value_tree, frozenset(tag.inputs), family(kind_of_type(tag.type)))
        for tag in usable(tags)
    }
