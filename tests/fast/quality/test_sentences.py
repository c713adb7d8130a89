"""Sentences about results: each is made of columns, in English and Chinese."""

from typing import Any

import pytest

from usertags.quality.checks import CheckResult, result_of
from usertags.quality.formats import in_unit, percent
from usertags.quality.kinds import KINDS, CheckKind
from usertags.quality.sentences import action, beside, how_bad, observed, sentence, title, wanted

WEEKS = {"days": 4, "compared": "weekday"}
BEFORE = {"days": 14, "compared": "before"}


def result(kind: CheckKind, *, success: bool = False, **columns: Any) -> CheckResult:
    return result_of(kind, "clean.orders", "critical", success=success, **columns)


@pytest.mark.parametrize(
    ("made", "name", "found", "bounds", "against", "bad"),
    [
        (
            result(CheckKind.ROWS_AS_BEFORE, value=65, usual=130, unit="rows",
                   details={"day": "2026-03-05", "fall": {"warning": 0.3, "critical": 0.45},
                            "rise": {"warning": None, "critical": None}, **WEEKS}),
            "rows as on the days before",
            "65 rows of 2026-03-05, usual 130 (the same weekday of 4 weeks)",
            "missing, as a share of the usual: warns from 0.3, blocks from 0.45; more, as a multiple of the "
            "usual: any",
            "usual 130", "-50 % against the usual",
        ),
        (
            result(CheckKind.EMPTY_AS_BEFORE, column="channel", value=1.0, usual=0.331, unit="share",
                   rows=130, unexpected=130, details={"bounds": {"warning": 0.1}, **BEFORE}),
            "channel empty as often as before",
            "100 % of the rows without it, usual 33.1 % (14 days before)",
            "a rise of the share: warns from 0.1",
            "usual 33.1 %", "33.1 % → 100 % without a value; 130 of 130 rows, 100 %",
        ),
        (
            result(CheckKind.SCALE_AS_BEFORE, column="amount", value=50321.5, usual=503.2, unit="number",
                   details={"bounds": {"warning": 2, "critical": 10}, **BEFORE}),
            "amount in its usual scale",
            "50,321.5 in the middle, usual 503.2 (14 days before)",
            "a multiple or a part of the usual: warns from 2, blocks from 10",
            "usual 503.2", "the usual × 100",
        ),
        (
            result(CheckKind.SCALE_AS_BEFORE, column="amount", value=5.03, usual=503, unit="number",
                   details={"bounds": {}, **BEFORE}),
            "amount in its usual scale", "5.03 in the middle, usual 503 (14 days before)",
            "a multiple or a part of the usual: any", "usual 503", "the usual ÷ 100",
        ),
        (
            result(CheckKind.LENGTH_AS_BEFORE, column="customer", value=6, usual=8, unit="characters",
                   details={"bounds": {"critical": 1.5}, **BEFORE}),
            "customer in its usual length",
            "6.00 characters on average, usual 8.00 (14 days before)",
            "a difference in characters: blocks from 1.5",
            "usual 8.00", "-2.00 characters against the usual",
        ),
        (
            result(CheckKind.KNOWN, column="customer", subject="users.customer", value=0.25, low=0.98,
                   unit="share", rows=120, unexpected=90),
            "customer is known in users.customer", "25 % of the rows (90 of 120 unknown)", "at least 98 %",
            "at least 98 %", "90 of 120 rows, 75 %",
        ),
        (
            result(CheckKind.FRESH, subject="2h", value=360, high=120, unit="minutes",
                   details={"newest": "2026-03-05 18:00"}),
            "newest row within 2h of the end of the day", "2026-03-05 18:00, 6.0 h before the end of the day",
            "at most 2.0 h before the end of the day", "at most 2.0 h",
            "2026-03-05 18:00, 6.0 h before the end of the day",
        ),
        (
            result(CheckKind.FRESH, subject="2h", high=120, unit="minutes"),
            "newest row within 2h of the end of the day", "no row",
            "at most 2.0 h before the end of the day", "at most 2.0 h", "no row",
        ),
        (
            result(CheckKind.COVERAGE, column="big", value=0.6, high=0.1, unit="share", rows=100,
                   details={"users": 60}),
            "big in its coverage", "60 % of the users (60 of 100)", "at most 10 %", "at most 10 %",
            "60 % of the users (60 of 100)",
        ),
        (
            result(CheckKind.COVERAGE_DRIFT, column="big", value=1.97, high=0.1, unit="index",
                   details={"before": 0.03, "now": 0.6, "days": 3,
                            "bounds": {"warning": 0.1, "critical": 0.25}}),
            "big coverage as before", "1.970 (3 % → 60 % of the users, 3 published days)",
            "population stability index: warns from 0.1, blocks from 0.25", "at most 0.100",
            "3 % → 60 % of the users",
        ),
        (
            result(CheckKind.ROW_COUNT, value=7, low=10, unit="rows"),
            "number of rows", "7 rows", "at least 10", "at least 10", "7 rows",
        ),
        (
            result(CheckKind.IN_RANGE, column="amount", value=0.01, high=0.1, unit="share", rows=300,
                   unexpected=3, details={"min": 0, "max": 100, "mostly": 0.9}),
            "amount in its range", "3 failing rows of 300", "0 to 100, in at least 90 % of the rows",
            "at most 10 %", "3 of 300 rows, 1 %",
        ),
        (
            result(CheckKind.IN_VALUES, column="city", value=0.01, unit="share", rows=300, unexpected=3,
                   details={"values": [f"c{number}" for number in range(14)]}),
            "city in its values", "3 failing rows of 300",
            "one of c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11 and 2 more", "", "3 of 300 rows, 1 %",
        ),
        (
            result(CheckKind.IN_RANGE, column="amount", success=True, value=0.0, unit="share",
                   details={"min": None, "max": 100}),
            "amount in its range", "as expected", "at most 100", "", "as expected",
        ),
        (
            result(CheckKind.IN_RANGE, column="amount", details={"min": 0, "max": None}),
            "amount in its range", "failed, and what was observed is not known", "at least 0", "",
            "failed, and what was observed is not known",
        ),
        (
            result(CheckKind.POPULATION, value=2, low=3, high=3, unit="rows"),
            "every user of the population", "2 rows", "exactly 3", "exactly 3", "2 rows",
        ),
        (
            result(CheckKind.SUITE_RAN, value=1, low=2, unit="checks", details={"left_out": ["t.a"]},
                   error="t.b: KeyError"),
            "every declared check ran", "1 checks ran: left out: t.a; t.b: KeyError; see the log of the task",
            "2 checks", "at least 2",
            "1 checks ran: left out: t.a; t.b: KeyError; see the log of the task",
        ),
        (
            result(CheckKind.LINKS, value=7, unit="links", details={"reasons": {"blocked": 4, "shared": 3}}),
            "no link takes a person beyond the limits", "7 links refused (blocked 4, shared 3)",
            "none by limit or tangled", "", "7 links refused (blocked 4, shared 3)",
        ),
        (
            result(CheckKind.CONTENT, success=True, value=0, high=0, unit="batches"),
            "the rows are not those of an earlier batch", "new rows", "new rows", "at most 0", "new rows",
        ),
        (
            result(CheckKind.OWN, subject="refund_sum", value=12.5, low=1, high=9, unit="number",
                   details={"arguments": {"min_value": 1, "max_value": 9}}),
            "refund sum", "12.5", "min_value 1, max_value 9", "1 to 9", "12.5",
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, CheckResult) else "",
)  # fmt: skip
def test_a_result_says_what_it_is_what_was_found_and_what_was_wanted(
    made: CheckResult, name: str, found: str, bounds: str, against: str, bad: str
) -> None:
    assert (title(made), observed(made), wanted(made)) == (name, found, bounds)
    assert (beside(made), how_bad(made)) == (against, bad)


def test_a_sentence_is_in_the_language_that_is_asked_for() -> None:
    made = result(CheckKind.ROW_COUNT, value=7, low=10, unit="rows")
    assert sentence(made) == "clean.orders: number of rows (observed 7 rows, expected at least 10)"
    assert sentence(made, "zh") == "clean.orders：行数（观测：7 行，要求：至少 10）"


def test_what_to_do_is_what_the_person_wrote_or_what_the_kind_says() -> None:
    made = result(CheckKind.EMPTY_AS_BEFORE, column="channel")
    assert action(made) == "ask the owner of orders why channel is no longer filled in"
    assert action(made, "zh") == "请询问 orders 的负责人为何不再填写 channel"
    assert action(result(CheckKind.IN_RANGE, column="amount", action="correct it"), "zh") == "correct it"
    assert action(result(CheckKind.IN_RANGE, column="amount")) == ""


def test_a_share_that_is_neither_all_nor_nothing_is_not_rounded_to_it() -> None:
    assert [percent(value) for value in (0, 1, 0.9999, 0.0001, 0.075)] == [
        "0 %", "100 %", "> 99.9 %", "0.010 %", "7.5 %"
    ]  # fmt: skip


def test_every_kind_has_its_texts() -> None:
    assert set(KINDS) == set(CheckKind)


def test_times_and_stages_are_named_in_the_language() -> None:
    fresh = result(CheckKind.FRESH, subject="2h", value=90, high=120, unit="minutes")
    assert title(fresh, "zh") == "最新的行距日终不超过 2 小时"
    assert (beside(fresh, "zh"), in_unit(fresh.value, fresh.unit, "zh")) == ("至多 2.0 小时", "90 分钟")
    assert title(result(CheckKind.REPORT, subject="clean"), "zh") == "清洗阶段的报告已写出"
