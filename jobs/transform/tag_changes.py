"""`user_tag_changes`: what may be told of what changed between two days, and why it did."""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.catalogue.model import Tag
from jobs.transform.carry import changes
from jobs.transform.identity import with_reason_identity


def told_changes(
    state: DataFrame,
    tags: Sequence[Tag],
    previous_versions: Mapping[str, str],
    left_out: Sequence[str],
    moved: DataFrame | None,
) -> DataFrame:
    """Grain: user, tag. In: `carried` and its tags, the definition_version that each tag had on the day
    before (`previous_versions`), the ids of the tags that the table is not to hold (`left_out`), and the
    users that were merged or split since (`moved_users`); None where ids are not joined.

    Out: user_id, tag_id, change, old_value, new_value, reason, as `carry.changes`; what happened to moved
    users has the reason `identity`.
    """
    changed = changes(state, tags, previous_versions)
    told = changed.where(~F.col("tag_id").isin(list(left_out)))
    return told if moved is None else with_reason_identity(told, moved)
