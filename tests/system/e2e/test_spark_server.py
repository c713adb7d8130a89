"""The same days with Spark as a session server: the same rows as with a Spark of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from jobs import services
from tests.support.places import TINY_SHOP

from .conftest import TABLES, FourDays, NewShop

USERTAGS = Path(sys.executable).parent / "usertags"


def test_a_session_server_gives_the_same_rows(four_days: FourDays, new_shop: NewShop) -> None:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR")
    (shop.folder / "spark").mkdir(exist_ok=True)
    (shop.folder / "spark" / "session.yml").write_text(
        "remote: embedded\nmaster: local[2]\nconf: {spark.driver.memory: 1g}\n"
    )
    shutil.copytree(TINY_SHOP / "landing", shop.landing, dirs_exist_ok=True)
    days = sorted(four_days.seen)[:2]
    command = [USERTAGS, "--configs", shop.folder, "run", "--from", str(days[0]), "--to", str(days[1])]
    environment = os.environ | {"TINY_SHOP_DIR": str(shop.landing)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Spark: starting the session server" in done.stdout
    spark = {row.name: row for row in services.status(shop.pipeline.catalogue.state)}["spark"]
    assert spark.state == "running"
    for day in days:
        for table in TABLES:
            assert shop.published(table, day) == four_days.seen[day][table], (day, table)
    _sessions_of_one_process(shop.folder)


def _sessions_of_one_process(configs: Path) -> None:
    """A process that runs stage after stage, as Airflow may, has a session for each."""
    script = f"""
from pathlib import Path
from jobs.catalogue.build import load_catalogue
from jobs.pipeline import Pipeline
for _ in range(2):
    pipeline = Pipeline(load_catalogue(Path({str(configs)!r})))
    kept = pipeline.spark.range(3).localCheckpoint()
    assert kept.where("id > 0").count() == 2
    pipeline.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
