"""When a message is due, and what it may say: from literal histories and ledgers."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from tests.support.places import TINY_SHOP
from tests.support.quality_rows import check, ended, history_of, publication
from usertags.config.alert_models import KINDS, AlertKind
from usertags.project.build import load_project
from usertags.project.lineage import Lineage
from usertags.quality.alert_texts import Place, html_of, message_of, text_of
from usertags.quality.alerting import CLAIM, Due, Entry, Status, days_to_look_at, due
from usertags.quality.kinds import CheckKind
from usertags.quality.register import publication_from, record_of
from usertags.quality.timeline import History

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))
# 08:00 of the day after D2 in Shanghai.
MORNING = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
NIGHT = MORNING - timedelta(hours=5)
PLACE = Place("shop", "https://airflow.example", time(8), {("clean.users", "phone")})


def alert(kind: AlertKind, status: Status = "sent", *, number: int = 1, **more: Any) -> Entry:
    given = {"data_day": D2, "channel": "chat", "day_state": "blocked", "claim": "c", "at": NIGHT} | more
    return Entry(number=number, kind=kind, status=status, **given)


def blocked(**more: Any) -> History:
    about: dict[str, Any] = {"kind": CheckKind.IN_RANGE, "column": "amount", "success": False}
    failed = [check(D2, **(about | more))]
    return history_of(failed, [ended(D2, "clean", "refused")], [publication(D1)], D2)


def good(verdict: str = "passed") -> History:
    return history_of([], [ended(D2, "audit", "passed")], [publication(D1), publication(D2, verdict)], D2)


def found(
    known: History, entries: Sequence[Entry] = (), now: datetime = NIGHT, tell: Sequence[AlertKind] = KINDS
) -> list[tuple[AlertKind, bool]]:
    items = due(known, {D1, D2}, entries, {"chat": tell}, time(8), "Asia/Shanghai", now)
    return [(item.kind, item.wanted) for item in items]


def test_a_blocked_day_is_due_until_it_was_sent() -> None:
    assert found(blocked()) == [("blocked", True)]
    assert found(blocked(), [alert("blocked", "failed")]) == [("blocked", True)]
    assert found(blocked(), [alert("blocked")]) == []


def test_what_is_being_sent_is_not_due_until_its_sender_must_be_dead() -> None:
    claimed = [alert("blocked", "claimed")]
    assert found(blocked(), claimed, NIGHT + CLAIM - timedelta(seconds=1)) == []
    assert found(blocked(), claimed, NIGHT + CLAIM) == [("blocked", True)]
    assert found(blocked(), [*claimed, alert("blocked", "failed", number=2)]) == [("blocked", True)]


def test_another_ones_failure_does_not_end_a_claim() -> None:
    entries = [alert("blocked", "claimed", claim="a"), alert("blocked", "failed", number=2, claim="b")]
    assert found(blocked(), entries) == []


def test_the_deadline_is_the_projects_morning() -> None:
    waiting = history_of([], [], [publication(D1)], D2)
    assert found(waiting, now=MORNING - timedelta(seconds=1)) == []
    assert found(waiting, now=MORNING) == [("late", True)]
    assert found(blocked(), [alert("blocked")], MORNING) == [("late", True)]


def test_mornings_that_have_been_are_not_made_up_for_unless_a_message_failed() -> None:
    """A first day long ago, and days behind it that are still to be run."""
    days = history_of([], [], [publication(D1)], D3)
    now = MORNING + timedelta(days=1)
    items = due(days, {D1, D2, D3}, [], {"chat": KINDS}, time(8), "Asia/Shanghai", now)
    assert [(item.day.data_day, item.kind) for item in items] == [(D3, "late")]
    failed = [alert("late", "failed")]
    items = due(days, {D1, D2, D3}, failed, {"chat": KINDS}, time(8), "Asia/Shanghai", now)
    assert [item.day.data_day for item in items] == [D2, D3]


@pytest.mark.parametrize("verdict", ["passed", "released"])
def test_it_is_good_again_once(verdict: str) -> None:
    entries = [alert("blocked"), alert("late", number=2)]
    assert found(good(verdict), entries) == [("recovered", True)]
    assert found(good(verdict), [*entries, alert("recovered", number=3, day_state=verdict)]) == []
    assert found(good(verdict)) == []


def test_a_day_that_comes_back_with_warnings_is_reported_in_one_message() -> None:
    assert found(good("warned"), [alert("blocked")]) == [("recovered", True)]
    entries = [alert("blocked"), alert("recovered", number=2, day_state="warned")]
    assert found(good("warned"), entries) == []
    assert found(good(), entries) == [("recovered", True)]


def test_a_channel_hears_what_it_wants_and_a_new_fault_after_a_silent_recovery() -> None:
    assert found(blocked(), tell=["late"]) == []
    assert found(good(), [alert("blocked")], tell=["blocked"]) == [("recovered", False)]
    entries = [alert("blocked"), alert("recovered", "silent", number=2, day_state="passed")]
    assert found(blocked(), entries, tell=["blocked"]) == [("blocked", True)]


def test_days_with_news_and_days_that_are_open_are_looked_at() -> None:
    runs = [record_of(ended(D1, "clean", "passed"))]
    published = [publication_from(publication(D2, published_at=MORNING))]
    now = MORNING + timedelta(days=7)
    assert days_to_look_at(runs, published, [], now) == {D2}
    assert days_to_look_at(runs, published, [], now + timedelta(seconds=1)) == set()
    recently = runs[0].recorded_at
    assert recently is not None and days_to_look_at(runs, [], [], recently + timedelta(days=7)) == {D1}
    assert days_to_look_at([], [], [alert("blocked", data_day=D1), alert("warned", data_day=D3)], now) == {D1}
    assert days_to_look_at([], [], [alert("warned", "failed", data_day=D3)], now) == {D3}


def message(known: History, kind: AlertKind = "blocked") -> Any:
    return message_of(Due("chat", kind, known.days[D2]), known, PLACE)


def test_values_of_masked_columns_and_failing_rows_are_not_shown() -> None:
    phone = message(
        blocked(table="clean.users", column="phone", kind=CheckKind.OWN, subject="longest", value=13800138000)
    )
    assert phone.failed[0].observed == "***"
    row = message(blocked(samples=({"name": "Wang Fang"},)))
    all_texts = [text_of(each) + html_of(each) + str(each.fields()) for each in (phone, row)]
    assert "Wang" not in "".join(all_texts) and "138" not in "".join(all_texts)


def test_a_failed_check_names_the_tags_that_depend_on_what_it_looked_at() -> None:
    known, lineage = blocked(column="status"), Lineage(load_project(TINY_SHOP))
    place = Place(PLACE.project, PLACE.base_url, PLACE.deadline, PLACE.masked, lineage=lineage)
    hit = message_of(Due("chat", "blocked", known.days[D2]), known, place)
    (failure,) = hit.failed
    assert len(failure.tags) == 7 and "big_spender" not in failure.tags
    line = f"  affects 7 tags: {', '.join(failure.tags[:5])} …"
    assert line in text_of(hit).splitlines() and line.strip() in html_of(hit)
    assert hit.fields()["failed"][0]["tags"] == failure.tags
    one = blocked(column="amount")
    text = text_of(message_of(Due("chat", "blocked", one.days[D2]), one, place))
    assert "  affects 1 tag: yearly_spend" in text.splitlines()
    # Without a lineage none is named.
    assert message(known).failed[0].tags == () and "affects" not in text_of(message(known))


@pytest.mark.parametrize(
    ("named", "hidden"),
    [
        ({"column_A": "amount", "column_B": "phone"}, True),
        ({"column_A": "phone", "column_B": "amount"}, True),
        ({"column_list": ["order_id", "phone", "amount"]}, True),
        ({"column_list": ["order_id", "amount"]}, False),
    ],
    ids=str,
)
def test_a_check_on_several_columns_is_masked_if_one_of_them_is(named: dict[str, Any], hidden: bool) -> None:
    details = {"arguments": {**named, "value_pairs_set": [["a", "b"]]}, "observed": "13800138000"}
    several = blocked(table="clean.users", column=None, kind=CheckKind.OWN, subject="x", details=details)
    (failure,) = message(several).failed
    assert failure.observed == ("***" if hidden else "13800138000")
    assert ("138" in text_of(message(several))) is not hidden


def test_many_failed_checks_are_counted_and_ten_are_shown() -> None:
    failed = [check(D2, CheckKind.GIVEN, f"column_{number}", success=False) for number in range(13)]
    known = history_of(failed, [ended(D2, "clean", "refused")], [publication(D1)], D2)
    text = text_of(message(known))
    assert "13 critical checks failed" in text
    assert text.count("critical: ") == 10 and "\n3 more on the page of the day.\n" in text


def test_long_lists_of_values_are_cut() -> None:
    long = {"arguments": {"value_set": "x" * 191}, "observed": "y" * 200}
    known = history_of(
        [check(D2, CheckKind.OWN, subject="cities", success=False, details=long)],
        [ended(D2, "clean", "refused")],
        [publication(D1)],
        D2,
    )
    (failure,) = message(known).failed
    assert (failure.bounds, failure.observed) == (f"value_set {'x' * 188} …", "y" * 200)


def test_what_a_check_says_is_no_html() -> None:
    shown = html_of(
        message(blocked(details={"observed": "<script>alert(1)</script>"}, action="see <b>& do</b>"))
    )
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "&amp; do" in shown


def test_a_late_day_leads_to_its_own_section() -> None:
    late = message(blocked(), "late")
    assert late.runbook == "https://airflow.example/usertags/runbook#not-published-in-time"
    assert late.title == "[shop] 2026-03-02 is not published by 08:00"
    assert late.failed[0].runbook.endswith("#in-its-range")


def test_before_the_first_publication_readers_get_nothing() -> None:
    known = history_of([], [ended(D2, "clean", "refused")], [], D2)
    assert message(known).readers == "Readers see no data: no day is published yet."
