"""The report of a stage: row counts, printed and stored as one JSON file per stage."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date

from usertags.project.model import Project
from usertags.store.lake import Lake

# The outcomes of the rows of a batch: fields of `Line`.
COUNTS = ("read", "kept", "superseded", "repeats", "quarantined")
# Stored with the reports of a run, but not a report itself.
SUMMARY = "summary.json"


@dataclass(frozen=True)
class Line:
    """One source or table in a stage: row counts, None if the stage does not have the number. `later` are
    rows of a time after the data day, `users` the users that a line is about (`usertags.stages.left_out`)."""

    name: str
    read: int | None = None
    kept: int | None = None
    superseded: int | None = None
    repeats: int | None = None
    quarantined: int | None = None
    written: int | None = None
    note: str = ""
    later: int | None = None
    users: int | None = None


@dataclass(frozen=True)
class StageReport:
    """The report of one stage of one run; `seconds` is its duration. `part` distinguishes the reports of a
    mapped stage."""

    stage: str
    day: date
    run_id: str
    seconds: float
    lines: tuple[Line, ...]
    part: str = ""


def save_report(lake: Lake, project: Project, report: StageReport) -> None:
    """Store a report as JSON in the folder of its run, replacing an earlier one of the same stage."""
    name = f"{report.stage}-{report.part}" if report.part else report.stage
    body = json.dumps(asdict(report) | {"day": report.day.isoformat()}, ensure_ascii=False, indent=1)
    lake.boto.put_object(
        Bucket=lake.reports_bucket,
        Key=f"{run_folder(project, report.day, report.run_id)}/{name}.json",
        Body=body.encode(),
        ContentType="application/json",
    )


def load_reports(lake: Lake, project: Project, data_day: date, run_id: str) -> list[StageReport]:
    """The reports of a run, in the order of the stages."""
    prefix = run_folder(project, data_day, run_id) + "/"
    pages = lake.boto.get_paginator("list_objects_v2").paginate(Bucket=lake.reports_bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    bodies = (
        lake.boto.get_object(Bucket=lake.reports_bucket, Key=key)["Body"].read()
        for key in keys
        if key.endswith(".json") and "/" not in key.removeprefix(prefix) and key != prefix + SUMMARY
    )
    return sorted(map(_parse, bodies), key=lambda report: (_ORDER.index(report.stage), report.part))


def run_folder(project: Project, data_day: date, run_id: str) -> str:
    """The key under which the reports bucket has what belongs to a run, without a slash at its end."""
    return f"{project.name}/{data_day}/{run_id}"


def total(lines: Iterable[Line], field: str) -> int:
    """The sum of a count (a field of `Line`) over lines; a line without it counts 0."""
    return sum(getattr(line, field) or 0 for line in lines)


STAGES = ("extract", "clean", "aggregate", "tag", "audit", "publish")
_ORDER = (*STAGES[:-1], "release", STAGES[-1])


def _parse(body: bytes) -> StageReport:
    data = json.loads(body)
    lines = tuple(Line(**line) for line in data.pop("lines"))
    return StageReport(**data | {"day": date.fromisoformat(data["day"]), "lines": lines})
