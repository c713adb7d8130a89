"""The Spark session of a configuration: Iceberg over its lake, in the project's time zone."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspark.logger import PySparkLogger
from pyspark.sql import DataFrameWriterV2, SparkSession

from usertags import services
from usertags.errors import InfrastructureError
from usertags.project.model import Project
from usertags.services.spark import LOG_SETTINGS
from usertags.store.connections import Progress, from_environment
from usertags.store.jars import jar_paths
from usertags.store.lake import CATALOG, Lake

if TYPE_CHECKING:
    from sqlalchemy import URL

# Settings that affect the results.
_SQL = {"spark.sql.ansi.enabled": "true"}
# The statements of a day are many and short: with Java's first compiler alone a shop of some thousand rows
# costs half of what it costs with both, whose threads compile code that is not used again. Java leaves long
# methods to its interpreter, and the code that Spark generates for a source of many columns is one long
# method. For millions of rows per day, session.yml sets others.
_JAVA_OPTIONS = (
    "-XX:TieredStopAtLevel=1 -XX:-DontCompileHugeMethods -XX:ReservedCodeCacheSize=512m -XX:+UseSerialGC"
)
# By default each session of a server has a class loader of its own for its artifacts, so that what was
# compiled for one is compiled again for the next. The pipeline adds no artifacts, and each of its tasks is a
# session. A day has more than the hundred pieces of generated code that are kept by default.
_SHARED_CODE = {
    "spark.sql.artifact.isolation.enabled": "false",
    "spark.sql.artifact.isolation.alwaysApplyClassloader": "false",
    "spark.sql.codegen.cache.maxEntries": "2000",
}
# Variables that Spark's client leaves in the environment of its process and of child processes.
_MARK_OF_A_SERVER = "SPARK_CONNECT_MODE_ENABLED"
# To these Spark's client writes the message of each error of a query, which quotes rows, before it raises it.
_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
# The server sessions of this process, kept until it ends. Spark's client closes a pool that all its
# sessions share when one of them is garbage-collected; if another session is using the pool, it waits for
# itself.
_KEPT: list[SparkSession] = []
# Maps PyIceberg's catalog types to Spark's names.
_TYPES = {"rest": "rest", "glue": "glue", "hive": "hive", "sql": "jdbc"}


def spark_session(project: Project, lake: Lake, stage: str, progress: Progress | None = None) -> SparkSession:
    """A session for one stage, as configured in configs/spark/session.yml. Under spark-submit its master
    is used.

    Raises InfrastructureError if Java or the Iceberg jars are missing or Spark does not start.
    """
    if project.spark.remote:
        return _remote_session(project, lake, progress)
    return _own_session(project, lake, stage)


def start_server(project: Project, progress: Progress | None = None) -> str:
    """The address of the configured session server; an embedded server that is not running is
    started. It contains a token: never print it."""
    remote = project.spark.remote or ""
    if remote != "embedded":
        return from_environment(remote, project, "spark/session.yml")
    jars = {"spark.jars": ",".join(str(path) for path in jar_paths())}
    settings = _settings(project) | jars | {"spark.master": project.spark.master}
    found = services.start(project.state, {"spark"}, spark_settings=settings, progress=progress)
    assert found.spark_url is not None
    return found.spark_url


def _remote_session(project: Project, lake: Lake, progress: Progress | None) -> SparkSession:
    url = start_server(project, progress)
    try:
        session = session_at(url)
        # The embedded server already has our settings.
        if project.spark.remote != "embedded":
            _configure(session, _SQL | project.spark.texts())
        of_lake(session, project, lake)
    except Exception as error:  # the client raises any exception of the network or the server
        raise InfrastructureError(
            f"the Spark server did not open a session ({type(error).__name__})",
            safe="nothing was read or written",
            next_step="check `usertags services status`, or the server in configs/spark/session.yml",
        ) from error
    return session


def session_at(url: str) -> SparkSession:
    """A new session on the server at an address. It exists until it is stopped or the process ends."""
    _log_nothing_of_queries()
    session: SparkSession = SparkSession.builder.remote(url).create()
    _KEPT.append(session)
    return session


def make_active(session: SparkSession) -> None:
    """Make a server session the active session of this thread. Spark's client creates checkpoints in the
    active session, regardless of the session of the rows."""
    from pyspark.sql.connect.session import SparkSession as RemoteSession

    if isinstance(session, RemoteSession):
        RemoteSession._active_session.session = session


def of_lake(session: SparkSession, project: Project, lake: Lake) -> SparkSession:
    """The session, reading and writing the tables of the lake, in the project's time zone."""
    return _configure(session, lake_settings(lake) | {"spark.sql.session.timeZone": project.timezone})


def _configure(session: SparkSession, settings: Mapping[str, str]) -> SparkSession:
    for key, value in settings.items():
        session.conf.set(key, value)
    return session


def _own_session(project: Project, lake: Lake, stage: str) -> SparkSession:
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # If inherited from a process with a server session, it would make Spark connect to a server.
    os.environ.pop(_MARK_OF_A_SERVER, None)
    builder = SparkSession.builder.appName(f"usertags {project.name} {stage}")
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        builder = builder.master(project.spark.master)
        builder = builder.config("spark.jars", ",".join(str(path) for path in jar_paths()))
    for key, value in _settings(project).items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:  # the gateway raises any exception of the start of Java
        raise InfrastructureError(
            f"Spark did not start ({type(error).__name__})",
            safe="nothing was read or written",
            next_step="check that `java -version` shows 17 or 21, then run it again",
        ) from error
    _log_nothing_of_queries()
    _log_no_messages(session)
    # A separate session on the same Spark, so that two lakes in one process are isolated.
    return of_lake(session.newSession(), project, lake)


def _log_nothing_of_queries() -> None:
    """Whoever catches the error of a query has what Spark's client would log of it."""
    for name in _LOGGERS:
        PySparkLogger.getLogger(name).setLevel(logging.CRITICAL)


def _log_no_messages(session: SparkSession) -> None:
    """The Java side logs errors alone, and those without their messages, which quote rows."""
    java: Any = session.sparkContext._jvm
    settings = java.java.net.URI(LOG_SETTINGS.as_uri())
    java.org.apache.logging.log4j.core.config.Configurator.reconfigure(settings)


def _settings(project: Project) -> dict[str, str]:
    ours = (
        _SQL
        | _SHARED_CODE
        | {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraJavaOptions": _JAVA_OPTIONS,
            "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
            # Partitions of this size are joined by a hash table instead of being sorted.
            "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m",
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.redaction.regex": "(?i)secret|password|token|access[.-]?key|credential",
        }
    )
    return ours | project.spark.texts()


def lake_settings(lake: Lake) -> dict[str, str]:
    """Spark's settings for the same catalog that PyIceberg uses."""
    prefix = f"spark.sql.catalog.{CATALOG}"
    properties = dict(lake.properties)
    kind = properties.pop("type", "rest")
    properties.pop("py-io-impl", None)
    region = properties.pop("s3.region", lake.s3.region)
    settings = {
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.type": _TYPES.get(kind, kind),
        f"{prefix}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{prefix}.s3.path-style-access": "true",
        f"{prefix}.client.region": region,
        # A table cache would hide commits of other processes.
        f"{prefix}.cache-enabled": "false",
    }
    if kind == "sql":
        settings |= _jdbc(prefix, properties)
    return settings | {f"{prefix}.{key}": value for key, value in properties.items()}


def _jdbc(prefix: str, properties: dict[str, str]) -> dict[str, str]:
    """Converts PyIceberg's SQL catalog settings to Spark's JDBC catalog."""
    from sqlalchemy import make_url

    url = make_url(properties.pop("uri"))
    return {
        f"{prefix}.uri": _jdbc_address(url),
        f"{prefix}.jdbc.user": url.username or "",
        f"{prefix}.jdbc.password": url.password or "",
        f"{prefix}.jdbc.schema-version": "V1",
    }


def _jdbc_address(url: "URL") -> str:
    """The JDBC URL without user and password. The SQLite busy timeout is the same as PyIceberg's: seconds
    there, milliseconds here."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        seconds = float(str(url.query.get("timeout", 5)))
        return f"jdbc:sqlite:{url.database}?busy_timeout={seconds * 1000:.0f}"
    return f"jdbc:{backend}://{url.host}:{url.port or 5432}/{url.database}"


def spark_table(name: str, branch: str | None = None) -> str:
    """The name of a table, or of its branch, in Spark's format."""
    return f"{CATALOG}.{name}" + (f".branch_{branch}" if branch else "")


def one_file_at_a_time(writer: DataFrameWriterV2) -> DataFrameWriterV2:
    """Sort the rows by partition before writing. Otherwise one file per partition is open at the same
    time, and a first batch with years of days needs gigabytes for a few thousand rows."""
    return writer.option("fanout-enabled", "false")
