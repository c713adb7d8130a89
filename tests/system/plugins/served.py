"""An Airflow with the plugin, and the days that are run without it."""

import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from demo.airflow import Airflow
from tests.support.places import ROOT

SECONDS = 400
# The admin, somebody who may look, and somebody without a role, who may see nothing.
PASSWORDS = {"anna": "anna-password", "vera": "vera-password", "nobody": "nobody-password"}
USERS = "anna:admin,vera:viewer,nobody:"


def run_days(configs: Path, first: date, last: date) -> "subprocess.Popen[bytes]":
    """Begin to run days by the command line."""
    command = [sys.executable, "-m", "jobs.entry.submit", "--configs", str(configs)]
    days = ["--from", str(first), "--to", str(last)]
    return subprocess.Popen([*command, "run", *days], cwd=ROOT, stdout=subprocess.DEVNULL)


@dataclass(frozen=True)
class Served:
    """A running Airflow with the plugin."""

    airflow: Airflow
    url: str

    def token(self, user: str) -> str:
        body = json.dumps({"username": user, "password": PASSWORDS[user]}).encode()
        request = urllib.request.Request(f"{self.url}/auth/token", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(json.load(answer)["access_token"])

    def get(self, path: str) -> Any:
        """An answer of Airflow's interface, as the admin."""
        headers = {"Authorization": f"Bearer {self.token('anna')}"}
        request = urllib.request.Request(f"{self.url}/api/v2/{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def runs(self, dag: str = "user_tags_daily") -> list[dict[str, Any]]:
        return list(self.get(f"dags/{dag}/dagRuns?order_by=id")["dag_runs"])

    def run_day(self, day: date) -> dict[str, Any]:
        """Trigger the DAG for a day and wait for its end."""
        self.airflow.command("dags", "trigger", "user_tags_daily", "--conf", json.dumps({"day": str(day)}))
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            newest = self.runs()[-1]
            if newest["state"] in ("success", "failed"):
                return newest
            time.sleep(2)
        raise AssertionError(f"the run of {day} did not end in {SECONDS} s")

    def wait(self, dag: str, task: str, state: str) -> None:
        """Wait until a task of the newest run of a DAG is in a state."""
        deadline, states = time.monotonic() + SECONDS, {}
        while time.monotonic() < deadline:
            for run in self.runs(dag)[-1:]:
                tasks = self.get(f"dags/{dag}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
                states = {each["task_id"]: each["state"] for each in tasks}
            if states.get(task) == state:
                return
            assert "failed" not in states.values(), states
            time.sleep(1)
        raise AssertionError(f"{task} of {dag} is not {state} after {SECONDS} s: {states}")
