"""What callers see of the embedded servers: where they are, and whether they run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jobs.errors import InfrastructureError

ServiceName = Literal["postgres", "store", "spark"]
SERVICE_NAMES: tuple[ServiceName, ...] = ("postgres", "store", "spark")

TABLE_BUCKET = "analytics"
LANDING_BUCKET = "landing"
REPORTS_BUCKET = "reports"
REGION = "us-east-1"


@dataclass(frozen=True)
class Endpoints:
    """Addresses and credentials of the servers that run; None for a server that does not run.

    Secrets are left out of the repr, so that an Endpoints in a log or a traceback leaks nothing.
    """

    postgres_url: str | None = field(default=None, repr=False)
    s3_endpoint: str | None = None
    s3_access_key: str | None = field(default=None, repr=False)
    s3_secret_key: str | None = field(default=None, repr=False)
    catalog_uri: str | None = None
    spark_url: str | None = field(default=None, repr=False)
    bucket: str = TABLE_BUCKET
    landing_bucket: str = LANDING_BUCKET
    reports_bucket: str = REPORTS_BUCKET
    region: str = REGION

    @property
    def warehouse(self) -> str:
        """The root of the tables, as the Iceberg catalog wants it."""
        return f"s3://{self.bucket}/"

    def catalog_properties(self) -> dict[str, str]:
        """Properties for pyiceberg.catalog.load_catalog; InfrastructureError when the store does not run."""
        uri, endpoint = self.catalog_uri, self.s3_endpoint
        key, secret = self.s3_access_key, self.s3_secret_key
        if uri is None or endpoint is None or key is None or secret is None:
            raise InfrastructureError(
                "The embedded store is not running.",
                safe="its data is on disk",
                next_step="start it with `usertags services start`",
            )
        return {
            "type": "rest",
            "uri": uri,
            "credential": f"{key}:{secret}",
            "oauth2-server-uri": f"{uri}/v1/oauth/tokens",
            "warehouse": self.warehouse,
            "s3.endpoint": endpoint,
            "s3.access-key-id": key,
            "s3.secret-access-key": secret,
            "s3.region": self.region,
            "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        }


@dataclass(frozen=True)
class ServiceStatus:
    """One server as it is now. `url` holds no password; `state` is absent when it was never started."""

    name: ServiceName
    state: Literal["running", "stopped", "absent"]
    pid: int | None
    url: str | None
    log: Path
