"""A tag made of other tags, computed by Spark."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.support.folders import Folder, entry, with_tags
from usertags.transform.tags import evaluated

DAY = date(2026, 11, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


def test_a_tag_is_computed_from_the_rules_of_those_that_it_uses(folder: Folder, spark: SparkSession) -> None:
    """In the file each stands before what it uses; null of a condition is false, an empty text is none."""
    project = with_tags(
        folder,
        entry("both", "when: tags.many and not tags.woman"),
        entry("many", "when: orders_180d >= 3"),
        entry("woman", "when: tags.sex = 'f'"),
        entry("sex", "value: users.gender", title="性别").replace("kind: rule", "kind: fact"),
        entry("no_sex", "when: tags.sex is null"),
    ).project()
    inputs = spark.createDataFrame(
        [("a", 3, "m"), ("b", 3, "f"), ("c", 3, None), ("d", 2, "m"), ("e", None, " "), ("f", 4, "")],
        "user_id string, orders_180d bigint, users__gender string",
    )
    names = ("both", "many", "woman", "no_sex")
    rows = evaluated(inputs, [project.tags[name] for name in names], DAY).collect()
    assert {row["user_id"]: {name for name in names if row[name]} for row in rows} == {
        "a": {"both", "many"},
        "b": {"many", "woman"},
        "c": {"both", "many", "no_sex"},
        "d": set(),
        "e": {"no_sex"},
        "f": {"both", "many", "no_sex"},
    }
