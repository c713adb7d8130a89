"""Server processes: started detached, identified by their command line, stopped as a group.

A server is identified by its program and its folder, never by a recorded process id: ids are
reused, and an interrupted start does not record them.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from usertags.errors import InfrastructureError

POLL_SECONDS = 0.05
LOG_LIMIT_BYTES = 5_000_000

# Kept so that a server that exits during this process is reaped and not left as a zombie.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Identity:
    """The unique parts of a server's command line: the program's name and one exact argument."""

    program: str
    argument: str

    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        for child in _children:
            child.poll()
        for process in psutil.process_iter(["cmdline"]):
            # None of a process that this user may not look at.
            program, *arguments = process.info["cmdline"] or [""]
            if Path(program).name == self.program and self.argument in arguments:
                return int(process.pid)
        return None


def clean_environment(home: Path, **extra: str) -> dict[str, str]:
    """The environment of a server: no proxies, no cloud credentials, no PG* or WEED_* settings."""
    kept = {"PATH": os.environ.get("PATH", os.defpath)}
    return {**kept, "HOME": str(home), "LC_ALL": "C", "TZ": "UTC", **extra}


def spawn(
    command: Sequence[str], *, cwd: Path, log: Path, environment: Mapping[str, str], user: str | None = None
) -> subprocess.Popen[bytes]:
    """Start a server in its own session, so that Ctrl-C and the end of this process do not affect it."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            user=user,
            group=None if user is None else cwd.stat().st_gid,
            extra_groups=None if user is None else [],
        )
    finally:
        os.close(descriptor)
    _children.append(child)
    return child


def end(find: Callable[[], int | None], steps: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Send each signal in turn and wait its seconds; True once the process has exited (or did not exist).

    SIGKILL goes to the whole process group, so that no helper process outlives the server.
    """
    for number, seconds in steps:
        pid = find()
        if pid is None:
            return True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number) if number == signal.SIGKILL else os.kill(pid, number)
        if wait_until(lambda: find() is None, seconds):
            return True
    return find() is None


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition holds; False on timeout."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def last_lines(log: Path, count: int = 8, *, after: int = 0) -> str:
    """The end of a log file, from byte `after` on, each line cut to 300 characters."""
    try:
        with log.open("rb") as file:
            file.seek(max(after, log.stat().st_size - 20_000))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(line[:300] for line in text.splitlines()[-count:])


def listens(pid: int | None, port: int) -> bool:
    """Whether a process itself listens on a port: another program may have taken the port."""
    if pid is None:
        return False
    with contextlib.suppress(psutil.Error):
        listening = psutil.Process(pid).net_connections("tcp")
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in listening)
    return False


def start_failed(name: str, log: Path, reason: str, *, after: int = 0) -> InfrastructureError:
    """The error for a server that did not start, with the path and the end of its log."""
    lines = last_lines(log, after=after)
    tail = f" Its log {log} ends:\n{lines}" if lines else f" Its log is {log}."
    return InfrastructureError(
        f"The embedded {name} did not start: {reason}.{tail}",
        safe="data of earlier runs is on disk, unchanged",
        next_step="fix the cause named in the log (disk space, a port, memory) and start again",
    )
