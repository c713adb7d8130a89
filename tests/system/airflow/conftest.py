"""One Airflow over one shop for all tests that need a live one, and the days that it runs.

The first day is run without Airflow, the second by a backfill through spark-submit, the third by hand on the
session server; the fourth is refused by its audit, and that is what the browser's tests look at. It is then
released by a person, run again, and refused by its clean checks.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.airflow import Airflow
from tests.support.places import FAULT_SHOP
from tests.support.receivers import HookServer, MailServer, StatsServer
from tests.support.servers import SESSION
from usertags.pipeline import Pipeline
from usertags.project.build import load_project
from usertags.quality.register import RunRecord
from usertags.stages.runs import new_run_id

from .served import ALERTS, DAILY, PASSWORDS, RELEASE, USERS, Ran, Released, Served, until
from .shop_days import FIRST, GOOD, REFUSED, write_days

CHANNELS = """
alerts:
  by: "08:00"
  channels:
    mail: {kind: smtp, connection: duty_mail, to: [duty@shop.example]}
    chat: {kind: slack, connection: duty_chat}
"""
# The scheduler looks more often and starts no run that a test has not asked for; the DAG files, which do not
# change, are read once. On a busy machine nothing is taken for dead.
SETTINGS = {
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "300",
    "AIRFLOW__DAG_PROCESSOR__HEALTH_CHECK_THRESHOLD": "300",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
}
# Tasks are forked from the scheduler: what it has imported none of them imports, which takes most of them
# longer than their work.
LOCAL_SETTINGS = """
import sys

if "scheduler" in sys.argv:
    import great_expectations, usertags.alerts, usertags.release, pyspark.sql.connect.session
"""


RELEASING = "test_a_person_releases_the_day_and_readers_have_it"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at the refused day first, then the person who releases it, then what comes after: a day that
    was released once is never again one that readers do not have, so that state cannot be brought back."""
    places = [place for place, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted(
        (items[place] for place in places),
        key=lambda item: (item.path.name != "test_browser.py", item.name == RELEASING),
    )
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


@pytest.fixture(scope="package")
def live(
    new_project_folder: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """FIRST is published. A mail server and a chat get the alerts, a StatsD server the metrics."""
    landing = tmp_path_factory.mktemp("landing")
    write_days(landing)
    project_folder = new_project_folder(FAULT_SHOP)
    with (project_folder.path / "project.yml").open("a") as file:
        file.write(CHANNELS)
    home = tmp_path_factory.mktemp("live_airflow")
    (home / "simple_auth_manager_passwords.json.generated").write_text(json.dumps(PASSWORDS))
    (home / "config").mkdir()
    (home / "config" / "airflow_local_settings.py").write_text(LOCAL_SETTINGS)
    airflow = Airflow(home, project_folder.path, REFUSED, USERS)
    servers = MailServer(), HookServer(), StatsServer()
    with servers[0] as mail, servers[1] as hook, servers[2] as stats, pytest.MonkeyPatch.context() as patch:
        # A task's reason is read in its log, and the settings of this process are passed on.
        patch.delenv("AIRFLOW__LOGGING__LOGGING_LEVEL", raising=False)
        patch.setenv("FAULT_SHOP_DIR", str(landing))
        patch.setenv("AIRFLOW_CONN_DUTY_MAIL", mail.connection)
        patch.setenv("AIRFLOW_CONN_DUTY_CHAT", hook.connection)
        patch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        patch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(stats.port))
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        try:
            with ThreadPoolExecutor(1) as pool:
                starting = pool.submit(airflow.start)
                with closing(Pipeline(load_project(project_folder.path))) as pipeline:
                    list(pipeline.run(FIRST, new_run_id()))
                found = Served(airflow, starting.result(), mail, hook, stats)
            for dag in (DAILY, RELEASE, ALERTS):
                until(lambda name=dag: found.knows(name) or None, lambda name=dag: f"{name} is unknown")
            yield found
        finally:
            airflow.down()


@pytest.fixture(scope="package")
def backfilled(live: Served) -> Ran:
    """EARLY; its clean stage in a Spark of its own, the stages after it, which are submitted by the same
    operator, on the session server."""
    session = live.airflow.configs / "spark" / "session.yml"
    shared = session.read_text()
    own = {key: value for key, value in SESSION.items() if key != "remote"}
    own["conf"] = own["conf"] | {"spark.driver.memory": "1g"}
    session.write_text(yaml.safe_dump(own))
    before = live.published()
    live.airflow.command(
        "backfill", "create", "--dag-id", DAILY,
        "--from-date", f"{GOOD}T00:00:00+08:00", "--to-date", f"{GOOD}T12:00:00+08:00",
    )  # fmt: skip
    run = until(lambda: live.newest(DAILY, "backfill"), lambda: "there is no run of the backfill")
    until(
        lambda: live.states(DAILY, run).get("clean") in ("success", "failed") or None,
        lambda: f"clean has not ended: {live.states(DAILY, run)}",
    )
    session.write_text(shared)
    found = live.ended(DAILY, run)
    assert found["state"] == "success", live.states(DAILY, run)
    return Ran(found, before, live.published(), live.announced())


@pytest.fixture(scope="package")
def by_hand(live: Served, backfilled: Ran) -> Ran:
    """GOOD, on the session server."""
    before = live.published()
    run = live.trigger(DAILY, day=str(GOOD))
    found = live.ended(DAILY, run)
    assert found["state"] == "success", live.states(DAILY, run)
    return Ran(found, before, live.published(), live.announced())


@pytest.fixture(scope="package")
def refused_run(live: Served, by_hand: Ran) -> str:
    """The DAG run in which the audit refused REFUSED."""
    run = live.trigger(DAILY, day=str(REFUSED))
    assert live.ended(DAILY, run)["state"] == "failed"
    assert live.states(DAILY, run)["audit"] == "failed"
    return run


@pytest.fixture(scope="package")
def refused(live: Served, refused_run: str) -> RunRecord:
    """What blocks REFUSED at first."""
    return live.blocked()


@pytest.fixture(scope="package")
def served(live: Served, refused: RunRecord) -> Served:
    """The days up to GOOD are published, one with warnings; REFUSED is blocked until a test releases it."""
    return live


@pytest.fixture(scope="package")
def released(served: Served, refused: RunRecord) -> Released:
    """REFUSED was released by a person: in the browser, or here where no test has done it there."""
    if REFUSED not in served.published():
        # A test in the browser that failed may have left its question without an answer.
        reason = "growth: they left the field open"
        run = served.newest(RELEASE) or served.trigger(RELEASE, day=str(REFUSED), reason=reason)
        asked = served.question(run)
        assert REFUSED not in served.published()
        if asked["responded_by_user"] is None:
            served.answer(run, "Approve")
    newest = served.newest(RELEASE)
    assert newest is not None and served.ended(RELEASE, newest)["state"] == "success"
    return Released(
        served.question(newest),
        served.states(RELEASE, newest),
        served.announced(),
        served.messages(REFUSED, "good again"),
        served.subjects(REFUSED),
    )


@pytest.fixture(scope="package")
def refused_again(served: Served, released: Released) -> RunRecord:
    """REFUSED, read and run again: an order costs more than the check of that morning allows."""
    source = served.airflow.configs / "sources" / "orders.yml"
    source.write_text(source.read_text().replace("between: [0, 1000000]", "between: [0, 50]"))
    run = served.trigger(DAILY, day=str(REFUSED), re_extract=True)
    assert served.ended(DAILY, run)["state"] == "failed"
    assert served.states(DAILY, run)["clean"] == "failed"
    return served.blocked()
