"""Under Airflow's own scheduler, by a backfill and by hand: through spark-submit and a session server; and a
day that is refused, approved by a person, and published."""

import json
import os

import psutil
import pytest

from usertags.quality.register import RunRecord
from usertags.stages.runs import publication_of

from .served import ALERTS, DAILY, RELEASE, Ran, Released, Served
from .shop_days import EARLY, FIRST, GOOD, REFUSED

pytestmark = pytest.mark.shared("airflow")


def test_it_listens_on_this_machine_alone(live: Served) -> None:
    group = json.loads((live.airflow.home / "ui.json").read_text())[0]
    processes = [process for process in psutil.process_iter() if _in_group(process, group)]
    listening = {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def _in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group or os.getsid(process.pid) == group
    except ProcessLookupError:
        return False


def test_a_backfill_submits_to_spark_and_publishes_the_day_before_each_date(
    live: Served, backfilled: Ran
) -> None:
    assert backfilled.run["logical_date"] == f"{EARLY}T18:00:00Z"
    assert list(backfilled.before) == [FIRST]
    assert list(backfilled.after) == [FIRST, EARLY]
    place = f"dags/{DAILY}/dagRuns/{backfilled.run['dag_run_id']}/taskInstances/clean/logs/1"
    assert "spark-submit" in json.dumps(live.ask(place))


def test_a_manual_run_on_the_session_server_emits_asset_events(live: Served, by_hand: Ran) -> None:
    assert {day: by_hand.after[day] for day in by_hand.before} == by_hand.before
    announced = by_hand.announced
    assert {extra["day"] for extra in announced.values()} == {str(GOOD)}
    assert {extra["run_id"] for extra in announced.values()} == {by_hand.after[GOOD]}
    assert announced["tags.user_tags"]["rows"] > 0 and len(announced) == 8
    place = f"dags/{DAILY}/dagRuns/{by_hand.run['dag_run_id']}/taskInstances/clean/logs/1"
    assert "spark-submit" not in json.dumps(live.ask(place))


def test_a_refused_day_is_published_once_a_person_approves(
    served: Served, refused: RunRecord, released: Released
) -> None:
    """The test in the browser sees that it was not published before the answer."""
    asked = released.question
    assert (refused.data_day, refused.stage) == (REFUSED, "audit")
    assert asked["subject"] == f"Release {REFUSED} although its audit checks failed?"
    assert "growth: they left the field open" in asked["body"]
    assert "tags.user_profile: gender in its values (observed" in asked["body"]
    assert f"{GOOD}, the newest published day" in asked["body"]
    assert set(released.states.values()) == {"success"}
    published = publication_of(served.lake(), REFUSED)
    assert published is not None and published.run_id == refused.run_id
    assert (published.verdict, published.released_by, published.release_reason) == (
        "released",
        asked["responded_by_user"]["name"],
        "growth: they left the field open",
    )
    assert {extra["day"] for extra in released.announced.values()} == {str(REFUSED)}
    assert {extra["run_id"] for extra in released.announced.values()} == {refused.run_id}


def test_alerts_are_sent_when_a_day_is_blocked_and_when_it_is_good_again(
    served: Served, released: Released
) -> None:
    """By the callbacks of the tasks, in processes of Airflow's own. The morning of so old a day has been,
    and it is the last of the shop: that it is late is reported when an earlier day ends."""
    assert released.titles == [
        f"[fault_shop] {REFUSED} is not published by 08:00",
        f"[fault_shop] {REFUSED} is blocked: 1 critical check failed",
        f"[fault_shop] {REFUSED} is good again: published, released by a person",
    ]
    assert released.subjects == released.titles
    page = f"{served.url}/usertags/quality/day/{REFUSED}"
    assert all(page in body["text"] for body in served.hook.posted if str(REFUSED) in body["text"][:40])


def test_monitoring_has_the_numbers_of_the_stages(served: Served) -> None:
    lines = served.stats.lines()
    found = {line.split(":")[0].removeprefix("airflow.usertags.fault_shop.") for line in lines}
    assert found >= {
        "source.orders.extracted",
        "source.orders.kept",
        "stage.extract.orders.seconds",
        "stage.clean.seconds",
        "stage.tag.seconds",
        "checks.failed.critical",
        "table.user_tags.rows",
        "run.seconds",
        "days_since_published",
    }
    refused = [line for line in lines if "checks.failed.critical:" in line]
    assert any(line.endswith("critical:1|g") for line in refused)


def test_a_rejection_releases_nothing(served: Served, released: Released, refused_again: RunRecord) -> None:
    """What is asked about a batch that the clean checks refused, too."""
    published = served.published()
    assert (refused_again.data_day, refused_again.stage) == (REFUSED, "clean")
    run = served.trigger(RELEASE, day=str(REFUSED), reason="is this right?")
    asked = served.question(run)
    assert asked["subject"] == f"Release {REFUSED} although its clean checks failed?"
    assert "is this right?" in asked["body"]
    assert "clean.orders: amount in its range (observed" in asked["body"]
    assert f"run {published[REFUSED]} of {REFUSED}" in asked["body"]
    served.answer(run, "Reject")
    served.ended(RELEASE, run)
    states = served.states(RELEASE, run)
    assert (states["release"], states["publish"]) == ("skipped", "skipped")
    assert served.blocked() == refused_again
    assert served.published() == published


def test_the_daily_look_sends_nothing_twice(served: Served, refused_again: RunRecord) -> None:
    """The day was refused again after it had been released, and that was reported."""
    before = served.messages(REFUSED, "blocked", times=2)
    run = served.trigger(ALERTS)
    served.ended(ALERTS, run)
    assert served.states(ALERTS, run) == {"tell": "success"}
    assert served.messages(REFUSED, "blocked") == before
