"""Days of links for tests: what an oracle in plain Python says of a day, and what Spark makes of it when it
starts from the day before. Ids of different histories never meet, so that many share each Spark statement."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations
from random import Random
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from tests.support.frames import rows
from usertags.transform.identity_changes import (
    Joined,
    affected,
    changed_ids,
    changed_links,
    renewed,
    touched,
)
from usertags.verify.links import Link, users_of

FIRST = date(2026, 3, 1)
SOURCES = ("app", "shop")
_MOST = 3
_IDENTITIES = "id_kind string, id string, user_id string, first_seen date"
_REFUSED = "id_kind string, id string, other_kind string, other_id string, first_seen date, reason string"
_REFUSED += ", source string"


@dataclass
class Known:
    """What the sources say: rows of links (ids, day, source), and ids seen elsewhere (id, day; None: it
    always existed)."""

    links: list[tuple[tuple[str, ...], date, str]] = field(default_factory=list)
    seen: list[tuple[str, date | None]] = field(default_factory=list)

    def on(self, day: date) -> "Known":
        return Known(
            [row for row in self.links if row[1] <= day],
            [row for row in self.seen if row[1] is None or row[1] <= day],
        )

    def copy(self) -> "Known":
        return Known(list(self.links), list(self.seen))

    def pairs(self) -> dict[tuple[str, str], Link]:
        days: dict[tuple[str, str], list[tuple[date, str]]] = defaultdict(list)
        for ids, day, source in self.links:
            for a, b in combinations(sorted(ids), 2):
                days[a, b].append((day, source))
        return {
            (a, b): Link(min(day for day, _ in of), a, b, ", ".join(sorted({source for _, source in of})))
            for (a, b), of in days.items()
        }

    def first_days(self) -> dict[str, date | None]:
        """The first day of each id, None if it always existed."""
        days: dict[str, list[date | None]] = defaultdict(list)
        for name, day in [*self.seen, *((name, day) for ids, day, _ in self.links for name in ids)]:
            days[name].append(day)
        return {
            name: None if None in of else min(day for day in of if day is not None)
            for name, of in days.items()
        }


def together(worlds: Iterable[Known]) -> Known:
    """Several histories as one."""
    every = list(worlds)
    return Known([row for each in every for row in each.links], [row for each in every for row in each.seen])


@dataclass
class Result:
    """The rows of `ops.identities` and `ops.refused_links` of a day."""

    identities: set[tuple[str, str, str, date | None]]
    refused: set[tuple[Any, ...]]

    def owners(self) -> dict[str, str]:
        """The user_id of each id."""
        return {f"{kind}:{name}": user for kind, name, user, _ in self.identities}

    def users(self) -> set[frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for name, user in self.owners().items():
            found[user].add(name)
        return {frozenset(ids) for ids in found.values()}


def expected(known: Known, blocked: Collection[str], limits: Mapping[str, int]) -> Result:
    """A day by the oracle, from all of its links."""
    found = users_of(known.pairs().values(), blocked, limits)
    first, ids = known.first_days(), defaultdict(list)
    for name, number in found.component.items():
        ids[number].append(name)
    identities = set()
    for members in ids.values():
        user = min(members, key=lambda name: (first[name] or date.min, *name.split(":", 1)))
        if len(members) > 1:
            identities |= {(*name.split(":", 1), user, first[name]) for name in members}
    refused = {
        (*link.a.split(":", 1), *link.b.split(":", 1), link.first_seen, reason, link.source)
        for link, reason in found.refused
    }
    return Result(identities, refused)  # type: ignore[arg-type]


def expected_again(before: Known, today: Known, was: Result, blocked: Collection[str]) -> set[str]:
    """The ids to be joined again, by the book: of each component before, by links that are not blocked, that
    has an id of a changed link or a user's id with another first day; and the ids of changed links."""
    old, new = before.pairs(), today.pairs()
    changed: set[str] = set()
    for pair in old.keys() | new.keys():
        if old.get(pair) != new.get(pair):
            changed |= set(pair) - set(blocked) or set(pair)
    days = (before.first_days(), today.first_days())
    named = {f"{kind}:{name}" for kind, name, _, _ in was.identities}
    changed |= {name for name in named if days[0].get(name) != days[1].get(name, date.max)}
    edges = [pair for pair in old if set(pair).isdisjoint(blocked)]
    while True:
        more = {name for pair in edges if not changed.isdisjoint(pair) for name in pair} - changed
        if not more:
            return changed
        changed |= more


def computed(
    spark: SparkSession,
    before: Known,
    today: Known,
    was: Result,
    blocked: Sequence[str],
    limits: Mapping[str, int],
    sources: Sequence[str] = SOURCES,
) -> tuple[Result, set[str]]:
    """A day as Spark makes it from the day before, and the ids that were joined again."""
    base = Joined(
        spark.createDataFrame(sorted(was.identities, key=str), _IDENTITIES),
        spark.createDataFrame(sorted(was.refused, key=str), _REFUSED),
    )
    links = changed_links(_sightings(spark, today), _sightings(spark, before), _MOST, sources)
    found = touched(links, changed_ids(_seen(spark, today), _seen(spark, before), base.identities))
    around = affected(found, base, len(was.refused), blocked)
    made = renewed(around, base, _sightings(spark, today), _MOST, _seen(spark, today), blocked, limits)
    again = {row["node"] for row in rows(around.rows)}
    assert len(again) == around.ids
    return Result(_tuples(made.identities), _tuples(made.refused)), again


def _tuples(frame: DataFrame) -> set[tuple[Any, ...]]:
    found = [tuple(row.values()) for row in rows(frame)]
    assert len(set(found)) == len(found), "no row stands twice"
    return set(found)


def _sightings(spark: SparkSession, known: Known) -> DataFrame:
    written = [(list(ids), day, source) for ids, day, source in known.links]
    return spark.createDataFrame(written, "nodes array<string>, first_seen date, source string")


def _seen(spark: SparkSession, known: Known) -> DataFrame:
    of_links = [(name, day) for ids, day, _ in known.links for name in ids]
    written = [(*name.split(":", 1), day) for name, day in [*known.seen, *of_links]]
    return spark.createDataFrame(written, "id_kind string, id string, first_seen date")


def history(number: int, days: int) -> Iterator[Known]:
    """A random history: what the sources say on each day. Few ids with many links, so that people are joined
    and parted, ids are shared, and people go beyond the limits."""
    chance = Random(number)
    ids = [
        f"{kind}:{number}_{position}"
        for kind in ("customer", "open_id", "phone", "device")
        for position in range(chance.randint(1, 5))
    ]
    known = Known()
    for position in range(days):
        today = FIRST + timedelta(position)
        known = known.copy()
        for _ in range(chance.randint(2, 10) if position == 0 else chance.randint(0, 3)):
            _change(known, chance, ids, today)
        yield known


def _change(known: Known, chance: Random, ids: Sequence[str], today: date) -> None:
    day = today + timedelta(chance.randint(-4, 1))
    what = chance.random()
    if what < 0.5 or not known.links:
        given = tuple(chance.sample(ids, chance.randint(1, 3) if len(ids) > 3 else 2))
        known.links.append((given, day, chance.choice(SOURCES)))
    elif what < 0.65:
        known.links.pop(chance.randrange(len(known.links)))
    elif what < 0.75:
        place = chance.randrange(len(known.links))
        given, _, source = known.links[place]
        known.links[place] = (given, day, source)
    elif what < 0.9 or not known.seen:
        known.seen.append((chance.choice(ids), None if chance.random() < 0.2 else day))
    else:
        known.seen.pop(chance.randrange(len(known.seen)))


def check_histories(spark: SparkSession, numbers: Sequence[int], days: int) -> dict[str, int]:
    """Every day of random histories is that of the oracle, and nothing else was joined again than had to be.
    The limits are changed on the fourth day, which as the first is computed from all its links. Returns how
    often what came up."""
    blocked = [f"{kind}:{number}_0" for number in numbers[::5] for kind in ("phone", "device")]
    histories = [list(history(number, days)) for number in numbers]
    limits, came_up = {"customer": 2, "phone": 2, "device": 1}, defaultdict[str, int](int)
    was, before = Result(set(), set()), Known()
    for position in range(days):
        today = together(each[position] for each in histories).on(FIRST + timedelta(position))
        if position == 3:
            limits = {"customer": 1, "device": 2}
        right = expected(today, blocked, limits)
        if position not in (0, 3):
            found, again = computed(spark, before, today, was, blocked, limits)
            assert found.identities == right.identities
            assert found.refused == right.refused
            assert again == expected_again(before, today, was, blocked)
            _count(came_up, was, right, again)
        was, before = right, today
    return came_up


def _count(came_up: dict[str, int], was: Result, now: Result, again: set[str]) -> None:
    """What happened: users joined, parted, taken over; links refused by reason."""
    old, new = was.owners(), now.owners()
    came_up["joined"] += sum(len({old[each] for each in ids if each in old}) > 1 for ids in now.users())
    came_up["parted"] += sum(len({new.get(each, each) for each in ids}) > 1 for ids in was.users())
    came_up["taken over"] += sum(again.isdisjoint(ids) for ids in now.users())
    for row in now.refused:
        came_up[row[5]] += 1
    came_up["accepted again"] += len({row[:4] for row in was.refused} - {row[:4] for row in now.refused})
