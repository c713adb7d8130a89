"""Checks of the tag tables that are no expectations of the library."""

from collections.abc import Callable
from dataclasses import replace

from pyspark.sql import SparkSession

from tests.support.frames import PATH, frame, tag
from usertags.project.model import Project
from usertags.quality.tag_checks import exclusive_paths


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
