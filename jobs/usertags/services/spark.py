"""The embedded Spark: one Spark Connect server, kept running between stages and days."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from usertags.errors import InfrastructureError
from usertags.services import ports, process
from usertags.services.records import SparkRecord

PORT_NAMES = ("connect",)
START_SECONDS = 90.0
STOP_STEPS = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 10.0))
# Log4j's settings, by which the log has no messages of errors: they quote rows.
LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"


@dataclass(frozen=True)
class Spark:
    """The Spark Connect server of one state folder. It stores no data: its folder is scratch space."""

    state: Path

    @property
    def folder(self) -> Path:
        return self.state / "spark"

    @property
    def log(self) -> Path:
        return self.state / "logs" / "spark.log"

    def pid(self) -> int | None:
        return process.Identity("java", self._mark).pid()

    def url(self, record: SparkRecord) -> str:
        """The URL for sessions, with the token. It uses a host name, because Spark's client sends a
        token without TLS only to `localhost`."""
        return f"{self.address(record)}/;token={record.token}"

    def address(self, record: SparkRecord) -> str:
        return f"sc://localhost:{record.ports['connect']}"

    def start(
        self, record: SparkRecord, settings: Mapping[str, str], progress: Callable[[str], None]
    ) -> None:
        """Start the server if it is not running and wait until it answers."""
        child, log_from = None, 0
        if self.pid() is None:
            _require_java()
            progress("Spark: starting the session server")
            shutil.rmtree(self.folder, ignore_errors=True)
            (self.folder / "tmp").mkdir(mode=0o700, parents=True)
            shutil.copy(LOG_SETTINGS, self.folder)
            log_from = self.log.stat().st_size if self.log.exists() else 0
            child = process.spawn(
                self._command(record, settings),
                cwd=self.folder,
                log=self.log,
                environment=self._environment(record),
            )
        self._wait(record, child, log_from)

    def stop(self) -> None:
        """Stop the server; does nothing if it is not running."""
        if not process.end(self.pid, STOP_STEPS):
            raise InfrastructureError(
                f"The embedded Spark (process {self.pid()}) did not stop. Its log is {self.log}.",
                safe="the server keeps no data",
                next_step="stop that process, then run the command again",
            )
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _mark(self) -> str:
        return f"spark.usertags.state={self.state}"

    def _command(self, record: SparkRecord, settings: Mapping[str, str]) -> list[str]:
        # Relative to the working directory: a user's path may contain characters not allowed in Java's
        # options.
        scratch = "tmp"
        own = {
            "spark.local.dir": scratch,
            "spark.connect.grpc.binding.address": ports.LOOPBACK,
            "spark.connect.grpc.binding.port": str(record.ports["connect"]),
            # A session is idle while its day is extracted.
            "spark.connect.session.manager.defaultSessionTimeout": "12h",
        }
        # Its log is for whoever looks for a failure: a line for each step of each statement hides that.
        options = {"spark.log.level": "WARN", **settings, **own}
        java = f"-Djava.io.tmpdir={scratch} -Dlog4j2.configurationFile={LOG_SETTINGS.name}"
        java = f"{java} {options.pop('spark.driver.extraJavaOptions', '')}".strip()
        arguments = [f"{name}={value}" for name, value in options.items()]
        arguments += [f"spark.driver.extraJavaOptions={java}", self._mark]
        confs = [part for argument in arguments for part in ("--conf", argument)]
        return [str(_program()), *confs, "--class", _SERVER, "spark-internal"]

    def _environment(self, record: SparkRecord) -> dict[str, str]:
        java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
        return process.clean_environment(
            self.folder,
            LC_ALL="C.UTF-8",
            SPARK_LOCAL_IP=ports.LOOPBACK,
            PYSPARK_PYTHON=sys.executable,
            SPARK_CONNECT_AUTHENTICATE_TOKEN=record.token,
            **java,
        )

    def _wait(self, record: SparkRecord, child: subprocess.Popen[bytes] | None, log_from: int) -> None:
        port = record.ports["connect"]

        def settled() -> bool:
            ended = child is not None and child.poll() is not None
            # Something else may answer on the port.
            return ended or process.listens(child.pid if child else self.pid(), port)

        if process.wait_until(settled, START_SECONDS) and (child is None or child.poll() is None):
            return
        ended = child is not None and child.poll() is not None
        reason = "it exited immediately" if ended else f"no answer within {START_SECONDS:.0f} seconds"
        if ended and not ports.is_free(port):
            reason = f"its port {port} is already in use"
        failure = process.start_failed("Spark", self.log, reason, after=log_from)
        process.end(self.pid, STOP_STEPS)
        raise failure


def _require_java() -> None:
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        raise InfrastructureError(
            "Spark needs Java 17 or 21, but `java` was not found.",
            safe="nothing was started",
            next_step="run `scripts/install runtime`, which shows how to install it, then start again",
        )


def _program() -> Path:
    return Path(sysconfig.get_path("scripts")) / "spark-submit"
