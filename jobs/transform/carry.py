"""carry: what a day takes over from the latest published day before it.

`valid_from` of a tag whose value stays, tags kept alive by their validity, and the changes.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.catalogue.model import Tag
from jobs.transform.tags import as_number, as_text, level_ids

# What is remembered of a tag of the day before.
_REMEMBERED = ("tag_value", "valid_from", "valid_until", "definition_version")


def carried(today: DataFrame, before: DataFrame, tags: Sequence[Tag], day: date) -> DataFrame:
    """Grain: user of either day. In: one typed column a tag (`evaluated`), and `user_tags` of the latest
    published day before (user_id, tag_id and what is remembered). Out: user_id, `_in_population`, one
    typed column a tag after validity, `_true_<tag>` of tags with a period (their rule holds today), and
    `_before`, a map from tag id to the tag of the day before."""
    memory = before.groupBy("user_id").agg(
        F.map_from_entries(
            F.collect_list(F.struct(F.col("tag_id"), F.struct(*[F.col(name) for name in _REMEMBERED])))
        ).alias("_before")
    )
    joined = today.withColumn("_in_population", F.lit(True)).join(memory, "user_id", "full_outer")
    return joined.select(
        "user_id",
        F.coalesce("_in_population", F.lit(False)).alias("_in_population"),
        *[_after_validity(tag, day).alias(tag.id) for tag in tags],
        *[F.col(tag.id).isNotNull().alias(f"_true_{tag.id}") for tag in tags if _period(tag)],
        "_before",
    )


def _period(tag: Tag) -> int | None:
    """The days of a validity such as 30d."""
    return int(tag.validity.removesuffix("d")) if tag.validity.endswith("d") else None


def _after_validity(tag: Tag, day: date) -> Column:
    """The tag's value once its validity has spoken; a user who left the population keeps nothing."""
    value = F.col(tag.id)
    earlier = F.col("_before").getItem(tag.id)
    # A value that a newer type of the tag cannot hold is not remembered.
    kept = earlier["tag_value"].try_cast(tag.type)
    if tag.validity == "static" and any("." not in name for name in tag.inputs):
        # A static tag keeps its first value; one that reads the profile alone follows its corrections.
        value = F.coalesce(kept, value)
    elif _period(tag):
        value = F.coalesce(value, F.when(earlier["valid_until"] >= F.lit(day), kept))
    return F.when(F.coalesce("_in_population", F.lit(False)), value)


def user_tags(state: DataFrame, tags: Sequence[Tag], levels: Mapping[str, str], day: date) -> DataFrame:
    """Grain: user, tag, rank. In: `carried`. Out: the columns of `tags.user_tags` but dt and run_id; no
    row, and user_id alone, where there are no tags."""
    if not tags:
        return state.select("user_id").limit(0)
    present = F.inline(F.array(*[_tag_row(tag) for tag in tags]))
    rows = state.where("_in_population").select("user_id", "_before", present).where("tag_value is not null")
    earlier = F.col("_before")[F.col("tag_id")]
    same = F.coalesce(earlier["tag_value"] == F.col("tag_value"), F.lit(False))
    return rows.join(F.broadcast(_described(state.sparkSession, tags, levels)), "tag_id").select(
        "user_id",
        "tag_id",
        "tag_value",
        "tag_number",
        F.lit(1).alias("rank"),
        F.lit(None).cast("double").alias("share"),
        "tag_kind",
        "level1",
        "level2",
        "level3",
        F.when(same, earlier["valid_from"]).otherwise(F.lit(day)).alias("valid_from"),
        F.when(F.col("fresh"), F.date_add(F.lit(day), F.col("period")))
        .when(F.col("period").isNotNull(), earlier["valid_until"])
        .alias("valid_until"),
        F.lit(1.0).alias("confidence"),
        F.lit("rule").alias("source"),
        F.lit(None).cast("string").alias("set_by"),
        F.lit(None).cast("string").alias("reason"),
        "definition_version",
    )


def _tag_row(tag: Tag) -> Column:
    """What one user has of a tag. `fresh`: the rule of a tag with a period holds today."""
    value = F.col(tag.id)
    fresh = F.col(f"_true_{tag.id}") if _period(tag) else F.lit(None).cast("boolean")
    return F.struct(
        F.lit(tag.id).alias("tag_id"),
        as_text(tag, value).alias("tag_value"),
        as_number(tag, value).alias("tag_number"),
        fresh.alias("fresh"),
    )


def _described(spark: SparkSession, tags: Sequence[Tag], levels: Mapping[str, str]) -> DataFrame:
    """Grain: tag. What is the same for every user of a tag, and the days of its validity."""
    rows = [(tag.id, tag.kind, *level_ids(tag, levels), _period(tag), tag.definition_version) for tag in tags]
    return spark.createDataFrame(
        rows,
        "tag_id string, tag_kind string, level1 string, level2 string, level3 string, period int, "
        "definition_version string",
    )


def changes(state: DataFrame, tags: Sequence[Tag], previous_versions: Mapping[str, str]) -> DataFrame:
    """Grain: user, tag. In: `carried`, and the definition_version that each tag had on the day before.
    Out: user_id, tag_id, change (added, removed, changed), old_value, new_value, reason.

    Equals the difference of the two days' `user_tags` by value. Reasons: `retired` (the tag left the
    catalogue), `definition` (its rule is new or changed), `data` (the user did).
    """
    today = F.map_from_arrays(
        _texts([F.lit(tag.id) for tag in tags]),
        _texts([F.when(F.col("_in_population"), as_text(tag, F.col(tag.id))) for tag in tags]),
    )
    before = F.transform_values("_before", lambda _, remembered: remembered["tag_value"])
    rows = (
        state.select("user_id", before.alias("_old"), today.alias("_new"))
        .select(
            "user_id",
            "_old",
            "_new",
            F.explode(F.array_union(F.coalesce(F.map_keys("_old"), _texts([])), F.map_keys("_new"))).alias(
                "tag_id"
            ),
        )
        .select(
            "user_id",
            "tag_id",
            F.col("_old")[F.col("tag_id")].alias("old_value"),
            F.col("_new")[F.col("tag_id")].alias("new_value"),
        )
    )
    differing = rows.where(~F.col("old_value").eqNullSafe(F.col("new_value")))
    return differing.select(
        "user_id",
        "tag_id",
        _change().alias("change"),
        "old_value",
        "new_value",
        _reason(tags, previous_versions).alias("reason"),
    )


def _texts(columns: Sequence[Column]) -> Column:
    """An array of texts, also where it is empty."""
    return F.array(*columns).cast("array<string>")


def _change() -> Column:
    added = F.when(F.col("old_value").isNull(), "added")
    return added.when(F.col("new_value").isNull(), "removed").otherwise("changed")


def _reason(tags: Sequence[Tag], previous_versions: Mapping[str, str]) -> Column:
    redefined = [
        tag.id
        for tag in tags
        if previous_versions and previous_versions.get(tag.id) != tag.definition_version
    ]
    retired = F.when(~F.col("tag_id").isin([tag.id for tag in tags]), "retired")
    return retired.when(F.col("tag_id").isin(redefined), "definition").otherwise("data")
