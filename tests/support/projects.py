"""A project of a test, written as configuration and loaded as one."""

from collections.abc import Callable
from typing import Any

import pytest

from usertags.project.model import Project

from .frames import write_project


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Builds a project in a folder of its own; see `write_project` for its parts."""

    def make(**parts: Any) -> Project:
        return write_project(tmp_path_factory.mktemp("configs"), **parts)

    return make
