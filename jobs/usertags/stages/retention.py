"""Retention of reports: those of older runs are removed when a day has been published.

A report is everything under `<project>/<day>/<run>/` in the reports bucket: Data Docs and the JSON files of
stages. The results remain in `ops.checks` and `ops.runs`.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from usertags.project.model import Project
from usertags.quality import texts
from usertags.quality.timeline import start_of
from usertags.stages.reports_store import keys_under
from usertags.stages.runs import blocked_days, publications
from usertags.store.lake import Lake

# The reports of the newest published days are kept whatever their age.
PUBLISHED = 7
_AT_ONCE = 1000
_logger = logging.getLogger(__name__)


def remove_old_reports(lake: Lake, project: Project, now: datetime | None = None) -> str:
    """Remove the reports of runs older than the retention period; returns a description.

    Always kept are the newest published days, blocked days, and objects that are not named like a day
    and a run. A failed removal is reported and retried after the next day; the day itself is published.
    """
    language = project.quality.language
    before = (now or datetime.now(UTC)) - timedelta(days=project.retention.reports)
    try:
        keep = {item.data_day for item in publications(lake)[-PUBLISHED:]}
        keep |= {record.data_day for record in blocked_days(lake)}
        old = list(_old_files(lake, project.name, keep, before))
        _remove(lake, old)
    except Exception as error:  # the storage or the catalog raises what it meets
        _logger.exception("old reports were not removed")
        return texts.REPORTS_NOT_REMOVED.filled(language, error=type(error).__name__)
    runs = {tuple(key.split("/")[1:3]) for key in old}
    return texts.REPORTS_REMOVED.filled(language, runs=len(runs)) if runs else ""


def _old_files(lake: Lake, project_name: str, keep: Iterable[date], before: datetime) -> Iterator[str]:
    """The files of runs that are too old. A run starts after the end of its data day, and keys are ordered:
    listing stops at the first newer day."""
    for key in keys_under(lake, f"{project_name}/"):
        name, _, rest = key.removeprefix(f"{project_name}/").partition("/")
        run_id, _, file = rest.partition("/")
        if name >= before.date().isoformat():
            return
        data_day, started = _day(name), start_of(run_id)
        if (
            data_day is not None
            and data_day not in keep
            and file
            and started is not None
            and started < before
        ):
            yield key


def _day(name: str) -> date | None:
    try:
        data_day = date.fromisoformat(name)
    except ValueError:
        return None
    return data_day if data_day.isoformat() == name else None


def _remove(lake: Lake, keys: list[str]) -> None:
    for first in range(0, len(keys), _AT_ONCE):
        some = [{"Key": key} for key in keys[first : first + _AT_ONCE]]
        answer = lake.boto.delete_objects(Bucket=lake.reports_bucket, Delete={"Objects": some, "Quiet": True})
        if answer.get("Errors"):
            raise OSError(f"{len(answer['Errors'])} of {len(some)} files of old reports could not be removed")
