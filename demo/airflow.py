"""Airflow of the demo: its settings, its metadata, and starting and stopping its UI."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from jobs.catalogue.build import ROOT
from jobs.errors import InfrastructureError, UsertagsError

HOME = ROOT / ".usertags" / "airflow"
_RECORD = HOME / "ui.json"


def environment(port: int = 8080) -> dict[str, str]:
    """The process environment of every Airflow command of the demo. Everything listens on loopback."""
    bin_folder = Path(sys.executable).parent
    url = f"http://127.0.0.1:{port}"
    return os.environ | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(port + 1),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(port + 2),
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "local[*]"}),
        "USERTAGS_CONFIGS": os.environ.get("USERTAGS_CONFIGS", str(ROOT / "configs")),
        "PYTHONWARNINGS": "ignore",
    }


def ensure_metadata() -> None:
    """Make or upgrade Airflow's own database."""
    HOME.mkdir(parents=True, exist_ok=True)
    _airflow("db", "migrate")


def _airflow(*arguments: str) -> None:
    command = [sys.executable, "-m", "airflow", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise InfrastructureError(
            f"airflow {' '.join(arguments)} failed:\n{tail}",
            next_step="correct what it says and run it again",
        )


def up() -> str:
    """Start Airflow in a process group of its own; returns its address once it is healthy."""
    if _record() is not None:
        return f"http://127.0.0.1:{_record()[1]}"  # type: ignore[index]
    ensure_metadata()
    port = _free_port(8080)
    log = HOME / "ui.log"
    with log.open("w") as kept:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            cwd=ROOT,
            env=environment(port),
            stdout=kept,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _RECORD.write_text(json.dumps([process.pid, port]))
    url = f"http://127.0.0.1:{port}"
    for _ in range(180):
        if process.poll() is not None:
            break
        if _healthy(url):
            _airflow("dags", "unpause", "user_tags_daily")
            return url
        time.sleep(1)
    down()
    raise InfrastructureError(
        "Airflow did not become healthy", safe="the tables stand", next_step=f"see {log.relative_to(ROOT)}"
    )


def down() -> None:
    """Stop the Airflow that `up` started, and nothing else."""
    record = _record()
    _RECORD.unlink(missing_ok=True)
    if record is None:
        return
    os.killpg(record[0], signal.SIGTERM)
    for _ in range(300):
        try:
            os.killpg(record[0], 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(record[0], signal.SIGKILL)


def _record() -> tuple[int, int] | None:
    """Process and port of a running Airflow of ours; a pid that another program has now is not ours."""
    if not _RECORD.exists():
        return None
    pid, port = json.loads(_RECORD.read_text())
    command = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return (pid, port) if "airflow" in command.stdout else None


def _free_port(first: int) -> int:
    """The first of three free neighbours: the API, and the two log servers behind it."""
    for port in range(first, first + 300, 3):
        if all(_is_free(port + offset) for offset in range(3)):
            return port
    raise InfrastructureError(f"no free port from {first} on", next_step="stop what listens there")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=2) as answer:
            health = json.load(answer)
    except OSError:
        return False
    return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))


def _main(command: str) -> int:
    try:
        if command == "up":
            print(f"Airflow: {up()}/dags/user_tags_daily (make down stops it)")
        else:
            down()
    except UsertagsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
