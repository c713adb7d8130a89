"""Published tags that nearly the same users carry (同质化 seen in the data, not in the rules)."""

from dataclasses import dataclass

from usertags.project.model import Project
from usertags.query import query
from usertags.store.lake import Lake

# With fewer users than this, two values may be similar by chance.
MINIMUM_USERS = 30


@dataclass(frozen=True)
class Overlap:
    """Values of two tags: the users of each, the users of both, and the Jaccard index of the two groups."""

    tag: str
    value: str
    users: int
    other_tag: str
    other_value: str
    other_users: int
    both: int
    jaccard: float


def overlaps(project: Project, lake: Lake, threshold: float) -> list[Overlap]:
    """Pairs of values of different tags with a Jaccard index of their users (both / either) at or above the
    threshold on the newest published day, highest index first. Values with few users are left out.

    Raises UsageError when nothing is published yet.
    """
    answer = query(project, lake, _SQL.format(minimum=MINIMUM_USERS, threshold=threshold))
    return [Overlap(*row) for row in answer.rows]


# Groups of very different sizes cannot reach the threshold and are not joined.
_SQL = """
WITH carried AS (SELECT DISTINCT user_id, tag_id, tag_value FROM user_tags_latest),
sizes AS (
  SELECT tag_id, tag_value, count(*) AS users FROM carried GROUP BY ALL HAVING count(*) >= {minimum}
),
candidates AS (
  SELECT a.tag_id, a.tag_value, a.users,
    b.tag_id AS other_tag, b.tag_value AS other_value, b.users AS other_users
  FROM sizes AS a JOIN sizes AS b ON a.tag_id < b.tag_id
  WHERE least(a.users, b.users) >= {threshold} * greatest(a.users, b.users)
),
counted AS (
  SELECT c.*, count(*) AS both_users
  FROM candidates AS c
  JOIN carried AS x ON x.tag_id = c.tag_id AND x.tag_value = c.tag_value
  JOIN carried AS y ON y.user_id = x.user_id AND y.tag_id = c.other_tag AND y.tag_value = c.other_value
  GROUP BY ALL
)
SELECT *, both_users / (users + other_users - both_users) AS jaccard
FROM counted WHERE jaccard >= {threshold} ORDER BY jaccard DESC, tag_id, other_tag
"""
