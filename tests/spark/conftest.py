"""Frames are of the shared session, whatever other sessions the process has."""

from typing import Any

import pytest

from usertags.store.spark import make_active


@pytest.fixture(scope="module", autouse=True)
def active_session(spark: Any) -> None:
    make_active(spark)
