"""Faults planted in a published day: each is found, and named by table, tag and column."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.verified import fill_clean, publish, verified_after
from tests.support.verified_day import D2, ROWS, Day
from usertags.project.build import load_project
from usertags.project.model import Project
from usertags.verify.inputs import PublishedDay, database


@pytest.fixture(scope="module")
def day(wide_day: Day) -> Day:
    return wide_day


def test_a_day_that_is_right_differs_in_nothing(day: Day) -> None:
    found = verified_after(day.connection, day.project, day.published)
    assert (found.count, found.differences) == (0, ())
    assert {each.table: each.published for each in found.tables}["tags.user_profile"] == 11
    assert all(each.published == each.recomputed for each in found.tables)
    assert found.not_verified == (
        "tags.publications: only the row counts are compared, not its verdict and warnings",
        "ops.drafts: drafts are not published",
    )


def test_the_day_holds_what_faults_are_planted_in(day: Day) -> None:
    """Otherwise a fault could be planted in nothing."""
    rows = day.connection.execute("SELECT user_id, tag_id, tag_value FROM published.user_tags").fetchall()
    assert {
        ("customer:u1", "just_bought", "true"),
        ("customer:u6", "just_bought", "true"),
        ("customer:u4", "care", "diet"),
        ("customer:u5", "quiet", "true"),
        ("customer:u5", "stage", "more"),
        ("customer:u2", "important_customer", "true"),
        ("customer:u7", "yearly_spend", "60"),
        ("customer:u4", "first_city", "成都"),
    } <= set(rows)


USER_TAGS = "UPDATE published.user_tags SET {} WHERE user_id = 'customer:{}' AND tag_id = '{}'"
MEASURES = "UPDATE published.user_measures SET {} WHERE user_id = 'customer:{}'"
# Each fault with the statements that plant it, and what is said of it.
FAULTS: dict[str, tuple[list[str], str]] = {
    "a value": (
        [USER_TAGS.format("tag_value = 'male'", "u1", "gender")],
        "tags.user_tags customer:u1 gender tag_value | tag gender",
    ),
    "a number beside its text": (
        [USER_TAGS.format("tag_number = tag_number + 0.01", "u1", "yearly_spend")],
        "tags.user_tags customer:u1 yearly_spend tag_number | tag yearly_spend",
    ),
    "a digit in the ninth place of a double": (
        [USER_TAGS.format("tag_number = tag_number * 1.00000001", "u1", "usual_gap")],
        "tags.user_tags customer:u1 usual_gap tag_number | tag usual_gap",
    ),
    "a tag that is not carried": (
        ["DELETE FROM published.user_tags WHERE user_id = 'customer:u6' AND tag_id = 'just_bought'"],
        "tags.user_tags customer:u6 just_bought  | tag just_bought",
    ),
    "a tag that nobody has": (
        [
            "INSERT INTO published.user_tags BY NAME SELECT * REPLACE ('quiet' AS tag_id) FROM "
            "published.user_tags WHERE user_id = 'customer:u1' AND tag_id = 'gender'"
        ],
        "tags.user_tags customer:u1 quiet  | tag quiet",
    ),
    "a row twice": (
        [
            "INSERT INTO published.user_tags FROM published.user_tags WHERE user_id = 'customer:u1' "
            "AND tag_id = 'gender'"
        ],
        "tags.user_tags customer:u1 gender  | tag gender",
    ),
    "valid_from a day late": (
        [USER_TAGS.format("valid_from = valid_from + 1", "u1", "gender")],
        "tags.user_tags customer:u1 gender valid_from | tag gender",
    ),
    "valid_from that starts anew each day": (
        [f"UPDATE published.user_tags SET valid_from = DATE '{D2}'"],
        "tags.user_tags customer:u1 has_ordered valid_from | tag has_ordered",
    ),
    "a period a day too long": (
        [USER_TAGS.format("valid_until = valid_until + 1", "u6", "just_bought")],
        "tags.user_tags customer:u6 just_bought valid_until | tag just_bought",
    ),
    "the end of what people set": (
        [USER_TAGS.format("valid_until = NULL", "u4", "care")],
        "tags.user_tags customer:u4 care valid_until | tag care",
    ),
    "who set a tag": (
        [USER_TAGS.format("set_by = 'eve'", "u5", "quiet")],
        "tags.user_tags customer:u5 quiet set_by | tag quiet",
    ),
    "ranks the other way round": (
        [
            "UPDATE published.user_tags SET rank = 3 - rank WHERE user_id = 'customer:u1' AND tag_id "
            "= 'usual_status'"
        ],
        "tags.user_tags customer:u1 usual_status tag_value | tag usual_status",
    ),
    "a share": (
        [USER_TAGS.format("share = share / 2", "u1", "usual_status")],
        "tags.user_tags customer:u1 usual_status share | tag usual_status",
    ),
    "an old definition": (
        [USER_TAGS.format("definition_version = 'old'", "u1", "gender")],
        "tags.user_tags customer:u1 gender definition_version | tag gender",
    ),
    "a level": (
        [USER_TAGS.format("level1 = 'basics'", "u1", "gender")],
        "tags.user_tags customer:u1 gender level1 | tag gender",
    ),
    "a value of the profile": (
        ["UPDATE published.user_profile SET city = '上海' WHERE user_id = 'customer:u4'"],
        "tags.user_profile customer:u4  city | tag city",
    ),
    "a static tag that follows a correction": (
        [
            "UPDATE clean.users SET city = '重庆' WHERE customer = 'u4'",
            "UPDATE published.user_profile SET first_city = '重庆' WHERE user_id = 'customer:u4'",
        ],
        "tags.user_profile customer:u4  first_city | tag first_city, of users__city",
    ),
    "a measure that was not written": (
        ["ALTER TABLE published.user_measures DROP COLUMN purchased_365d"],
        "ops.user_measures customer:u4  purchased_365d | measure purchased_365d",
    ),
    "a tag that has no column": (
        ['ALTER TABLE published.user_profile DROP COLUMN "group"'],
        "tags.user_profile customer:u1  group | tag group",
    ),
    "a user who is missing": (
        ["DELETE FROM published.user_profile WHERE user_id = 'customer:u4'"],
        "tags.user_profile customer:u4   | ",
    ),
    "a merged user who is still there": (
        ["INSERT INTO published.user_profile (user_id) VALUES ('customer:u3')"],
        "tags.user_profile customer:u3   | ",
    ),
    "a change that is not told": (
        ["DELETE FROM published.user_tag_changes WHERE user_id = 'customer:u5' AND tag_id = 'stage'"],
        "tags.user_tag_changes customer:u5 stage  | tag stage",
    ),
    "a change that never was": (
        [
            "INSERT INTO published.user_tag_changes VALUES ('customer:u7', 'gender', 'added', NULL, "
            "'male', 'data')"
        ],
        "tags.user_tag_changes customer:u7 gender  | tag gender",
    ),
    "the reason of a merge": (
        ["UPDATE published.user_tag_changes SET reason = 'data' WHERE user_id = 'customer:u3'"],
        "tags.user_tag_changes customer:u3 rfm_segment reason | tag rfm_segment",
    ),
    "the value before": (
        [
            "UPDATE published.user_tag_changes SET old_value = 'x' WHERE user_id = 'customer:u1' AND "
            "tag_id = 'yearly_spend'"
        ],
        "tags.user_tag_changes customer:u1 yearly_spend old_value | tag yearly_spend",
    ),
    "a score": (
        ["UPDATE published.rfm SET m_score = 1 WHERE user_id = 'customer:u2'"],
        "tags.rfm customer:u2  m_score | RFM, of measure paid_365d",
    ),
    "recency from the day and not the day after": (
        ["UPDATE published.rfm SET recency_days = recency_days - 1"],
        "tags.rfm customer:u1  recency_days | RFM, of measure last_order_at",
    ),
    "a mean": (
        ["UPDATE published.rfm_thresholds SET mean = mean * 1.001 WHERE dimension = 'monetary'"],
        "tags.rfm_thresholds  monetary mean | RFM, of measure paid_365d",
    ),
    "an edge": (
        ["UPDATE published.rfm_thresholds SET edges = [8, 31, 91, 182] WHERE dimension = 'recency'"],
        "tags.rfm_thresholds  recency edges | RFM, of measure last_order_at",
    ),
    "a count of users": (
        [
            "UPDATE published.tag_statistics SET users = users + 1 WHERE tag_id = 'gender' AND "
            "tag_value = 'female'"
        ],
        "tags.tag_statistics  gender users | tag gender",
    ),
    "a share of users without those who have no tag": (
        ["UPDATE published.tag_statistics SET share = users / 3"],
        "tags.tag_statistics  gender share | tag gender",
    ),
    "the count before": (
        ["UPDATE published.tag_statistics SET users_before = 0, change = users"],
        "tags.tag_statistics  gender users_before | tag gender",
    ),
    "the size of a tag": (
        ["UPDATE published.tag_coverage SET users = users + 1 WHERE tag_id = 'gender'"],
        "tags.tag_coverage  gender users | tag gender",
    ),
    "the size of a tag before": (
        ["UPDATE published.tag_coverage SET users_before = users_before + 1 WHERE tag_id = 'gender'"],
        "tags.tag_coverage  gender users_before | tag gender",
    ),
    "an entry of the project": (
        ["UPDATE published.tag_catalogue SET owner = 'nobody' WHERE tag_id = 'gender'"],
        "tags.tag_catalogue  gender owner | tag gender",
    ),
    "the number of rows": (
        ["UPDATE published.row_counts SET row_count = row_count + 1 WHERE table_name = 'tags.rfm'"],
        "tags.publications  tags.rfm row_count | ",
    ),
    "a link that is not accepted": (
        ["DELETE FROM published.identities WHERE id = 'u3'"],
        "ops.identities customer:u2 customer  | links",
    ),
    "a limit that is not seen": (
        ["DELETE FROM published.refused_links WHERE id = 'c0'"],
        "ops.refused_links c0 customer  | links",
    ),
    "a partial merged twice": (
        [MEASURES.format("paid_365d = paid_365d * 2", "u1")],
        "ops.user_measures customer:u1  paid_365d | measure paid_365d",
    ),
    "a distinct count that is added over ids": (
        [MEASURES.format("statuses = statuses + 1", "u2")],
        "ops.user_measures customer:u2  statuses | measure statuses",
    ),
    "an edge off by a day": (
        [
            MEASURES.format("orders_365d = 2, paid_365d = 660", "u7"),
            USER_TAGS.format("tag_value = '660', tag_number = 660", "u7", "yearly_spend"),
        ],
        "tags.user_tags customer:u7 yearly_spend tag_value | tag yearly_spend, of paid_365d",
    ),
    "a count of orders of the wrong status": (
        [MEASURES.format("orders_lifetime = orders_lifetime + 1", "u5")],
        "ops.user_measures customer:u5  orders_lifetime | measure orders_lifetime",
    ),
    "a percentile": (
        [MEASURES.format("spend_percentile = 99", "u6")],
        "ops.user_measures customer:u6  spend_percentile | measure spend_percentile",
    ),
    "an estimate far from the count": (
        [MEASURES.format("orders_about = 20", "u1")],
        "ops.user_measures customer:u1  orders_about | measure orders_about",
    ),
    "a weight with another half-life": (
        [
            "UPDATE published.user_measures SET paid_by_status = MAP {'paid': 1.0::DOUBLE} WHERE "
            "user_id = 'customer:u6'"
        ],
        "ops.user_measures by value customer:u6 paid_by_status number | measure paid_by_status",
    ),
    "late rows that were not aggregated": (
        [
            "INSERT INTO clean.orders BY NAME SELECT 'late' AS order_id, 'u2' AS customer, 'paid' AS "
            "status, 5000 AS amount, TIMESTAMPTZ '2026-03-10 08:00:00+08' AS ordered_at"
        ],
        "tags.user_tags customer:u2 yearly_spend tag_value | tag yearly_spend, of paid_365d",
    ),
}


# What would touch the values of another fault is planted in a second or third day.
APART = {
    "valid_from that starts anew each day": 1,
    "a number beside its text": 1,
    "the value before": 1,
    "a period a day too long": 1,
    "ranks the other way round": 1,
    "recency from the day and not the day after": 1,
    "a share of users without those who have no tag": 1,
    "a user who is missing": 1,
    "a row twice": 1,
    "a static tag that follows a correction": 2,
    "late rows that were not aggregated": 2,
    "the count before": 2,
    "valid_from a day late": 2,
}


@pytest.fixture(scope="module")
def planted(day: Day) -> dict[int, list[str]]:
    """What is found where the faults of each day are planted at once."""
    changes: dict[int, list[str]] = {}
    for fault, (statements, _) in FAULTS.items():
        changes.setdefault(APART.get(fault, 0), []).extend(statements)
    return {number: day.found(*statements) for number, statements in changes.items()}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_named(planted: dict[int, list[str]], fault: str) -> None:
    _, expected = FAULTS[fault]
    assert expected in planted[APART.get(fault, 0)]


def test_a_fault_in_one_place_is_not_said_of_another(day: Day) -> None:
    assert day.found(USER_TAGS.format("tag_value = 'male'", "u1", "gender")) == [
        "tags.user_tags customer:u1 gender tag_value | tag gender"
    ]


def test_noise_in_the_last_digits_of_a_double_is_no_difference(day: Day) -> None:
    noise = (
        "tag_number = tag_number * 1.000000000001, tag_value = CAST(tag_number * 1.000000000001 AS VARCHAR)"
    )
    assert day.found(USER_TAGS.format(noise, "u1", "usual_gap")) == []


def test_a_sample_is_compared_alone(day: Day) -> None:
    """The same users on every day; what all users make, as RFM and statistics, is compared whole."""
    found = verified_after(day.connection, day.project, day.published, sample="3")
    assert (found.users, found.count) == (3, 0)
    assert {each.table: each.recomputed for each in found.tables}["tags.rfm"] == 11
    everybody = verified_after(day.connection, day.project, day.published, sample="100%")
    assert (everybody.users, everybody.count) == (11, 0)
    wrong = ["UPDATE published.user_profile SET city = 'x'"]
    assert verified_after(day.connection, day.project, day.published, wrong, "3").count == 3


def test_what_is_personal_is_masked(wide_project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(wide_project.folder, folder)
    tags = folder / "tags" / "tags.yml"
    project = yaml.safe_load((folder / "project.yml").read_text())
    project["sensitivity"] = {"private": {"keep_out_of": ["user_profile"]}}
    (folder / "project.yml").write_text(yaml.safe_dump(project, allow_unicode=True))
    data = yaml.safe_load(tags.read_text())
    data["tags"]["gender"]["sensitivity"] = "private"
    tags.write_text(yaml.safe_dump(data, allow_unicode=True))
    secret = load_project(folder)
    with database(secret.timezone) as connection:
        fill_clean(connection, secret, ROWS)
        publish(connection, secret, D2, None)
        changes = [USER_TAGS.format("tag_value = 'male'", "u1", "gender")]
        (found,) = verified_after(connection, secret, PublishedDay(D2, "r2", None), changes).differences
        shown = ["UPDATE published.user_profile SET gender = 'female' WHERE user_id = 'customer:u1'"]
        (leaked,) = verified_after(connection, secret, PublishedDay(D2, "r2", None), shown).differences
    assert (found.published, found.recomputed, found.subject) == ("***", "***", "gender")
    assert (leaked.table, leaked.column, leaked.recomputed) == ("tags.user_profile", "gender", None)
