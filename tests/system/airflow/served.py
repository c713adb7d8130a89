"""An Airflow with the plugin that is asked by its own interface, and what was seen of its days."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, TypeVar

from demo.airflow import Airflow
from tests.support.receivers import HookServer, MailServer, StatsServer
from usertags.project.build import load_project
from usertags.quality.register import RunRecord
from usertags.stages.runs import blocked_days, publications
from usertags.store.lake import Lake, open_lake

# A stage that starts a Spark of its own takes a minute on a busy machine.
SECONDS = 600
# The admin, somebody who may look, and somebody without a role, who may see nothing.
PASSWORDS = {"anna": "anna-password", "vera": "vera-password", "nobody": "nobody-password"}
USERS = "anna:admin,vera:viewer,nobody:"
DAILY, RELEASE, ALERTS = "user_tags_daily", "user_tags_release", "user_tags_alerts"

T = TypeVar("T")


def until(look: Callable[[], T | None], missed: Callable[[], str]) -> T:
    """Look again and again until there is something; `missed` says what there was instead."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{missed()} after {SECONDS} s")


@dataclass(frozen=True)
class Ran:
    """A run of the daily DAG, the published days around it, and the asset events that it emitted."""

    run: dict[str, Any]
    before: dict[date, str]
    after: dict[date, str]
    announced: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Released:
    """What a release asked, what became of its tasks, and the messages about the day until then."""

    question: dict[str, Any]
    states: dict[str, str]
    announced: dict[str, dict[str, Any]]
    titles: list[str]
    subjects: list[str]


@dataclass(frozen=True)
class Served:
    """A running Airflow with the plugin, and the servers that it tells of its days and its numbers."""

    airflow: Airflow
    url: str
    mail: MailServer
    hook: HookServer
    stats: StatsServer

    def token(self, user: str) -> str:
        return _token(self.url, user)

    def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """An answer of Airflow's interface, as the admin."""
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.token('anna')}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.add_note(f"{method} {path}: {error.read().decode(errors='replace')[:500]}")
            raise

    def knows(self, dag: str) -> bool:
        """Whether the DAG's file has been read."""
        try:
            return bool(self.ask(f"dags/{dag}")["dag_id"])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise

    def trigger(self, dag: str, **params: Any) -> str:
        """Starts a run; returns its id."""
        run = self.ask(f"dags/{dag}/dagRuns", "POST", {"logical_date": None, "conf": params})
        return str(run["dag_run_id"])

    def newest(self, dag: str, run_type: str = "manual") -> str | None:
        """The id of the newest run of a type."""
        runs = self.ask(f"dags/{dag}/dagRuns?order_by=-id&limit=1&run_type={run_type}")["dag_runs"]
        return str(runs[0]["dag_run_id"]) if runs else None

    def ended(self, dag: str, run: str) -> dict[str, Any]:
        """Waits for the end of a run."""
        found: dict[str, Any] = {}

        def look() -> dict[str, Any] | None:
            found.update(self.ask(f"dags/{dag}/dagRuns/{run}"))
            return found if found["state"] in ("success", "failed") else None

        return until(look, lambda: f"{run} of {dag} is {found['state']}: {self.states(dag, run)}")

    def states(self, dag: str, run: str) -> dict[str, str]:
        tasks = self.ask(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {item["task_id"]: item["state"] for item in tasks}

    def question(self, run: str) -> dict[str, Any]:
        """What a release asks, with the answer once there is one; waits until it asks."""
        states: dict[str, str] = {}

        def look() -> dict[str, Any] | None:
            states.update(self.states(RELEASE, run))
            assert "failed" not in states.values(), states
            asked = states.get("approve") in ("awaiting_input", "success")
            return dict(self.ask(self._place(run))) if asked else None

        found = until(look, lambda: f"{run} asks nothing: {states}")
        if states["approve"] == "awaiting_input":
            self._let_scheduler_turn()
        return found

    def _let_scheduler_turn(self) -> None:
        """Waits for two heartbeats of the scheduler: between them it has seen that the process of the task
        ended. When an answer comes before that, Airflow takes the task for failed, and asks again."""
        for _ in range(2):
            last = self._heartbeat()
            until(
                lambda last=last: self._heartbeat() != last or None, lambda: "no heartbeat of the scheduler"
            )

    def _heartbeat(self) -> str:
        return str(self.ask("monitor/health")["scheduler"]["latest_scheduler_heartbeat"])

    def answer(self, run: str, option: str) -> None:
        self.ask(self._place(run), "PATCH", {"chosen_options": [option], "params_input": {}})

    @staticmethod
    def _place(run: str) -> str:
        return f"dags/{RELEASE}/dagRuns/{run}/taskInstances/approve/-1/hitlDetails"

    def lake(self) -> Lake:
        return open_lake(load_project(self.airflow.configs))

    def published(self) -> dict[date, str]:
        return {row.data_day: row.run_id for row in publications(self.lake())}

    def blocked(self) -> RunRecord:
        """The run that blocks the one day that is blocked."""
        (found,) = blocked_days(self.lake())
        return found

    def announced(self) -> dict[str, dict[str, Any]]:
        """The newest event of each table's asset."""
        events = self.ask("assets/events?order_by=timestamp&limit=100")["asset_events"]
        return {event["name"]: event["extra"] for event in events}

    def messages(self, day: date, title: str, times: int = 1) -> list[str]:
        """Waits for messages of a day in the chat that go on so; returns all titles of the day, in order."""
        start = f"[fault_shop] {day} is "

        def titles() -> list[str]:
            found = [body["text"].splitlines()[0] for body in self.hook.posted]
            return [each for each in found if each.startswith(start)]

        def look() -> list[str] | None:
            found = titles()
            return found if sum(each.startswith(start + title) for each in found) >= times else None

        return until(look, lambda: f"no message {title!r}, only {titles()}")

    def subjects(self, day: date) -> list[str]:
        """The mails that tell of a day."""
        found = [str(mail["subject"]) for mail in self.mail.messages]
        return [subject for subject in found if str(day) in subject]


@cache
def _token(url: str, user: str) -> str:
    body = json.dumps({"username": user, "password": PASSWORDS[user]}).encode()
    request = urllib.request.Request(f"{url}/auth/token", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["access_token"])
