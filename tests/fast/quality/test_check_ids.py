"""Ids of checks: trends go on over them, so each is written down here."""

import pytest

from usertags.quality.check_ids import check_id
from usertags.quality.kinds import CheckKind

IDS = {
    CheckKind.SUITE_RAN: "t.x.every_declared_check_ran_s",
    CheckKind.REPORT: "t.x.the_report_of_the_s_stage_is_there",
    CheckKind.ROWS_CHECKED: "t.x.rows_were_checked",
    CheckKind.COLUMNS: "t.x.columns_as_declared",
    CheckKind.RECONCILED: "t.x.every_row_is_accounted_for",
    CheckKind.KEY_TIES: "t.x.s_has_one_newest_row",
    CheckKind.FILES: "t.x.every_file_is_read",
    CheckKind.ROWS_GONE: "t.x.rows_gone",
    CheckKind.ROWS_GONE_KEPT: "t.x.rows_gone_and_kept",
    CheckKind.DEFINITION: "t.x.all_batches_follow_the_same_definition",
    CheckKind.CONTENT: "t.x.new_content",
    CheckKind.ROWS_AS_BEFORE: "t.x.rows_as_before",
    CheckKind.EMPTY_AS_BEFORE: "t.x.c_empty_as_before",
    CheckKind.SCALE_AS_BEFORE: "t.x.c_scale_as_before",
    CheckKind.LENGTH_AS_BEFORE: "t.x.c_length_as_before",
    CheckKind.KNOWN: "t.x.c_is_known_in_s",
    CheckKind.FRESH: "t.x.fresh",
    CheckKind.WITHIN_DAY: "t.x.s_stays_within_one_day",
    CheckKind.COVERAGE: "t.x.c_coverage",
    CheckKind.COVERAGE_DRIFT: "t.x.c_coverage_drift",
    CheckKind.VALUE_DRIFT: "t.x.c_value_drift",
    CheckKind.EXCLUSIVE: "t.x.exclusive_s",
    CheckKind.EDGES: "t.x.edges_of_s_differ",
    CheckKind.SCORES: "t.x.scores_of_s_are_spread",
    CheckKind.LINKS: "t.x.no_link_takes_a_person_beyond_the_limits",
    CheckKind.ONE_ROW_PER_USER: "t.x.one_row_a_user",
    CheckKind.ONE_ROW_PER_RANK: "t.x.one_row_a_user_tag_and_rank",
    CheckKind.POPULATION: "t.x.every_user_of_the_population",
    CheckKind.UNIQUE_KEY: "t.x.s_stands_once",
    CheckKind.NEVER_EMPTY: "t.x.c_is_never_empty",
    CheckKind.GIVEN: "t.x.c_is_given",
    CheckKind.IN_RANGE: "t.x.c_in_its_range",
    CheckKind.IN_VALUES: "t.x.c_in_its_values",
    CheckKind.IN_FORM: "t.x.c_in_its_form",
    CheckKind.ROW_COUNT: "t.x.number_of_rows",
    CheckKind.OWN: "t.x.s",
    CheckKind.USABLE_IDS: "t.x.c_has_usable_ids",
    CheckKind.FREQUENT_ID: "t.x.no_c_stands_for_suspiciously_many_rows",
}


@pytest.mark.parametrize("kind", CheckKind)
def test_an_id_is_made_of_the_table_the_kind_and_what_it_is_about(kind: CheckKind) -> None:
    assert check_id("t.x", kind, "c", "s") == IDS[kind]


def test_an_id_fits_an_address_and_distinguishes_names() -> None:
    key = check_id("clean.orders", CheckKind.UNIQUE_KEY, subject="order_id, line_no")
    assert key == "clean.orders.order_id_line_no_stands_once"
    one, other = (check_id("t.x", CheckKind.OWN, subject=f"one tag of {name}") for name in ("生命", "消费"))
    assert one != other
    assert one.isascii() and one.startswith("t.x.one_tag_of_")
    assert check_id("t.x", CheckKind.SUITE_RAN) == "t.x.every_declared_check_ran"


def test_checks_of_one_kind_on_one_column_are_counted() -> None:
    assert check_id("t.x", CheckKind.GIVEN, "c", number=2) == "t.x.c_is_given_2"
