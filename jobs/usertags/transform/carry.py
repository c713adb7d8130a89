"""carry: what a day inherits from the latest published day before it.

`valid_from` of tags with an unchanged value, tags kept by their validity, and the changes. Few tags need
their row of the day before to get a value; those rows become one map per user. All others are only compared,
as long rows: a map of all rows of a user, looked up for each of them, costs twice as much.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from usertags.kinds.base import SEPARATOR
from usertags.project.model import Tag
from usertags.published import USER_TAG_COLUMNS
from usertags.transform.tags import as_number, as_text, level_ids

# What the map of the day before has of a tag.
_REMEMBERED = ("tag_value", "valid_from", "valid_until")


def carried(today: DataFrame, before: DataFrame, tags: Sequence[Tag], data_day: date) -> DataFrame:
    """Grain: user of today. In: one typed column per tag (`evaluated`), and `user_tags` of the latest
    published day before (user_id, tag_id, rank and the remembered columns). Out: user_id, one typed column
    per tag after validity, `_true_<tag>` for tags with a period (their rule holds today), `_set_<tag>` of
    tags that people can set, and `_before`, a map from tag id to the (first) value of the day before, of the
    tags whose value depends on it."""
    state = today.join(_memory(before, tags), "user_id", "left").select(
        "user_id",
        *[tag.main.after_validity(tag, data_day).alias(tag.id) for tag in tags],
        *[F.col(tag.id).isNotNull().alias(f"_true_{tag.id}") for tag in tags if tag.validity.days],
        *[F.col(f"_set_{tag.id}") for tag in tags if tag.set_in is not None],
        "_before",
    )
    return _followed(state, tags, data_day)


def _memory(before: DataFrame, tags: Sequence[Tag]) -> DataFrame:
    """Grain: user. Out: user_id, `_before`."""
    needed = {name for tag in tags for name in tag.main.remembers(tag)}
    remembered = F.struct(F.col("tag_id"), F.struct(*[F.col(name) for name in _REMEMBERED]))
    rows = before.where(F.col("tag_id").isin(sorted(needed))).where("rank = 1")
    return rows.groupBy("user_id").agg(F.map_from_entries(F.collect_list(remembered)).alias("_before"))


def _followed(state: DataFrame, tags: Sequence[Tag], data_day: date) -> DataFrame:
    """The state with the tags in place that come of the day before alone."""
    by_id = {tag.id: tag for tag in tags}
    carried_over = {tag.id: tag.main.carried(tag, by_id, data_day) for tag in tags}
    columns = {name: column for name, column in carried_over.items() if column is not None}
    return state.withColumns(columns) if columns else state


def user_tags(
    state: DataFrame, before: DataFrame, tags: Sequence[Tag], levels: Mapping[str, str], data_day: date
) -> DataFrame:
    """Grain: user, tag, rank. In: `carried`, and `user_tags` of the latest published day before (user_id,
    tag_id, tag_value, rank, share, valid_from). Out: `USER_TAG_COLUMNS` (usertags/published.py)."""
    if not tags:
        columns = [f"{name} {type_}" for name, type_ in USER_TAG_COLUMNS.items()]
        return state.sparkSession.createDataFrame([], ", ".join(columns))
    made = {
        "valid_from": F.coalesce("_valid_from", F.lit(data_day)),
        "valid_until": F.coalesce("until", "set.until"),
        "confidence": F.lit(1.0),
        "source": F.when(F.col("set").isNotNull(), "explicit").otherwise("rule"),
        "set_by": F.col("set.set_by"),
        "reason": F.col("set.reason"),
    }
    rows = _with_since(_rows(state, tags, data_day), before)
    described = rows.join(F.broadcast(_described(state.sparkSession, tags, levels)), "tag_id")
    return described.select(*[made.get(name, F.col(name)).alias(name) for name in USER_TAG_COLUMNS])


def _with_since(rows: DataFrame, before: DataFrame) -> DataFrame:
    """The rows with `_valid_from`, the first day of the value if the user had it on the day before. A
    preferred value is looked up whatever its rank was; any other is compared with the first value of the day
    before."""
    names = ("user_id", "tag_id", "tag_value", "rank", "share", "valid_from")
    old = before.select(*[F.col(name).alias(f"_{name}") for name in names])
    same = [F.col(name) == F.col(f"_{name}") for name in names[:3]]
    preferred = F.col("share").isNotNull()
    comparable = F.when(preferred, F.col("_share").isNotNull()).otherwise(F.col("_rank") == 1)
    return rows.join(old, [*same, comparable], "left")


_SET = "struct<set_by:string,reason:string,until:date>"
# A tag of one user. `until`: the last day of a validity period; `set`: who set it.
_ROW = f"struct<tag_id:string,tag_value:string,tag_number:double,rank:int,share:double,until:date,set:{_SET}>"
_ROWS = f"array<{_ROW}>"


def _rows(state: DataFrame, tags: Sequence[Tag], data_day: date) -> DataFrame:
    """Grain: user, tag, rank. Out: user_id and the fields of `_ROW`."""
    single = F.array(*[_tag_row(tag, data_day) for tag in tags if not tag.main.several]).cast(_ROWS)
    every = F.concat(single, *[_ranked_rows(tag) for tag in tags if tag.main.several])
    # Computed before the generator: expressions inside a generator are interpreted, not compiled.
    present = state.select("user_id", F.array_compact(every).alias("_rows"))
    return present.select("user_id", F.inline("_rows"))


def _tag_row(tag: Tag, data_day: date) -> Column:
    """Null if the user does not have the tag."""
    value = F.col(tag.id)
    row = F.struct(
        F.lit(tag.id).alias("tag_id"),
        as_text(tag, value).alias("tag_value"),
        as_number(tag, value).alias("tag_number"),
        F.lit(1).alias("rank"),
        F.lit(None).cast("double").alias("share"),
        _until(tag, data_day).alias("until"),
        _setter(tag).alias("set"),
    )
    return F.when(value.isNotNull(), row)


def _until(tag: Tag, data_day: date) -> Column:
    """The last day of a tag with a period: it begins anew on every day that its rule holds."""
    if tag.validity.days is None:
        return F.lit(None).cast("date")
    fresh = F.date_add(F.lit(data_day), F.lit(tag.validity.days))
    return F.when(F.col(f"_true_{tag.id}"), fresh).otherwise(F.col("_before")[tag.id]["valid_until"])


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


def _described(spark: SparkSession, tags: Sequence[Tag], levels: Mapping[str, str]) -> DataFrame:
    """Grain: tag. The columns that are the same for all users of a tag."""
    rows = [(tag.id, tag.kind, *level_ids(tag, levels), tag.definition_version) for tag in tags]
    return spark.createDataFrame(
        rows,
        "tag_id string, tag_kind string, level1 string, level2 string, level3 string, "
        "definition_version string",
    )


def changes(
    today: DataFrame, before: DataFrame, tags: Sequence[Tag], previous_versions: Mapping[str, str]
) -> DataFrame:
    """Grain: user, tag. In: `user_tags` of the day and of the latest published day before (user_id, tag_id,
    tag_value, rank, share), the tags of the day, and the definition_version that each tag had on the day
    before. Out: user_id, tag_id, change (added, removed, changed), old_value, new_value, reason.

    Reasons: `retired` (the tag left the project), `definition` (its rule is new or changed), `data` (the
    user's data changed).
    """
    new, old = _whole_values(today, "new_value"), _whole_values(before, "old_value")
    both = new.join(old, ["user_id", "tag_id"], "full_outer")
    differing = both.where(~F.col("old_value").eqNullSafe(F.col("new_value")))
    return differing.select(
        "user_id",
        "tag_id",
        _change().alias("change"),
        "old_value",
        "new_value",
        _reason(tags, previous_versions).alias("reason"),
    )


def _whole_values(user_tags: DataFrame, name: str) -> DataFrame:
    """Grain: user, tag. Out: user_id, tag_id and the value; several values are joined in order."""
    single = user_tags.where("share is null").select("user_id", "tag_id", F.col("tag_value").alias(name))
    ranked = F.sort_array(F.collect_list(F.struct("rank", "tag_value")))
    text = F.array_join(F.transform(ranked, lambda row: row["tag_value"]), SEPARATOR)
    several = user_tags.where("share is not null").groupBy("user_id", "tag_id").agg(text.alias(name))
    return single.unionByName(several)


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
