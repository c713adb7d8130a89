"""The Data Docs on object storage: one folder per stage of a run, and one for the shared assets."""

import logging
import mimetypes
from collections.abc import Iterator, Mapping
from datetime import date

from usertags.project.model import Project
from usertags.quality.checks import CheckResult, result_of
from usertags.quality.docs import assets, self_contained
from usertags.quality.error_texts import calls_of, text_of
from usertags.quality.expectations import Validator
from usertags.quality.kinds import CheckKind
from usertags.stages.report import run_folder
from usertags.store.lake import Lake

# From the folder of a stage's pages up to the folder of the project.
_HOME = "../../../../assets"
_logger = logging.getLogger(__name__)


def write_docs(
    lake: Lake, project: Project, data_day: date, run_id: str, stage: str, validator: Validator
) -> CheckResult:
    """Build the Data Docs of a stage and upload them; the result says whether this succeeded.

    The results of the checks do not depend on it: a report that could not be written is a warning.
    """
    problem = None
    try:
        pages = self_contained(validator.pages(), _HOME)
        publish_docs(lake, project, data_day, run_id, stage, pages)
    except Exception as error:  # noqa: BLE001 - the library, or the storage, raises whatever it meets
        problem = text_of(error)
        _logger.error("the report of the %s stage was not written: %s\n%s", stage, problem, calls_of(error))
    return result_of(
        CheckKind.REPORT,
        "ops.reports",
        "warning",
        success=problem is None,
        subject=stage,
        error=problem,
    )


def publish_docs(
    lake: Lake, project: Project, data_day: date, run_id: str, stage: str, pages: Mapping[str, str]
) -> str:
    """Upload the pages of a stage, the index page last; returns its S3 URL."""
    _upload_assets(lake, project)
    prefix = f"{run_folder(project, data_day, run_id)}/quality/{stage}"
    for path in sorted(pages, key=lambda path: (path == "index.html", path)):
        _put(lake, f"{prefix}/{path}", pages[path].encode())
    return f"s3://{lake.reports_bucket}/{prefix}/index.html"


def _upload_assets(lake: Lake, project: Project) -> None:
    """The assets shared by all pages, once per project."""
    prefix = f"{project.name}/assets/"
    there = set(keys_under(lake, prefix))
    for path, body in assets().items():
        if prefix + path not in there:
            _put(lake, prefix + path, body)


def keys_under(lake: Lake, prefix: str) -> Iterator[str]:
    """The keys in order; they are listed lazily."""
    pages = lake.boto.get_paginator("list_objects_v2").paginate(Bucket=lake.reports_bucket, Prefix=prefix)
    return (item["Key"] for page in pages for item in page.get("Contents", ()))


def _put(lake: Lake, key: str, body: bytes) -> None:
    kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
    lake.boto.put_object(Bucket=lake.reports_bucket, Key=key, Body=body, ContentType=kind)
