"""What is installed into somebody's environment: one package, and no other top-level name."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.places import ROOT


def test_the_wheel_brings_the_package_and_nothing_else(tmp_path: Path) -> None:
    built, clean = tmp_path / "built", tmp_path / "clean"
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", built]
    subprocess.run([*build, ROOT], check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", clean, wheel]
    subprocess.run(install, check=True, capture_output=True)
    names = {path.name for path in clean.iterdir()} - {"bin"}
    assert {name for name in names if not name.endswith(".dist-info")} == {"usertags"}
    with zipfile.ZipFile(wheel) as archive:
        files = {"usertags/quality/assets/README.md", "usertags/services/log4j2.properties"}
        assert files <= {*archive.namelist()}
    code = "import usertags.errors; print(usertags.errors.__file__)"
    found = subprocess.run(
        [sys.executable, "-S", "-c", code],
        check=False,
        env={"PYTHONPATH": str(clean)},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == str(clean / "usertags" / "errors.py"), found.stderr
