"""A separate Airflow for a configuration: its settings, its metadata database, start and stop.

`python -m demo.airflow up` and `down` start and stop the Airflow of the demo.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import psutil

from demo import DATA_DAYS, NEXT_DAY
from usertags.errors import InfrastructureError, UsertagsError
from usertags.project.build import ROOT, load_project
from usertags.store.lake import open_lake

# Not `airflow standalone`: its log servers listen on all addresses, and logs are on this disk anyway. If
# one component ends, all are stopped.
_COMPONENTS = """
"$1" -m airflow api-server &
"$1" -m airflow scheduler --skip-serve-logs &
"$1" -m airflow dag-processor &
"$1" -m airflow triggerer --skip-serve-logs &
wait -n; kill 0
"""
# Long enough for a machine under load.
_HEALTHY_WITHIN, _ANSWER_WITHIN = 300, 20


@dataclass(frozen=True)
class Airflow:
    """An Airflow that keeps everything in `home` and runs the days of a configuration up to `last_day`.

    `users` are those of Airflow's simple auth manager, as `name:role,…`; without any, all users are admins.
    """

    home: Path
    configs: Path
    last_day: date
    users: str = ""

    def environment(self, port: int = 8080) -> dict[str, str]:
        """The environment of every command. All servers listen on loopback."""
        bin_folder = Path(sys.executable).parent
        url = f"http://127.0.0.1:{port}"
        return os.environ | {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'jobs'}",
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": str(not self.users),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": self.users or "admin:admin",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "local[*]"}),
            "USERTAGS_CONFIGS": str(self.configs),
            "USERTAGS_LAST_DAY": self.last_day.isoformat(),
            "PYTHONWARNINGS": "ignore",
        }

    def ensure_metadata(self) -> None:
        """Create or upgrade Airflow's metadata database."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.command("db", "migrate")

    def command(self, *arguments: str) -> str:
        """Run an Airflow command and return what it printed."""
        running = self._running()
        environment = self.environment(running[1]) if running else self.environment()
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise InfrastructureError(
                f"airflow {' '.join(arguments)} failed:\n{tail}",
                next_step="fix the reported problem and run it again",
            )
        return done.stdout

    def up(self) -> str:
        """Start Airflow and its daily runs; returns its URL once it is healthy."""
        running = self._running()
        if running is not None:
            return f"http://127.0.0.1:{running[1]}"
        url = self.start()
        self.command("dags", "unpause", "user_tags_daily")
        return url

    def start(self) -> str:
        """Start Airflow in its own process group; returns its URL once it is healthy."""
        self.ensure_metadata()
        port = _free_port(8080)
        log = self.home / "ui.log"
        with log.open("w") as kept:
            process = subprocess.Popen(
                ["bash", "-c", _COMPONENTS, "airflow", sys.executable],
                cwd=ROOT,
                env=self.environment(port),
                stdout=kept,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._record.write_text(json.dumps([process.pid, port]))
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + _HEALTHY_WITHIN
        while time.monotonic() < deadline and process.poll() is None:
            if _healthy(url):
                return url
            time.sleep(0.3)
        self.down()
        raise InfrastructureError(
            "Airflow did not become healthy", safe="the tables are unchanged", next_step=f"see {log}"
        )

    def down(self) -> None:
        """Stop only the Airflow that `up` started."""
        running = self._running()
        self._record.unlink(missing_ok=True)
        if running is None:
            return
        os.killpg(running[0], signal.SIGTERM)
        for _ in range(300):
            # If this process started it, it remains a zombie until it is waited for.
            with suppress(ChildProcessError):
                os.waitpid(running[0], os.WNOHANG)
            try:
                os.killpg(running[0], 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)
        os.killpg(running[0], signal.SIGKILL)

    @property
    def _record(self) -> Path:
        return self.home / "ui.json"

    def _running(self) -> tuple[int, int] | None:
        """Process and port of our running Airflow; a pid reused by another program does not count."""
        if not self._record.exists():
            return None
        pid, port = json.loads(self._record.read_text())
        try:
            command = psutil.Process(pid).cmdline()
        except psutil.Error:
            return None
        return (pid, port) if any("airflow" in word for word in command) else None


def demo_airflow() -> Airflow:
    """The Airflow of the demo; its last run is for the last day with data."""
    configs = Path(os.environ.get("USERTAGS_CONFIGS", ROOT / "configs"))
    home = ROOT / ".usertags" / "airflow"
    return Airflow(home, configs, NEXT_DAY if _has_next_day(home).exists() else DATA_DAYS[-1])


def has_next_day(airflow: Airflow) -> Airflow:
    """The same Airflow, once the day after the demo's days has data."""
    _has_next_day(airflow.home).touch()
    return replace(airflow, last_day=NEXT_DAY)


def _has_next_day(home: Path) -> Path:
    return home / "has_next_day"


def _free_port(first: int) -> int:
    for port in range(first, first + 300):
        if _is_free(port):
            return port
    raise InfrastructureError(
        f"no free port from {first} on", next_step="stop the programs that use these ports"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=_ANSWER_WITHIN) as answer:
            health = json.load(answer)
    except OSError:
        return False
    return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))


def _main(command: str) -> int:
    try:
        if command == "up":
            airflow = demo_airflow()
            # The quality pages read the lake but do not start it.
            open_lake(load_project(airflow.configs), print)
            url = airflow.up()
            print(f"Airflow: {url}/dags/user_tags_daily (make down stops it)")
            print(f"Data quality: {url}/plugin/data-quality")
        else:
            demo_airflow().down()
    except UsertagsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
