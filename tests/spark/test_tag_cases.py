"""Every tag that ships, from rows of the sources to rows of `user_tags`: the cases in tests/cases/tags.

The cases are users of one shop, and go through the transformations of clean, aggregate and tag together, in
frames. Only the cases that were asked for are computed: `pytest tests/spark/test_tag_cases.py -k city_tier`.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from tests.support.frames import BEFORE
from tests.support.places import CASES, ROOT
from tests.support.tag_cases import PEOPLE, Case, Row, as_files, cases_in, landed
from usertags.project.build import load_project
from usertags.project.model import Percentiles, Project
from usertags.stages.aggregate import partials_of
from usertags.stages.identity import blocked_ids, joined_ids
from usertags.stages.source_tables import clean_name, rollup_name
from usertags.stages.user_measures import user_measures
from usertags.transform import carry
from usertags.transform.derived import all_computed
from usertags.transform.population import HAS_EVENTS
from usertags.transform.rollup import day_rollup
from usertags.transform.tags import evaluated
from usertags.transform.typed import typed
from usertags.transform.versions import KEPT, resolve

DAY = date(2026, 11, 11)
TAG_CASES = CASES / "tags"
ALL = cases_in(TAG_CASES)


@dataclass(frozen=True)
class CasesRun:
    """The rows of each tag, and why rows of the cases were set aside."""

    found: dict[str, list[dict[str, Any]]]
    quarantined: list[tuple[str, str]]


@pytest.fixture(scope="module")
def cases_run(
    spark: SparkSession, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> CasesRun:
    wanted = {item.callspec.params["case"].tag for item in request.session.items if _is_case(item)}
    cases = [case for case in ALL if case.tag in wanted]
    project = _needed(_project(tmp_path_factory.mktemp("cases") / "configs"), cases)
    tables, quarantined = _tables(spark, project, cases)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _user_tags(spark, project, tables).collect():
        found.setdefault(row["tag_id"], []).append(row.asDict())
    return CasesRun(found, quarantined)


def _is_case(item: pytest.Item) -> bool:
    return item.path == Path(__file__) and "case" in getattr(getattr(item, "callspec", None), "params", {})


def _project(folder: Path) -> Project:
    shutil.copytree(ROOT / "configs", folder)
    as_files(folder)
    return load_project(folder)


def _needed(project: Project, cases: list[Case]) -> Project:
    """What the tags of some cases are computed from: all that ships when they are all."""
    tags = {case.tag: project.tags[case.tag] for case in cases}
    followed = [tag.follows.tag for tag in tags.values() if tag.follows is not None]
    tags |= {name: project.tags[name] for name in followed}
    names = {name for tag in tags.values() for name in tag.inputs}
    percentiles = {name: item for name, item in project.percentiles.items() if name in names}
    names |= {name for item in percentiles.values() for name in (item.measure, *item.uses)}
    assert project.rfm is not None
    scored = project.rfm.entry
    names |= {scored.recency, scored.frequency, scored.monetary, scored.ever}
    measures = {name: item for name, item in project.measures.items() if name in names}
    sources = {measure.source for measure in measures.values()}.union(*(case.sources() for case in cases))
    known = {
        name: source for name, source in project.sources.items() if name in sources or source.kind != "events"
    }
    derived = [
        replace(item, of=percentiles) if isinstance(item, Percentiles) else item for item in project.derived
    ]
    return replace(project, tags=tags, measures=measures, derived=tuple(derived), sources=known)


def _tables(
    spark: SparkSession, project: Project, cases: list[Case]
) -> tuple[dict[str, DataFrame], list[tuple[str, str]]]:
    """What clean and aggregate make of the rows: clean tables and roll-ups by name; and what was set
    aside."""
    defaults = yaml.safe_load((TAG_CASES / "defaults.yml").read_text(encoding="utf-8"))
    tables: dict[str, DataFrame] = {}
    reasons = []
    for source in project.sources.values():
        rows_landed = landed(source, cases, defaults.get(source.name, {}), DAY)
        raw = spark.createDataFrame(rows_landed, from_arrow_schema(rows_landed.schema))
        rows = typed(raw, source, project.timezone)
        reasons.append(rows.where("_reason is not null").select(F.lit(source.name), "_reason"))
        good = rows.where("_reason is null").drop("_reason", "_raw")
        resolved = resolve(good, good.drop("_reading").limit(0), source)
        kept = resolved.batch.where(F.col("_status") == KEPT).drop("_status").localCheckpoint()
        tables[clean_name(source)] = kept
        if source.kind == "events":
            rollup = day_rollup(kept, source, partials_of(project, source))
            tables[rollup_name(source)] = rollup.localCheckpoint()
    return tables, [tuple(row) for row in reduce(DataFrame.union, reasons).collect()]


def _user_tags(spark: SparkSession, project: Project, tables: Mapping[str, DataFrame]) -> DataFrame:
    """What the tag stage makes of them on a first day: `user_tags` of active tags and drafts."""
    assert project.identity is not None
    joined = joined_ids(tables.__getitem__, project, blocked_ids(project, project.identity), DAY)
    users = joined.identities.localCheckpoint()
    measures = user_measures(tables.__getitem__, project, DAY, users).localCheckpoint()
    inputs, _ = all_computed(project.derived, measures.drop(HAS_EVENTS), DAY)
    tags = [tag for tag in project.tags.values() if tag.status != "retired"]
    before = spark.createDataFrame([], BEFORE)
    state = carry.carried(evaluated(inputs, tags, DAY), before, tags, DAY)
    return carry.user_tags(state, before, tags, project.levels, DAY)


def test_every_tag_that_is_computed_has_a_case_and_every_case_a_tag() -> None:
    project = load_project(ROOT / "configs")
    computed = {tag.id for tag in project.tags.values() if tag.status != "retired"}
    assert {case.tag for case in ALL} == computed


def test_cases_do_not_share_numbers_and_name_known_sources_and_people() -> None:
    project = load_project(ROOT / "configs")
    assert len({case.number for case in ALL}) == len(ALL)
    for source in project.sources.values():
        if source.kind != "links":
            assert source.column(source.user).raw <= set(PEOPLE), source.name
    for case in ALL:
        assert case.sources() and case.sources() <= project.sources.keys(), case.tag


# What a user's stage was and for how long needs days before: tests of carry show it over several.
NOTHING_TO_TELL_APART = {"stage_before", "days_in_stage"}


def test_a_case_has_users_that_come_out_differently() -> None:
    """A case of which every user comes out alike shows no edge."""
    project = load_project(ROOT / "configs")
    for case in ALL:
        users = set().union(*(case.users(project.sources[name]) for name in case.sources()))
        values = {row["user"]: row["value"] for row in case.expected()}
        assert values.keys() <= users, f"{case.tag} expects a tag of somebody without a row"
        outcomes = {values.get(user) for user in users}
        assert len(outcomes) > 1 or case.tag in NOTHING_TO_TELL_APART, case.tag


def test_no_row_of_a_case_is_set_aside(cases_run: CasesRun) -> None:
    assert cases_run.quarantined == []


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.tag)
def test_case_of_a_tag_comes_out_as_expected(cases_run: CasesRun, case: Case) -> None:
    expected = [{**row, "user": case.user(row["user"])} for row in case.expected()]
    columns = expected[0].keys() if expected else {"user"}
    published = [
        {name: value for name, value in _shown(row).items() if name in columns}
        for row in cases_run.found.get(case.tag, [])
        if _shown(row)["user"].startswith(case.number)
    ]
    assert sorted(map(_ordered, published)) == sorted(map(_ordered, expected))


def _shown(row: dict[str, Any]) -> dict[str, str]:
    """A row of `user_tags` as a case writes it."""
    return {
        "user": row["user_id"].removeprefix("customer:"),
        "rank": str(row["rank"]),
        "value": row["tag_value"],
        "share": "" if row["share"] is None else f"{row['share']:.4f}",
    }


def _ordered(row: Row) -> list[tuple[str, str]]:
    return sorted(row.items())
