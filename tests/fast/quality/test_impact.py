"""Who is hit by a failed check, on the tiny shop of tests/cases."""

import pytest

from tests.support.places import TINY_SHOP
from usertags.project.build import load_project
from usertags.project.lineage import Lineage
from usertags.project.model import Project
from usertags.quality.impact import impact

ORDER_TAGS = {
    "important_customer",
    "yearly_spend",
    "bought_today",
    "just_bought",
    "rfm_segment",
    "has_ordered",
    "no_order_yet",
}


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(TINY_SHOP)


@pytest.mark.parametrize(
    ("table", "column", "tags"),
    [
        # big_spender is a draft: no reader has it.
        ("clean.orders", None, ORDER_TAGS),
        # The segments of this shop are rules over recency and frequency.
        ("clean.orders", "amount", {"yearly_spend"}),
        ("clean.orders", "status", ORDER_TAGS),
        # Whose the row is, and which version of it counts, bears on everything made of it.
        ("clean.orders", "customer", ORDER_TAGS),
        ("clean.orders", "updated_at", ORDER_TAGS),
        ("clean.referrals", None, {"important_customer"}),
        ("clean.users", "city", {"city"}),
        ("clean.users", "gender", {"gender"}),
        ("tags.user_profile", "gender", {"gender"}),
        ("tags.rfm", "segment", {"rfm_segment"}),
        ("clean.unknown", None, set()),
    ],
)
def test_a_failed_check_hits_the_tags_that_are_made_of_what_it_looked_at(
    project: Project, table: str, column: str | None, tags: set[str]
) -> None:
    assert {tag.id for tag in impact(Lineage(project), table, column).tags} == tags


def test_a_table_check_of_a_tag_table_hits_every_published_tag(project: Project) -> None:
    hit = impact(Lineage(project), "tags.user_profile", "user_id")
    assert hit.tables == ("tags.user_profile",)
    assert {tag.id for tag in hit.tags} == {tag.id for tag in project.published_tags()}


def test_a_source_that_feeds_tags_hits_its_roll_up_and_the_tables_of_readers(project: Project) -> None:
    assert impact(Lineage(project), "clean.orders", None).tables[:2] == ("rollup.orders", "tags.user_tags")
