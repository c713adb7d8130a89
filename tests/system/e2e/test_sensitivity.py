"""A sensitivity takes a tag out of the tables that it names, from the next run on, and out of no other.

Nothing is restricted before D5, when s1 and s2 come and buy; on D6 s2 buys again.
"""

from datetime import date

import pytest

from usertags.errors import UsageError
from usertags.explain import explain

from .conftest import RESTRICTED, GoodDays
from .expected import D1, D2, D3, D4, D5, D6
from .shop import Shop

pytestmark = pytest.mark.shared("good_days")

TABLES = ("user_tags", "user_tag_changes", "tag_statistics", "tag_coverage")


@pytest.fixture(scope="module")
def shop(good_days: GoodDays) -> Shop:
    return good_days.shop


def where(shop: Shop, day: date, tag: str) -> set[str]:
    """The tables that hold anything of a tag."""
    rows = {table: shop.published(table, day) for table in TABLES}
    found = {table for table in TABLES if any(row["tag_id"] == tag for row in rows[table])}
    profile = shop.published("user_profile", day)
    return found | ({"user_profile"} if any(row.get(tag) is not None for row in profile) else set())


def test_a_tag_is_where_its_sensitivity_lets_it_be(shop: Shop) -> None:
    everywhere = {*TABLES, "user_profile"}
    assert {tag: where(shop, D1, tag) for tag in RESTRICTED} == dict.fromkeys(RESTRICTED, everywhere)
    assert where(shop, D5, "gender") == everywhere - {"user_profile"}
    assert where(shop, D5, "bought_today") == {"user_profile"}
    assert where(shop, D5, "yearly_spend") == {"user_tags", "user_profile"}


def test_what_is_shown_is_what_it_would_be(shop: Shop) -> None:
    before, after = shop.tags(D4, "gender"), shop.tags(D5, "gender")
    assert {user: after[user]["tag_value"] for user in before} == {
        user: row["tag_value"] for user, row in before.items()
    }
    since = dict.fromkeys(("u1", "u2", "u3", "u8"), D1) | {"u5": D2, "u7": D2, "u6": D3}
    assert {user: after[user]["valid_from"] for user in before} == since
    bought = {user for user, row in shop.profile(D5).items() if row.get("bought_today")}
    assert bought == {"s1", "s2"}


def test_the_other_tags_are_as_ever(shop: Shop) -> None:
    assert where(shop, D5, "city") >= {"user_tags", "user_profile", "tag_statistics", "tag_coverage"}
    assert {change[1] for change in shop.changes(D5)}
    assert not {change[1] for change in shop.changes(D5)} & {"bought_today", "yearly_spend"}


def test_a_restricted_tag_that_is_withdrawn_is_not_revealed_by_its_removal(shop: Shop) -> None:
    assert where(shop, D6, "yearly_spend") == set()


def test_a_tag_that_is_secret_no_longer_is_new_by_definition(shop: Shop) -> None:
    assert where(shop, D6, "bought_today") == {*TABLES, "user_profile"}
    reasons = {(change[2], change[5]) for change in shop.changes(D6) if change[1] == "bought_today"}
    assert reasons == {("added", "definition")}


def test_the_tag_catalogue_says_what_is_sensitive(shop: Shop) -> None:
    rows = {row["tag_id"]: row for row in shop.published("tag_catalogue", D5)}
    assert {tag: row["sensitivity"] for tag, row in rows.items() if row["sensitivity"]} == RESTRICTED
    assert rows["gender"]["kept_out_of"] == ["user_profile"]
    assert rows["bought_today"]["kept_out_of"] == [
        "tag_coverage",
        "tag_statistics",
        "user_tag_changes",
        "user_tags",
    ]
    assert rows["city"]["kept_out_of"] == []


def test_an_explanation_does_not_reveal_who_carries_it(good_days: GoodDays) -> None:
    shop, project = good_days.shop, good_days.projects[D6]
    user = "s1"
    assert shop.profile(D5)[user]["bought_today"] is True
    with pytest.raises(UsageError, match="'bought_today' is excluded from user_tags by its sensitivity"):
        explain(project, shop.lake, user, D5, "bought_today")
    explained = {item.tag_id for item in explain(project, shop.lake, user, D5)}
    assert "gender" in explained
    assert "bought_today" not in explained
