"""People out of links: components, limits, blocked ids, and who was joined or parted."""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from tests.support.frames import FEW, ORDERS, frame, rows
from usertags.project.model import Project
from usertags.quality.tag_checks import refused_links
from usertags.transform import components as components_module
from usertags.transform.component_limits import TANGLED
from usertags.transform.components import components
from usertags.transform.identity import (
    identities,
    moved_users,
    of_users,
    one_row_a_user,
    pairs,
    people,
    sightings,
    with_reason_identity,
)

DAY = date(2026, 3, 1)
Edge = tuple[str, str]
Groups = set[frozenset[str]]


def union_find(edges: Iterable[Edge]) -> dict[str, str]:
    """The least node of each node's component, by the book."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    for a, b in edges:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return {name: root(name) for name in parent}


def found_components(spark: SparkSession, edges: Sequence[Edge]) -> dict[str, str]:
    found = rows(components(frame(spark, "a string, b string", edges)))
    assert len({row["node"] for row in found}) == len(found), "a node stands once"
    return {row["node"]: row["component"] for row in found}


# ---- components ----------------------------------------------------------------------------------


@FEW
@given(st.lists(st.tuples(*[st.integers(0, 60).map(str)] * 2), min_size=1, max_size=70))
def test_components_are_those_of_union_find(spark: SparkSession, edges: list[Edge]) -> None:
    between_two = [(a, b) for a, b in edges if a != b]
    assert found_components(spark, edges) == union_find(between_two)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_chain_of_a_thousand_takes_a_handful_of_rounds(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, shuffled: bool
) -> None:
    names = [f"{number:04}" for number in range(1_001)]
    if shuffled:
        random.Random(7).shuffle(names)
    rounds = Counter[str]()
    looked = components_module._is_forest_of_stars

    def counting(edges: DataFrame) -> bool:
        rounds["rounds"] += 1
        return looked(edges)

    monkeypatch.setattr(components_module, "_is_forest_of_stars", counting)
    found = found_components(spark, list(itertools.pairwise(names)))
    assert found == dict.fromkeys(names, "0000")
    assert rounds["rounds"] <= 4


def test_people_who_are_stars_take_one_round(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop's usual case: every id of a person is linked to the account."""
    looked: list[bool] = []
    real = components_module._is_forest_of_stars
    monkeypatch.setattr(
        components_module, "_is_forest_of_stars", lambda edges: looked.append(real(edges)) or looked[-1]
    )
    edges = [(f"customer:{n}", f"{kind}:{n}") for n in range(50) for kind in ("device", "open_id", "phone")]
    found_components(spark, edges)
    assert looked == [True]


# ---- links of a row ------------------------------------------------------------------------------

SOURCE: dict[str, Any] = {
    "kind": "links",
    "read": {"connection": "files", "files": "links/dt={day}/*.csv", "format": "csv"},
    "columns": {
        "customer": {"from": "customer", "type": "string"},
        "open_id": {"from": "open_id", "type": "string"},
        "linked_at": {"from": "linked_at", "type": "timestamp"},
    },
    "key": ["customer", "open_id"],
    "links": {"customer": "customer", "open_id": "open_id"},
    "time": "linked_at",
}


def test_a_link_is_there_from_its_own_day_on(spark: SparkSession, build: Callable[..., Project]) -> None:
    """A row of the last second of the day is; one of the day after is not, nor an id that is blank."""
    project = build(
        sources={"orders": ORDERS, "links": SOURCE}, measures={"n": {"source": "orders", "value": "count(*)"}}
    )
    shanghai = ZoneInfo("Asia/Shanghai")
    clean = frame(
        spark,
        "customer string, open_id string, linked_at timestamp",
        [
            ("u1", "o1", datetime(2026, 3, 1, 23, 59, 59, tzinfo=shanghai)),
            ("u2", "o2", datetime(2026, 3, 2, tzinfo=shanghai)),
            ("u3", " ", datetime(2026, 2, 1, tzinfo=shanghai)),
        ],
    )
    seen = [
        (row["nodes"], row["first_seen"]) for row in rows(sightings(clean, project.sources["links"], DAY))
    ]
    assert sorted(seen) == [(["customer:u1", "open_id:o1"], DAY), (["customer:u3"], date(2026, 2, 1))]


def test_every_two_ids_of_a_row_are_a_link(spark: SparkSession) -> None:
    seen = frame(
        spark,
        "nodes array<string>, first_seen date, source string",
        [
            (["phone:9", "customer:1", "open:5"], DAY, "app"),
            (["customer:1", "open:5"], DAY - timedelta(1), "shop"),
            (["customer:2"], DAY, "app"),
        ],
    )
    found = {(row["a"], row["b"]): (row["first_seen"], row["source"]) for row in rows(pairs(seen, 3))}
    assert found == {
        ("customer:1", "phone:9"): (DAY, "app"),
        ("open:5", "phone:9"): (DAY, "app"),
        ("customer:1", "open:5"): (DAY - timedelta(1), "app, shop"),
    }


# ---- people --------------------------------------------------------------------------------------


Link = tuple[str, str, int]


def judged(
    spark: SparkSession, links: Sequence[Link], *, limits: Mapping[str, int], blocked: Sequence[str] = ()
) -> tuple[Groups, dict[Edge, str]]:
    """The people of more than one id, and the reason of each refused link. A link: two ids, a day."""
    written = [(*sorted((a, b)), DAY + timedelta(number), "app") for a, b, number in links]
    found = people(
        frame(spark, "a string, b string, first_seen date, source string", written), blocked, limits
    )
    groups: dict[str, set[str]] = {}
    for row in rows(found.members):
        groups.setdefault(row["component"], set()).add(row["node"])
    refused = {(row["a"], row["b"]): row["reason"] for row in rows(found.refused)}
    return {frozenset(group) for group in groups.values() if len(group) > 1}, refused


def of_row(number: int, *ids: str) -> list[Link]:
    return [(a, b, number) for position, a in enumerate(ids) for b in ids[position + 1 :]]


def test_without_limits_everything_linked_is_one_person(spark: SparkSession) -> None:
    links = [("customer:1", "phone:1", 0), ("customer:2", "phone:1", 1), ("customer:3", "open:3", 1)]
    assert judged(spark, links, limits={}) == (
        {frozenset({"customer:1", "customer:2", "phone:1"}), frozenset({"customer:3", "open:3"})},
        {},
    )


def test_a_blocked_id_joins_nobody(spark: SparkSession) -> None:
    links = [*of_row(0, "customer:1", "open:1", "phone:9"), *of_row(0, "customer:2", "open:2", "phone:9")]
    groups, refused = judged(spark, links, limits={"customer": 3}, blocked=["phone:9"])
    assert groups == {frozenset({"customer:1", "open:1"}), frozenset({"customer:2", "open:2"})}
    assert refused == {
        (name, "phone:9"): "blocked" for name in ("customer:1", "customer:2", "open:1", "open:2")
    }


def test_a_shared_device_joins_nobody_and_nobody_loses_his_phone(spark: SparkSession) -> None:
    links = [link for n in range(1, 5) for link in of_row(n, f"customer:{n}", "device:x", f"phone:{n}")]
    groups, refused = judged(spark, links, limits={"customer": 3})
    assert groups == {frozenset({f"customer:{n}", f"phone:{n}"}) for n in range(1, 5)}
    assert set(refused.values()) == {"shared"} and len(refused) == 8


def test_a_device_that_is_all_that_is_known_of_its_customers_joins_none_of_them(
    spark: SparkSession,
) -> None:
    """Not the first three either: nothing says that these are one person."""
    links = [(f"customer:{n}", "device:x", n) for n in range(4)]
    groups, refused = judged(spark, links, limits={"customer": 3})
    assert groups == set()
    assert set(refused.values()) == {"shared"} and len(refused) == 4


def test_a_device_of_as_many_customers_as_the_limit_joins_them(spark: SparkSession) -> None:
    links = [(f"customer:{n}", "device:x", n) for n in range(3)]
    assert judged(spark, links, limits={"customer": 3}) == (
        {frozenset({"customer:0", "customer:1", "customer:2", "device:x"})},
        {},
    )


def test_the_phone_and_the_tablet_of_a_shop_are_both_shared(spark: SparkSession) -> None:
    links = [
        link for n in range(5) for link in of_row(n, f"customer:{n}", "device:x", "phone:x", f"open:{n}")
    ]
    groups, refused = judged(spark, links, limits={"customer": 3})
    assert groups == {frozenset({f"customer:{n}", f"open:{n}"}) for n in range(5)}
    assert {name for pair in refused for name in pair if name.endswith(":x")} == {"device:x", "phone:x"}


def test_one_device_too_many_is_left_out_and_the_person_stays(spark: SparkSession) -> None:
    """Account, phone and open id all know six devices; they are one person's, not shared."""
    links = [link for n in range(6) for link in of_row(n, "customer:1", f"device:{n}", "open:1", "phone:1")]
    groups, refused = judged(spark, links, limits={"customer": 3, "device": 5})
    assert groups == {frozenset({"customer:1", "open:1", "phone:1", *(f"device:{n}" for n in range(5))})}
    assert refused == {
        ("customer:1", "device:5"): "limit",
        ("device:5", "open:1"): "limit",
        ("device:5", "phone:1"): "limit",
    }


def test_an_account_with_many_devices_of_its_own_keeps_its_phone(spark: SparkSession) -> None:
    """Rows that name the account and one device alone: nothing else is known of these devices."""
    links = [*of_row(0, "customer:1", "device:0", "phone:1")]
    links += [("customer:1", f"device:{number}", number) for number in range(1, 6)]
    groups, refused = judged(spark, links, limits={"device": 5})
    assert groups == {frozenset({"customer:1", "device:0", "phone:1"})}
    assert refused == {("customer:1", f"device:{number}"): "shared" for number in range(1, 6)}


def test_strangers_in_a_chain_are_parted_at_the_newest_link(spark: SparkSession) -> None:
    """No id joins too many by itself: customers and phones take turns."""
    links = [
        ("customer:1", "phone:a", 0),
        ("customer:2", "phone:a", 5),
        ("customer:2", "phone:b", 1),
        ("customer:3", "phone:b", 2),
        ("customer:3", "phone:c", 9),
        ("customer:1", "open:1", 10),
    ]
    groups, refused = judged(spark, links, limits={"customer": 2})
    assert refused == {("customer:2", "phone:a"): "limit"}
    assert groups == {
        frozenset({"customer:1", "phone:a", "open:1"}),
        frozenset({"customer:2", "customer:3", "phone:b", "phone:c"}),
    }


def test_a_tangle_of_very_many_links_is_refused_as_a_whole(spark: SparkSession) -> None:
    chain = [(f"customer:{n:04}", f"phone:{n:04}", n) for n in range(TANGLED)]
    chain += [(f"customer:{n + 1:04}", f"phone:{n:04}", n) for n in range(TANGLED)]
    links = [*chain, ("customer:z", "open:z", 0)]
    groups, refused = judged(spark, links, limits={"customer": 3})
    assert groups == {frozenset({"customer:z", "open:z"})}
    assert len(refused) == 2 * TANGLED and set(refused.values()) == {"tangled"}


IDS = st.sampled_from([f"{kind}:{n}" for kind in ("customer", "device", "phone") for n in range(7)])
LINKS = st.lists(
    st.tuples(IDS, IDS, st.integers(0, 9)).filter(lambda link: link[0] != link[1]),
    min_size=1,
    max_size=30,
    unique_by=lambda link: tuple(sorted(link[:2])),
)


@FEW
@given(LINKS, st.randoms(use_true_random=False))
def test_nobody_is_beyond_a_limit_and_the_order_of_rows_is_no_matter(
    spark: SparkSession, links: list[Link], chance: random.Random
) -> None:
    limits = {"customer": 2, "device": 3}
    groups, refused = judged(spark, links, limits=limits, blocked=["phone:0"])
    for group in groups:
        kinds = Counter(name.partition(":")[0] for name in group)
        assert all(kinds[kind] <= most for kind, most in limits.items())
    accepted = [(a, b) for a, b, _ in links if tuple(sorted((a, b))) not in refused]
    expected: dict[str, set[str]] = {}
    for name, least in union_find(accepted).items():
        expected.setdefault(least, set()).add(name)
    assert groups == {frozenset(group) for group in expected.values()}
    assert not any("phone:0" in pair for pair in accepted)
    mixed = [(b, a, number) for a, b, number in links]
    chance.shuffle(mixed)
    assert judged(spark, mixed, limits=limits, blocked=["phone:0"]) == (groups, refused)


# ---- users ---------------------------------------------------------------------------------------


def users(spark: SparkSession, *members: tuple[str, str, str, date | None]) -> DataFrame:
    return frame(spark, "id_kind string, id string, user_id string, first_seen date", members)


def named(spark: SparkSession, seen: Sequence[tuple[str, str, date | None]]) -> dict[str, str]:
    """The user_id of each id of one person that was seen on these days."""
    members = frame(
        spark, "node string, component string", [(f"{kind}:{name}", "one") for kind, name, _ in set(seen)]
    )
    sightings = frame(spark, "id_kind string, id string, first_seen date", seen)
    return {f"{row['id_kind']}:{row['id']}": row["user_id"] for row in rows(identities(members, sightings))}


def test_a_user_is_named_by_the_id_seen_first_and_keeps_the_name_as_it_grows(spark: SparkSession) -> None:
    first = [("open_id", "b", DAY), ("customer", "7", DAY + timedelta(1))]
    assert set(named(spark, first).values()) == {"open_id:b"}
    grown = [*first, ("device", "a:a", DAY + timedelta(2)), ("open_id", "b", DAY + timedelta(3))]
    assert named(spark, grown) == dict.fromkeys(["open_id:b", "customer:7", "device:a:a"], "open_id:b")


def test_ids_of_one_day_are_ordered_by_kind_then_id(spark: SparkSession) -> None:
    seen = [("open_id", "1", DAY), ("customer", "9", DAY), ("customer", "10", DAY)]
    assert set(named(spark, seen).values()) == {"customer:10"}


def test_an_id_without_a_day_was_always_there(spark: SparkSession) -> None:
    seen = [("customer", "1", date(2020, 1, 1)), ("device", "d", None), ("device", "d", DAY)]
    assert set(named(spark, seen).values()) == {"device:d"}


def test_rows_become_those_of_their_user(spark: SparkSession) -> None:
    people_of = users(spark, ("customer", "1", "customer:1", DAY), ("open_id", "o:1", "customer:1", DAY))
    given = frame(
        spark,
        "day date, id_kind string, id string, n int",
        [(DAY, "open_id", "o:1", 2), (DAY, "customer", "1", 3), (DAY, "customer", "2", 4)],
    )
    found = of_users(given, people_of)
    assert found.columns == ["day", "id_kind", "id", "n"]
    assert sorted((row["id_kind"], row["id"], row["n"]) for row in rows(found)) == [
        ("customer", "1", 2),
        ("customer", "1", 3),
        ("customer", "2", 4),
    ]


@pytest.mark.parametrize(
    ("versions", "kept"),
    [
        ((1, 2), "younger"),
        ((2, 1), "elder"),
        ((1, 1), "elder"),
        ((None, 1), "younger"),
        ((None, None), "elder"),
    ],
)
def test_of_two_profile_rows_the_highest_version_then_the_earliest_id_stands(
    spark: SparkSession, versions: tuple[int | None, int | None], kept: str
) -> None:
    people_of = users(
        spark, ("customer", "9", "customer:9", DAY), ("customer", "1", "customer:9", DAY + timedelta(1))
    )
    profile = frame(
        spark,
        "id_kind string, id string, v int, city string",
        [("customer", "9", versions[0], "elder"), ("customer", "1", versions[1], "younger")],
    )
    found = rows(one_row_a_user(profile, people_of, "v"))
    assert found == [{"id_kind": "customer", "id": "9", "city": kept}]


# ---- who was joined or parted ---------------------------------------------------------------------


def moved(spark: SparkSession, before: Sequence[Any], today: Sequence[Any]) -> set[str]:
    found = moved_users(users(spark, *today), users(spark, *before), DAY)
    return {row["user_id"] for row in rows(found)}


ACCOUNT = ("customer", "1", "customer:1", DAY)
OPEN_ID = ("open_id", "o", "customer:1", DAY)


def test_two_known_users_joined_have_both_moved(spark: SparkSession) -> None:
    assert moved(spark, [], [ACCOUNT, OPEN_ID]) == {"customer:1", "open_id:o"}


def test_two_users_parted_have_both_moved(spark: SparkSession) -> None:
    assert moved(spark, [ACCOUNT, OPEN_ID], []) == {"customer:1", "open_id:o"}


def test_a_user_who_gets_a_new_id_has_not_moved(spark: SparkSession) -> None:
    newcomer = ("device", "d", "customer:1", DAY + timedelta(1))
    assert moved(spark, [], [ACCOUNT, newcomer]) == set()
    assert moved(spark, [ACCOUNT, OPEN_ID], [ACCOUNT, OPEN_ID, newcomer]) == set()


def test_an_id_that_goes_from_one_user_to_another_moves_both(spark: SparkSession) -> None:
    before = [ACCOUNT, OPEN_ID, ("device", "d", "customer:1", DAY), ("customer", "2", "customer:2", DAY)]
    today = [ACCOUNT, OPEN_ID, ("device", "d", "customer:2", DAY), ("customer", "2", "customer:2", DAY)]
    assert moved(spark, before, today) == {"customer:1", "customer:2"}


def test_the_changes_of_moved_users_have_the_reason_identity(spark: SparkSession) -> None:
    changes = frame(
        spark,
        "user_id string, tag_id string, reason string",
        [("a", "t", "data"), ("a", "u", "definition"), ("a", "v", "retired"), ("b", "t", "data")],
    )
    found = rows(with_reason_identity(changes, frame(spark, "user_id string", [("a",), ("c",)])))
    assert sorted((row["user_id"], row["tag_id"], row["reason"]) for row in found) == [
        ("a", "t", "identity"),
        ("a", "u", "identity"),
        ("a", "v", "retired"),
        ("b", "t", "data"),
    ]


@pytest.mark.parametrize(
    ("refused", "success", "failing"),
    [
        ({}, True, 0),
        ({"blocked": 4, "shared": 3}, True, 0),
        ({"limit": 2, "tangled": 1, "shared": 3}, False, 3),
    ],
)
def test_only_links_beyond_a_limit_are_a_warning(
    refused: Mapping[str, int], success: bool, failing: int
) -> None:
    check = refused_links(refused)
    assert (check.severity, check.success, check.unexpected) == ("warning", success, failing)
    assert (check.value, check.unit) == (sum(refused.values()), "links")
