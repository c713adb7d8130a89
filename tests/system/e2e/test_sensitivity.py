"""A sensitivity takes a tag out of the tables that it names, from the next run on, and out of no other."""

from datetime import date
from typing import Any

import pytest

from jobs.errors import UsageError
from jobs.explain import explain
from jobs.quality.checks import GateRefused
from tests.support.places import TINY_SHOP

from .conftest import NewShop
from .shop import Shop

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))
TABLES = ("user_tags", "user_tag_changes", "tag_statistics")
STATED = {
    "private": {"keep_out_of": ["user_profile"]},
    "secret": {"keep_out_of": ["user_tags"]},
    "quiet": {"keep_out_of": ["user_tag_changes", "tag_statistics"]},
}
GIVEN = {"gender": "private", "bought_today": "secret", "yearly_spend": "quiet"}


@pytest.fixture(scope="module")
def shop(new_shop: NewShop) -> Shop:
    """A day with nothing restricted, one with three restricted tags, and one where one of them is gone and
    the `values` of another lack one that users have, before that is put right."""
    made = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    for day in (D1, D2, D3):
        made.land(TINY_SHOP / "landing", str(day))
    made.run(D1)
    made.edit("project.yml", lambda project: project.update(sensitivity=STATED))
    made.edit("tags/tags.yml", _restrict)
    made.run(D2)
    made.edit("tags/tags.yml", lambda data: data["tags"]["gender"].update(values=["female"]))
    with pytest.raises(GateRefused, match="gender in its values"):
        made.run(D3)
    made.edit("tags/tags.yml", _after_that)
    made.run(D3)
    return made


def _restrict(data: Any) -> None:
    for tag, name in GIVEN.items():
        data["tags"][tag]["sensitivity"] = name


def _after_that(data: Any) -> None:
    data["tags"]["gender"]["values"] = ["female", "male"]
    del data["tags"]["bought_today"]["sensitivity"]
    del data["tags"]["yearly_spend"]


def where(shop: Shop, day: date, tag: str) -> set[str]:
    """The tables that hold anything of a tag."""
    rows = {table: shop.published(table, day) for table in TABLES}
    found = {table for table in TABLES if any(row["tag_id"] == tag for row in rows[table])}
    profile = shop.published("user_profile", day)
    return found | ({"user_profile"} if any(row.get(tag) is not None for row in profile) else set())


def test_a_tag_is_where_its_sensitivity_lets_it_be(shop: Shop) -> None:
    everywhere = {*TABLES, "user_profile"}
    assert {tag: where(shop, D1, tag) for tag in GIVEN} == dict.fromkeys(GIVEN, everywhere)
    assert where(shop, D2, "gender") == everywhere - {"user_profile"}
    assert where(shop, D2, "bought_today") == {"user_profile"}
    assert where(shop, D2, "yearly_spend") == {"user_tags", "user_profile"}


def test_what_is_shown_is_what_it_would_be(shop: Shop) -> None:
    before, after = shop.tags(D1, "gender"), shop.tags(D2, "gender")
    assert {user: after[user]["tag_value"] for user in before} == {
        user: row["tag_value"] for user, row in before.items()
    }
    assert {after[user]["valid_from"] for user in before} == {D1}
    bought = {user for user, row in shop.profile(D2).items() if row.get("bought_today")}
    assert bought == {"u1", "u5", "u7"}


def test_the_other_tags_are_as_ever(shop: Shop) -> None:
    assert where(shop, D2, "city") >= {"user_tags", "user_profile", "tag_statistics"}
    assert {change[1] for change in shop.changes(D2)}
    assert not {change[1] for change in shop.changes(D2)} & {"bought_today", "yearly_spend"}


def test_a_restricted_tag_that_is_withdrawn_is_not_told_by_its_removal(shop: Shop) -> None:
    assert where(shop, D3, "yearly_spend") == set()


def test_a_tag_that_is_secret_no_longer_is_new_by_definition(shop: Shop) -> None:
    assert where(shop, D3, "bought_today") == {*TABLES, "user_profile"}
    reasons = {(change[2], change[5]) for change in shop.changes(D3) if change[1] == "bought_today"}
    assert reasons == {("added", "definition")}


def test_the_catalogue_says_what_is_sensitive(shop: Shop) -> None:
    rows = {row["tag_id"]: row for row in shop.published("tag_catalogue", D2)}
    assert {tag: row["sensitivity"] for tag, row in rows.items() if row["sensitivity"]} == GIVEN
    assert rows["gender"]["kept_out_of"] == ["user_profile"]
    assert rows["bought_today"]["kept_out_of"] == ["tag_statistics", "user_tag_changes", "user_tags"]
    assert rows["city"]["kept_out_of"] == []


def test_an_explanation_does_not_tell_who_carries_it(shop: Shop) -> None:
    user = next(iter(shop.profile(D2)))
    with pytest.raises(UsageError, match="'bought_today' is kept out of user_tags by its sensitivity"):
        explain(shop.pipeline.catalogue, shop.lake, user, D2, "bought_today")
    told = {item.tag_id for item in explain(shop.pipeline.catalogue, shop.lake, user, D2)}
    assert "gender" in told
    assert "bought_today" not in told
