"""Identity of a day from that of an earlier day: only components that something touched are computed again.

A component here is all ids connected by links that are not blocked, whether they were accepted or refused:
whatever decides on a link (its neighbours, people and limits) is in the component of its ids. It is touched
by a link that is new, withdrawn or of another first day or source, and by an id of a user whose first day has
changed. The users and refused links of all other components stay what they were.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from usertags.transform.components import components
from usertags.transform.identity import (
    ALWAYS,
    id_of,
    identities,
    kind_of,
    links_of,
    node,
    paired,
    people,
    refused_links,
)
from usertags.transform.windows import ID

# So many ids are sent to every task that joins them, instead of moving the rows that they are joined with.
_FEW = 100_000


@dataclass(frozen=True)
class Joined:
    """The rows of `ops.identities` and `ops.refused_links`, without the run columns."""

    identities: DataFrame
    refused: DataFrame


@dataclass(frozen=True)
class Touched:
    """`rows`: the changed links (a, b) and the ids whose first day has changed (a; b is null), counted."""

    rows: DataFrame
    links: int
    ids: int


@dataclass(frozen=True)
class Affected:
    """`rows`: every id of a touched component (node), with its user and first day before (user, first_seen);
    `known` says whether that is still its first day. Counted: ids, the users they were, and those not
    known."""

    rows: DataFrame
    ids: int
    users: int
    unknown: int


def changed_links(today: DataFrame, before: DataFrame, most: int, sources: Sequence[str]) -> DataFrame:
    """Grain: link that is there on one of the days only, or with another first day or other sources. In:
    `sightings` of both, of rows with at most `most` ids, from the named sources. Out: a, b."""
    both = _of_both(paired(today, most), paired(before, most))
    was = ~F.col("_today")
    first = [F.min(F.when(side, F.col("first_seen"))) for side in (F.col("_today"), was)]
    differs = [~first[0].eqNullSafe(first[1])]
    for name in sources if len(sources) > 1 else ():
        by = F.col("source") == F.lit(name)
        differs.append(F.max(F.col("_today") & by) != F.max(was & by))
    compared = both.groupBy("a", "b").agg(reduce(or_, differs).alias("_differs"))
    return compared.where("_differs").select("a", "b")


def changed_ids(today: DataFrame, before: DataFrame, known: DataFrame) -> DataFrame:
    """Grain: id of a user whose first day is or may be another than before. In: the days on which ids were
    seen (id_kind, id, first_seen, any number of rows); days of a source that has not changed may be left out
    of both. `known`: the identities before. Out: node."""
    days = _of_both(today, before).withColumn("_on", _day("first_seen")).drop("first_seen")
    came, was = F.max("_today"), F.max(~F.col("_today"))
    moved = days.groupBy(*ID, "_on").agg(came.alias("_came"), was.alias("_was")).where("_came != _was")
    first = known.select(*ID, _day("first_seen").alias("_first"))
    return (
        moved.join(first, list(ID))
        .where("(_came AND _on < _first) OR (_was AND _on = _first)")
        .select(node(F.col("id_kind"), F.col("id")).alias("node"))
        .distinct()
    )


def _of_both(today: DataFrame, before: DataFrame) -> DataFrame:
    return today.withColumn("_today", F.lit(True)).unionByName(before.withColumn("_today", F.lit(False)))


def _day(name: str) -> Column:
    return F.coalesce(F.col(name), F.to_date(F.lit(ALWAYS)))


def touched(links: DataFrame, ids: DataFrame) -> Touched:
    """Grain: changed link or id. In: `changed_links`, `changed_ids`. Out: both, computed once: it is all that
    a day costs on which nothing changed."""
    alone = ids.select(F.col("node").alias("a"), F.lit(None).cast("string").alias("b"))
    # Lazily: the count below computes the rows that are kept.
    rows = links.select("a", "b").unionByName(alone).localCheckpoint(eager=False)
    (counted,) = rows.agg(F.count("b").alias("links"), F.count("*").alias("rows")).collect()
    return Touched(rows, counted["links"], counted["rows"] - counted["links"])


def affected(found: Touched, before: Joined, refused: int, blocked: Collection[str]) -> Affected:
    """Grain: id of a touched component. In: `touched`; the day before with the number of its refused links;
    the blocked ids as `kind:id`. Out: see `Affected`."""
    few = found.links + found.ids + refused <= _FEW
    owners = before.identities.select(
        node(F.col("id_kind"), F.col("id")).alias("node"), F.col("user_id").alias("user"), "first_seen"
    )
    changed = _changed_nodes(found.rows, blocked)
    between = _between(before.refused)
    ends = changed.unionByName(between.select(F.explode(F.array("a", "b")).alias("node"))).distinct()
    names = owners.join(_sent(ends, few), "node", "left_semi").select("node", "user")
    start = changed.join(names, "node", "left").select(F.coalesce("user", "node").alias("user"))
    groups = _with_refused(start, between, names, few) if refused else start.distinct()
    own = owners.join(_sent(groups, few), "user", "left_semi").withColumn("_known", F.lit(1))
    nothing = (F.lit(None).cast("string").alias("user"), F.lit(None).cast("date").alias("first_seen"))
    # A user is named after one of its ids, and an id that had no user after itself.
    named = groups.select(F.col("user").alias("node")).unionByName(changed)
    stale = found.rows.where("b IS NULL").select(
        F.col("a").alias("node"), *nothing, F.lit(-1).alias("_known")
    )
    every = own.unionByName(named.select("node", *nothing, F.lit(0).alias("_known"))).unionByName(stale)
    rows = every.groupBy("node").agg(
        F.max("user").alias("user"),
        F.max("first_seen").alias("first_seen"),
        ((F.max("_known") == 1) & (F.min("_known") >= 0)).alias("known"),
    )
    rows = rows.localCheckpoint(eager=False)
    counts = rows.agg(
        F.count("*").alias("ids"),
        F.count_distinct("user").alias("users"),
        F.count_if(~F.col("known")).alias("unknown"),
    )
    (counted,) = counts.collect()
    return Affected(rows, counted["ids"], counted["users"], counted["unknown"])


def _changed_nodes(rows: DataFrame, blocked: Collection[str]) -> DataFrame:
    """Grain: node, with duplicates. A link to a blocked id belongs to the component of its other id."""
    ends = F.array_compact(F.array("a", "b"))
    free = F.filter(ends, lambda each: ~each.isin(list(blocked)))
    return rows.select(F.explode(F.when(F.size(free) > 0, free).otherwise(ends)).alias("node"))


def _between(refused: DataFrame) -> DataFrame:
    """Grain: link that was refused but is not blocked. Out: a, b."""
    return refused.where("reason != 'blocked'").select(*_ends_of_refused())


def _ends_of_refused() -> tuple[Column, Column]:
    return (
        node(F.col("id_kind"), F.col("id")).alias("a"),
        node(F.col("other_kind"), F.col("other_id")).alias("b"),
    )


def _with_refused(start: DataFrame, between: DataFrame, names: DataFrame, few: bool) -> DataFrame:
    """Grain: user (an id without one is its own). The users to start from, and those connected to them by
    refused links."""
    contracted = between
    for end in ("a", "b"):
        named = names.select(F.col("node").alias(end), F.col("user").alias(f"_{end}"))
        contracted = contracted.join(_sent(named, few), end, "left")
    edges = contracted.select(F.coalesce("_a", "a").alias("a"), F.coalesce("_b", "b").alias("b"))
    groups = components(edges).withColumnRenamed("node", "user")
    reached = start.join(groups, "user").select("component").distinct()
    around = groups.join(_sent(reached, few), "component", "left_semi").select("user")
    return around.unionByName(start).distinct()


def _sent(rows: DataFrame, few: bool) -> DataFrame:
    return F.broadcast(rows) if few else rows


def renewed(
    found: Affected,
    before: Joined,
    links: DataFrame,
    most: int,
    seen: DataFrame,
    blocked: Collection[str],
    limits: Mapping[str, int],
) -> Joined:
    """Grain: those of `Joined`, with the rows of components that nothing touched taken over. In: the day
    before; today's `sightings` of rows with at most `most` ids; the days on which ids were seen, by source;
    the blocked ids as `kind:id`, and the maximum number of ids of a kind per person."""
    few = found.ids <= _FEW
    nodes = _sent(found.rows.select("node"), few)
    fresh = people(links_of(_touching(paired(links, most), nodes)), blocked, limits)
    ids = [kind_of("node").alias("id_kind"), id_of("node").alias("id")]
    days = found.rows.where("known").select(*ids, "first_seen")
    if found.unknown:
        unknown = _sent(found.rows.where("NOT known").select(*ids), few)
        days = days.unionByName(seen.join(unknown, list(ID), "left_semi"))
    own = node(F.col("id_kind"), F.col("id"))
    kept = before.identities.withColumn("node", own).join(nodes, "node", "left_anti").drop("node")
    ends = before.refused.withColumns(dict(zip(("a", "b"), _ends_of_refused(), strict=True)))
    left = _touching(ends, nodes, False).drop("a", "b")
    return Joined(
        kept.unionByName(identities(fresh.members, days)),
        left.unionByName(refused_links(fresh.refused)),
    )


def _touching(links: DataFrame, nodes: DataFrame, touching: bool = True) -> DataFrame:
    """The links (a, b and any columns) with an end among the nodes; those with none if not `touching`."""
    columns = links.columns
    for end in ("a", "b"):
        marks = nodes.select(F.col("node").alias(end), F.lit(True).alias(f"_{end}"))
        links = links.join(marks, end, "left")
    found = F.coalesce("_a", "_b", F.lit(False))
    return links.where(found if touching else ~found).select(*columns)
