"""Which links between ids are accepted, and the users that they make: after the reasons in
docs/architecture.md, in plain Python over the links of a day. An id is a text `kind:id`."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

# With more links than this a component beyond a limit is nobody's.
_TANGLED = 500


@dataclass(frozen=True, order=True)
class Link:
    """Two ids of one row, the lesser first, with the first day that has them and the sources that do."""

    first_seen: date
    a: str
    b: str
    source: str

    @property
    def ends(self) -> tuple[str, str]:
        return self.a, self.b


@dataclass
class Users:
    """`component` is a number for each id with an accepted link: ids with the same number are one user.
    `refused` are the links that were not accepted, each with its reason."""

    component: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[Link, str]] = field(default_factory=list)


class _Sets:
    """Disjoint sets of ids."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, node: str) -> str:
        parent = self._parent.setdefault(node, node)
        while parent != node:
            self._parent[node] = self._parent[parent]
            node, parent = parent, self._parent[parent]
        return node

    def join(self, one: str, other: str) -> None:
        self._parent[self.find(one)] = self.find(other)

    def __contains__(self, node: str) -> bool:
        return node in self._parent

    def members(self) -> Iterator[list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for node in self._parent:
            found[self.find(node)].append(node)
        yield from found.values()


def users_of(links: Iterable[Link], blocked: Collection[str], limits: Mapping[str, int]) -> Users:
    """The users of all links. `limits` is the number of ids of a kind that one person can have."""
    found = Users()
    accepted = []
    for link in links:
        if blocked and not set(blocked).isdisjoint(link.ends):
            found.refused.append((link, "blocked"))
        else:
            accepted.append(link)
    shared = _shared(accepted, limits)
    found.refused += [(link, "shared") for link in accepted if link in shared]
    accepted = [link for link in accepted if link not in shared]
    _assign(found, accepted, limits)
    return found


def _kind(node: str) -> str:
    return node.partition(":")[0]


def _neighbours(links: Iterable[Link]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for link in links:
        found[link.a].add(link.b)
        found[link.b].add(link.a)
    return found


def _joined(links: Iterable[Link]) -> _Sets:
    sets = _Sets()
    for link in links:
        sets.join(*link.ends)
    return sets


def _shared(links: list[Link], limits: Mapping[str, int]) -> set[Link]:
    """The links refused for ids that are linked to more ids of a kind than one person has.

    If these are of more people than the limit, once the crowded ids are left out, all links of the id are
    refused. Otherwise only those to ids without any other crowded neighbour, and only if people and such ids
    together are too many.
    """
    around = _neighbours(links)
    crowded: dict[tuple[str, str], list[str]] = {}
    for node, others in around.items():
        for kind, count in Counter(map(_kind, others)).items():
            if kind in limits and count > limits[kind]:
                crowded[node, kind] = [other for other in others if _kind(other) == kind]
    nodes = {node for node, _ in crowded}
    calm = _joined(link for link in links if nodes.isdisjoint(link.ends))
    times = Counter(other for others in crowded.values() for other in others)
    everything: set[str] = set()
    lost: set[frozenset[str]] = set()
    for (node, kind), linked in crowded.items():
        persons = {calm.find(other) for other in linked if other in calm}
        alone = [other for other in linked if other not in calm and times[other] == 1]
        if len(persons) > limits[kind]:
            everything.add(node)
        if len(persons) + len(alone) > limits[kind]:
            lost |= {frozenset((node, other)) for other in alone}
    return {link for link in links if not everything.isdisjoint(link.ends) or frozenset(link.ends) in lost}


def _assign(found: Users, links: list[Link], limits: Mapping[str, int]) -> None:
    """Number the components; those with too many ids of a kind are taken apart link by link."""
    sets = _joined(links)
    within: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        within[sets.find(link.a)].append(link)
    for members in sets.members():
        if not _too_many(members, limits):
            _number(found, members)
            continue
        own = sorted(within[sets.find(members[0])])
        if len(own) > _TANGLED:
            found.refused += [(link, "tangled") for link in own]
            continue
        _number_apart(found, members, own, limits)


def _too_many(nodes: Iterable[str], limits: Mapping[str, int]) -> bool:
    counts = Counter(map(_kind, nodes))
    return any(counts[kind] > most for kind, most in limits.items())


def _number(found: Users, members: Iterable[str]) -> None:
    number = len(found.component)
    found.component.update(dict.fromkeys(members, number))


def _number_apart(found: Users, members: list[str], links: list[Link], limits: Mapping[str, int]) -> None:
    """The links in the order of their days; one that would make a person beyond a limit is refused."""
    person = {node: [node] for node in members}
    for link in links:
        one, other = person[link.a], person[link.b]
        if one is other:
            continue
        if _too_many([*one, *other], limits):
            found.refused.append((link, "limit"))
            continue
        one.extend(other)
        for node in other:
            person[node] = one
    for each in {id(people): people for people in person.values()}.values():
        _number(found, each)
