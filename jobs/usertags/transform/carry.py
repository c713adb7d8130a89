"""carry: what a day inherits from the latest published day before it.

`valid_from` of tags with an unchanged value, tags kept by their validity, and the changes.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from usertags.kinds.base import SEPARATOR
from usertags.project.model import Tag
from usertags.published import USER_TAG_COLUMNS
from usertags.transform.tags import as_number, as_text, level_ids

# The columns of a tag that are read from the day before.
_REMEMBERED = ("tag_value", "valid_from", "valid_until", "definition_version")
# The rows of tags with several values: tag_id and rank come first, because they are sorted by them.
_RANKED = ("tag_id", "rank", "tag_value", "share", "valid_from")


def carried(today: DataFrame, before: DataFrame, tags: Sequence[Tag], data_day: date) -> DataFrame:
    """Grain: user of either day. In: one typed column per tag (`evaluated`), and `user_tags` of the latest
    published day before (user_id, tag_id and the remembered columns). Out: user_id, `_in_population`, one
    typed column per tag after validity, `_true_<tag>` for tags with a period (their rule holds today),
    `_set_<tag>` of tags that people can set, `_before`, a map from tag id to the (first) value of the day
    before, and `_ranked`, the rows of the day before of tags with several values."""
    remembered = F.struct(F.col("tag_id"), F.struct(*[F.col(name) for name in _REMEMBERED]))
    ranked = F.struct(*[F.col(name) for name in _RANKED])
    memory = before.groupBy("user_id").agg(
        F.map_from_entries(F.collect_list(F.when(F.col("rank") == 1, remembered))).alias("_before"),
        F.sort_array(F.collect_list(F.when(F.col("share").isNotNull(), ranked))).alias("_ranked"),
    )
    joined = today.withColumn("_in_population", F.lit(True)).join(memory, "user_id", "full_outer")
    state = joined.select(
        "user_id",
        F.coalesce("_in_population", F.lit(False)).alias("_in_population"),
        *[_of_population(tag.main.after_validity(tag, data_day)).alias(tag.id) for tag in tags],
        *[F.col(tag.id).isNotNull().alias(f"_true_{tag.id}") for tag in tags if tag.validity.days],
        *[F.col(f"_set_{tag.id}") for tag in tags if tag.set_in is not None],
        "_before",
        "_ranked",
    )
    return _followed(state, tags, data_day)


def _of_population(value: Column) -> Column:
    """A user who left the population keeps nothing."""
    return F.when(F.coalesce("_in_population", F.lit(False)), value)


def _followed(state: DataFrame, tags: Sequence[Tag], data_day: date) -> DataFrame:
    """The state with the tags in place that come of the day before alone."""
    by_id = {tag.id: tag for tag in tags}
    carried_over = {tag.id: tag.main.carried(tag, by_id, data_day) for tag in tags}
    columns = {name: column for name, column in carried_over.items() if column is not None}
    return state.withColumns(columns) if columns else state


def user_tags(state: DataFrame, tags: Sequence[Tag], levels: Mapping[str, str], data_day: date) -> DataFrame:
    """Grain: user, tag, rank. In: `carried`. Out: `USER_TAG_COLUMNS` (usertags/published.py); no row, and
    only user_id, if there are no tags."""
    if not tags:
        return state.select("user_id").limit(0)
    # One projection makes the rows of all tags of a user: no join or union per tag.
    single = F.array(*[_tag_row(tag) for tag in tags if not tag.main.several]).cast(_ROWS)
    present = F.inline(F.concat(single, *[_ranked_rows(tag) for tag in tags if tag.main.several]))
    known = state.where("_in_population")
    rows = known.select("user_id", "_before", "_ranked", present).where("tag_value is not null")
    # A tag keeps its first day while its value stays, a preferred value while it is among the preferred.
    earlier = F.col("_before")[F.col("tag_id")]
    same = F.coalesce(earlier["tag_value"] == F.col("tag_value"), F.lit(False))
    since = F.when(F.col("share").isNotNull(), _preferred_since()).otherwise(
        F.when(same, earlier["valid_from"])
    )
    # A period starts anew on each day that the rule holds; a tag set by a person ends when that person said.
    until = (
        F.when(F.col("fresh"), F.date_add(F.lit(data_day), F.col("period")))
        .when(F.col("period").isNotNull(), earlier["valid_until"])
        .otherwise(F.col("set.until"))
    )
    made = {
        "valid_from": F.coalesce(since, F.lit(data_day)),
        "valid_until": until,
        "confidence": F.lit(1.0),
        "source": F.when(F.col("set").isNotNull(), "explicit").otherwise("rule"),
        "set_by": F.col("set.set_by"),
        "reason": F.col("set.reason"),
    }
    described = rows.join(F.broadcast(_described(state.sparkSession, tags, levels)), "tag_id")
    return described.select(*[made.get(name, F.col(name)).alias(name) for name in USER_TAG_COLUMNS])


_SET = "struct<set_by:string,reason:string,until:date>"
# A tag of one user. `fresh`: the rule of a tag with a period holds today; `set`: who set it.
_ROW = (
    f"struct<tag_id:string,tag_value:string,tag_number:double,rank:int,share:double,fresh:boolean,set:{_SET}>"
)
_ROWS = f"array<{_ROW}>"


def _tag_row(tag: Tag) -> Column:
    value = F.col(tag.id)
    fresh = F.col(f"_true_{tag.id}") if tag.validity.days else F.lit(None).cast("boolean")
    return F.struct(
        F.lit(tag.id).alias("tag_id"),
        as_text(tag, value).alias("tag_value"),
        as_number(tag, value).alias("tag_number"),
        F.lit(1).alias("rank"),
        F.lit(None).cast("double").alias("share"),
        fresh.alias("fresh"),
        _setter(tag).alias("set"),
    )


def _setter(tag: Tag) -> Column:
    if tag.set_in is None:
        return F.lit(None).cast(_SET)
    row = F.col(f"_set_{tag.id}")
    return F.when(row.isNotNull(), F.struct(row["set_by"], row["reason"], row["until"])).cast(_SET)


def _ranked_rows(tag: Tag) -> Column:
    """One row per preferred value of a user, ranked from 1."""
    rows = F.transform(
        F.col(tag.id),
        lambda item, position: F.struct(
            F.lit(tag.id),
            item["value"],
            item["number"],
            position + 1,
            item["share"],
            F.lit(None),
            F.lit(None),
        ).cast(_ROW),
    )
    return F.coalesce(rows, F.array().cast(_ROWS))


def _preferred_since() -> Column:
    """The first day on which a value is among the preferred values of a user, whatever its rank."""
    known = F.filter(
        "_ranked",
        lambda row: (row["tag_id"] == F.col("tag_id")) & (row["tag_value"] == F.col("tag_value")),
    )
    return F.get(known, F.lit(0))["valid_from"]


def _described(spark: SparkSession, tags: Sequence[Tag], levels: Mapping[str, str]) -> DataFrame:
    """Grain: tag. The columns that are the same for all users of a tag, and the days of its validity."""
    rows = [
        (tag.id, tag.kind, *level_ids(tag, levels), tag.validity.days, tag.definition_version) for tag in tags
    ]
    return spark.createDataFrame(
        rows,
        "tag_id string, tag_kind string, level1 string, level2 string, level3 string, period int, "
        "definition_version string",
    )


def changes(state: DataFrame, tags: Sequence[Tag], previous_versions: Mapping[str, str]) -> DataFrame:
    """Grain: user, tag. In: `carried`, and the definition_version that each tag had on the day before.
    Out: user_id, tag_id, change (added, removed, changed), old_value, new_value, reason.

    Equals the difference of the two days' `user_tags` by value. Reasons: `retired` (the tag left the
    project), `definition` (its rule is new or changed), `data` (the user's data changed).
    """
    today = F.map_from_arrays(
        _texts([F.lit(tag.id) for tag in tags]),
        _texts([F.when(F.col("_in_population"), as_text(tag, F.col(tag.id))) for tag in tags]),
    )
    before = F.transform_values("_before", _text_before)
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


def _text_before(tag_id: Column, remembered: Column) -> Column:
    """A tag's value on the day before; several values are joined in order."""
    ranked = F.filter("_ranked", lambda row: row["tag_id"] == tag_id)
    several = F.array_join(F.transform(ranked, lambda row: row["tag_value"]), SEPARATOR)
    return F.when(F.size(ranked) > 0, several).otherwise(remembered["tag_value"])


def _texts(columns: Sequence[Column]) -> Column:
    """An array of texts, even if it is empty."""
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
