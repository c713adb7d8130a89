"""What users prefer: measures by the values of a column, weighed by age, ranked with shares."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests.support.frames import BEFORE, FEW, ORDERS, frame, rows, tag
from usertags.errors import ConfigError
from usertags.project.model import Project
from usertags.transform import carry
from usertags.transform.rollup import day_rollup, merge
from usertags.transform.tags import evaluated

Build = Callable[..., Project]
DAY = date(2026, 3, 10)
SHANGHAI = ZoneInfo("Asia/Shanghai")
SOURCE = ORDERS | {
    "columns": ORDERS["columns"]
    | {"category": {"from": "category", "type": "string"}, "brand": {"from": "brand", "type": "string"}}
}
SCHEMA = (
    "order_id string, customer string, status string, amount decimal(12,2), units int, rating double, "
    "ordered_at timestamp, category string, brand string, event_day date"
)
MEASURES: dict[str, dict[str, Any]] = {
    "paid_by_category": {"source": "orders", "value": "sum(amount)", "by": "category", "window": "30d"},
    "fresh_by_category": {
        "source": "orders",
        "value": "sum(amount)",
        "by": "category",
        "window": "30d",
        "half_life": "10d",
    },
    "orders_by_category": {
        "source": "orders",
        "value": "count(distinct order_id)",
        "distinct_within": "day",
        "by": "category",
    },
    "lines_by_brand": {"source": "orders", "value": "count(*)", "by": "brand", "where": "status = 'paid'"},
    "paid": {"source": "orders", "value": "sum(amount)", "window": "30d"},
}
Line = tuple[int, str, str | None, str]


def prefer(**parts: Any) -> dict[str, Any]:
    return tag(kind="preference", prefer=parts)


@pytest.fixture(scope="module")
def project(build: Build) -> Project:
    tags = {
        "top_category": prefer(measure="paid_by_category"),
        "three": prefer(
            measure="paid_by_category",
            top=3,
            min_share=0.2,
            support="orders_by_category",
            min_support=2,
        ),
        "fresh": prefer(measure="fresh_by_category", top=2),
        "brand": prefer(measure="lines_by_brand"),
        "big": tag(when="paid >= 100"),
    }
    return build(sources={"orders": SOURCE}, measures=MEASURES, tags=tags)


def measured(
    spark: SparkSession, project: Project, lines: list[Line], day: date = DAY
) -> list[dict[str, Any]]:
    """The measures of each user. A line: days before the day, user, category, amount; each an order."""
    table = []
    for number, (age, user, category, amount) in enumerate(lines):
        on = day - timedelta(days=age)
        at = datetime(on.year, on.month, on.day, 12, tzinfo=SHANGHAI)
        table.append(
            (f"o{number}", user, "paid", Decimal(amount), 1, None, at, category, f"brand {category}", on)
        )
    partials = {p.id: p for measure in project.measures.values() for p in measure.partials}
    rollup = day_rollup(frame(spark, SCHEMA, table), project.sources["orders"], list(partials.values()))
    return rows(merge([rollup], project.measures.values(), day))


def tags_of(
    spark: SparkSession, project: Project, lines: list[Line], before: list[tuple[Any, ...]] | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of user_tags and of the changes, after what was published before."""
    found = measured(spark, project, lines)
    types = ", ".join(f"{item.id} {item.type}" for item in project.measures.values())
    table = [(row["id"], *[row[item] for item in project.measures]) for row in found]
    inputs = frame(spark, f"user_id string, {types}", table)
    tags = list(project.tags.values())
    memory = frame(spark, BEFORE, before or [])
    state = carry.carried(evaluated(inputs, tags, DAY), memory, tags, DAY)
    versions = {item.id: item.definition_version for item in tags}
    published = carry.user_tags(state, memory, tags, project.levels, DAY)
    return rows(published), rows(carry.changes(published, memory, tags, versions))


def ranked(found: list[dict[str, Any]], tag_id: str, user: str = "u1") -> list[tuple[int, str, float, float]]:
    mine = [row for row in found if (row["user_id"], row["tag_id"]) == (user, tag_id)]
    return sorted((row["rank"], row["tag_value"], row["tag_number"], row["share"]) for row in mine)


LINES: list[Line] = [
    (0, "u1", "sleep", "60.00"),
    (1, "u1", "sleep", "20.00"),
    (20, "u1", "skin", "90.00"),
    (21, "u1", "skin", "10.00"),
    (5, "u1", "food", "20.00"),
    (40, "u1", "old", "999.00"),
    (0, "u2", "skin", "-5.00"),
    (0, "u3", None, "50.00"),
    (0, "u3", " ", "50.00"),
]


def test_a_measure_by_a_column_is_a_number_for_each_of_its_values(
    spark: SparkSession, project: Project
) -> None:
    by_user = {row["id"]: row for row in measured(spark, project, LINES)}
    assert dict(by_user["u1"]["paid_by_category"]) == {"sleep": 80.0, "skin": 100.0, "food": 20.0}
    assert dict(by_user["u1"]["orders_by_category"]) == {"sleep": 2, "skin": 2, "food": 1, "old": 1}
    assert by_user["u1"]["paid"] == Decimal("200.00")
    assert dict(by_user["u2"]["paid_by_category"]) == {"skin": -5.0}
    assert by_user["u3"]["paid_by_category"] is None
    assert by_user["u3"]["paid"] == Decimal("100.00")


def test_a_value_whose_rows_cancel_out_is_no_value(spark: SparkSession, project: Project) -> None:
    lines = [
        (1, "u1", "skin", "10"),
        (0, "u1", "skin", "-10"),
        (0, "u2", "skin", "10"),
        (0, "u2", "food", "5"),
    ]
    by_user = {row["id"]: row for row in measured(spark, project, [*lines, (0, "u2", "food", "-5")])}
    assert by_user["u1"]["paid_by_category"] is None
    assert dict(by_user["u2"]["paid_by_category"]) == {"skin": 10.0}


def test_the_first_value_stands_with_its_share(spark: SparkSession, project: Project) -> None:
    found, _ = tags_of(spark, project, LINES)
    assert ranked(found, "top_category") == [(1, "skin", 100.0, 0.5)]
    # Money that came back prefers nothing; a value that is empty is none.
    assert ranked(found, "top_category", "u2") == []
    assert ranked(found, "top_category", "u3") == []


def test_values_below_their_share_or_support_are_left_out(spark: SparkSession, project: Project) -> None:
    found, _ = tags_of(spark, project, LINES)
    # food has a tenth of the amount and one order.
    assert ranked(found, "three") == [(1, "skin", 100.0, 0.5), (2, "sleep", 80.0, 0.4)]
    found, _ = tags_of(spark, project, [line for line in LINES if line[:2] != (21, "u1")])
    assert ranked(found, "three") == [(1, "sleep", 80.0, pytest.approx(80 / 190))]


def test_what_is_older_weighs_less(spark: SparkSession, project: Project) -> None:
    found, _ = tags_of(spark, project, [(0, "u1", "new", "30.00"), (20, "u1", "old", "100.00")])
    # Two half-lives leave a quarter of 100.
    assert ranked(found, "fresh") == [
        (1, "new", 30.0, pytest.approx(30 / 55)),
        (2, "old", 25.0, pytest.approx(25 / 55)),
    ]


def test_equal_numbers_stand_in_the_order_of_their_texts(spark: SparkSession, project: Project) -> None:
    lines: list[Line] = [(0, "u1", "b", "10.00"), (3, "u1", "a", "10.00")]
    found, _ = tags_of(spark, project, lines)
    assert ranked(found, "top_category") == [(1, "a", 10.0, 0.5)]


def test_a_value_keeps_its_day_when_its_rank_moves_and_the_change_shows_all(
    spark: SparkSession, project: Project
) -> None:
    since = date(2026, 2, 1)
    before = [
        ("u1", "three", "sleep", since, None, "v", 1, 0.6),
        ("u1", "three", "gone", since, None, "v", 2, 0.3),
    ]
    found, changed = tags_of(spark, project, LINES, before)
    days = {row["tag_value"]: row["valid_from"] for row in found if row["tag_id"] == "three"}
    assert days == {"skin": DAY, "sleep": since}
    change = next(row for row in changed if row["tag_id"] == "three" and row["user_id"] == "u1")
    assert (change["change"], change["old_value"], change["new_value"]) == (
        "changed",
        "sleep|gone",
        "skin|sleep",
    )


def test_the_same_values_in_the_same_order_are_no_change(spark: SparkSession, project: Project) -> None:
    since = date(2026, 2, 1)
    before = [
        ("u1", "three", "sleep", since, None, "v", 2, 0.4),
        ("u1", "three", "skin", since, None, "v", 1, 0.5),
    ]
    _, changed = tags_of(spark, project, LINES, before)
    assert [row for row in changed if row["tag_id"] == "three"] == []


def test_a_tag_that_had_one_value_and_has_several_now_begins_anew(
    spark: SparkSession, project: Project
) -> None:
    before = [("u1", "three", "sleep", date(2026, 2, 1), None, "v", 1, None)]
    found, changed = tags_of(spark, project, LINES, before)
    assert {row["valid_from"] for row in found if row["tag_id"] == "three"} == {DAY}
    change = next(row for row in changed if row["tag_id"] == "three" and row["user_id"] == "u1")
    assert (change["old_value"], change["new_value"]) == ("sleep", "skin|sleep")


def test_a_tag_that_had_several_values_and_has_one_now_is_compared_with_the_first(
    spark: SparkSession, project: Project
) -> None:
    since = date(2026, 2, 1)
    lines: list[Line] = [(0, "u1", "sleep", "200.00")]
    for rank, kept in ((1, since), (2, DAY)):
        found, _ = tags_of(spark, project, lines, [("u1", "big", "true", since, None, "v", rank, 0.4)])
        assert [row["valid_from"] for row in found if row["tag_id"] == "big"] == [kept]


@FEW
@given(
    lines=st.lists(
        st.tuples(
            st.integers(0, 40),
            st.sampled_from(["u1", "u2", "u3", "u4"]),
            st.sampled_from(["sleep", "skin", "food", None]),
            st.sampled_from(["1.00", "2.50", "10.00", "-1.00", "0.00"]),
        ),
        max_size=60,
    )
)
def test_preferences_equal_a_recomputation_line_by_line(
    spark: SparkSession, project: Project, lines: list[Line]
) -> None:
    found, _ = tags_of(spark, project, lines)
    weights: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for age, user, category, amount in lines:
        if age < 30 and category is not None:
            weights[user][category] += float(amount) * 0.5 ** (age / 10)
    for user, by in weights.items():
        positive = {name: number for name, number in by.items() if number > 1e-6}
        total = sum(positive.values())
        best = sorted(positive.items(), key=lambda item: (-round(item[1], 9), item[0]))[:2]
        assert [(value, pytest.approx(share)) for value, share in [(n, w / total) for n, w in best]] == [
            (value, share) for _, value, _, share in ranked(found, "fresh", user)
        ]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"measure": "paid"}, "paid has no `by`"),
        ({"measure": "paid_by_categories"}, "unknown measure 'paid_by_categories'"),
        (
            {"measure": "paid_by_category", "support": "lines_by_brand", "min_support": 1},
            "lines_by_brand is not by the values of paid_by_category",
        ),
        ({"measure": "paid_by_category", "support": "orders_by_category"}, "give both or none"),
    ],
)
def test_a_preference_that_does_not_fit_is_refused(build: Build, entry: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        build(sources={"orders": SOURCE}, measures=MEASURES, tags={"a": prefer(**entry)})


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"by": "categori"}, "`by` must be a column of the clean table"),
        ({"by": "units"}, "`by` must be a column of type string"),
        ({"by": "category", "value": "max(amount)"}, "cannot be combined with `by`"),
        ({"by": None, "half_life": "10d"}, "needs `by`"),
    ],
)
def test_a_measure_by_what_is_no_text_is_refused(build: Build, entry: dict[str, Any], problem: str) -> None:
    given_ = {
        key: value for key, value in ({"source": "orders", "value": "sum(amount)"} | entry).items() if value
    }
    with pytest.raises(ConfigError, match=problem):
        build(sources={"orders": SOURCE}, measures={"m": given_}, tags={"a": tag(when="m > 1")})


def test_a_rule_over_a_measure_by_a_column_is_refused(build: Build) -> None:
    with pytest.raises(ConfigError, match="paid_by_category has a number for each category"):
        build(sources={"orders": SOURCE}, measures=MEASURES, tags={"a": tag(when="paid_by_category > 1")})
