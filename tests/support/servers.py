"""One store, one database and one Spark session server for all tests, however many processes run them.

A test module has its own bucket, tables, schema or catalog in them. A test that kills or harms a server
starts its own.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from usertags import services
from usertags.pipeline import Pipeline
from usertags.project.build import load_project
from usertags.sources.s3 import S3Access, make_client
from usertags.store.spark import session_at, start_server

from .jars import sqlite_driver
from .lakes import catalog_in_files
from .layers import starting_what_is_shared
from .places import SMALL

# The quick compiler suits many small jobs; one partition, because there are few rows.
SESSION: dict[str, Any] = {
    "remote": "embedded",
    "master": "local[2]",
    "conf": {
        "spark.driver.memory": "3g",
        "spark.sql.shuffle.partitions": 1,
        # A few rows are interpreted in less time than code for them is made and compiled.
        "spark.sql.codegen.wholeStage": False,
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": False,
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
        "spark.driver.extraClassPath": str(sqlite_driver()),
    },
}


# Set by a program that runs tests many times over: its folder of servers, which it stops itself.
KEPT_SERVERS = "USERTAGS_TEST_SERVERS"


def _folder(base: Path) -> Path:
    """The processes of one test run have folders of their own below the one of the run."""
    kept = os.environ.get(KEPT_SERVERS)
    if kept:
        return Path(kept)
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "servers"


@pytest.fixture(scope="session")
def shared_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of the shared servers."""
    return _folder(tmp_path_factory.getbasetemp())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The process that outlives the others ends the servers."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if hasattr(session.config, "workerinput") or factory is None or KEPT_SERVERS in os.environ:
        return
    folder = _folder(factory.getbasetemp())
    if folder.exists():
        services.stop(folder)


@pytest.fixture(scope="session")
def running(shared_state: Path) -> services.Endpoints:
    with starting_what_is_shared():
        return services.start(shared_state, {"postgres", "store"})


@pytest.fixture(scope="session")
def postgres_url(running: services.Endpoints) -> str:
    assert running.postgres_url is not None
    return running.postgres_url


@pytest.fixture(scope="session")
def s3_access(running: services.Endpoints) -> S3Access:
    return S3Access(running.s3_endpoint, "us-east-1", running.s3_access_key, running.s3_secret_key)


@pytest.fixture(scope="session")
def landing_bucket() -> str:
    return "landing"


@pytest.fixture(scope="session")
def new_session(
    shared_state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Any]]:
    """Makes a session of the shared server in a time zone."""
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("session") / "small"
    shutil.copytree(SMALL, folder)
    _edit(folder / "project.yml", {"state": str(shared_state)})
    _write_session(folder)
    sessions: list[SparkSession] = []

    def make(timezone: str) -> SparkSession:
        with starting_what_is_shared():
            url = start_server(load_project(folder))
        session = session_at(url)
        session.conf.set("spark.sql.session.timeZone", timezone)
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.stop()


@pytest.fixture(scope="session")
def spark(new_session: Callable[[str], Any]) -> Any:
    """A session in the time zone of the shipped configuration."""
    return new_session("Asia/Shanghai")


@dataclass(frozen=True)
class ProjectFolder:
    """A configuration folder of a test, with tables of its own."""

    path: Path
    state: Path

    def pipeline(self) -> Pipeline:
        return Pipeline(load_project(self.path))


@pytest.fixture(scope="session")
def new_project_folder(
    shared_state: Path,
    running: services.Endpoints,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Callable[..., ProjectFolder]:
    """Copies a configuration folder. Its tables lie in files of its own, under a catalog in a file, and its
    reports in a bucket of its own in the shared store; Spark is the shared session server.

    With `embedded` the tables lie in the shared store as well, under its own catalog: one project has that.
    """
    numbers = count(1)

    def make(source: Path, *, embedded: bool = False) -> ProjectFolder:
        folder = tmp_path_factory.mktemp("project") / source.name
        shutil.copytree(source, folder)
        _edit(folder / "project.yml", {"state": str(shared_state)})
        _write_session(folder)
        if not embedded:
            name = f"reports-{worker_id}-{next(numbers)}"
            lake = _lake_in_files(folder.parent / "lake", running, name)
            connections = yaml.safe_load((folder / "connections.yml").read_text())["connections"]
            connections["lake"] = lake
            _edit(folder / "connections.yml", {"connections": connections})
        return ProjectFolder(folder, shared_state)

    return make


def _lake_in_files(folder: Path, running: services.Endpoints, reports: str) -> dict[str, Any]:
    keys = {"access_key": running.s3_access_key, "secret_key": running.s3_secret_key}
    access = S3Access(running.s3_endpoint, running.region, running.s3_access_key, running.s3_secret_key)
    make_client(access).create_bucket(Bucket=reports)
    return {
        "kind": "lake",
        "catalog": catalog_in_files(folder),
        "s3": {"endpoint": running.s3_endpoint} | keys,
        "reports_bucket": reports,
    }


def _write_session(folder: Path) -> None:
    (folder / "spark").mkdir(exist_ok=True)
    (folder / "spark" / "session.yml").write_text(yaml.safe_dump(SESSION))


def _edit(path: Path, changes: dict[str, Any]) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(data | changes, allow_unicode=True, sort_keys=False), encoding="utf-8")
