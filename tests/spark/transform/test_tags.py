"""All tags of a user in one projection, and how their values are shown."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests.support.frames import ORDERS, frame, rows, tag
from usertags.project.model import Project, Tag
from usertags.transform.tags import as_number, as_text, evaluated, level_ids

Build = Callable[..., Project]
DAY = date(2024, 2, 29)

USERS: dict[str, Any] = {
    "kind": "profile",
    "read": {"connection": "shop", "table": "users"},
    "columns": {
        "customer": {"from": "customer", "type": "string"},
        "city": {"from": "city", "type": "string"},
        "member": {"from": "member", "type": "boolean"},
        "born": {"from": "born", "type": "date"},
    },
    "key": ["customer"],
    "user": {"customer": "customer"},
}
SOURCES = {"orders": ORDERS, "users": USERS}
MEASURES = {
    "orders": {"source": "orders", "value": "count(*)"},
    "paid": {"source": "orders", "value": "sum(amount)"},
    "rated": {"source": "orders", "value": "avg(rating)"},
    "last_order_at": {"source": "orders", "value": "max(ordered_at)"},
}
RFM = {
    "recency": "last_order_at",
    "frequency": "orders",
    "monetary": "paid",
    "ever": "orders",
    "scoring": "quantile",
}
INPUTS = {
    "orders": ("bigint", 0),
    "paid": ("decimal(38,2)", None),
    "rated": ("double", None),
    "last_order_at": ("timestamp", None),
    "users__city": ("string", None),
    "users__member": ("boolean", None),
    "users__born": ("date", None),
    "r_score": ("int", None),
    "segment": ("string", None),
}


@pytest.fixture(scope="module")
def tagged(spark: SparkSession, build: Build) -> Callable[..., list[Any]]:
    """The value of one tag for each of some users, of whom only what the tag reads is given."""

    def make(entry: dict[str, Any], *users: dict[str, object], day: date = DAY) -> list[Any]:
        project = build(sources=SOURCES, measures=MEASURES, tags={"x": entry}, rfm=RFM)
        schema = "user_id string, " + ", ".join(f"{name} {kind}" for name, (kind, _) in INPUTS.items())
        given = [
            (f"u{number}", *[user.get(name, usual) for name, (_, usual) in INPUTS.items()])
            for number, user in enumerate(users)
        ]
        table = rows(evaluated(frame(spark, schema, given), list(project.tags.values()), day))
        assert all(row.keys() == {"user_id", "x"} for row in table)
        return [row["x"] for row in sorted(table, key=lambda row: int(row["user_id"][1:]))]

    return make


def test_a_rule_that_is_false_or_null_is_no_tag(tagged: Callable[..., list[Any]]) -> None:
    rule = tag(when="paid / orders > 10 or users.member")
    users = [
        {"paid": Decimal("21"), "orders": 2},
        {"paid": Decimal("20"), "orders": 2, "users__member": False},
        {"paid": None, "orders": 2},
        {"paid": Decimal("20"), "orders": 0},
        {"users__member": True},
    ]
    assert tagged(rule, *users) == [True, None, None, None, True]


def test_not_of_something_unknown_is_no_tag_either(tagged: Callable[..., list[Any]]) -> None:
    users: list[dict[str, object]] = [{"users__city": "上海"}, {"users__city": "北京"}, {}]
    assert tagged(tag(when="not users.city = '上海'"), *users) == [None, True, None]


def test_a_text_that_is_empty_is_no_tag_and_others_are_trimmed(tagged: Callable[..., list[Any]]) -> None:
    users = [{"users__city": city} for city in ("上海", "", "   ", None, " 北京 ")]
    assert tagged(tag(kind="fact", value="users.city"), *users) == ["上海", None, None, None, "北京"]


def test_of_cases_the_first_that_matches_wins(tagged: Callable[..., list[Any]]) -> None:
    cases = [{"value": "many", "when": "orders >= 3"}, {"value": "some", "when": "orders >= 1"}]
    entry = tag(cases=cases, values=["many", "some", "none"])
    users = [{"orders": orders} for orders in (5, 1, 0, None)]
    assert tagged(entry, *users) == ["many", "some", None, None]
    assert tagged(entry | {"else": "none"}, *users) == ["many", "some", "none", "none"]


def test_a_value_has_the_type_that_its_tag_declares(tagged: Callable[..., list[Any]]) -> None:
    user = {"orders": 3, "paid": Decimal("10.00")}
    value = "paid / orders"
    assert tagged(tag(value=value), user) == [pytest.approx(10 / 3)]
    assert tagged(tag(value=value, type="decimal(10,2)"), user) == [Decimal("3.33")]
    assert tagged(tag(value=value, type="int"), user, {"orders": 0, "paid": Decimal("1")}) == [3, None]


def test_a_value_that_its_type_cannot_hold_is_no_tag_and_no_error(tagged: Callable[..., list[Any]]) -> None:
    entry = tag(value="users.city", type="int")
    assert tagged(entry, {"users__city": "12"}, {"users__city": "上海"}) == [12, None]


def test_a_rule_reads_the_data_day_and_not_the_clock(tagged: Callable[..., list[Any]]) -> None:
    entry = tag(when="months_between(data_day, users.born) >= 216")
    users = [{"users__born": date(2006, 2, 28)}, {"users__born": date(2006, 3, 1)}, {}]
    assert tagged(entry, *users, day=date(2024, 2, 29)) == [True, None, None]
    assert tagged(entry, *users, day=date(2024, 3, 1)) == [True, True, None]
    assert tagged(entry, *users, day=date(1999, 1, 1)) == [None, None, None]


def test_users_without_scores_carry_no_tag_of_scores(tagged: Callable[..., list[Any]]) -> None:
    users: list[dict[str, object]] = [{"r_score": 5}, {"r_score": 1}, {"segment": "never_ordered"}]
    assert tagged(tag(kind="rfm", when="r_score >= 4"), *users) == [True, None, None]
    assert tagged(tag(kind="rfm", when="not r_score >= 4"), *users) == [None, True, None]
    assert tagged(tag(kind="rfm", value="segment"), *users) == [None, None, "never_ordered"]


SHOWN: dict[str, list[tuple[Any, str, float | None]]] = {
    "double": [
        (3.0, "3", 3.0),
        (-0.5, "-0.5", -0.5),
        (0.1, "0.1", 0.1),
        (1e10, "10000000000", 1e10),
        (-0.0, "0", 0.0),
        (1.5e20, "1.5E20", 1.5e20),
        (1e-10, "1.0E-10", 1e-10),
    ],
    "decimal(38,3)": [
        (Decimal("100.000"), "100", 100.0),
        (Decimal("2.500"), "2.5", 2.5),
        (Decimal("0.050"), "0.05", 0.05),
        (Decimal("-7.125"), "-7.125", -7.125),
        (Decimal("100000000000000000000.000"), "100000000000000000000", 1e20),
        (Decimal("100000000000000000000.500"), "100000000000000000000.5", 1e20),
    ],
    "bigint": [(100, "100", 100.0), (0, "0", 0.0)],
    "string": [("1.50", "1.50", None), ("上海", "上海", None)],
    "boolean": [(True, "true", None)],
    "date": [(DAY, "2024-02-29", None)],
    "timestamp": [
        (datetime(2024, 2, 28, 16, tzinfo=UTC), "2024-02-29 00:00:00", None),
        (datetime(2024, 2, 28, 16, 0, 0, 120_000, tzinfo=UTC), "2024-02-29 00:00:00.12", None),
    ],
}


@pytest.fixture(scope="module")
def shown(spark: SparkSession, build: Build) -> dict[str, list[tuple[Any, str, float | None]]]:
    """Each value of `SHOWN` as text, read back from that text, and as a number; from one frame."""
    read = {"string": "users.city", "date": "users.born", "timestamp": "last_order_at"}
    entries = {
        f"t{n}": tag(when="orders > 0") if kind == "boolean" else tag(value=read.get(kind, "paid"), type=kind)
        for n, kind in enumerate(SHOWN)
    }
    tags = build(sources=SOURCES, measures=MEASURES, tags=entries).tags
    height = max(map(len, SHOWN.values()))
    columns = [[case[0] for case in cases] + [None] * (height - len(cases)) for cases in SHOWN.values()]
    schema = ", ".join(f"t{n} {kind}" for n, kind in enumerate(SHOWN))
    values = frame(spark, schema, list(zip(*columns, strict=True)))
    table = rows(values.select(*[column for item in tags.values() for column in _shown(item)]))
    return {
        kind: [(row[f"t{n}_back"], row[f"t{n}_text"], row[f"t{n}_number"]) for row in table]
        for n, kind in enumerate(SHOWN)
    }


def _shown(item: Tag) -> list[Any]:
    text = as_text(item, F.col(item.id))
    number = as_number(item, F.col(item.id))
    back = text.try_cast(item.type)
    return [back.alias(f"{item.id}_back"), text.alias(f"{item.id}_text"), number.alias(f"{item.id}_number")]


@pytest.mark.parametrize("kind", SHOWN)
def test_a_value_is_shown_without_trailing_zeros_and_can_be_read_back(
    shown: dict[str, list[tuple[Any, str, float | None]]], kind: str
) -> None:
    expected = SHOWN[kind]
    assert shown[kind][: len(expected)] == expected
    assert set(shown[kind][len(expected) :]) <= {(None, None, None)}


def test_levels_have_their_english_ids(build: Build) -> None:
    project = build(measures=MEASURES, tags={"x": tag(when="orders > 0")})
    assert level_ids(project.tags["x"], project.levels) == ["first", "second", "third"]
