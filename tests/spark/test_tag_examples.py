"""The examples of every tag that ships, computed by Spark as the tag stage computes them."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.support.places import ROOT
from usertags.config.expression_tree import Name
from usertags.config.rfm_columns import RFM_COLUMNS
from usertags.kinds.base import SEPARATOR
from usertags.kinds.rule import KIND
from usertags.project.build import load_project
from usertags.project.model import Project, Tag
from usertags.project.tag_entry import Example
from usertags.transform.carry import carried
from usertags.transform.tags import as_text, evaluated

CONFIGURATIONS = [ROOT / "configs", *sorted(path.parent for path in ROOT.glob("examples/*/project.yml"))]
SOME_DAY = date(2026, 11, 1)


@dataclass(frozen=True)
class Shown:
    """One example of a tag; its row in the query is named after both."""

    tag: Tag
    index: int
    example: Example

    @property
    def row(self) -> str:
        return f"{self.tag.id} #{self.index + 1}"

    @property
    def day(self) -> date:
        given = self.example.given.get("data_day", SOME_DAY)
        return given if isinstance(given, date) else date.fromisoformat(given)


@pytest.mark.parametrize("folder", CONFIGURATIONS, ids=lambda folder: folder.name)
def test_every_example_of_every_tag_comes_out_as_it_says(
    new_session: Callable[[str], SparkSession], folder: Path
) -> None:
    project = load_project(folder)
    shown = list(_examples(project))
    assert shown
    session = new_session(project.timezone)
    values = _values(session, project, shown)
    wrong = [
        f"{item.row}: given {item.example.given}, expected {item.example.expect!r}, is {values[item.row]!r}"
        for item in shown
        if not _as_expected(item, values[item.row])
    ]
    assert wrong == []


def _examples(project: Project) -> Iterator[Shown]:
    for tag in project.tags.values():
        for index, example in enumerate(tag.examples):
            dated = "data_day" in example.given or _reads_no_day(tag, example)
            assert dated, f"{tag.id} reads the data day"
            yield Shown(tag, index, example)


def _reads_no_day(tag: Tag, example: Example) -> bool:
    if tag.follows is not None:
        return not example.given.get("before")
    if tag.set_by is not None:
        return not (example.given.get("set") or {}).get("until")
    return "data_day" not in tag.inputs


def _values(session: SparkSession, project: Project, shown: Iterable[Shown]) -> dict[str, str | None]:
    """The value that each example gives its tag, as `tag_value` shows it: one query for all."""
    by_day: dict[date, list[Shown]] = {}
    for item in shown:
        by_day.setdefault(item.day, []).append(item)
    frames = [_state(session, project, items, day) for day, items in by_day.items()]
    rows = reduce(DataFrame.unionByName, frames).collect()
    return {row["user_id"]: row["values"][row["user_id"].partition(" ")[0]] for row in rows}


def _state(session: SparkSession, project: Project, items: list[Shown], day: date) -> DataFrame:
    """The tags of each example after what it gives of the day before: a map from tag id to value."""
    tags = list(project.tags.values())
    # The row's name passes through as a tag would: two examples may be of one user.
    plain = {"kinds": (KIND,), "set_by": None, "follows": None}
    named = [*tags, replace(tags[0], id="_row", tree=Name("_row"), type="string", **plain)]
    today = evaluated(_inputs(session, project, items), named, day)
    today = today.drop("user_id").withColumnRenamed("_row", "user_id")
    given_today = {item.row: item.example.given.get("today") for item in items if item.tag.follows}
    for tag in tags:
        others = {f.row: given_today[f.row] for f in items if f.tag.follows and f.tag.follows.tag == tag.id}
        for row, value in others.items():
            expected = F.lit(_text(value)).cast(tag.type)
            today = today.withColumn(
                tag.id, F.when(F.col("user_id") == row, expected).otherwise(F.col(tag.id))
            )
    state = carried(today, session.createDataFrame(_before(items), _BEFORE), tags, day)
    values = F.create_map(*[part for tag in tags for part in _pair(tag)])
    return state.select("user_id", values.alias("values"))


_BEFORE = (
    "user_id string, tag_id string, tag_value string, valid_from date, valid_until date, "
    "definition_version string, rank int, share double"
)


def _before(items: Iterable[Shown]) -> list[tuple[Any, ...]]:
    """What examples of tags that follow another give of the day before: that tag's value and its first day,
    and the value that the follower had."""
    found: list[tuple[Any, ...]] = []
    for item in items:
        before = item.example.given.get("before")
        if item.tag.follows is None or not before:
            continue
        pairs = ((item.tag.follows.tag, before["value"]), (item.tag.id, before["follower"]))
        found += [
            (item.row, name, _text(value), before["valid_from"], None, "v", 1, None)
            for name, value in pairs
            if value is not None
        ]
    return found


def _pair(tag: Tag) -> tuple[Any, Any]:
    return F.lit(tag.id), as_text(tag, F.col(tag.id))


def _inputs(session: SparkSession, project: Project, items: list[Shown]) -> DataFrame:
    """A row an example: its inputs in their declared types, null where it gives none."""
    types = _input_types(project)
    texts = [(item.row, *[_text(_given(item, name)) for name in types]) for item in items]
    frame = session.createDataFrame(texts, ", ".join(["_row string", *[f"`{n}` string" for n in types]]))
    typed = [_typed(name, type_).alias(name.replace(".", "__")) for name, type_ in types.items()]
    return frame.select("_row", *typed)


def _given(item: Shown, name: str) -> object:
    """What an example gives of an input; `set` stands for the row of its tag among those that people set."""
    people = item.tag.set_by
    if people is not None and name == f"set__{people.source}" and item.example.given.get("set"):
        return {people.tag: {"withdrawn": False} | item.example.given["set"]}
    return item.example.given.get(name)


def _typed(name: str, type_: str) -> Column:
    column = F.col(f"`{name}`")
    return F.from_json(column, type_) if type_.startswith("map<") else column.cast(type_)


def _input_types(project: Project) -> dict[str, str]:
    """Every name that a rule can use, with its Spark type; the data day is not among them."""
    types = {"user_id": "string"}
    types |= {measure.id: measure.type for measure in project.measures.values()}
    types |= {percentile.id: percentile.type for percentile in project.percentiles.values()}
    types |= {name: column.type for name, (_, column) in project.profile_columns().items()}
    return types | (dict(RFM_COLUMNS) if project.rfm else {})


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return json.dumps(value, default=str)
    if isinstance(value, list):
        return SEPARATOR.join(str(item) for item in value)
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)


def _as_expected(item: Shown, value: str | None) -> bool:
    """False and nothing are both no tag; numbers are equal whatever their digits."""
    expected = item.example.expect
    if expected is None or expected is False:
        return value is None
    if value is None:
        return False
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return Decimal(value) == Decimal(str(expected))
    return value == _text(expected)
