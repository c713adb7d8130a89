"""A test that starts what its layer may not fails, whatever becomes of the refusal."""

import os
import socket
import subprocess
import sys

import pytest

from tests.support.layers import LayerError, in_layer, starting_what_is_shared
from tests.support.places import ROOT, TESTS

PROGRAM = [sys.executable, "-c", "pass"]


@pytest.mark.parametrize("layer", ["fast", "spark"])
def test_no_process_is_started(layer: str) -> None:
    with in_layer(layer) as done:
        with pytest.raises(LayerError, match=rf"tests/{layer} starts a process \(subprocess.Popen\)"):
            subprocess.run(PROGRAM, check=True)
        with pytest.raises(LayerError, match="starts a process"):
            os.system("true")
    assert len(done) == 2


@pytest.mark.parametrize("layer", ["fast", "spark"])
def test_no_server_is_opened(layer: str) -> None:
    with in_layer(layer), socket.socket() as server, pytest.raises(LayerError, match="opens a server"):
        server.bind(("127.0.0.1", 0))


def test_a_fast_test_connects_to_nobody() -> None:
    with in_layer("fast"), socket.socket() as client, pytest.raises(LayerError, match="connects"):
        client.connect(("127.0.0.1", 9))


def test_sockets_inside_the_process_are_no_server() -> None:
    with in_layer("fast") as done:
        one, other = socket.socketpair()
        one.close()
        other.close()
    assert done == []


def test_what_all_share_may_be_started() -> None:
    with in_layer("fast") as done:
        with starting_what_is_shared(), socket.socket() as server:
            server.bind(("127.0.0.1", 0))
        with socket.socket() as server, pytest.raises(LayerError):
            server.bind(("127.0.0.1", 0))
    assert len(done) == 1


def test_no_test_reads_the_clock_or_waits_for_a_fixed_time() -> None:
    """What a test waits for it asks for again and again, in tests/support and in loops with an end."""
    asked = ("date.today(", "datetime.now(", "datetime.utcnow(", "time.time(")
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        if path.name != "test_layers.py"
        for name in asked
        if name in path.read_text(encoding="utf-8")
    ]
    assert found == []
