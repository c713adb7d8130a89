"""The quality pages over days of which its audit refused the last, under a real Airflow."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.airflow import Airflow
from tests.support.places import FAULT_SHOP

from .served import PASSWORDS, USERS, Served, run_days
from .shop_days import DAYS, GOOD, REFUSED, write_days


@pytest.fixture(scope="package", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home for what the tests import of Airflow: nothing of it is in the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
        yield


@pytest.fixture(scope="package")
def served(new_project: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The days up to GOOD are published, one day with warnings; REFUSED was run by Airflow."""
    landing = tmp_path_factory.mktemp("landing")
    write_days(landing)
    project = new_project(FAULT_SHOP)
    (project.folder / "spark" / "session.yml").write_text(
        "remote: embedded\nmaster: local[2]\n"
        "conf: {spark.driver.memory: 1g, spark.sql.shuffle.partitions: 1}\n"
    )
    home = tmp_path_factory.mktemp("airflow_ui")
    (home / "simple_auth_manager_passwords.json.generated").write_text(json.dumps(PASSWORDS))
    airflow = Airflow(home, project.folder, REFUSED, USERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "FAULT_SHOP_DIR", str(landing))
        # A task's reason is read in its log, and the settings of this process are passed on.
        patch.delenv("AIRFLOW__LOGGING__LOGGING_LEVEL")
        try:
            published = run_days(project.folder, DAYS[0], GOOD)
            found = Served(airflow, airflow.up())
            assert published.wait() == 0
            assert found.run_day(REFUSED)["state"] == "failed"
            yield found
        finally:
            airflow.down()
