"""Every tag that ships, from rows of the sources to the published table: the cases in tests/cases/tags."""

import shutil
from dataclasses import dataclass
from datetime import date

import pytest
import yaml

from jobs.catalogue.build import load_catalogue

from .conftest import CASES, ROOT, TINY_SHOP, NewShop
from .shop import Row, Shop
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


def test_each_case_has_a_user_with_the_tag_or_says_that_nobody_can_have_it_and_one_without() -> None:
    """A case of which every user comes out alike shows no edge."""
    catalogue = load_catalogue(ROOT / "configs")
    for case in ALL:
        users = set().union(*(case.users(catalogue.sources[name]) for name in case.sources()))
        carried = {(user, value) for user, _, value in case.expected()}
        assert {user for user, _ in carried} <= users, f"{case.tag} expects a tag of somebody without a row"
        outcomes = {value for _, value in carried} | {None for user in users if user not in dict(carried)}
        assert len(outcomes) > 1 or case.tag in NOTHING_TO_TELL_APART, case.tag


# What a user's stage was and for how long needs days before: tests of carry show it over several.
NOTHING_TO_TELL_APART = {"stage_before", "days_in_stage"}


def test_no_row_of_a_case_is_set_aside(cases_run: CasesRun) -> None:
    assert [(row["source"], row["reason"], row["raw"]) for row in cases_run.shop.rows("ops.quarantine")] == []


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.tag)
def test_case_of_a_tag_comes_out_as_expected(cases_run: CasesRun, case: Case) -> None:
    published = {
        (row["user_id"].removeprefix("customer:"), str(row["rank"]), row["tag_value"])
        for row in cases_run.found.get(case.tag, [])
        if row["user_id"].removeprefix("customer:").startswith(case.number)
    }
    assert published == {(case.user(user), rank, value) for user, rank, value in case.expected()}
