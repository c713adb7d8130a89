"""What holds for every test: which layer it is in, what is shared, and what the environment says."""

import os
import sys

import hypothesis

from tests.support import airflow_home

pytest_plugins = [
    "tests.support.layers",
    "tests.support.servers",
    "tests.support.projects",
    "tests.support.lakes",
    "tests.support.verified_day",
]

# A busy machine is no defect, and a run that fails is to fail again.
hypothesis.settings.register_profile("usertags", deadline=None, derandomize=True)
hypothesis.settings.load_profile("usertags")
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
os.environ["USERTAGS_PII_SALT"] = "salt of the tests"
airflow_home.use_own_home()
