"""A database that an Airflow connection names, as a source's connection."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.folders import SMALL
from usertags.config.models import SqlConnection
from usertags.errors import ConfigError
from usertags.project.build import load_project
from usertags.project.model import Project
from usertags.store.connections import sql_url


def project_with(conn_id: str) -> Project:
    project = load_project(Path(SMALL))
    return replace(project, connections={"shop": SqlConnection(kind="sql", airflow=conn_id)})


@pytest.mark.parametrize(
    ("value", "backend"),
    [
        ("postgres://reader:p%40ss%2Fword@db.example:5433/shop", "postgres"),
        (
            '{"conn_type": "mysql", "host": "db.example", "login": "reader", "password": "p@ss/word",'
            ' "schema": "shop", "port": 5433}',
            "mysql",
        ),
    ],
)
def test_the_connection_gives_address_user_and_password(
    airflow: None, monkeypatch: pytest.MonkeyPatch, value: str, backend: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", value)
    url = make_url(sql_url("shop", project_with("shop_db")))
    assert url.get_backend_name() == backend
    found = (url.username, url.password, url.host, url.port, url.database)
    assert found == ("reader", "p@ss/word", "db.example", 5433, "shop")


def test_a_connection_that_is_not_there_is_an_error_of_the_configuration(airflow: None) -> None:
    with pytest.raises(ConfigError, match="unknown Airflow connection 'nowhere'") as caught:
        sql_url("shop", project_with("nowhere"))
    assert "AIRFLOW_CONN_NOWHERE" in str(caught.value)
