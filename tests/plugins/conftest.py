"""The quality pages over a project with a good day and a day that its audit refused, under a real Airflow."""

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture(scope="package")
def served(new_project: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """2026-03-01 is published; 2026-03-02 has a user of an unknown gender, which no tag lists."""
    landing = tmp_path_factory.mktemp("landing") / "landing"
    shutil.copytree(TINY_SHOP / "landing", landing)
    users = landing / "users" / f"dt={REFUSED}" / "users.csv"
    users.write_text(users.read_text().replace("u5,female", "u5,robot"))
    project = new_project(TINY_SHOP)
    (project.folder / "spark" / "session.yml").write_text(
        "remote: embedded\nmaster: local[2]\n"
        "conf: {spark.driver.memory: 1g, spark.sql.shuffle.partitions: 1}\n"
    )
    home = tmp_path_factory.mktemp("airflow_ui")
    (home / "simple_auth_manager_passwords.json.generated").write_text(json.dumps(PASSWORDS))
    airflow = Airflow(home, project.folder, REFUSED, USERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TINY_SHOP_DIR", str(landing))
        try:
            found = Served(airflow, airflow.up())
            assert found.run_day(GOOD)["state"] == "success"
            assert found.run_day(REFUSED)["state"] == "failed"
            yield found
        finally:
            airflow.down()
