"""The two Iceberg jars: Maven coordinates with pinned checksums, stored in `.jars/`.

`python -m usertags.store.jars` downloads missing jars with Spark's own resolver.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from usertags.errors import InfrastructureError

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".jars"

JARS = {
    "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0": (
        "3123c3798af642dd537230923548e013ef41cc28b6626e5225808cf5670a0f82"
    ),
    "org.apache.iceberg:iceberg-aws-bundle:1.12.0": (
        "dd7e49ffa4ac9b215bed846581991259e3aec9bb2fa08d6cec029c46cd66d957"
    ),
}


def jar_paths() -> list[Path]:
    """The paths of the jars; raises InfrastructureError if one is missing."""
    paths = [jar_path(coordinates) for coordinates in JARS]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise InfrastructureError(
            f"jars missing in {FOLDER.name}/: {', '.join(missing)}", next_step="run `make install`"
        )
    return paths


def jar_path(coordinates: str) -> Path:
    """The path of a jar, whether or not it exists."""
    return FOLDER / _file_name(coordinates)


def fetch_jars(jars: Mapping[str, str] = JARS) -> None:
    """Download and verify missing jars. Raises InfrastructureError if they cannot be downloaded, or if one
    has a wrong checksum: that file is removed."""
    FOLDER.mkdir(exist_ok=True)
    missing = [coordinates for coordinates in jars if not _verified(coordinates, jars)]
    if not missing:
        return
    with tempfile.TemporaryDirectory(dir=FOLDER) as ivy:
        _resolve(missing, Path(ivy))
        for coordinates in missing:
            shutil.move(Path(ivy) / "jars" / _file_name(coordinates), FOLDER)
    wrong = [coordinates for coordinates in missing if not _verified(coordinates, jars)]
    if wrong:
        raise InfrastructureError(
            f"checksum mismatch: {', '.join(wrong)}; the files were removed",
            next_step="run it again; if it fails again, the repository does not serve the pinned artifact",
        )


def _file_name(coordinates: str) -> str:
    group, artifact, version = coordinates.split(":")
    return f"{group}_{artifact}-{version}.jar"


def _verified(coordinates: str, jars: Mapping[str, str]) -> bool:
    path = jar_path(coordinates)
    if not path.exists():
        return False
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == jars[coordinates]:
            return True
    path.unlink()
    return False


def _resolve(coordinates: list[str], ivy: Path) -> None:
    application = ivy / "nothing.py"
    application.write_text("")
    command = [
        str(Path(sys.executable).parent / "spark-submit"),
        "--master",
        "local[1]",
        "--packages",
        ",".join(coordinates),
        "--conf",
        f"spark.jars.ivy={ivy}",
        str(application),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "unresolved" in line or "ERROR" in line]
        raise InfrastructureError(
            "the Iceberg jars could not be downloaded: " + "; ".join(lines[-3:] or ["see Spark's output"]),
            next_step="check the network and the Maven settings, then run `make install` again",
        )


if __name__ == "__main__":
    try:
        fetch_jars()
    except InfrastructureError as error:
        sys.exit(str(error))
