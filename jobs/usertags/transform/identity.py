"""Computes users from links between ids.

An id is written as `kind:id`, like a user_id. A link is a pair of ids in one row of a source of links;
users are the connected components of the links that are not refused. Reasons to refuse a link:

- `blocked`: one of its ids is blocked in the configuration.
- `shared`: one of its ids is linked to more ids of a kind than one person may have. If these belong to
  different people (a shared device, the shop's own phone), all its links are refused; otherwise its links to
  ids that have no other links.
- `limit`: in the order of the days on which links were first seen, it would have created a person with
  more ids of a kind than the limit. Links accepted before it are kept.
- `tangled`: it is one of so many links forming one person beyond a limit that none of them is trusted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from itertools import combinations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from usertags.project.model import Source
from usertags.transform.component_limits import within_limits
from usertags.transform.components import components
from usertags.transform.windows import ID

# A profile row without a time exists on every day, and so does its id.
ALWAYS = "0001-01-01"
# The columns of `_owned` with the owner of a row.
_OWNER = {"id_kind": "_user_kind", "id": "_user"}
_LINK = ("a", "b", "first_seen", "source")


@dataclass(frozen=True)
class People:
    """`members`: node and component of every id with an accepted link. `refused`: the refused links (a, b,
    first_seen, source) with their reason."""

    members: DataFrame
    refused: DataFrame


def node(kind: Column, value: Column) -> Column:
    """An id as text; it is also the user_id of the user whose earliest id it is."""
    return F.concat(kind, F.lit(":"), value)


def kind_of(name: str) -> Column:
    """The kind of an id that a column has as `kind:id`."""
    return F.substring_index(name, ":", 1)


def id_of(name: str) -> Column:
    """The id itself of a column that has it as `kind:id`; it may contain colons."""
    return F.substr(F.col(name), F.instr(name, ":") + 1)


def sightings(clean: DataFrame, source: Source, data_day: date) -> DataFrame:
    """Grain: row of a source of links. In: its clean rows. Out: `nodes` (the ids in the row, in the
    order of the source), first_seen, source; rows after the end of the day are left out."""
    ids = [_given(kind, column) for kind, column in source.ids]
    return clean.select(
        F.filter(F.array(*ids), lambda each: each.isNotNull()).alias("nodes"),
        F.to_date(F.col(source.time or "")).alias("first_seen"),
        F.lit(source.name).alias("source"),
    ).where(F.col("first_seen") <= F.lit(data_day))


def _given(kind: str, column: str) -> Column:
    """The id of a column as text; null if it is empty or blank."""
    value = F.col(column).cast("string")
    return F.when(F.trim(value) != "", node(F.lit(kind), value))


def pairs(seen: DataFrame, most: int) -> DataFrame:
    """Grain: link. In: `sightings` of rows with at most `most` ids. Out: a, b (a before b), first_seen (the
    earliest), source (all that name it, in order)."""
    return links_of(paired(seen, most))


def paired(seen: DataFrame, most: int) -> DataFrame:
    """Grain: link in a row of links, with duplicates. In: see `pairs`. Out: a, b (a before b), first_seen,
    source."""
    given = [F.get("nodes", F.lit(position)) for position in range(most)]
    # If an id is missing, the other id is paired with itself.
    both = [
        F.struct(F.least(left, right).alias("a"), F.greatest(left, right).alias("b"))
        for left, right in combinations(given, 2)
    ]
    every = F.filter(F.array(*both), lambda pair: pair["a"] != pair["b"])
    return seen.select(F.inline(every), "first_seen", "source")


def links_of(every: DataFrame) -> DataFrame:
    """Grain: link. In: `paired`. Out: see `pairs`."""
    return every.groupBy("a", "b").agg(
        F.min("first_seen").alias("first_seen"),
        F.array_join(F.array_sort(F.collect_set("source")), ", ").alias("source"),
    )


def people(links: DataFrame, blocked: Iterable[str], limits: Mapping[str, int]) -> People:
    """The components of the accepted links, and the refused links. Grain: link. In: `pairs`, read several
    times; the blocked ids as `kind:id`, and the maximum number of ids of a kind per person. Out: see
    `People`."""
    links = _kept(links)
    block = F.col("a").isin(list(blocked)) | F.col("b").isin(list(blocked))
    refused = [_because("blocked", links.where(block))]
    accepted = links.where(~block)
    hubs = _kept(_hubs(accepted, limits)) if limits else None
    if hubs is None or hubs.isEmpty():
        members = components(accepted)
    else:
        judged, members = _without_shared(accepted, hubs, limits)
        refused.append(_because("shared", judged.where("_refused")))
        accepted = judged.where("not _refused").select(*_LINK)
    large = _kept(_too_large(members, limits)) if limits else None
    if large is not None and not large.isEmpty():
        fitted = within_limits(accepted, members, large, limits)
        members, more = fitted
        refused.append(more)
    return People(members, reduce(DataFrame.unionByName, refused))


def _kept(rows: DataFrame) -> DataFrame:
    """The rows, kept by the statement that reads them first: one of its own for that is as dear as those."""
    return rows.localCheckpoint(eager=False)


def refused_links(refused: DataFrame) -> DataFrame:
    """Grain: link. In: `People.refused`. Out: the columns of `ops.refused_links` but dt and run_id: id_kind,
    id, other_kind, other_id, first_seen, reason, source."""
    return refused.select(
        kind_of("a").alias("id_kind"),
        id_of("a").alias("id"),
        kind_of("b").alias("other_kind"),
        id_of("b").alias("other_id"),
        "first_seen",
        "reason",
        "source",
    )


def _because(reason: str, links: DataFrame) -> DataFrame:
    return links.select(*_LINK, F.lit(reason).alias("reason"))


def _limit(kind: Column, limits: Mapping[str, int]) -> Column:
    """The limit of a kind; null if there is none."""
    return F.coalesce(*[F.when(kind == F.lit(name), F.lit(most)) for name, most in sorted(limits.items())])


def _ends(links: DataFrame) -> DataFrame:
    """Grain: link and end. Out: node, other, kind (of the other)."""
    ends = links.select(
        F.inline(
            F.array(
                F.struct(F.col("a").alias("node"), F.col("b").alias("other")),
                F.struct(F.col("b").alias("node"), F.col("a").alias("other")),
            )
        )
    )
    return ends.withColumn("kind", kind_of("other"))


def _hubs(links: DataFrame, limits: Mapping[str, int]) -> DataFrame:
    """Grain: node, kind. The ids linked to more ids of a kind than one person may have."""
    by_kind = _ends(links).where(F.col("kind").isin(list(limits))).groupBy("node", "kind")
    return by_kind.agg(F.count("*").alias("others")).where(F.col("others") > _limit(F.col("kind"), limits))


def _touch(links: DataFrame, nodes: DataFrame) -> DataFrame:
    """The links with `_touches`: whether one of the nodes (few nodes with many links) is an end of the
    link."""
    left = nodes.select(F.col("node").alias("a"), F.lit(True).alias("_a"))
    right = nodes.select(F.col("node").alias("b"), F.lit(True).alias("_b"))
    touches = F.coalesce("_a", "_b", F.lit(False)).alias("_touches")
    marked = links.join(F.broadcast(left), "a", "left").join(F.broadcast(right), "b", "left")
    return marked.select(*_LINK, touches)


def _without_shared(
    links: DataFrame, hubs: DataFrame, limits: Mapping[str, int]
) -> tuple[DataFrame, DataFrame]:
    """The links with `_refused` for shared hubs, and the members of the remaining components.

    Without the hubs, ids that are linked to each other, or to the same id, are one person. A hub that links
    more such people than the limit is shared. A hub that links more ids than the limit, some of which have no
    other link, loses the links to these; the many devices of one person are linked to the account and
    the phone.
    """
    touching = _touch(links, hubs.select("node").distinct()).localCheckpoint()
    # The people that there would be without the hubs.
    calm = components(touching.where("not _touches").select("a", "b"))
    # What each hub links, by kind: ids of such people, and ids that have no other link.
    joined = _ends(links).join(F.broadcast(hubs.select("node", "kind")), ["node", "kind"])
    placed = joined.join(calm.withColumnRenamed("node", "other"), "other", "left")
    alone = F.col("component").isNull() & (F.count("*").over(Window.partitionBy("other")) == 1)
    around = placed.withColumn("_alone", alone).localCheckpoint()
    counts = around.groupBy("node", "kind").agg(
        F.count_distinct("component").alias("_people"), F.count_if("_alone").alias("_others")
    )
    limit = _limit(F.col("kind"), limits)
    # A hub of too many people loses all links; one of too many ids those to ids without another link.
    shared = counts.where(F.col("_people") > limit).select("node").distinct()
    many = counts.where(F.col("_people") + F.col("_others") > limit).select("node", "kind")
    lost = around.where("_alone").join(F.broadcast(many), ["node", "kind"], "left_semi")
    lost = lost.select(
        F.least("node", "other").alias("a"),
        F.greatest("node", "other").alias("b"),
        F.lit(True).alias("_lost"),
    ).distinct()
    # Only links that touch a hub can be refused; the others join the result as they are.
    own = _touch(touching.where("_touches").select(*_LINK), shared).join(lost, ["a", "b"], "left")
    refused = F.col("_touches") | F.coalesce("_lost", F.lit(False))
    judged = own.select(*_LINK, refused.alias("_refused")).localCheckpoint()
    members = _grown(calm, judged.where("not _refused").select(*_LINK))
    free = touching.where("not _touches").select(*_LINK, F.lit(False).alias("_refused"))
    return free.unionByName(judged), members


def _grown(members: DataFrame, links: DataFrame) -> DataFrame:
    """The members after further links have merged components."""
    left = members.select(F.col("node").alias("a"), F.col("component").alias("_left"))
    right = members.select(F.col("node").alias("b"), F.col("component").alias("_right"))
    between = links.join(left, "a", "left").join(right, "b", "left")
    contracted = between.select(
        F.coalesce("_left", "a").alias("a"), F.coalesce("_right", "b").alias("b")
    ).localCheckpoint()
    if contracted.isEmpty():
        return members
    merged = components(contracted).select(
        F.col("node").alias("component"), F.col("component").alias("_into")
    )
    nodes = contracted.select(F.explode(F.array("a", "b")).alias("node")).distinct()
    every = members.unionByName(
        nodes.join(members, "node", "left_anti").withColumn("component", F.col("node"))
    )
    return every.join(merged, "component", "left").select(
        "node", F.coalesce("_into", "component").alias("component")
    )


def _too_large(members: DataFrame, limits: Mapping[str, int]) -> DataFrame:
    """Grain: component. The components with more ids of a kind than one person may have."""
    kinds = members.withColumn("kind", kind_of("node")).where(F.col("kind").isin(list(limits)))
    counted = kinds.groupBy("component", "kind").agg(F.count("*").alias("ids"))
    return counted.where(F.col("ids") > _limit(F.col("kind"), limits)).select("component").distinct()


def identities(members: DataFrame, seen: DataFrame) -> DataFrame:
    """Grain: id of a user with more than one. In: `People.members`; the days on which ids were seen
    (id_kind, id, first_seen, any number of rows, at least one per member; null: it always existed).
    Out: id_kind, id, user_id, first_seen.

    The user_id is the earliest-seen id, then the first by kind and id, so it is stable when ids are added.
    """
    always = F.to_date(F.lit(ALWAYS))
    known = seen.select(
        node(F.col("id_kind"), F.col("id")).alias("node"), F.coalesce("first_seen", always).alias("_on")
    )
    first = known.join(members, "node").groupBy("node", "component").agg(F.min("_on").alias("_on"))
    ordered = F.struct(F.col("_on"), kind_of("node"), id_of("node"), F.col("node").alias("user_id"))
    users = first.groupBy("component").agg(
        F.min(ordered)["user_id"].alias("user_id"), F.count("*").alias("_ids")
    )
    return (
        first.join(users, "component")
        .where("_ids > 1")
        .select(
            kind_of("node").alias("id_kind"),
            id_of("node").alias("id"),
            "user_id",
            F.nullif(F.col("_on"), always).alias("first_seen"),
        )
    )


def of_users(rows: DataFrame, users: DataFrame) -> DataFrame:
    """The rows with the ids of their users. Grain: that of the rows. In: id_kind, id and any columns;
    `identities`. Out: the same columns, id_kind and id being the parts of the user_id; an id without links is
    its own user."""
    owned = _owned(rows, users)
    return owned.select(*[F.col(f"`{_OWNER.get(name, name)}`").alias(name) for name in rows.columns])


def one_row_a_user(rows: DataFrame, users: DataFrame, version: str | None) -> DataFrame:
    """Grain: user. In: rows of one profile, one per id (id_kind, id and any columns); `identities`; the name
    of the version column, if there is one. Out: the same columns except the version, id_kind and id being the
    parts of the user_id. Of several rows of a user the one with the highest version is used, then that of the
    earliest id."""
    versions = [F.col(version).desc_nulls_last()] if version else []
    earliest = [F.col(name).asc_nulls_first() for name in ("_on", *ID)]
    best = Window.partitionBy(*_OWNER.values()).orderBy(*versions, *earliest)
    owned = _owned(rows, users).withColumn("_best", F.row_number().over(best)).where("_best = 1")
    names = [name for name in rows.columns if name != version]
    return owned.select(*[F.col(f"`{_OWNER.get(name, name)}`").alias(name) for name in names])


def _owned(rows: DataFrame, users: DataFrame) -> DataFrame:
    known = users.select(
        *ID,
        kind_of("user_id").alias("_user_kind"),
        id_of("user_id").alias("_user"),
        F.col("first_seen").alias("_on"),
    )
    joined = rows.join(known, list(ID), "left")
    own = {"_user_kind": F.coalesce("_user_kind", "id_kind"), "_user": F.coalesce("_user", "id")}
    return joined.withColumns(own)


def moved_users(today: DataFrame, before: DataFrame, day_before: date) -> DataFrame:
    """Grain: user_id. The users of either day who gained or lost an id of another user: users that were
    merged or split. In: `identities` of the two days. An id first seen after the day before is new."""
    names = [*ID, "user_id", "first_seen"]
    both = today.select(*names).join(
        before.select(*ID, F.col("user_id").alias("_before"), F.lit(True).alias("_was")),
        list(ID),
        "full_outer",
    )
    itself = node(F.col("id_kind"), F.col("id"))
    sides = both.select(
        F.coalesce("user_id", itself).alias("_now"),
        F.coalesce("_before", itself).alias("_then"),
        (
            F.coalesce("_was", F.lit(False))
            | F.coalesce(F.col("first_seen") <= F.lit(day_before), F.lit(True))
        ).alias("_known"),
    )
    moved = sides.where("_known and _now != _then")
    return moved.select(F.explode(F.array("_now", "_then")).alias("user_id")).distinct()


def with_reason_identity(changes: DataFrame, moved: DataFrame) -> DataFrame:
    """Grain: user, tag. In: `carry.changes`, `moved_users`. Out: the columns of the changes, with the reason
    `identity` for changes of moved users; a tag that left the project keeps the reason `retired`."""
    joined = changes.join(moved.withColumn("_moved", F.lit(True)), "user_id", "left")
    reason = F.when(F.col("_moved") & (F.col("reason") != "retired"), "identity").otherwise(F.col("reason"))
    return joined.withColumn("reason", reason).select(*changes.columns)
