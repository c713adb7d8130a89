"""The embedded Spark server: what a person may do to it, and what a crash does.

The sessions are in processes of their own: one that has used Spark one way does not use it the other."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from usertags import services
from usertags.errors import InfrastructureError
from usertags.services import ports
from usertags.services.process import wait_until
from usertags.services.spark import Spark

SETTINGS = {
    "spark.driver.memory": "512m",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = (tmp_path_factory.mktemp("spark") / "my state, 状态").resolve()
    yield folder
    services.stop(folder)


def _start(home: Path, **more: str) -> str:
    url = services.start(home, ["spark"], spark_settings=SETTINGS | more).spark_url
    assert url is not None
    return url


def _ask(url: str, query: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys\nfrom pyspark.sql import SparkSession\n"
        "session = SparkSession.builder.remote(sys.argv[1]).create()\n"
        "print([tuple(row) for row in session.sql(sys.argv[2]).collect()])\nsession.stop()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, url, query], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_session_answers_and_a_second_start_finds_the_same_server(home: Path) -> None:
    services.stop(home)
    progress: list[str] = []
    services.start(home, ["spark"], spark_settings=SETTINGS, progress=progress.append)
    assert progress.count("Spark: starting the session server") == 1
    url, pid = _start(home), Spark(home).pid()
    assert _ask(url, "select count(*) from range(5)").stdout == "[(5,)]\n"
    assert _start(home) == url
    assert Spark(home).pid() == pid


def test_without_the_token_no_session_is_given(home: Path) -> None:
    address, _, token = _start(home).partition("/;token=")
    for wrong in (address, f"{address}/;token={token[:-1]}x"):
        done = _ask(wrong, "select 1")
        assert done.returncode != 0
        assert "UNAUTHENTICATED" in done.stderr
        assert token not in done.stderr


def test_it_listens_on_this_machine_alone_and_shows_no_token(home: Path) -> None:
    token = _start(home).partition("token=")[2]
    server = psutil.Process(Spark(home).pid())
    listening = {item.laddr.ip for item in server.net_connections() if item.status == psutil.CONN_LISTEN}
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"} and listening
    assert token not in " ".join(server.cmdline())
    assert token not in Spark(home).log.read_text("utf-8")
    row = next(row for row in services.status(home) if row.name == "spark")
    assert row.state == "running" and row.url is not None and token not in row.url


def test_other_settings_start_it_anew(home: Path) -> None:
    _start(home)
    pid = Spark(home).pid()
    url = _start(home, **{"spark.sql.shuffle.partitions": "3"})
    assert Spark(home).pid() != pid
    assert _ask(url, "set spark.sql.shuffle.partitions").stdout == "[('spark.sql.shuffle.partitions', '3')]\n"


def test_a_killed_server_starts_again(home: Path) -> None:
    _start(home)
    pid = Spark(home).pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: Spark(home).pid() is None, 10)
    assert _ask(_start(home), "select 'again'").stdout == "[('again',)]\n"


def test_a_port_that_another_program_took_is_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers on the port that was chosen a moment ago: the server there is not ours."""
    services.stop(home)
    choose, first = ports.choose, iter([True])
    with socket.create_server((ports.LOOPBACK, 0)) as other:
        taken = other.getsockname()[1]

        def chosen(*names: Any, **options: Any) -> dict[str, int]:
            return {"connect": taken} if next(first, False) else choose(*names, **options)

        monkeypatch.setattr(ports, "choose", chosen)
        url = _start(home)
    assert f":{taken}/" not in url
    assert _ask(url, "select 'ours'").stdout == "[('ours',)]\n"


def test_a_stop_ends_it_and_leaves_no_scratch_file(home: Path) -> None:
    _start(home)
    services.stop(home)
    assert Spark(home).pid() is None
    assert not Spark(home).folder.exists()
    services.stop(home)


def test_without_java_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfrastructureError, match=r"needs Java 17 or 21(?s:.*)scripts/install"):
        services.start(tmp_path / "state", ["spark"], spark_settings=SETTINGS)


def test_a_start_that_fails_shows_the_end_of_its_log(home: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"(?s)Spark did not start: it exited immediately.*memory"):
        _start(home, **{"spark.driver.memory": "no memory"})
