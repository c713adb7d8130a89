"""The users that links make are the same in Python as in Spark, whatever is linked and refused."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from random import Random

from pyspark.sql import SparkSession

from usertags.transform.identity import people
from usertags.verify.links import Link, users_of

GRAPHS, SEED = 150, 7
LIMITS = {"customer": 2, "phone": 1, "device": 3}
BLOCKED = ["phone:0_1", "device:3_0"]


def graph(random: Random, number: int) -> Iterable[Link]:
    """Few ids with many links, so that hubs, shared ids and people beyond a limit come up."""
    nodes = [
        f"{kind}:{number}_{position}"
        for kind in ("customer", "open_id", "phone", "device")
        for position in range(random.randint(1, 5))
    ]
    pairs = {tuple(sorted(random.sample(nodes, 2))) for _ in range(random.randint(1, 14))}
    for a, b in sorted(pairs):
        yield Link(date(2026, 1, 1) + timedelta(random.randint(0, 3)), a, b, "links")


def test_components_and_refused_links_are_those_of_spark(spark: SparkSession) -> None:
    random = Random(SEED)
    links = [link for number in range(GRAPHS) for link in graph(random, number)]
    rows = [(link.a, link.b, link.first_seen, link.source) for link in links]
    found = people(
        spark.createDataFrame(rows, "a string, b string, first_seen date, source string"), BLOCKED, LIMITS
    )
    own = users_of(links, BLOCKED, LIMITS)
    refused = {(row["a"], row["b"], row["reason"]) for row in found.refused.collect()}
    assert {(link.a, link.b, reason) for link, reason in own.refused} == refused
    assert {reason for _, _, reason in refused} == {"blocked", "shared", "limit"}
    members = {row["node"]: row["component"] for row in found.members.collect()}
    assert groups(own.component) == groups(members)


def groups(components: Mapping[str, object]) -> set[frozenset[str]]:
    """The users with more than one id."""
    found: dict[object, set[str]] = defaultdict(set)
    for node, component in components.items():
        found[component].add(node)
    return {frozenset(nodes) for nodes in found.values() if len(nodes) > 1}
