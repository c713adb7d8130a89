"""The embedded servers, with real servers: what a person may do to them, and what a crash does."""

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg
import pyarrow as pa
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from pyiceberg.catalog import Catalog, load_catalog

from tests.support.places import ROOT
from usertags import services
from usertags.errors import InfrastructureError
from usertags.services import control, postgres
from usertags.services.postgres import Postgres
from usertags.services.records import Records
from usertags.services.store import Store

BOTH: tuple[services.ServiceName, ...] = ("postgres", "store")
ROWS = pa.table({"user_id": ["u1", "u2"], "amount": [10, 20]})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder with a space, a comma and a Chinese character in its name."""
    folder = tmp_path_factory.mktemp("services") / "my state, 状态"
    yield folder
    services.stop(folder)


@pytest.fixture(scope="module")
def filled(home: Path) -> Path:
    """The state folder, its servers started once and given a row and a table."""
    found = services.start(home, BOTH)
    with _database(found) as connection:
        connection.execute("create table orders (id int primary key, title text)")
        connection.execute("insert into orders values (1, '重要客户')")
    catalog = _catalog(found)
    catalog.create_namespace("ut")
    catalog.create_table("ut.payments", schema=ROWS.schema).append(ROWS)
    return home


@pytest.fixture
def running(filled: Path) -> services.Endpoints:
    """Both servers up, whatever the test before did to them."""
    return services.start(filled, BOTH)


def test_a_start_shows_its_steps_prints_nothing_and_answers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps: list[str] = []
    try:
        found = services.start(tmp_path / "state", ["postgres"], progress=steps.append)
        assert steps == ["PostgreSQL: creating the database", "PostgreSQL: starting"]
        assert capfd.readouterr() == ("", "")
        assert found.s3_endpoint is None
        with pytest.raises(InfrastructureError, match="store is not running"):
            found.catalog_properties()
        states = [row.state for row in services.status(tmp_path / "state")]
        assert states == ["running", "absent", "absent"]
    finally:
        services.stop(tmp_path / "state")


def test_a_second_start_finds_the_same_servers(filled: Path, running: services.Endpoints) -> None:
    before = _pids(filled)
    steps: list[str] = []
    assert services.start(filled, BOTH, progress=steps.append) == running
    assert _pids(filled) == before
    assert steps == []
    assert services.endpoints(filled) == running


def test_two_starts_at_the_same_time_make_one_server_each(filled: Path) -> None:
    services.stop(filled)
    context = multiprocessing.get_context("spawn")
    found: Queue[dict[str, int | None]] = context.Queue()
    starts = [context.Process(target=_start_and_tell, args=(filled, found)) for _ in range(2)]
    for start in starts:
        start.start()
    answers = [found.get(timeout=90) for _ in starts]
    for start in starts:
        start.join()
    assert answers[0] == answers[1] == _pids(filled)
    assert len(_server_processes(filled)) == 2


def test_the_user_shop_owns_its_database_and_is_no_superuser(running: services.Endpoints) -> None:
    with _database(running) as connection:
        row = connection.execute(
            "select current_user, current_database(), rolsuper, current_setting('TimeZone'),"
            " current_setting('server_encoding'), (select datlocale from pg_database where datname = 'shop')"
            " from pg_roles where rolname = current_user"
        ).fetchone()
    assert row == ("shop", "shop", False, "UTC", "UTF8", "C.UTF-8")


def test_a_wrong_password_is_refused(running: services.Endpoints) -> None:
    assert running.postgres_url is not None
    address = running.postgres_url.split("@", 1)[1]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://shop:wrong@{address}")


def test_the_buckets_are_there_and_a_wrong_key_is_refused(running: services.Endpoints) -> None:
    names = {bucket["Name"] for bucket in _s3(running).list_buckets()["Buckets"]}
    assert {running.landing_bucket, running.reports_bucket} <= names
    with pytest.raises(ClientError) as refused:
        _s3(running, secret="wrong").list_buckets()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    with pytest.raises(ClientError):
        _s3(running).put_object(Bucket="misspelt", Key="x", Body=b"x")


def test_the_catalog_refuses_a_wrong_credential(running: services.Endpoints) -> None:
    properties = running.catalog_properties() | {"credential": f"{running.s3_access_key}:wrong"}
    with pytest.raises(Exception, match=r"(?i)unauthorized|invalid|forbidden"):
        load_catalog("lake", **properties).list_namespaces()


def test_no_server_listens_beyond_this_machine(filled: Path, running: services.Endpoints) -> None:
    listeners = _listeners(filled)
    assert len(listeners) == 1 + 9
    assert {address for address, _ in listeners} == {"127.0.0.1"}
    records = Records.load(filled)
    assert {port for _, port in listeners} == records.ports()


def test_secrets_stay_in_private_files_and_out_of_what_is_shown(
    filled: Path, running: services.Endpoints
) -> None:
    secrets = [running.s3_secret_key, Records.load(filled).postgres.password]  # type: ignore[union-attr]
    shown = repr(running) + repr(services.status(filled)) + repr(Records.load(filled))
    shown += "".join(" ".join(command) for command in _server_processes(filled).values())
    shown += "".join(path.read_text("utf-8") for path in (filled / "logs").iterdir())
    for secret in secrets:
        assert secret and secret not in shown
    assert (filled / "services.json").stat().st_mode & 0o077 == 0
    assert (filled / "store" / "config" / "s3.json").stat().st_mode & 0o077 == 0


def test_a_stop_ends_both_keeps_the_data_and_may_be_repeated(filled: Path) -> None:
    before = services.start(filled, BOTH)
    services.stop(filled)
    assert _server_processes(filled) == {}
    assert [row.state for row in services.status(filled)] == ["stopped", "stopped", "absent"]
    assert services.endpoints(filled) is None
    services.stop(filled)
    services.stop(filled / "never there")
    assert not (filled / "never there").exists()

    after = services.start(filled, BOTH)
    assert after == before
    _assert_filled(after)


def test_killed_servers_start_again_with_what_was_acknowledged(
    filled: Path, running: services.Endpoints
) -> None:
    catalog = _catalog(running)
    catalog.create_table("ut.before_the_crash", schema=ROWS.schema).append(ROWS)
    with _database(running) as connection:
        connection.execute("insert into orders values (2, 'last before the crash')")
    for pid in _pids(filled).values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert [row.state for row in services.status(filled)] == ["stopped", "stopped", "absent"]

    after = services.start(filled, BOTH)
    _assert_filled(after)
    assert _catalog(after).load_table("ut.before_the_crash").scan().to_arrow().num_rows == ROWS.num_rows
    with _database(after) as connection:
        assert connection.execute("select title from orders where id = 2").fetchone() is not None
        connection.execute("delete from orders where id = 2")
    _catalog(after).drop_table("ut.before_the_crash")


def test_a_port_that_somebody_took_is_left_to_them(filled: Path, running: services.Endpoints) -> None:
    services.stop(filled)
    records = Records.load(filled)
    assert records.postgres is not None and records.store is not None
    wanted = [records.postgres.ports["sql"], records.store.ports["s3"], records.store.ports["master"]]
    with contextlib.ExitStack() as others:
        for port in wanted:
            other = others.enter_context(socket.socket())
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen()
        found = services.start(filled, BOTH)
        now = Records.load(filled)
        assert now.postgres is not None and now.store is not None
        assert not now.ports() & set(wanted)
        assert now.store.ports["catalog"] == records.store.ports["catalog"]
        _assert_filled(found)
        _catalog(found).load_table("ut.payments").overwrite(ROWS)
        _assert_filled(found)


def test_a_stale_process_id_of_another_program_is_not_touched(filled: Path) -> None:
    services.start(filled, ["postgres"])
    pid = Postgres(filled).pid()
    assert pid is not None
    lock = Postgres(filled).data / "postmaster.pid"
    content = lock.read_text("utf-8")
    os.kill(pid, signal.SIGKILL)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        lock.write_text(content.replace(str(pid), str(stranger.pid), 1), "utf-8")
        services.stop(filled)
        assert stranger.poll() is None
        found = services.start(filled, BOTH)
        assert stranger.poll() is None
        _assert_filled(found)
        assert Postgres(filled).pid() not in (None, stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_outlives_the_process_that_started_it(filled: Path) -> None:
    services.stop(filled)
    script = "import sys; from pathlib import Path; from usertags import services\n"
    script += "services.start(Path(sys.argv[1]), ['postgres'])"
    subprocess.run([sys.executable, "-c", script, str(filled)], check=True, cwd=ROOT)
    found = services.endpoints(filled)
    assert found is not None and found.s3_endpoint is None
    with _database(found) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", "utf-8")
    with pytest.raises(InfrastructureError, match="cannot be used") as refused:
        services.start(tmp_path / "file" / "state", BOTH)
    assert str(tmp_path / "file" / "state") in refused.value.message


def test_a_full_disk_is_named_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MINIMUM_FREE_BYTES", 1 << 62)
    with pytest.raises(InfrastructureError, match="MB free") as refused:
        services.start(tmp_path / "state", BOTH)
    assert str(tmp_path / "state") in refused.value.message
    assert _server_processes(tmp_path / "state") == {}


def test_a_disk_that_fills_up_shows_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("may not mount a small disk here")
    monkeypatch.setattr(control, "MINIMUM_FREE_BYTES", 0)
    try:
        with pytest.raises(InfrastructureError, match="No space left on device") as refused:
            services.start(small / "state", ["postgres"])
        assert "postgres.log" in refused.value.message
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_crash_at_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    state = tmp_path / "state"
    services.start(state, ["postgres"])
    services.stop(state)
    settings = Postgres(state).data / "postgresql.conf"
    settings.write_text(settings.read_text("utf-8") + "\nno_such_setting = 1\n", "utf-8")
    began = time.monotonic()
    with pytest.raises(InfrastructureError, match="no_such_setting"):
        services.start(state, ["postgres"])
    assert time.monotonic() - began < 20
    assert [row.state for row in services.status(state)] == ["stopped", "absent", "absent"]


def test_lost_or_broken_passwords_are_reported(tmp_path: Path) -> None:
    state = tmp_path / "state"
    services.start(state, ["postgres"])
    try:
        content = (state / "services.json").read_bytes()
        (state / "services.json").write_text("{", "utf-8")
        with pytest.raises(InfrastructureError, match=r"services\.json"):
            services.start(state, ["postgres"])
        (state / "services.json").unlink()
        with pytest.raises(InfrastructureError, match="password is missing"):
            services.start(state, ["postgres"])
        (state / "services.json").write_bytes(content)
        services.start(state, ["postgres"])
        (state / "services.json").write_text("{", "utf-8")
    finally:
        services.stop(state)
    assert _server_processes(state) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_without_namespaces_needs_a_folder_that_nobody_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(postgres, "_namespaces_work", lambda: False)
    with pytest.raises(InfrastructureError, match="the user nobody has no access to"):
        services.start(tmp_path / "state", ["postgres"])
    monkeypatch.undo()
    services.start(tmp_path / "state", ["postgres"])
    services.stop(tmp_path / "state")


def _start_and_tell(state: Path, found: "Queue[dict[str, int | None]]") -> None:
    services.start(state, BOTH)
    found.put(_pids(state))


def _database(found: services.Endpoints) -> psycopg.Connection[tuple[Any, ...]]:
    assert found.postgres_url is not None
    return psycopg.connect(found.postgres_url.replace("+psycopg", ""), autocommit=True)


def _catalog(found: services.Endpoints) -> Catalog:
    return load_catalog("lake", **found.catalog_properties())


def _s3(found: services.Endpoints, secret: str | None = None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=found.s3_endpoint,
        aws_access_key_id=found.s3_access_key,
        aws_secret_access_key=secret or found.s3_secret_key,
        region_name=found.region,
        config=Config(retries={"total_max_attempts": 1}),
    )


def _assert_filled(found: services.Endpoints) -> None:
    with _database(found) as connection:
        assert connection.execute("select title from orders where id = 1").fetchone() == ("重要客户",)
    assert _catalog(found).load_table("ut.payments").scan().to_arrow().sort_by("user_id").equals(ROWS)


def _pids(state: Path) -> dict[str, int | None]:
    return {row.name: row.pid for row in services.status(state) if row.name in BOTH}


def _server_processes(state: Path) -> dict[int, list[str]]:
    """Main processes that serve the folder, seen from outside: by their working directory."""
    found = {}
    for process in psutil.process_iter(["cwd", "cmdline"]):
        folder, command = process.info["cwd"], process.info["cmdline"]
        inside = folder is not None and Path(folder).is_relative_to(state)
        if inside and command and Path(command[0]).name in ("postgres", "weed"):
            found[process.pid] = command
    return found


def _listeners(state: Path) -> set[tuple[str, int]]:
    """Address and port of every TCP socket on which the servers of the folder listen."""
    return {
        (connection.laddr.ip, connection.laddr.port)
        for pid in _server_processes(state)
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def test_the_helpers_of_these_tests_see_the_servers(filled: Path, running: services.Endpoints) -> None:
    assert set(_server_processes(filled)) == {Store(filled).pid(), Postgres(filled).pid()}
