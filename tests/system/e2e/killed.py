"""Stages that end their own process in the middle. This module is all that such a process has to load."""

import os
import signal
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from usertags.project.build import load_project
from usertags.sources.s3 import S3Access
from usertags.stages import extract
from usertags.stages.batch_register import BatchRecord, register
from usertags.stages.publish import publish_steps
from usertags.stages.releases import verdict_of
from usertags.stages.runs import stage_record
from usertags.store.lake import Lake, open_lake


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


def extract_and_die(configs: str, source: str, day: date) -> None:
    """Extract a source, and kill this process after the commit of its rows, before that of their record."""

    def until_landed(lake: Lake, records: Sequence[BatchRecord]) -> None:
        if records[0].status == "landed":
            os.kill(os.getpid(), signal.SIGKILL)
        register(lake, records)

    extract.register = until_landed
    project = load_project(Path(configs))
    extract.extract(project, open_lake(project), project.sources[source], day, "killed")
