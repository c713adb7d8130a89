"""A publication that ends itself in the middle. This module is all that its process has to load."""

import os
import signal
from datetime import date

from jobs.sources.s3 import S3Access
from jobs.stages.publish import publish_steps
from jobs.stages.releases import verdict_of
from jobs.stages.runs import stage_record
from jobs.store.lake import Lake


def publish_and_die(properties: dict[str, str], day: date, run_id: str, step: int) -> None:
    """Publish a run, and kill this process after so many commits."""
    s3 = S3Access(
        properties["s3.endpoint"],
        properties["s3.region"],
        properties["s3.access-key-id"],
        properties["s3.secret-access-key"],
    )
    lake = Lake(properties, s3, "reports")
    built, audited = stage_record(lake, day, run_id, "tag"), stage_record(lake, day, run_id, "audit")
    assert built is not None and audited is not None
    verdict = verdict_of(lake, built, audited)
    assert verdict is not None
    for number, _ in enumerate(publish_steps(lake, built, verdict), start=1):
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)
