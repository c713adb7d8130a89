"""A home of Airflow for what the tests of the plugin import of it."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home for what the tests import of Airflow: nothing of it is in the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
        yield
