"""Under Airflow's own scheduler, by a backfill and by hand: through spark-submit and a session server; and a
day that is refused, approved by a person, and published."""

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest

from demo.airflow import Airflow
from jobs.catalogue.build import load_catalogue
from jobs.stages.runs import blocked_days, publication_of, publications
from jobs.store.lake import open_lake
from tests.support.places import TINY_SHOP
from tests.support.receivers import HookServer, MailServer, StatsServer

MARCH_1, MARCH_2, MARCH_3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
ENDED = {"success", "failed", "upstream_failed", "skipped"}
SECONDS = 300
ALERTS = """
alerts:
  by: "08:00"
  channels:
    mail: {kind: smtp, connection: duty_mail, to: [duty@shop.example]}
    chat: {kind: slack, connection: duty_chat}
"""


@dataclass
class Scheduled:
    """A real Airflow over the tiny shop."""

    airflow: Airflow
    url: str
    mail: MailServer
    hook: HookServer
    stats: StatsServer

    def told(self, title: str, times: int = 1) -> list[str]:
        """Waits for messages of the chat that begin so; returns the titles of their day, in order."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            titles = [body["text"].splitlines()[0] for body in self.hook.posted]
            if sum(found.startswith(title) for found in titles) >= times:
                return [found for found in titles if found.startswith(title[:25])]
            time.sleep(1)
        raise AssertionError(f"nobody was told {title!r}: {titles}")

    def get(self, path: str, method: str = "GET", body: Any = None) -> Any:
        with urllib.request.urlopen(f"{self.url}/auth/token", timeout=10) as answer:
            token = json.load(answer)["access_token"]
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def finished(self, run_type: str) -> dict[str, Any]:
        """Waits for the newest run of a type; fails with the states of its tasks."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            runs = self.get("dags/user_tags_daily/dagRuns?order_by=-id&limit=20")["dag_runs"]
            found = next((run for run in runs if run["run_type"] == run_type), None)
            if found and found["state"] in ("success", "failed"):
                states = self.states("user_tags_daily", found["dag_run_id"])
                assert found["state"] == "success", states
                return dict(found)
            time.sleep(2)
        raise AssertionError(f"no {run_type} run ended in {SECONDS} s: {runs}")

    def trigger(self, dag: str, **params: Any) -> str:
        """Starts a run; returns its id."""
        run = self.get(f"dags/{dag}/dagRuns", "POST", {"logical_date": None, "conf": params})
        return str(run["dag_run_id"])

    def states(self, dag: str, run: str) -> dict[str, str]:
        tasks = self.get(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {item["task_id"]: item["state"] for item in tasks}

    def wait(self, dag: str, run: str, task: str, states: set[str]) -> dict[str, str]:
        """Waits until a task is in one of some states; returns the states of all tasks."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = self.states(dag, run)
            if found.get(task) in states:
                return found
            time.sleep(2)
        raise AssertionError(f"{task} of {dag} is not {states} after {SECONDS} s: {found}")

    def published(self) -> dict[date, str]:
        lake = open_lake(load_catalogue(self.airflow.configs))
        return {row.day: row.run_id for row in publications(lake)}

    def announced(self) -> dict[str, dict[str, Any]]:
        """The newest event of each table's asset."""
        events = self.get("assets/events?order_by=timestamp&limit=100")["asset_events"]
        return {event["name"]: event["extra"] for event in events}


@pytest.fixture(scope="module")
def scheduled(
    new_project: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scheduled]:
    """It tells a mail server and a chat of its days, and a StatsD server of its numbers."""
    project = new_project(TINY_SHOP)
    with (project.folder / "project.yml").open("a") as file:
        file.write(ALERTS)
    airflow = Airflow(tmp_path_factory.mktemp("scheduler"), project.folder, MARCH_2)
    servers = MailServer(), HookServer(), StatsServer()
    with servers[0] as mail, servers[1] as hook, servers[2] as stats, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINY_SHOP_DIR", str(TINY_SHOP / "landing"))
        patch.setenv("AIRFLOW_CONN_DUTY_MAIL", mail.connection)
        patch.setenv("AIRFLOW_CONN_DUTY_CHAT", hook.connection)
        patch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        patch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(stats.port))
        try:
            yield Scheduled(airflow, airflow.up(), mail, hook, stats)
        finally:
            airflow.down()


def test_it_listens_on_this_machine_alone(scheduled: Scheduled) -> None:
    group = json.loads((scheduled.airflow.home / "ui.json").read_text())[0]
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


def test_a_backfill_submits_to_spark_and_publishes_the_day_before_each_date(scheduled: Scheduled) -> None:
    scheduled.airflow.command(
        "backfill", "create", "--dag-id", "user_tags_daily",
        "--from-date", "2026-03-02T00:00:00+08:00", "--to-date", "2026-03-02T12:00:00+08:00",
    )  # fmt: skip
    run = scheduled.finished("backfill")
    assert run["logical_date"] == "2026-03-01T18:00:00Z"
    assert list(scheduled.published()) == [MARCH_1]


def test_a_run_by_hand_on_the_session_server_tells_who_waits_for_the_tables(scheduled: Scheduled) -> None:
    (scheduled.airflow.configs / "spark" / "session.yml").write_text(
        "remote: embedded\nmaster: local[2]\nconf: {spark.driver.memory: 1g}\n"
    )
    before = scheduled.published()
    scheduled.airflow.command("dags", "trigger", "user_tags_daily", "--conf", '{"day": "2026-03-02"}')
    scheduled.finished("manual")
    after = scheduled.published()
    assert after[MARCH_1] == before[MARCH_1]
    told = scheduled.announced()
    assert {extra["day"] for extra in told.values()} == {"2026-03-02"}
    assert {extra["run_id"] for extra in told.values()} == {after[MARCH_2]}
    assert told["tags.user_tags"]["rows"] > 0 and len(told) == 7


@pytest.fixture(scope="module")
def blocked(scheduled: Scheduled) -> Scheduled:
    """The third day is refused: an order costs more than the check of that morning allows."""
    source = scheduled.airflow.configs / "sources" / "orders.yml"
    source.write_text(source.read_text().replace("between: [0, 100000]", "between: [0, 50]"))
    run = scheduled.trigger("user_tags_daily", day=str(MARCH_3))
    states = scheduled.wait("user_tags_daily", run, "publish", ENDED)
    assert states["clean"] == "failed"
    return scheduled


def test_a_refused_day_is_published_once_a_person_approves(blocked: Scheduled) -> None:
    catalogue = load_catalogue(blocked.airflow.configs)
    lake = open_lake(catalogue)
    (refused,) = blocked_days(lake)
    assert (refused.day, refused.stage) == (MARCH_3, "clean")
    run = blocked.trigger("user_tags_release", day=str(MARCH_3), reason="finance: the order is real")
    blocked.wait("user_tags_release", run, "approve", {"awaiting_input"})
    assert publication_of(lake, MARCH_3) is None
    place = f"dags/user_tags_release/dagRuns/{run}/taskInstances/approve/-1/hitlDetails"
    asked = blocked.get(place)
    assert asked["subject"] == f"Release {MARCH_3} although its clean checks failed?"
    assert "finance: the order is real" in asked["body"]
    assert "clean.orders: amount in its range (observed" in asked["body"]
    assert f"{MARCH_2}, the newest published day" in asked["body"]
    answered = blocked.get(place, "PATCH", {"chosen_options": ["Approve"], "params_input": {}})
    states = blocked.wait("user_tags_release", run, "publish", ENDED)
    assert set(states.values()) == {"success"}
    published = publication_of(lake, MARCH_3)
    assert published is not None and published.run_id == refused.run_id
    assert (published.verdict, published.released_by, published.release_reason) == (
        "released",
        answered["responded_by"]["name"],
        "finance: the order is real",
    )
    told = blocked.announced()
    assert {extra["day"] for extra in told.values()} == {str(MARCH_3)}
    assert {extra["run_id"] for extra in told.values()} == {refused.run_id}


def test_who_is_to_know_is_told_that_it_is_blocked_and_that_it_is_good_again(blocked: Scheduled) -> None:
    """By the callbacks of the tasks, in processes of Airflow's own. The morning of so old a day has been."""
    good = f"[tiny_shop] {MARCH_3} is good again: published, released by a person"
    titles = blocked.told(good)
    assert titles == [
        f"[tiny_shop] {MARCH_3} is blocked: 1 critical check failed",
        f"[tiny_shop] {MARCH_3} is not published by 08:00",
        good,
    ]
    subjects = [str(mail["subject"]) for mail in blocked.mail.messages]
    assert [subject for subject in subjects if str(MARCH_3) in subject] == titles
    page = f"{blocked.url}/usertags/quality/day/{MARCH_3}"
    assert all(page in body["text"] for body in blocked.hook.posted if str(MARCH_3) in body["text"][:40])


def test_monitoring_has_the_numbers_of_the_stages(blocked: Scheduled) -> None:
    found = {line.split(":")[0].removeprefix("airflow.usertags.tiny_shop.") for line in blocked.stats.lines()}
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
    refused = [line for line in blocked.stats.lines() if "checks.failed.critical:" in line]
    assert any(line.endswith("critical:1|g") for line in refused)


def test_a_rejection_releases_nothing(blocked: Scheduled) -> None:
    run = blocked.trigger("user_tags_daily", day=str(MARCH_3), re_extract=True)
    blocked.wait("user_tags_daily", run, "publish", ENDED)
    lake = open_lake(load_catalogue(blocked.airflow.configs))
    (refused,) = blocked_days(lake)
    run = blocked.trigger("user_tags_release", day=str(MARCH_3), reason="is this right?")
    blocked.wait("user_tags_release", run, "approve", {"awaiting_input"})
    place = f"dags/user_tags_release/dagRuns/{run}/taskInstances/approve/-1/hitlDetails"
    blocked.get(place, "PATCH", {"chosen_options": ["Reject"], "params_input": {}})
    states = blocked.wait("user_tags_release", run, "publish", ENDED)
    assert (states["release"], states["publish"]) == ("skipped", "skipped")
    assert blocked_days(lake) == [refused]


def test_the_daily_look_sends_nothing_twice(blocked: Scheduled) -> None:
    """The day was refused again after it had been released, and that was told."""
    title = f"[tiny_shop] {MARCH_3} is blocked"
    before = blocked.told(title, times=2)
    run = blocked.trigger("user_tags_alerts")
    assert blocked.wait("user_tags_alerts", run, "tell", ENDED) == {"tell": "success"}
    assert blocked.told(title) == before
