"""What the pages take of Airflow."""

import pytest

from tests.support.layers import starting_what_is_shared


@pytest.fixture(scope="session", autouse=True)
def airflow_security() -> None:
    """Its import asks the machine about itself by a process."""
    with starting_what_is_shared():
        import airflow.api_fastapi.core_api.security  # noqa: F401
