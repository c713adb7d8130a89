"""Ports on 127.0.0.1: recorded ports are reused if still free, otherwise replaced."""

import random
import socket
from collections.abc import Iterable, Mapping

from usertags.errors import InfrastructureError

LOOPBACK = "127.0.0.1"
# Below the ephemeral ports of Linux (32768+) and macOS (49152+): a recorded port there would often be
# in use by an outgoing connection when the server is restarted.
PORTS = range(20000, 32000)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # The servers set it, too: without it, lingering connections of the last run look like a used port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def answers(port: int, timeout: float = 1.0) -> bool:
    """Whether something accepts connections on the port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True


def choose(names: Iterable[str], remembered: Mapping[str, int], *, taken: Iterable[int]) -> dict[str, int]:
    """One free port per name, none of `taken`: the recorded port, or a new one if it is in use."""
    used = set(taken)
    chosen: dict[str, int] = {}
    for name in names:
        port = remembered.get(name)
        if port is None or port in used or not is_free(port):
            port = _new_port(used)
        used.add(port)
        chosen[name] = port
    return chosen


def _new_port(used: set[int]) -> int:
    # Random, so that two configurations started at the same time rarely conflict.
    for _ in range(1000):
        port = random.choice(PORTS)
        if port not in used and is_free(port):
            return port
    raise InfrastructureError(
        f"No free port on {LOOPBACK} between {PORTS.start} and {PORTS.stop - 1}.",
        safe="nothing was started",
        next_step="stop other servers on this machine and start again",
    )
