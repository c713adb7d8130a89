"""What the tests run on: a real PostgreSQL, a real S3 server with its catalog, a real Spark."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
import yaml

from jobs import services
from jobs.catalogue.build import load_catalogue
from jobs.pipeline import Pipeline
from jobs.sources.s3 import S3Access
from jobs.store.jars import jar_paths

ROOT = Path(__file__).resolve().parents[1]

# A busy machine is no defect, and a run that fails is to fail again.
hypothesis.settings.register_profile("usertags", deadline=None, derandomize=True)
hypothesis.settings.load_profile("usertags")
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder whose services every test shares; stopped at the end."""
    folder = tmp_path_factory.mktemp("state")
    yield folder
    services.stop(folder)


@pytest.fixture(scope="session")
def running(state: Path) -> services.Endpoints:
    return services.start(state, {"postgres", "store"})


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
def spark():
    """A Spark session in the time zone of the shipped configuration."""
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", ",".join(map(str, jar_paths())))
        .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", "6g")
        # The first session of a process decides on the JVM: the quick compiler suits many small jobs.
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "Asia/Shanghai")
    )
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@dataclass(frozen=True)
class Project:
    """A configuration folder of a test with a state folder, and so tables, of its own."""

    folder: Path
    state: Path

    def pipeline(self) -> Pipeline:
        return Pipeline(load_catalogue(self.folder))


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Project]]:
    """Copies a configuration folder and gives it a state of its own; its services end with the tests."""
    made: list[Path] = []

    def make(source: Path) -> Project:
        folder = tmp_path_factory.mktemp("project") / source.name
        shutil.copytree(source, folder)
        state = folder.parent / "state"
        made.append(state)
        project = yaml.safe_load((folder / "project.yml").read_text()) | {"state": str(state)}
        (folder / "project.yml").write_text(yaml.safe_dump(project, allow_unicode=True))
        return Project(folder, state)

    yield make
    for state in made:
        services.stop(state)
