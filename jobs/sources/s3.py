"""Access to S3 by endpoint and keys, with its failures told apart: not there, not allowed, not reachable."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jobs.errors import DataError, InfrastructureError

_NOT_THERE = {"NoSuchBucket", "NoSuchKey", "404", "NotFound"}
_CHANGED = {"PreconditionFailed", "412"}


@dataclass(frozen=True)
class S3Access:
    """Where an S3 service answers and with which keys; an empty endpoint means AWS itself."""

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
    """A boto3 client that gives up on a dead endpoint within seconds, after three attempts."""
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
            # Services other than AWS do not all know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def host_of(access: S3Access) -> str:
    """The endpoint without anything secret that a URL could carry."""
    return urlsplit(access.endpoint).netloc.rpartition("@")[2] or "AWS"


@contextmanager
def s3_errors(access: S3Access, place: str) -> Iterator[None]:
    """Turn the failures of boto3 into ours; `place` is the bucket or file that was asked for."""
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
            next_step="check the keys of the connection and that they may read the bucket",
        ) from None
    except BotoCoreError as error:
        raise InfrastructureError(
            f"the S3 service at {host_of(access)} did not deliver {place} ({type(error).__name__})",
            safe="nothing was written",
            next_step="check that the service runs, then run again",
        ) from None


def changed_while_read(place: str) -> InfrastructureError:
    """A file that is not the one that was listed: reading it would break its fingerprint."""
    return InfrastructureError(
        f"{place} changed after it was listed",
        safe="nothing was written",
        next_step="run again when the file is complete",
    )
