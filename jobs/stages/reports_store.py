"""Where the quality report of a run lies: a folder beside the state, and the same on object storage."""

import mimetypes
from datetime import date
from pathlib import Path

from jobs.catalogue.model import Catalogue
from jobs.stages.report import run_folder
from jobs.store.lake import Lake


def quality_folder(catalogue: Catalogue, day: date, run_id: str, stage: str) -> Path:
    return catalogue.state / "quality" / run_folder(catalogue, day, run_id) / stage


def publish_docs(lake: Lake, catalogue: Catalogue, day: date, run_id: str, stage: str, site: Path) -> str:
    """Upload the Data Docs of a stage; returns the s3 address of their first page."""
    prefix = f"{run_folder(catalogue, day, run_id)}/quality/{stage}"
    for path in sorted(site.rglob("*")):
        if path.is_file():
            lake.boto.put_object(
                Bucket=lake.reports_bucket,
                Key=f"{prefix}/{path.relative_to(site).as_posix()}",
                Body=path.read_bytes(),
                ContentType=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            )
    return f"s3://{lake.reports_bucket}/{prefix}/index.html"
