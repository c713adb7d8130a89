"""A day with a Spark of its own: the same rows as with Spark as a session server, which the others use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.jars import sqlite_driver
from tests.support.places import WIDE_SHOP
from usertags import services

from .conftest import GoodDays, land_wide_shop
from .expected import D1
from .shop import TABLES, NewShop

pytestmark = pytest.mark.shared("good_days")

USERTAGS = Path(sys.executable).parent / "usertags"


def test_a_session_server_gives_the_same_rows(good_days: GoodDays, new_shop: NewShop) -> None:
    spark = {row.name: row for row in services.status(good_days.shop.pipeline.project.state)}["spark"]
    assert spark.state == "running"
    shop = new_shop(WIDE_SHOP, "WIDE_SHOP_DIR")
    session = yaml.safe_load((WIDE_SHOP / "spark" / "session.yml").read_text())
    assert "remote" not in session
    session["conf"]["spark.driver.extraClassPath"] = str(sqlite_driver())
    (shop.folder / "spark" / "session.yml").write_text(yaml.safe_dump(session))
    land_wide_shop(shop, D1)
    command = [USERTAGS, "--configs", shop.folder, "run", "--day", str(D1)]
    # Spark's client has left this mark in our process: the command has a Spark of its own all the same.
    environment = os.environ | {"SPARK_CONNECT_MODE_ENABLED": "1", "WIDE_SHOP_DIR": str(shop.landing)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for table in TABLES:
        assert shop.published(table, D1) == good_days.seen[D1][table], table


def test_a_process_has_session_after_session(good_days: GoodDays) -> None:
    """A process that runs stage after stage, as Airflow may, has a session for each."""
    configs = good_days.shop.folder
    script = f"""
from pathlib import Path
from usertags.project.build import load_project
from usertags.pipeline import Pipeline
for _ in range(2):
    pipeline = Pipeline(load_project(Path({str(configs)!r})))
    kept = pipeline.spark.range(3).localCheckpoint()
    assert kept.where("id > 0").count() == 2
    pipeline.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
