"""The embedded servers of a configuration: PostgreSQL, an S3 store with an Iceberg REST catalog, and Spark.

They listen on 127.0.0.1 only; data, logs, ports and generated passwords live in one state folder.
"""

from usertags.services.control import endpoints, start, status, stop
from usertags.services.model import Endpoints, ServiceName, ServiceStatus

__all__ = ["Endpoints", "ServiceName", "ServiceStatus", "endpoints", "start", "status", "stop"]
