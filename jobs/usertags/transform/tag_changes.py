"""`user_tag_changes`: the visible changes between two days, and their reasons."""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from usertags.project.model import Tag
from usertags.transform.carry import changes
from usertags.transform.identity import with_reason_identity


def listed_changes(
    today: DataFrame,
    before: DataFrame,
    tags: Sequence[Tag],
    previous_versions: Mapping[str, str],
    left_out: Sequence[str],
    moved: DataFrame | None,
) -> DataFrame:
    """Grain: user, tag. In: `user_tags` of the day and of the latest published day before, the tags of the
    day, the definition_version that each tag had on the day before (`previous_versions`), the ids of the tags
    excluded from the table (`left_out`), and the users that were merged or split since then (`moved_users`);
    None if ids are not linked.

    Out: user_id, tag_id, change, old_value, new_value, reason, as in `carry.changes`; changes of moved
    users have the reason `identity`.
    """
    changed = changes(today, before, tags, previous_versions)
    listed = changed.where(~F.col("tag_id").isin(list(left_out)))
    return listed if moved is None else with_reason_identity(listed, moved)
