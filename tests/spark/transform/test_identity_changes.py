"""Identity started from the day before: equal to that of all links, and only what was touched is joined
again."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession

from tests.support.identity_days import (
    FIRST,
    Known,
    check_histories,
    computed,
    expected,
    expected_again,
    together,
)

# What has to come up in random histories.
COMES_UP = {"joined", "parted", "taken over", "accepted again", "blocked", "shared", "limit"}
EARLIER, DAY = FIRST, FIRST + timedelta(1)
LIMITS = {"customer": 2, "device": 3}
A, B, C, D, E = "customer:a", "customer:b", "customer:c", "customer:d", "customer:e"
P, Q, S, BLOCKED = "phone:p", "phone:q", "device:s", "phone:x"


def links(
    *pairs: tuple[str, ...], on: date = EARLIER, source: str = "app"
) -> list[tuple[tuple[str, ...], date, str]]:
    return [(pair, on, source) for pair in pairs]


# Name: the day before, the day, the ids joined again, and the users then.
Case = tuple[Known, Known, set[str], Sequence[set[str]]]
CASES: dict[str, Case] = {
    "nothing is new": (Known(links((A, P))), Known(links((A, P))), set(), [{A, P}]),
    "a link is new and joins two": (
        Known(links((A, P), (B, Q), (C, S))),
        Known([*links((A, P), (B, Q), (C, S)), *links((A, Q), on=DAY)]),
        {A, B, P, Q},
        [{A, B, P, Q}, {C, S}],
    ),
    "a link is withdrawn and parts two": (
        Known(links((A, P), (B, P), (B, Q))),
        Known(links((A, P), (B, Q))),
        {A, B, P, Q},
        [{A, P}, {B, Q}],
    ),
    "the last link of a user is withdrawn": (
        Known(links((A, P), (B, Q))),
        Known(links((B, Q))),
        {A, P},
        [{B, Q}],
    ),
    "a link is given once more, later": (
        Known(links((A, P))),
        Known([*links((A, P)), *links((A, P), on=DAY)]),
        set(),
        [{A, P}],
    ),
    "a link is given by a further source": (
        Known(links((A, P))),
        Known([*links((A, P)), *links((A, P), on=DAY, source="shop")]),
        {A, P},
        [{A, P}],
    ),
    "a link has an earlier day": (
        Known(links((A, P), on=EARLIER)),
        Known(links((A, P), on=EARLIER - timedelta(3))),
        {A, P},
        [{A, P}],
    ),
    "a blocked link is new: that of its user alone": (
        Known(links((A, BLOCKED), (B, BLOCKED), (A, P), (B, Q))),
        Known([*links((A, BLOCKED), (B, BLOCKED), (A, P), (B, Q)), *links((P, BLOCKED), on=DAY)]),
        {A, P},
        [{A, P}, {B, Q}],
    ),
    "a shared device gets one more": (
        Known(links((A, S), (B, S), (C, S), (A, P), (D, Q))),
        Known([*links((A, S), (B, S), (C, S), (A, P), (D, Q)), *links((E, S), on=DAY)]),
        {A, B, C, E, P, S},
        [{A, P, S}, {D, Q}],
    ),
    "a device is no longer shared": (
        Known(links((A, S), (B, S), (C, S), (D, Q))),
        Known(links((A, S), (B, S), (D, Q))),
        {A, B, C, S},
        [{A, B, S}, {D, Q}],
    ),
    "a user beyond a limit was parted, and is one again": (
        Known(links((A, P), (B, P), (B, Q), (C, Q))),
        Known(links((A, P), (B, P), (B, Q))),
        {A, B, C, P, Q},
        [{A, B, P, Q}],
    ),
    "what is linked to the other side of a refused link is touched": (
        Known(links((A, P), (B, P), (B, Q), (C, Q), (C, S), (D, "open:d"))),
        Known([*links((A, P), (B, P), (B, Q), (C, Q), (C, S), (D, "open:d")), *links((S, "open:s"), on=DAY)]),
        {A, B, C, P, Q, S, "open:s"},
        [{A, B, P, Q}, {C, S, "open:s"}, {D, "open:d"}],
    ),
    "an id was seen earlier: it names the user": (
        Known(links((A, P), (B, Q)), [(A, EARLIER)]),
        Known(links((A, P), (B, Q)), [(A, EARLIER), (P, EARLIER - timedelta(9))]),
        {A, P},
        [{A, P}, {B, Q}],
    ),
    "the row that named the user is withdrawn": (
        Known(links((A, P)), [(P, EARLIER - timedelta(9))]),
        Known(links((A, P)), []),
        {A, P},
        [{A, P}],
    ),
    "an id has always been there": (
        Known(links((A, P)), [(A, EARLIER - timedelta(9))]),
        Known(links((A, P)), [(A, EARLIER - timedelta(9)), (P, None)]),
        {A, P},
        [{A, P}],
    ),
    "an id is no longer always there": (
        Known(links((A, P)), [(P, None)]),
        Known(links((A, P)), [(P, EARLIER)]),
        {A, P},
        [{A, P}],
    ),
    "an id is seen again": (
        Known(links((A, P)), [(A, EARLIER)]),
        Known(links((A, P)), [(A, EARLIER), (A, DAY), (P, DAY)]),
        set(),
        [{A, P}],
    ),
    "an id without a user is seen": (Known(links((A, P))), Known(links((A, P)), [(B, DAY)]), set(), [{A, P}]),
    "an id known for long is linked": (
        Known(links((A, P)), [(B, EARLIER - timedelta(40))]),
        Known([*links((A, P)), *links((B, P), on=DAY)], [(B, EARLIER - timedelta(40))]),
        {A, B, P},
        [{A, B, P}],
    ),
}


def of_case(known: Known, number: int) -> Known:
    """With ids of its own, so that all cases are one Spark statement."""
    return Known(
        [(tuple(f"{name}_{number}" for name in ids), day, source) for ids, day, source in known.links],
        [(f"{name}_{number}", day) for name, day in known.seen],
    )


@pytest.fixture(scope="module")
def cases(spark: SparkSession) -> tuple[Known, Known, list[str]]:
    before = together(of_case(case[0], number) for number, case in enumerate(CASES.values()))
    today = together(of_case(case[1], number) for number, case in enumerate(CASES.values()))
    return before, today, [f"{BLOCKED}_{number}" for number in range(len(CASES))]


def test_literal_days(spark: SparkSession, cases: tuple[Known, Known, list[str]]) -> None:
    before, today, blocked = cases
    was = expected(before, blocked, LIMITS)
    found, again = computed(spark, before, today, was, blocked, LIMITS)
    users = found.users()
    for number, (name, case) in enumerate(CASES.items()):
        mark = f"_{number}"
        assert {each.removesuffix(mark) for each in again if each.endswith(mark)} == case[2], name
        own = [{each.removesuffix(mark) for each in user} for user in users if min(user).endswith(mark)]
        assert sorted(map(sorted, own)) == sorted(map(sorted, case[3])), name
    right = expected(today, blocked, LIMITS)
    assert (found.identities, found.refused) == (right.identities, right.refused)
    assert again == expected_again(before, today, was, blocked)


def test_one_source_without_limits(spark: SparkSession) -> None:
    """The usual shop: nothing is refused, so no component has to be searched for."""
    both = [CASES[name] for name in ("a link is new and joins two", "a link is withdrawn and parts two")]
    before, today = (
        together(of_case(case[side], number) for number, case in enumerate(both)) for side in (0, 1)
    )
    again = {f"{name}_{number}" for number, case in enumerate(both) for name in case[2]}
    found = computed(spark, before, today, expected(before, (), {}), [], {}, ["app"])
    assert found == (expected(today, (), {}), again)


def test_random_histories(spark: SparkSession) -> None:
    came_up = check_histories(spark, range(100, 150), days=3)
    assert came_up.keys() >= COMES_UP and min(came_up[name] for name in COMES_UP) > 0, came_up
