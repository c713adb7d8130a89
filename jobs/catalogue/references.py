"""Tags that use other tags: `tags.<id>` in a rule is what that tag's rule says today, put in its place."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from jobs.catalogue.model import Tag
from jobs.config.expression_types import family, kind_of_type
from jobs.config.expressions import Expression, names_in
from jobs.config.loader import Located
from jobs.config.models import TagEntry
from jobs.errors import ConfigProblem

PREFIX = "tags."


def used_tags(entry: TagEntry) -> list[str]:
    """The ids of the tags that a rule names or follows, in the order in which it does."""
    texts = [entry.when, entry.value, *(case.when for case in entry.cases or ())]
    names = [name.lower() for text in texts if text for name in names_in(text)]
    found = [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]
    found += [entry.follows.tag] if entry.follows else []
    return list(dict.fromkeys(found))


def in_order(tags: Mapping[str, Located[TagEntry]], problems: list[ConfigProblem]) -> Iterator[str]:
    """The ids of the tags, each after those that it uses. A circle of tags is a problem that names it; its
    tags are left out."""
    graph = {name: [n for n in used_tags(item.entry) if n in tags] for name, item in tags.items()}
    while True:
        try:
            yield from TopologicalSorter(graph).static_order()
            return
        except CycleError as error:
            # graphlib names each before the one that uses it.
            circle = list(reversed(error.args[1]))
            message = f"{circle[0]} uses itself: {' → '.join(circle)}"
            problems.append(tags[circle[0]].problem(message))
            graph = {
                name: [n for n in uses if n not in circle]
                for name, uses in graph.items()
                if name not in circle
            }


def check_usable(
    located: Located[TagEntry], tags: Mapping[str, Located[TagEntry]], problems: list[ConfigProblem]
) -> bool:
    """Whether every tag that the rule uses has one value, and from its rule over today alone."""
    before = len(problems)
    for name in used_tags(located.entry) if located.entry.follows is None else ():
        other = tags[name].entry if name in tags else None
        if other is not None and other.validity != "dynamic":
            message = (
                f"{PREFIX}{name} keeps its value by its validity ({other.validity}): "
                "a rule can use tags with `validity: dynamic`"
            )
            problems.append(located.problem(message))
        elif other is not None and other.follows is not None:
            message = f"{PREFIX}{name} follows from the days before, and a rule reads the data day alone"
            problems.append(located.problem(message))
        elif other is not None and other.prefer is not None:
            message = f"{PREFIX}{name} can have several values: a rule uses tags that have one"
            problems.append(located.problem(message))
    return len(problems) == before


def usable(tags: Iterable[Tag]) -> Iterator[Tag]:
    """The tags that a rule can use: those that have one value."""
    return (tag for tag in tags if not tag.multiple)


def definitions(tags: Iterable[Tag]) -> dict[str, Expression]:
    """What each usable tag stands for in a rule: its own, made of measures and columns alone."""
    return {
        f"{PREFIX}{tag.id}": Expression(tag.value_sql, frozenset(tag.inputs), family(kind_of_type(tag.type)))
        for tag in usable(tags)
    }
