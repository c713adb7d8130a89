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

TINY_SHOP = Path(__file__).resolve().parents[1] / "cases" / "tiny_shop"
MARCH_1, MARCH_2, MARCH_3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
ENDED = {"success", "failed", "upstream_failed", "skipped"}
SECONDS = 300


@dataclass
class Scheduled:
    """A real Airflow over the tiny shop."""

    airflow: Airflow
    url: str

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
    project = new_project(TINY_SHOP)
    airflow = Airflow(tmp_path_factory.mktemp("scheduler"), project.folder, MARCH_2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINY_SHOP_DIR", str(TINY_SHOP / "landing"))
        try:
            yield Scheduled(airflow, airflow.up())
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
