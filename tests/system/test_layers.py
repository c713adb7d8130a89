"""pytest itself, on a folder with tests that do what their layer may not."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.places import ROOT

STARTS = """
import subprocess, sys

def test_it():
    try:
        subprocess.run([sys.executable, "-c", "pass"])
    except Exception:
        pass
"""


def _pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'jobs'}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.layers", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, f"--rootdir={folder}", str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _write(folder: Path, layer: str, text: str) -> None:
    place = folder / "tests" / layer
    place.mkdir(parents=True)
    (place / f"test_{layer}_starts.py").write_text(text)


def test_a_test_fails_for_its_layer_although_it_swallows_the_refusal(tmp_path: Path) -> None:
    for layer in ("fast", "spark", "system"):
        _write(tmp_path, layer, STARTS)
    done = _pytest(tmp_path)
    assert "2 failed, 1 passed" in done.stdout
    for layer in ("fast", "spark"):
        assert f"a test in tests/{layer} starts a process (subprocess.Popen)" in done.stdout


def test_a_fast_test_that_asks_for_spark_fails(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.fixture\ndef spark():\n    return 1\ndef test_it(spark):\n    pass\n"
    _write(tmp_path, "fast", text)
    assert "a test in tests/fast uses Spark" in _pytest(tmp_path).stdout


def test_a_test_outside_the_layers_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, "elsewhere", "def test_it():\n    pass\n")
    done = _pytest(tmp_path)
    assert done.returncode == 4
    assert "is in no layer: tests are in tests/fast, tests/spark, tests/system, tests/long" in done.stderr
