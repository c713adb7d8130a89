"""Components that are too large for one person: which of their links are accepted."""

from collections.abc import Mapping
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# The maximum number of links of a component that are examined one by one. One person has some dozens; a
# component with more links is not a single person.
TANGLED = 500

_LINK = ("first_seen", "a", "b", "source")


def within_limits(
    links: DataFrame, members: DataFrame, large: DataFrame, limits: Mapping[str, int]
) -> tuple[DataFrame, DataFrame]:
    """The members of all components after splitting the large ones, and the links refused for that.

    Grain: node; link. In: accepted links (a, b, first_seen, source), `members` (node, component), the
    components that are too large (component), and the maximum number of ids of a kind per person. Out:
    node, component; a, b, first_seen, source, reason (`limit` or `tangled`).

    The links of a large component are taken in the order of first_seen, then of their ids; one that would
    make a person with more ids of a kind than the limit is refused, as are all links of a component that has
    more than TANGLED of them.
    """
    # Large components are few: the joins below then do not move the members and links of all others.
    large = F.broadcast(large)
    own = members.join(large, "component", "left_semi").withColumnRenamed("node", "a")
    placed = links.join(own, "a")
    counts = placed.groupBy("component").agg(F.count("*").alias("_links"))
    sized = placed.join(counts, "component")
    hopeless = sized.where(F.col("_links") > F.lit(TANGLED))
    grouped = sized.where(F.col("_links") <= F.lit(TANGLED)).groupBy("component")
    # Both outputs come from these rows: without the checkpoint the lists are traversed twice.
    judged = _judged(grouped.agg(_in_order().alias("links")), limits).localCheckpoint()
    fitting = members.join(large, "component", "left_anti").select("node", "component")
    taken_apart = judged.select(F.inline(_members()))
    refused = judged.select(F.inline(_refused())).unionByName(
        hopeless.select("a", "b", "first_seen", "source", F.lit("tangled").alias("reason"))
    )
    return fitting.unionByName(taken_apart), refused


def _in_order() -> Column:
    columns = [F.col(name) for name in ("first_seen", "a", "b", "source")]
    return F.array_sort(F.collect_list(F.struct(*columns)))


def _judged(grouped: DataFrame, limits: Mapping[str, int]) -> DataFrame:
    """Grain: component. In: `links` in order. Out: links, nodes, `state`: of each node the position of the
    first node of its person (`person`), and for each link whether it is accepted (`accepted`).

    The lists are traversed by position, to avoid searching the text of a node in each step; and they
    are computed before, because Spark would otherwise recompute them in the loop.
    """
    ends = F.concat(
        F.transform("links", lambda link: link["a"]), F.transform("links", lambda link: link["b"])
    )
    nodes = grouped.withColumn("nodes", F.array_sort(F.array_distinct(ends))).localCheckpoint()
    steps = nodes.withColumns(
        {
            "kinds": F.transform("nodes", lambda name: F.substring_index(name, ":", 1)),
            "steps": F.transform("links", lambda link: F.struct(_at(link["a"], "a"), _at(link["b"], "b"))),
        }
    ).localCheckpoint()
    start = F.struct(
        F.transform("nodes", lambda _, position: position).alias("person"),
        F.array().cast("array<boolean>").alias("accepted"),
    )
    # The types of the state must agree in nullability.
    start = start.cast("struct<person: array<int>, accepted: array<boolean>>")
    state = F.aggregate("steps", start, lambda state, step: _joined(state, step, limits))
    return steps.select("links", "nodes", state.alias("state"))


def _at(name: Column, alias: str) -> Column:
    return (F.array_position(F.col("nodes"), name) - 1).cast("int").alias(alias)


def _joined(state: Column, step: Column, limits: Mapping[str, int]) -> Column:
    """The state after one link: two people are merged if the limits allow it."""
    left, right = state["person"][step["a"]], state["person"][step["b"]]
    fits = (left == right) | reduce(
        and_, [_few(state, left, right, kind, most) for kind, most in limits.items()]
    )
    least, greatest = F.least(left, right), F.greatest(left, right)
    joined = F.transform(state["person"], lambda each: F.when(each == greatest, least).otherwise(each))
    return F.struct(
        F.when(fits, joined).otherwise(state["person"]).alias("person"),
        F.concat(state["accepted"], F.array(fits)).alias("accepted"),
    ).cast("struct<person: array<int>, accepted: array<boolean>>")


def _few(state: Column, left: Column, right: Column, kind: str, most: int) -> Column:
    """Whether the two people together stay within the limit of the kind."""
    ids = F.filter(
        state["person"],
        lambda each, position: ((each == left) | (each == right)) & (F.col("kinds")[position] == F.lit(kind)),
    )
    return F.size(ids) <= F.lit(most)


def _members() -> Column:
    return F.transform(
        "nodes",
        lambda name, position: F.struct(
            name.alias("node"), F.col("nodes")[F.col("state")["person"][position]].alias("component")
        ),
    )


def _refused() -> Column:
    """The refused links."""
    links = F.transform(
        "links",
        lambda link, position: F.struct(
            *[link[name].alias(name) for name in ("a", "b", "first_seen", "source")],
            F.lit("limit").alias("reason"),
            F.col("state")["accepted"][position].alias("_accepted"),
        ),
    )
    kept = F.filter(links, lambda link: ~link["_accepted"])
    return F.transform(
        kept, lambda link: F.struct(*[link[n].alias(n) for n in ("a", "b", "first_seen", "source", "reason")])
    )
