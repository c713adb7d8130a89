"""`user_profile`: one row per user, one typed column per tag."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from usertags.project.model import Tag
from usertags.transform.tags import first_value


def user_profile(state: DataFrame, tags: Sequence[Tag]) -> DataFrame:
    """Grain: user of the population. In: `carried` (usertags/transform/carry.py), and the tags that the
    table may contain. Out: user_id, and one typed column per tag, null if the user does not have it; of
    several values the first."""
    columns = [first_value(item, F.col(item.id)).alias(item.id) for item in tags]
    return state.select("user_id", *columns)
