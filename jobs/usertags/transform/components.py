"""Connected components of a graph of ids, in few rounds even for long chains.

Alternating large-star and small-star of Kiveris, Lattanzi, Mirrokni, Rastogi and Vassilvitskii, "Connected
Components in MapReduce and Beyond" (SoCC 2014): each step attaches neighbours to the least node that one of
them knows, and keeps components connected. The result is a forest of stars, each around the least node of a
component.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

# Steps per round before the result is checked. The people of a shop are stars after one step;
# a chain of 1,000 ids takes ten steps, which is four rounds.
_STEPS = (1, 2, 4)


def components(edges: DataFrame) -> DataFrame:
    """Grain: node. In: a, b, both texts; one row per edge, in any direction. Out: node, component (the least
    node of the component, which also has a row). A node without an edge to another node has no row."""
    stars = _kept(_step(edges.where("a != b").select(F.col("a").alias("node"), F.col("b").alias("least"))))
    rounds = 1
    while not _is_forest_of_stars(stars):
        for _ in range(_STEPS[min(rounds, len(_STEPS) - 1)]):
            stars = _step(stars)
        stars = _kept(stars)
        rounds += 1
    centres = stars.select(F.col("least").alias("node"), F.col("least").alias("component")).distinct()
    return stars.select("node", F.col("least").alias("component")).union(centres)


def _kept(edges: DataFrame) -> DataFrame:
    """The edges, kept by the statement that reads them first, so that the next round does not recompute
    them."""
    return edges.localCheckpoint(eager=False)


def _step(edges: DataFrame) -> DataFrame:
    """A large-star and a small-star. In and out: node, least."""
    both = edges.select(F.inline(F.array(_edge("node", "least"), _edge("least", "node"))))
    around = Window.partitionBy("node")
    least = F.least(F.col("node"), F.min("least").over(around))
    large = both.select("node", F.col("least").alias("other"), least.alias("least")).where("other > node")
    hung = large.select(F.col("other").alias("node"), "least")
    least = F.min("least").over(around)
    small = hung.select("node", F.col("least").alias("other"), least.alias("least"))
    joined = small.select(F.inline(F.array(_edge("node", "least"), _edge("other", "least"))))
    return joined.where("node != least").distinct()


def _edge(node: str, least: str) -> Column:
    return F.struct(F.col(node).alias("node"), F.col(least).alias("least"))


def _is_forest_of_stars(edges: DataFrame) -> bool:
    """Whether every node is attached to one centre, and no centre to another."""
    ends = edges.select(
        F.inline(
            F.array(
                F.struct(F.col("node"), F.lit(1).alias("hangs"), F.lit(0).alias("centre")),
                F.struct(F.col("least").alias("node"), F.lit(0).alias("hangs"), F.lit(1).alias("centre")),
            )
        )
    )
    by_node = ends.groupBy("node").agg(F.sum("hangs").alias("hangs"), F.max("centre").alias("centre"))
    return by_node.where("hangs + centre > 1").isEmpty()
