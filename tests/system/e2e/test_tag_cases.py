"""Every tag that ships, from rows of the sources to the published table: the cases in tests/cases/tags."""

import shutil
from dataclasses import dataclass
from datetime import date

import pytest
import yaml

from jobs.catalogue.build import load_catalogue

from .conftest import CASES, ROOT, TINY_SHOP, NewShop
from .shop import Row, Shop, ordered
from .tag_cases import PEOPLE, Case, cases_in, land, read_from_files

DAY = date(2026, 11, 11)
FOLDER = "TAG_CASES_DIR"
TAG_CASES = CASES / "tags"
ALL = cases_in(TAG_CASES)


@dataclass(frozen=True)
class CasesRun:
    """The shipped catalogue, run once over the rows of all cases; `found` are the rows of each tag."""

    shop: Shop
    found: dict[str, list[Row]]


@pytest.fixture(scope="module")
def cases_run(new_shop: NewShop) -> CasesRun:
    shop = new_shop(ROOT / "configs", FOLDER)
    read_from_files(shop.folder)
    shutil.copy(TINY_SHOP / "spark" / "session.yml", shop.folder / "spark" / "session.yml")
    shutil.copy(TINY_SHOP / "connections.yml", shop.folder / "connections.yml")
    connections = (shop.folder / "connections.yml").read_text()
    (shop.folder / "connections.yml").write_text(connections.replace("TINY_SHOP_DIR", FOLDER))
    shop.reload()
    defaults = yaml.safe_load((TAG_CASES / "defaults.yml").read_text(encoding="utf-8"))
    land(ALL, shop.pipeline.catalogue, defaults, shop.landing)
    shop.run(DAY)
    found: dict[str, list[Row]] = {}
    for row in [*shop.published("user_tags", DAY), *shop.rows("ops.drafts")]:
        found.setdefault(row["tag_id"], []).append(row)
    return CasesRun(shop, found)


def test_every_tag_that_is_computed_has_a_case_and_every_case_a_tag() -> None:
    catalogue = load_catalogue(ROOT / "configs")
    computed = {tag.id for tag in catalogue.tags.values() if tag.status != "retired"}
    assert {case.tag for case in ALL} == computed


def test_cases_do_not_share_numbers_and_name_known_sources_and_people() -> None:
    catalogue = load_catalogue(ROOT / "configs")
    assert len({case.number for case in ALL}) == len(ALL)
    for source in catalogue.sources.values():
        if source.kind != "links":
            assert source.column(source.user).raw <= set(PEOPLE), source.name
    for case in ALL:
        assert case.sources() and case.sources() <= catalogue.sources.keys(), case.tag


# What a user's stage was and for how long needs days before: tests of carry show it over several.
NOTHING_TO_TELL_APART = {"stage_before", "days_in_stage"}


def test_a_case_has_users_that_come_out_differently() -> None:
    """A case of which every user comes out alike shows no edge."""
    catalogue = load_catalogue(ROOT / "configs")
    for case in ALL:
        users = set().union(*(case.users(catalogue.sources[name]) for name in case.sources()))
        values = {row["user"]: row["value"] for row in case.expected()}
        assert values.keys() <= users, f"{case.tag} expects a tag of somebody without a row"
        outcomes = {values.get(user) for user in users}
        assert len(outcomes) > 1 or case.tag in NOTHING_TO_TELL_APART, case.tag


def test_no_row_of_a_case_is_set_aside(cases_run: CasesRun) -> None:
    assert [(row["source"], row["reason"], row["raw"]) for row in cases_run.shop.rows("ops.quarantine")] == []


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.tag)
def test_case_of_a_tag_comes_out_as_expected(cases_run: CasesRun, case: Case) -> None:
    expected = [{**row, "user": case.user(row["user"])} for row in case.expected()]
    columns = expected[0].keys() if expected else {"user"}
    published = [
        {name: value for name, value in _shown(row).items() if name in columns}
        for row in cases_run.found.get(case.tag, [])
        if _shown(row)["user"].startswith(case.number)
    ]
    assert ordered(published) == ordered(expected)


def _shown(row: Row) -> dict[str, str]:
    """A row of `user_tags` as a case writes it."""
    return {
        "user": row["user_id"].removeprefix("customer:"),
        "rank": str(row["rank"]),
        "value": row["tag_value"],
        "share": "" if row["share"] is None else f"{row['share']:.4f}",
    }
