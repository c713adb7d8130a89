"""Lineage by literal entries: from raw columns through expressions to tags, and to the tags that use them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.frames import ORDERS, tag
from usertags.project.lineage import Lineage
from usertags.project.model import Project

SOURCES: dict[str, Any] = {
    "orders": ORDERS
    | {
        "columns": ORDERS["columns"]
        | {
            "unit_price": {"from": "UnitPrice", "type": "decimal(12,2)"},
            "price_band": {"expr": "if(cast(unitprice as int) > 100, 'high', 'low')", "type": "string"},
            "remark": {"from": "remark", "type": "string"},
        },
        "reject": {"no_status": "status is null"},
    },
    "users": {
        "kind": "profile",
        "read": {"connection": "shop", "table": "users"},
        "columns": {
            "customer": {"from": "customer", "type": "string"},
            "city": {"from": "city", "type": "string"},
            "updated_at": {"from": "updated_at", "type": "timestamp"},
        },
        "key": ["customer"],
        "version": "updated_at",
        "user": {"customer": "customer"},
    },
}
MEASURES: dict[str, Any] = {
    "high_orders": {"source": "orders", "value": "count(*)", "where": "price_band = 'high'"},
    "orders": {"source": "orders", "value": "count(*)"},
    "paid": {"source": "orders", "value": "sum(amount)"},
    "paid_percentile": {"percentile_of": "paid", "where": "high_orders > 0"},
    "last_at": {"source": "orders", "value": "max(ordered_at)"},
}
RFM = {
    "recency": "last_at",
    "frequency": "orders",
    "monetary": "paid",
    "ever": "orders",
    "scoring": "quantile",
    "segments": [{"id": "fresh", "name": "Fresh", "when": "R_SCORE = 5"}],
}
TAGS: dict[str, Any] = {
    "posh": tag(when="high_orders >= 1"),
    "posh_here": tag(when="tags.posh and users.city = '上海'"),
    "posh_days": tag(kind="fact", follows={"tag": "posh", "what": "days"}),
    "frequent": tag(when="orders >= 3"),
    "top": tag(when="paid_percentile >= 90"),
    "fresh": tag(kind="rfm", value="segment"),
    "rich": tag(kind="rfm", value="m_score", type="int"),
    "city": tag(kind="fact", value="users.city"),
    "planned": tag(when="paid > 5", status="draft"),
}
OF_ORDERS = {"posh", "posh_here", "posh_days", "frequent", "top", "fresh", "rich"}


@pytest.fixture(scope="module")
def lineage(build: Callable[..., Project]) -> Lineage:
    return Lineage(build(sources=SOURCES, measures=MEASURES, rfm=RFM, tags=TAGS))


@pytest.mark.parametrize(
    ("place", "tags"),
    [
        # An expression over a raw column, in another case; tags that use such a tag, or follow it.
        ("orders.unit_price", {"posh", "posh_here", "posh_days", "top"}),
        ("orders.price_band", {"posh", "posh_here", "posh_days", "top"}),
        # Of RFM the segments of this project read the recency alone; a draft is seen by nobody.
        ("orders.amount", {"top", "rich"}),
        # What decides about rows, their user and their day bears on all; what nobody reads on nothing.
        ("orders.status", OF_ORDERS),
        ("orders.customer", OF_ORDERS),
        ("orders.ordered_at", OF_ORDERS),
        ("orders.order_id", OF_ORDERS),
        ("orders.remark", set()),
        ("users.city", {"city", "posh_here"}),
        ("users.updated_at", {"city", "posh_here"}),
    ],
)
def test_who_is_hit_by_a_column(lineage: Lineage, place: str, tags: set[str]) -> None:
    source, _, column = place.partition(".")
    found = lineage.hit_by(lineage.project.sources[source], column)
    assert {tag.id for tag in found} == tags


def test_who_is_hit_by_a_source(lineage: Lineage) -> None:
    sources = lineage.project.sources
    assert {tag.id for tag in lineage.hit_by(sources["orders"], None)} == OF_ORDERS
    assert {tag.id for tag in lineage.hit_by(sources["users"], None)} == {"city", "posh_here"}


def test_what_a_tag_is_made_of(lineage: Lineage) -> None:
    tags = lineage.project.tags
    assert lineage.columns_of(tags["posh_here"]) == {"orders": {"price_band"}, "users": {"city"}}
    assert lineage.columns_of(tags["posh_days"]) == {"orders": {"price_band"}}
    assert lineage.raw_columns_of(tags["posh_days"]) == {"orders": {"unitprice"}}
    assert lineage.columns_of(tags["frequent"]) == {"orders": set()}
    assert lineage.columns_of(tags["rich"]) == {"orders": {"amount"}}
    assert lineage.columns_of(tags["fresh"]) == {"orders": {"ordered_at"}}


def test_a_wrong_tag_or_score_hits_the_tags_that_use_it(lineage: Lineage) -> None:
    assert {tag.id for tag in lineage.with_users({"posh"})} == {"posh", "posh_here", "posh_days"}
    assert {tag.id for tag in lineage.with_users({"frequent"})} == {"frequent"}
    assert {tag.id for tag in lineage.made_of({"segment"})} == {"fresh"}
    assert {tag.id for tag in lineage.made_of({"high_orders"})} == {"posh", "posh_here", "posh_days"}
