"""What a person meets when something outside is wrong: one clear error, its exit code, nothing half-done,
and the same command completes the work once it is put right. Run as a user runs it, as a process."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.support.folders import VISITORS, write_files
from usertags import services
from usertags.pipeline import Pipeline
from usertags.project.build import load_project
from usertags.stages.batch_register import landed, registered
from usertags.stages.source_tables import tables_of

DAY = "2026-11-01"
USERTAGS = Path(sys.executable).parent / "usertags"

_PROJECT = """
project: bad_input
timezone: Asia/Shanghai
currency: CNY
state: {state}
lake: {lake}
"""
_CONNECTIONS = """
connections:
  shop: {kind: sql, embedded: postgres}
  files: {kind: files, root: "${BAD_INPUT_DIR}"}
  lake: {kind: lake, embedded: store}
  locked:
    kind: lake
    catalog: {type: rest, uri: "${CATALOG_URI}", credential: "wrong:wrong", warehouse: "s3://analytics/"}
    s3: {endpoint: "${S3_ENDPOINT}", access_key: wrong, secret_key: wrong}
"""
_VISITS = """
source: visits
kind: events
may_be_empty: true
read: {connection: files, files: "visits-{day}.csv.gz", format: csv}
columns:
  customer: {from: customer, type: string}
  at: {from: at, type: timestamp}
repeats: drop
user: {customer: customer}
time: at
"""
_ORDERS = """
source: orders
kind: events
may_be_empty: true
read: {connection: shop, table: orders, cursor: updated_at}
columns:
  order_id: {from: id, type: bigint}
  customer: {from: customer, type: string}
  updated_at: {from: updated_at, type: timestamp}
key: [order_id]
user: {customer: customer}
time: updated_at
"""


class Shop:
    """A configuration folder with one source of files and one of a database, and a state of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.landing = folder / "configs", folder / "state", folder / "landing"
        self.landing.mkdir(parents=True)
        write_files(self.folder, VISITORS)
        self.use_lake("lake")
        self.write("connections.yml", _CONNECTIONS)
        self.write("sources/visits.yml", _VISITS)
        self.write("sources/orders.yml", _ORDERS)

    def use_lake(self, lake: str) -> None:
        self.write("project.yml", _PROJECT.format(state=self.state, lake=lake))

    def write(self, name: str, text: str) -> None:
        write_files(self.folder, {name: text})

    def land(self, content: bytes, day: str) -> Path:
        path = self.landing / f"visits-{day}.csv.gz"
        path.write_bytes(content)
        return path

    def command(self, *arguments: str) -> list[str]:
        return [str(USERTAGS), "--configs", str(self.folder), *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        return os.environ | {"BAD_INPUT_DIR": str(self.landing)} | more

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**more),
            capture_output=True,
            text=True,
            check=False,
        )

    def batch_days(self, source: str) -> set[date]:
        lake = Pipeline(load_project(self.folder)).lake
        return set(landed(registered(lake, [tables_of(lake, source)])[source]))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("bad_input"))
    services.start(made.state, {"postgres", "store"})
    yield made
    services.stop(made.state)


GOOD = gzip.compress(b"customer,at\n1,2026-11-01 10:00:00\n2,2026-11-01 11:00:00\n")


def _extract_visits(shop: Shop, **more: str) -> subprocess.CompletedProcess[str]:
    return shop.run("extract", "--day", DAY, "--source", "visits", **more)


@pytest.mark.parametrize(
    ("day", "content"),
    [
        ("2026-11-01", GOOD[:25]),
        ("2026-11-02", b"this is no gzip file"),
        ("2026-11-03", gzip.compress(b"customer,when\n1,2026-11-01 10:00:00\n")),
    ],
    ids=["truncated", "not_gzip", "missing_column"],
)
def test_a_file_that_cannot_be_used_is_a_data_error_and_a_rerun_completes(
    shop: Shop, day: str, content: bytes
) -> None:
    path = shop.land(content, day)
    failed = shop.run("extract", "--day", day, "--source", "visits")
    assert failed.returncode == 3, failed.stderr
    assert path.name in failed.stderr
    assert "next:" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert date.fromisoformat(day) not in shop.batch_days("visits")
    shop.land(GOOD, day)
    again = shop.run("extract", "--day", day, "--source", "visits")
    assert again.returncode == 0, again.stderr
    assert "read 2" in again.stdout
    assert date.fromisoformat(day) in shop.batch_days("visits")


def test_an_unset_environment_variable_is_named_with_its_line(shop: Shop) -> None:
    environment = {name: value for name, value in shop.environment().items() if name != "BAD_INPUT_DIR"}
    done = subprocess.run(
        shop.command("extract", "--day", "2026-11-20", "--source", "visits"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "connections.yml:4" in done.stderr
    assert "${BAD_INPUT_DIR} is not set" in done.stderr


def test_a_text_that_is_no_day_is_a_usage_error(shop: Shop) -> None:
    done = shop.run("extract", "--day", "yesterday")
    assert done.returncode == 2
    assert "invalid date 'yesterday'" in done.stderr


def test_a_source_that_does_not_exist_is_a_usage_error(shop: Shop) -> None:
    done = shop.run("extract", "--day", DAY, "--source", "vists")
    assert done.returncode == 2
    assert "unknown source 'vists'" in done.stderr


def test_a_missing_table_is_a_data_error(shop: Shop) -> None:
    shop.write("sources/orders.yml", _ORDERS.replace("table: orders", "table: ordrs"))
    try:
        done = shop.run("extract", "--day", DAY, "--source", "orders")
    finally:
        shop.write("sources/orders.yml", _ORDERS)
    assert done.returncode == 3, done.stderr
    assert "ordrs" in done.stderr


def test_wrong_keys_of_the_store_are_an_infrastructure_error_without_the_keys(shop: Shop) -> None:
    running = services.endpoints(shop.state)
    assert running is not None
    shop.use_lake("locked")
    try:
        done = _extract_visits(
            shop, CATALOG_URI=str(running.catalog_uri), S3_ENDPOINT=str(running.s3_endpoint)
        )
    finally:
        shop.use_lake("lake")
    assert done.returncode == 4, done.stderr
    assert "keys" in done.stderr
    assert "wrong:wrong" not in done.stdout + done.stderr


def test_a_day_that_was_never_extracted_cannot_be_cleaned(shop: Shop) -> None:
    done = shop.run("clean", "--day", "2026-12-24")
    assert done.returncode == 3
    assert "2026-12-24 was never extracted" in done.stderr


def _fill_orders(shop: Shop, rows: int) -> None:
    running = services.start(shop.state, {"postgres", "store"})
    url = str(running.postgres_url).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, sslmode="disable") as connection:
        connection.execute("drop table if exists orders")
        connection.execute(
            "create table orders as select id, mod(id, 1000)::text as customer, "
            "timestamptz '2026-10-01 00:00:00+08' + id * interval '100 milliseconds' as updated_at "
            f"from generate_series(1, {rows}) as id"
        )


def test_a_database_that_dies_mid_extract_leaves_nothing_and_a_rerun_completes(shop: Shop) -> None:
    rows = 1_000_000
    _fill_orders(shop, rows)
    command = shop.command("extract", "--day", DAY, "--source", "orders")
    with subprocess.Popen(
        command, env=shop.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        _kill_postgres(shop, _backend_that_reads(shop, child))
        _, errors = child.communicate(timeout=120)
    assert child.returncode == 4, errors
    assert "Traceback" not in errors
    assert date.fromisoformat(DAY) not in shop.batch_days("orders")
    again = shop.run("extract", "--day", DAY, "--source", "orders")
    assert again.returncode == 0, again.stderr
    assert f"read {rows:,}" in again.stdout


def _backend_that_reads(shop: Shop, child: subprocess.Popen[str]) -> int:
    """The process of the server that reads the table for the child, once it has begun to send rows."""
    running = services.endpoints(shop.state)
    assert running is not None
    url = str(running.postgres_url).replace("postgresql+psycopg", "postgresql")
    deadline = time.monotonic() + 60
    with psycopg.connect(url, sslmode="disable", autocommit=True) as connection:
        while time.monotonic() < deadline and child.poll() is None:
            reading = connection.execute(
                "select pid from pg_stat_activity where pid <> pg_backend_pid() and datname = 'shop' "
                "and query ilike 'fetch %'"
            ).fetchone()
            if reading:
                return int(reading[0])
            time.sleep(0.05)
    child.kill()
    raise AssertionError("the child never read the table")


def _kill_postgres(shop: Shop, backend: int) -> None:
    """Kill the server and the process that serves the child, as a crash of the machine would."""
    pid = next(item.pid for item in services.status(shop.state) if item.name == "postgres")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):  # it may have gone with its server
        os.kill(backend, signal.SIGKILL)
