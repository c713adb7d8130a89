"""The ids of checks: the only key of a check, the same on every day. None is made of a sentence.

An id is the table, a dot, and a name made of the kind with its column or subject: the templates below. They
never change, because the trends of a check go on over its id.
"""

import re
from collections.abc import Mapping
from hashlib import sha256

from usertags.quality.kinds import CheckKind

_NAMES: Mapping[CheckKind, str] = {
    CheckKind.SUITE_RAN: "every_declared_check_ran_{subject}",
    CheckKind.REPORT: "the_report_of_the_{subject}_stage_is_there",
    CheckKind.ROWS_CHECKED: "rows_were_checked",
    CheckKind.COLUMNS: "columns_as_declared",
    CheckKind.RECONCILED: "every_row_is_accounted_for",
    CheckKind.KEY_TIES: "{subject}_has_one_newest_row",
    CheckKind.FILES: "every_file_is_read",
    CheckKind.DEFINITION: "all_batches_follow_the_same_definition",
    CheckKind.CONTENT: "new_content",
    CheckKind.ROWS_AS_BEFORE: "rows_as_before",
    CheckKind.EMPTY_AS_BEFORE: "{column}_empty_as_before",
    CheckKind.SCALE_AS_BEFORE: "{column}_scale_as_before",
    CheckKind.LENGTH_AS_BEFORE: "{column}_length_as_before",
    CheckKind.KNOWN: "{column}_is_known_in_{subject}",
    CheckKind.FRESH: "fresh",
    CheckKind.WITHIN_DAY: "{subject}_stays_within_one_day",
    CheckKind.COVERAGE: "{column}_coverage",
    CheckKind.COVERAGE_DRIFT: "{column}_coverage_drift",
    CheckKind.VALUE_DRIFT: "{column}_value_drift",
    CheckKind.EXCLUSIVE: "exclusive_{subject}",
    CheckKind.EDGES: "edges_of_{subject}_differ",
    CheckKind.SCORES: "scores_of_{subject}_are_spread",
    CheckKind.LINKS: "no_link_takes_a_person_beyond_the_limits",
    CheckKind.ONE_ROW_PER_USER: "one_row_a_user",
    CheckKind.ONE_ROW_PER_RANK: "one_row_a_user_tag_and_rank",
    CheckKind.POPULATION: "every_user_of_the_population",
    CheckKind.UNIQUE_KEY: "{subject}_stands_once",
    CheckKind.NEVER_EMPTY: "{column}_is_never_empty",
    CheckKind.GIVEN: "{column}_is_given",
    CheckKind.IN_RANGE: "{column}_in_its_range",
    CheckKind.IN_VALUES: "{column}_in_its_values",
    CheckKind.IN_FORM: "{column}_in_its_form",
    CheckKind.ROW_COUNT: "number_of_rows",
    CheckKind.OWN: "{subject}",
    CheckKind.USABLE_IDS: "{column}_has_usable_ids",
    CheckKind.ROWS_GONE: "rows_gone",
    CheckKind.ROWS_GONE_KEPT: "rows_gone_and_kept",
    CheckKind.FREQUENT_ID: "no_{column}_stands_for_suspiciously_many_rows",
}


def check_id(
    table: str, kind: CheckKind, column: str | None = None, subject: str | None = None, number: int = 1
) -> str:
    """The id of a check. `subject` is what it is about that is no column, such as a key of several columns,
    an expression, or what a person called it; `number` counts checks of one kind on one column."""
    name = _slug(_NAMES[kind].format(column=column or "", subject=subject or ""))
    return f"{table}.{name}" + (f"_{number}" if number > 1 else "")


def _slug(name: str) -> str:
    """Small letters, digits and `_`, fit for a URL. Letters of other scripts stand as a short hash, so that
    two names stay two."""
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    foreign = re.sub(r"[\x00-\x7f]", "", name)
    return f"{slug}_{sha256(foreign.encode()).hexdigest()[:8]}".strip("_") if foreign else slug
