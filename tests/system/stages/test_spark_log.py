"""The log of Spark in the process of a stage: no message of an error, which may quote a row."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.lakes import catalog_in_files
from tests.support.places import ROOT, SMALL

SECRET = "Wang Fang"
CODE = f"""
import sys
from dataclasses import replace
from pathlib import Path
from usertags.project.build import load_project
from usertags.sources.s3 import S3Access
from usertags.store.lake import Lake
from usertags.store.spark import spark_session

project = load_project(Path({str(SMALL)!r}))
own = project.spark.model_copy(update={{"remote": None, "master": "local[1]"}})
catalog = dict(line.split("=", 1) for line in sys.argv[1:])
lake = Lake(catalog, S3Access("http://127.0.0.1:9", "us-east-1", "none", "none"), "reports")
session = spark_session(replace(project, spark=own), lake, "clean")
try:
    session.sql("select explode(array('5', '{SECRET}')) as name").selectExpr("cast(name as int)").collect()
except Exception as error:
    print(type(error).__name__, "{SECRET}" in str(error))
"""


def test_the_error_of_a_task_is_logged_by_type_and_calls(tmp_path: Path) -> None:
    catalog = [f"{name}={value}" for name, value in catalog_in_files(tmp_path / "lake").items()]
    ran = subprocess.run(
        [sys.executable, "-c", CODE, *catalog],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'jobs'}:{ROOT}"},
    )
    assert ran.stdout.splitlines()[-1] == "NumberFormatException True"
    assert "org.apache.spark.SparkNumberFormatException [CAST_INVALID_INPUT]\n\tat " in ran.stderr
    assert SECRET not in ran.stderr
