"""The quality pages over a project with a good day and a day that its audit refused, under a real Airflow."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.airflow import Airflow
from tests.plugins.served import GOOD, PASSWORDS, REFUSED, TINY_SHOP, USERS, Served


@pytest.fixture(scope="package", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home for what the tests import of Airflow: nothing of it is in the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
        yield


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
        # A task's reason is read in its log, and the settings of this process are passed on.
        patch.delenv("AIRFLOW__LOGGING__LOGGING_LEVEL")
        try:
            found = Served(airflow, airflow.up())
            assert found.run_day(GOOD)["state"] == "success"
            assert found.run_day(REFUSED)["state"] == "failed"
            yield found
        finally:
            airflow.down()
