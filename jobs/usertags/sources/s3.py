"""Access to S3 by endpoint and keys; distinguishes not found, not allowed and not reachable."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from usertags.errors import DataError, InfrastructureError

_NOT_THERE = {"NoSuchBucket", "NoSuchKey", "404", "NotFound"}
_CHANGED = {"PreconditionFailed", "412"}


@dataclass(frozen=True)
class S3Access:
    """The endpoint and keys of an S3 service; an empty endpoint means AWS."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)


def is_s3(path: str) -> bool:
    return path.startswith("s3://")


def split_url(url: str) -> tuple[str, str]:
    """`s3://bucket/a/b` as (`bucket`, `a/b`)."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def make_client(access: S3Access) -> Any:
    """A boto3 client that fails within seconds for a dead endpoint, after three attempts."""
    import boto3  # what needs no client does not spend 0.2 CPU seconds on it

    return boto3.client(
        "s3",
        endpoint_url=access.endpoint or None,
        region_name=access.region,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": "path"},
            # Not all services other than AWS support the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def host_of(access: S3Access) -> str:
    """The endpoint without secrets that a URL may contain."""
    return urlsplit(access.endpoint).netloc.rpartition("@")[2] or "AWS"


@contextmanager
def s3_errors(access: S3Access, place: str) -> Iterator[None]:
    """Convert boto3 errors to our exceptions; `place` is the requested bucket or file."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in _NOT_THERE:
            raise DataError(
                f"{place} does not exist on the S3 service at {host_of(access)}",
                safe="nothing was written",
                next_step="check `root` and `files` of the source, or put the file there",
            ) from None
        if code in _CHANGED:
            raise changed_while_read(place) from None
        raise InfrastructureError(
            f"the S3 service at {host_of(access)} refused {place} ({code})",
            safe="nothing was written",
            next_step="check the keys of the connection and their permission to read the bucket",
        ) from None
    except BotoCoreError as error:
        raise InfrastructureError(
            f"the S3 service at {host_of(access)} failed to deliver {place} ({type(error).__name__})",
            safe="nothing was written",
            next_step="check that the service is running, then run again",
        ) from None


def changed_while_read(place: str) -> InfrastructureError:
    """The error for a file that changed after it was listed: its fingerprint would be wrong."""
    return InfrastructureError(
        f"{place} changed after it was listed",
        safe="nothing was written",
        next_step="run again when the file is complete",
    )
