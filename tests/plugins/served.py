"""An Airflow with the plugin, over a project with a good day and a day that its audit refused."""

import json
import time
import urllib.request
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from demo.airflow import Airflow

ROOT = Path(__file__).resolve().parents[2]
TINY_SHOP = ROOT / "tests" / "cases" / "tiny_shop"
GOOD, REFUSED = date(2026, 3, 1), date(2026, 3, 2)
SECONDS = 400
# The admin, somebody who may look, and somebody without a role, who may see nothing.
PASSWORDS = {"anna": "anna-password", "vera": "vera-password", "nobody": "nobody-password"}
USERS = "anna:admin,vera:viewer,nobody:"


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

    def runs(self) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self.url}/api/v2/dags/user_tags_daily/dagRuns?order_by=id",
            headers={"Authorization": f"Bearer {self.token('anna')}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return list(json.load(answer)["dag_runs"])

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
