"""A catalogue of a test, written as configuration and loaded as one."""

from collections.abc import Callable
from typing import Any

import pytest

from usertags.catalogue.model import Catalogue

from .frames import write_catalogue


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Catalogue]:
    """Builds a catalogue in a folder of its own; see `write_catalogue` for its parts."""

    def make(**parts: Any) -> Catalogue:
        return write_catalogue(tmp_path_factory.mktemp("configs"), **parts)

    return make
