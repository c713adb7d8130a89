"""The public model of the embedded servers: endpoints and status."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from usertags.errors import InfrastructureError

ServiceName = Literal["postgres", "store", "spark"]
SERVICE_NAMES: tuple[ServiceName, ...] = ("postgres", "store", "spark")

TABLE_BUCKET = "analytics"
LANDING_BUCKET = "landing"
REPORTS_BUCKET = "reports"
REGION = "us-east-1"


@dataclass(frozen=True)
class Endpoints:
    """Addresses and credentials of the running servers; None for a server that is not running.

    Secrets are excluded from the repr, so that logs and tracebacks do not leak them.
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
        """The root of the tables in the format of the Iceberg catalog."""
        return f"s3://{self.bucket}/"

    def catalog_properties(self) -> dict[str, str]:
        """Properties for pyiceberg.catalog.load_catalog; InfrastructureError if the store is not running."""
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
    """The current status of one server. `url` has no password; `state` is absent if it was never started."""

    name: ServiceName
    state: Literal["running", "stopped", "absent"]
    pid: int | None
    url: str | None
    log: Path
