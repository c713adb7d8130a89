"""Resolves connections to addresses and keys: environment, Airflow connection, embedded service."""

import os
import re
from collections.abc import Callable

from usertags import services
from usertags.config.models import FilesConnection, SqlConnection
from usertags.errors import ConfigError, ConfigProblem, InfrastructureError
from usertags.project.model import Project

Progress = Callable[[str], None]


def from_environment(text: str, project: Project, file_name: str = "connections.yml") -> str:
    """Replace each ${NAME} with its environment variable; unset names raise a ConfigError."""
    names = re.findall(r"\$\{(\w+)\}", text)
    missing = [name for name in names if name not in os.environ]
    if missing:
        file = str(project.folder / file_name)
        raise ConfigError(
            [ConfigProblem(file, _line_of(file, name), f"${{{name}}} is not set") for name in missing],
            next_step=f"set it: export {missing[0]}=…",
        )
    return re.sub(r"\$\{(\w+)\}", lambda match: os.environ[match[1]], text)


def _line_of(file: str, name: str) -> int:
    with open(file, encoding="utf-8") as lines:  # noqa: PTH123
        return next((number for number, line in enumerate(lines, 1) if f"${{{name}}}" in line), 0)


def embedded_names(project: Project) -> set[services.ServiceName]:
    """The embedded services that the configuration uses."""
    found = {getattr(entry, "embedded", None) for entry in project.connections.values()}
    return {name for name in found if name}


def endpoints(project: Project, progress: Progress | None = None) -> services.Endpoints:
    """The embedded database and store of the configuration, started if they are not running."""
    return services.start(project.state, embedded_names(project), progress=progress)


def running_endpoints(project: Project) -> services.Endpoints:
    """The running embedded store. Raises InfrastructureError if it is not running."""
    running = services.endpoints(project.state)
    if running is None or running.catalog_uri is None:
        raise InfrastructureError(
            "the embedded store is not running",
            safe="its data is on disk",
            next_step="start it with `usertags services start`",
        )
    return running


def sql_url(name: str, project: Project) -> str:
    """The SQLAlchemy URL of a connection. It contains a password: never print it."""
    entry: SqlConnection = project.connections[name]
    if entry.embedded:
        url = endpoints(project).postgres_url
        assert url is not None
        return url
    if entry.airflow:
        return _airflow_url(entry.airflow, project)
    return from_environment(entry.url or "", project)


def _airflow_url(conn_id: str, project: Project) -> str:
    """An Airflow connection: from its environment variable, otherwise from Airflow."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    try:
        connection = BaseHook.get_connection(conn_id)
    except (AirflowNotFoundException, AirflowRuntimeError) as error:
        file = str(project.folder / "connections.yml")
        raise ConfigError(
            [ConfigProblem(file, 0, f"unknown Airflow connection {conn_id!r}")],
            next_step=f"add it in Airflow, or set AIRFLOW_CONN_{conn_id.upper()}",
        ) from error
    return str(connection.get_uri())


def files_root(name: str, project: Project) -> str:
    entry: FilesConnection = project.connections[name]
    return from_environment(entry.root, project)
