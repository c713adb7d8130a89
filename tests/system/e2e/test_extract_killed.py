"""extract is killed after the commit of its rows and before that of their record: the rerun finishes the
batch, and the next day holds the rows of an undisturbed run. A database and a folder of files, neither with a
key, so that a row that is read twice would count twice."""

import multiprocessing
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.folders import VISITORS, write_files
from usertags.pipeline import Pipeline
from usertags.stages.runs import new_run_id

from .killed import extract_and_die

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
TABLE = "killed_payments"
SOURCES = ("payments", "visits")

_CONFIGS = {
    "project.yml": "{project: killed, timezone: Asia/Shanghai, currency: CNY, state: state, lake: lake}",
    "connections.yml": """
connections:
  shop: {kind: sql, embedded: postgres}
  files: {kind: files, root: LANDING}
  lake: {kind: lake, embedded: store}
""",
    "sources/payments.yml": f"""
source: payments
kind: events
read: {{connection: shop, table: {TABLE}, cursor: paid_at}}
columns:
  customer: {{from: customer, type: string}}
  paid_at: {{from: paid_at, type: timestamp}}
repeats: keep
user: {{customer: customer}}
time: paid_at
""",
    "sources/visits.yml": """
source: visits
kind: events
read: {connection: files, files: "{day}.csv", format: csv}
columns:
  customer: {from: customer, type: string}
  at: {from: at, type: timestamp}
repeats: keep
user: {customer: customer}
time: at
""",
}


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "configs"
    landing = tmp_path_factory.mktemp("landing")
    files = {name: text.replace("LANDING", str(landing)) for name, text in _CONFIGS.items()}
    write_files(folder, files | VISITORS)
    for day in (D1, D2):
        rows = "".join(f"{customer},{day} 10:00:00\n" for customer in "aab")
        (landing / f"{day}.csv").write_text("customer,at\n" + rows)
    return folder


@pytest.fixture(scope="module")
def payments(postgres_url: str) -> None:
    """Three payments a day, two of them the same."""
    with psycopg.connect(postgres_url.replace("+psycopg", ""), sslmode="disable") as connection:
        connection.execute(f"create table {TABLE} (customer text, paid_at timestamptz)")
        for day in (D1, D2):
            connection.execute(
                f"insert into {TABLE} select customer, '{day} 10:00:00+08' from unnest(array['a', 'a', 'b']) "
                "as customer"
            )


def landed(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each source: data day, customer, reading."""
    tables = {name: pipeline.lake.catalog.load_table(f"raw.{name}") for name in SOURCES}
    return {
        name: sorted(
            (row["batch"], row["customer"], row["landed_reading"])
            for row in table.scan().to_arrow().to_pylist()
        )
        for name, table in tables.items()
    }


def extract(pipeline: Pipeline, day: date) -> list[int | None]:
    """The rows that each source wrote."""
    run_id = new_run_id()
    reports = [report for name in SOURCES for report in pipeline.stage("extract", day, run_id, source=name)]
    return [report.lines[0].written for report in reports]


def test_a_killed_extract_is_finished_by_the_rerun(
    new_project_folder: Callable[..., Any], configs: Path, payments: None
) -> None:
    undisturbed = new_project_folder(configs).pipeline()
    assert [extract(undisturbed, day) for day in (D1, D2)] == [[3, 3], [3, 3]]
    project_folder = new_project_folder(configs)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([extract_and_die.__module__])
    for name in SOURCES:
        child = context.Process(target=extract_and_die, args=(str(project_folder.path), name, D1))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    # The rerun writes nothing: the rows are there.
    pipeline = project_folder.pipeline()
    assert extract(pipeline, D1) == [0, 0]
    assert extract(pipeline, D2) == [3, 3]
    assert landed(pipeline) == landed(undisturbed)
    assert landed(pipeline)["payments"] == [(day, who, 0) for day in (D1, D2) for who in "aab"]
