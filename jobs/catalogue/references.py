"""Tags that use other tags: `tags.<id>` in a rule is what that tag's rule says today, put in its place."""

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from jobs.catalogue.model import Tag
from jobs.config.expressions import Expression
from jobs.config.loader import Located
from jobs.config.models import TagEntry
from jobs.errors import ConfigProblem

PREFIX = "tags."
# A text in quotes comes first, so that a name inside one is no reference.
_WRITTEN = re.compile(r"'(?:\\.|[^'\\])*'|\"[^\"]*\"|\btags\.([a-z][a-z0-9_]*)")
_NORMALISED = re.compile(r"'(?:\\.|[^'\\])*'|\btags__([a-z][a-z0-9_]*)")


def used_tags(entry: TagEntry) -> list[str]:
    """The ids of the tags that a rule names or follows, in the order in which it does."""
    texts = [entry.when, entry.value, *(case.when for case in entry.cases or ())]
    found = [match[1] for text in texts if text for match in _WRITTEN.finditer(text)]
    found += [entry.follows.tag] if entry.follows else []
    return list(dict.fromkeys(name for name in found if name))


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


def written_out(expression: Expression, tags: Mapping[str, Tag]) -> Expression:
    """The expression with the rules of the tags that it uses in their place: it reads no tag any more."""
    used = {name.removeprefix(PREFIX) for name in expression.columns if name.startswith(PREFIX)}
    if not used:
        return expression

    def rule(match: re.Match[str]) -> str:
        return tags[match[1]].value_sql if match[1] else match[0]

    own = {name for name in expression.columns if not name.startswith(PREFIX)}
    columns = own.union(*(tags[name].inputs for name in used))
    return Expression(_NORMALISED.sub(rule, expression.sql), frozenset(columns), expression.type)
