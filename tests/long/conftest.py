"""What takes longer than CI may: the public data sets as a whole. They are no part of the project."""

from pathlib import Path

import pytest

from tests.support.places import ROOT
from tests.system.e2e.conftest import new_shop

__all__ = ["new_shop"]


def real_data(name: str) -> Path:
    """A folder of public data beside the repository; the test is skipped where it is not there."""
    folder = ROOT.parent / "shared" / "data" / name
    if not folder.is_dir():
        pytest.skip(f"no public data in {folder}")
    return folder
