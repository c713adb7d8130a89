"""Checks of the tag tables that are no expectations of the library."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession

from tests.support.frames import PATH, frame, tag
from usertags.project.model import Project
from usertags.quality.sentences import action, observed
from usertags.quality.tag_checks import exclusive_paths, spread_scores


def test_every_user_has_exactly_one_tag_of_an_exclusive_path(
    spark: SparkSession, build: Callable[..., Project]
) -> None:
    """One user has one of the two tags, one has both, one has none; tags of other paths do not count."""
    project = build(
        measures={"n": {"source": "orders", "value": "count(*)"}},
        tags={
            "few": tag(when="n < 3"),
            "many": tag(when="n >= 3"),
            "other": tag(when="n = 5", path=PATH[::-1]),
        },
    )
    project = replace(project, exclusive=frozenset(["/".join(PATH)]))
    profile = frame(
        spark,
        "user_id string, few boolean, many boolean, other boolean",
        [("u1", True, None, True), ("u2", True, True, None), ("u3", None, None, True)],
    )
    (result,) = exclusive_paths(profile, project)
    assert (result.success, result.rows, result.unexpected) == (False, 3, 2)
    assert (result.severity, result.check_id) == (
        "critical",
        "tags.user_profile.exclusive_first_second_third",
    )
    (right,) = exclusive_paths(profile.where("user_id = 'u1'"), project)
    assert right.success and right.unexpected == 0


def scores(spark: SparkSession, *users: Sequence[int | None]) -> DataFrame:
    """A row of `rfm` per user with its three scores."""
    columns = "octant string, r_score int, f_score int, m_score int"
    return frame(spark, columns, [("111" if r else None, r, f, m) for r, f, m in users])


def test_a_score_of_nobody_or_of_more_than_half_is_named(spark: SparkSession) -> None:
    """Of ten users five have r_score 1, which is half of them; all have m_score 1; six have f_score 5. Who
    has no scores does not count."""
    users = [(r, f, 1) for r, f in zip([1] * 5 + [2, 3, 4, 5, 5], [1, 2, 3, 4] + [5] * 6, strict=True)]
    found = {item.subject: item for item in spread_scores(scores(spark, *users, (None,) * 3), "quantile")}
    assert {name: item.success for name, item in found.items()} == {
        "recency": True,
        "frequency": False,
        "monetary": False,
    }
    assert {item.severity for item in found.values()} == {"warning"}
    assert found["monetary"].check_id == "tags.rfm.scores_of_monetary_are_spread"
    assert observed(found["frequency"]) == "scores given to nobody: –; to more than half: 5"
    assert observed(found["monetary"]) == "scores given to nobody: 2, 3, 4, 5; to more than half: 1"
    assert observed(found["monetary"], "zh") == "无人得到的分数：2, 3, 4, 5；超过半数得到的分数：1"
    assert "`unit` of monetary" in action(found["monetary"])
    assert "`unit` 里消费金额的单位" in action(found["monetary"], "zh")
    assert (found["monetary"].value, found["recency"].value) == (5, 0)


def test_scores_that_are_no_quantiles_and_a_day_without_buyers_are_left_alone(spark: SparkSession) -> None:
    everybody = scores(spark, (1, 1, 1))
    assert spread_scores(everybody, "fixed") == spread_scores(everybody, "mean") == []
    assert spread_scores(scores(spark, (None, None, None)), "quantile") == []
