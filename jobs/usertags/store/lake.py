"""The lake of a configuration: its Iceberg catalog and the S3 storage behind it."""

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import ForbiddenError, OAuthError, UnauthorizedError

from usertags.config.models import FilesConnection, LakeConnection
from usertags.errors import InfrastructureError
from usertags.project.model import Project
from usertags.sources.s3 import S3Access, make_client
from usertags.store.connections import Progress, endpoints, from_environment, running_endpoints

# Rows are replaced, but on the first write there are none to delete.
warnings.filterwarnings("ignore", message="Delete operation did not match any records")

CATALOG = "lake"
NAMESPACES = ("raw", "clean", "rollup", "ops", "tags")


@dataclass(frozen=True)
class Lake:
    """`properties` are PyIceberg's catalog properties with keys: never print them. The repr excludes them."""

    properties: dict[str, str] = field(repr=False)
    s3: S3Access = field(repr=False)
    reports_bucket: str

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog, with its namespaces created. Raises InfrastructureError if it does not respond."""
        try:
            catalog = load_catalog(CATALOG, **self.properties)
            for namespace in NAMESPACES:
                catalog.create_namespace_if_not_exists(namespace)
        except (ForbiddenError, OAuthError, UnauthorizedError) as error:
            raise InfrastructureError(
                "the table catalog refused the keys",
                safe="nothing was read or written",
                next_step="check the lake's credential in connections.yml and the environment",
            ) from error
        except Exception as error:  # any exception of the catalog's library means that it is not reachable
            raise InfrastructureError(
                f"the table catalog does not answer ({type(error).__name__})",
                safe="nothing was read or written",
                next_step="check `usertags services status`, then run the same command again",
            ) from error
        return catalog

    @cached_property
    def boto(self) -> Any:
        """A client of the storage, for reports; rows are read and written through the catalog."""
        return make_client(self.s3)


def open_lake(project: Project, progress: Progress | None = None, *, start: bool = True) -> Lake:
    """The lake configured in project.yml. An embedded lake that is not running is started, or with
    `start=False` an InfrastructureError is raised. Raises ConfigError for an unset environment variable."""
    entry: LakeConnection = project.connections[project.lake]
    if entry.embedded:
        running = endpoints(project, progress) if start else running_endpoints(project)
        properties = running.catalog_properties()
        s3 = S3Access(
            properties["s3.endpoint"],
            properties["s3.region"],
            properties["s3.access-key-id"],
            properties["s3.secret-access-key"],
        )
        return Lake(properties, s3, entry.reports_bucket)
    assert entry.catalog is not None and entry.s3 is not None
    keys = {name: from_environment(value, project) for name, value in entry.s3.model_dump().items()}
    s3 = S3Access(keys["endpoint"], keys["region"], keys["access_key"], keys["secret_key"])
    catalog = {name: from_environment(value, project) for name, value in entry.catalog.items()}
    return Lake(_s3_properties(s3) | catalog, s3, entry.reports_bucket)


def files_access(name: str, project: Project, lake: Lake) -> S3Access | None:
    """The S3 access of a files connection; None for a local folder. Raises ConfigError for an unset
    environment variable."""
    entry: FilesConnection = project.connections[name]
    if entry.store is None or entry.store == project.lake:
        return lake.s3 if entry.root.startswith("s3://") else None
    other: LakeConnection = project.connections[entry.store]
    assert other.s3 is not None
    keys = {key: from_environment(value, project) for key, value in other.s3.model_dump().items()}
    return S3Access(keys["endpoint"], keys["region"], keys["access_key"], keys["secret_key"])


def _s3_properties(s3: S3Access) -> dict[str, str]:
    return {
        "s3.endpoint": s3.endpoint,
        "s3.region": s3.region,
        "s3.access-key-id": s3.access_key,
        "s3.secret-access-key": s3.secret_key,
        "s3.path-style-access": "true",
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
    }
