"""Entries of connections.yml and spark/session.yml, which are used as they are read.

Those of what is built from its entry stand with it, in `usertags.project`.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from usertags.config.entry import Entry
from usertags.config.forms import Form


class SqlConnection(Entry):
    kind: Literal["sql"]
    url: str | None = None
    embedded: Literal["postgres"] | None = None
    airflow: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "SqlConnection":
        if sum(way is not None for way in (self.url, self.embedded, self.airflow)) != 1:
            raise ValueError("needs exactly one of url, embedded and airflow")
        return self


class FilesConnection(Entry):
    kind: Literal["files"]
    root: str
    store: str | None = None


class S3Settings(Entry):
    endpoint: str
    region: str = "us-east-1"
    access_key: str
    secret_key: str


class LakeConnection(Entry):
    kind: Literal["lake"]
    embedded: Literal["store"] | None = None
    catalog: dict[str, str] | None = None
    s3: S3Settings | None = None
    reports_bucket: str = "reports"

    @model_validator(mode="after")
    def _one_way(self) -> "LakeConnection":
        outside = self.catalog is not None and self.s3 is not None
        if (self.embedded is not None) == outside:
            raise ValueError("needs either `embedded: store`, or both `catalog` and `s3`")
        return self


Connection = Annotated[SqlConnection | FilesConnection | LakeConnection, Field(discriminator="kind")]


_REMOTE = Form(
    r"embedded|sc://.+", "`embedded` or the address of a Spark Connect server such as sc://spark:15002"
)


class SparkEntry(Entry):
    """How Spark runs, and Spark's own settings.

    By default each stage is its own application, on `master` unless spark-submit sets another one.
    `remote: embedded` keeps one session server of the configuration running, on `master`; `sc://host:port`
    is an external Spark Connect server.
    """

    master: str = "local[*]"
    remote: Annotated[str, _REMOTE] | None = None
    conf: dict[str, str | int | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_place(self) -> "SparkEntry":
        if self.remote not in (None, "embedded") and "master" in self.model_fields_set:
            raise ValueError("a remote server has its own master: set `remote: sc://…` or `master`, not both")
        return self

    def texts(self) -> dict[str, str]:
        """The settings as texts, in Spark's format."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.conf.items()
        }
