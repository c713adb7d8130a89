"""The register of runs: what each stage of a run ended with, which days are published, which are blocked."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

import pyarrow as pa
from pyiceberg.expressions import LessThan

from jobs.errors import DataError, UsageError
from jobs.store.filters import rows_where
from jobs.store.lake import Lake
from jobs.store.schemas import PUBLICATIONS, RUNS
from jobs.store.tables import ensure_table, find_table

Stage = Literal["clean", "tag", "audit", "release_clean", "release_audit"]
Status = Literal["built", "passed", "warned", "refused", "released"]


@dataclass(frozen=True)
class RunRecord:
    """What one stage of one run ended with. The clean stage records its verdict and the batches that it is
    about, the tag stage what it built and from which snapshots, the audit its verdict. A release records who
    let a refused clean or audit stage pass, and why."""

    day: date
    run_id: str
    stage: Stage
    status: Status
    previous_day: date | None = None
    previous_run: str | None = None
    catalogue_version: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    row_counts: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    recorded_at: datetime | None = None
    released_by: str | None = None
    release_reason: str | None = None


@dataclass(frozen=True)
class Publication:
    day: date
    run_id: str
    verdict: str
    published_at: datetime
    row_counts: Mapping[str, int] = field(default_factory=dict)
    released_by: str | None = None
    release_reason: str | None = None


def new_run_id() -> str:
    """A name for one attempt at a day; sorts by time."""
    return datetime.now(UTC).strftime("r%Y%m%d_%H%M%S_%f")[:-3]


def run_branch(run_id: str) -> str:
    return f"run_{run_id}"


def record_run(lake: Lake, record: RunRecord) -> None:
    """Put down what a stage ended with, in the place of what it ended with before in the same run."""
    row = {
        "dt": record.day,
        "run_id": record.run_id,
        "stage": record.stage,
        "status": record.status,
        "recorded_at": datetime.now(UTC),
        "previous_dt": record.previous_day,
        "previous_run_id": record.previous_run,
        "catalogue_version": record.catalogue_version,
        "inputs": json.dumps(record.inputs),
        "row_counts": json.dumps(record.row_counts),
        "warnings": json.dumps(record.warnings, ensure_ascii=False),
        "released_by": record.released_by,
        "release_reason": record.release_reason,
    }
    table = ensure_table(lake, RUNS.name, RUNS.schema, RUNS.partition)
    same = rows_where(dt=record.day, run_id=record.run_id, stage=record.stage)
    table.overwrite(pa.Table.from_pylist([row], schema=RUNS.schema), overwrite_filter=same)


def run_records(lake: Lake, day: date | None = None) -> list[RunRecord]:
    """The records of a day, or of all days, oldest first."""
    table = find_table(lake, RUNS.name)
    if table is None:
        return []
    scan = table.scan(row_filter=rows_where(dt=day)) if day else table.scan()
    rows = scan.to_arrow().to_pylist()
    return [_record(row) for row in sorted(rows, key=lambda row: row["recorded_at"])]


def _record(row: Mapping[str, Any]) -> RunRecord:
    return RunRecord(
        day=row["dt"],
        run_id=row["run_id"],
        stage=row["stage"],
        status=row["status"],
        previous_day=row["previous_dt"],
        previous_run=row["previous_run_id"],
        catalogue_version=row["catalogue_version"],
        inputs=json.loads(row["inputs"]),
        row_counts=json.loads(row["row_counts"]),
        warnings=tuple(json.loads(row["warnings"])),
        recorded_at=row["recorded_at"],
        released_by=row.get("released_by"),
        release_reason=row.get("release_reason"),
    )


def stage_record(lake: Lake, day: date, run_id: str, stage: str) -> RunRecord | None:
    return next((r for r in run_records(lake, day) if (r.run_id, r.stage) == (run_id, stage)), None)


def latest_run(lake: Lake, day: date) -> str:
    """The newest run of a day whose tags are built. Raises UsageError when there is none."""
    built = [record.run_id for record in run_records(lake, day) if record.stage == "tag"]
    if not built:
        raise UsageError(f"no run of {day} has built tags", next_step=f"run `usertags tag --day {day}` first")
    return built[-1]


def publications(lake: Lake, *, before: date | None = None) -> list[Publication]:
    """The published days, oldest first."""
    table = find_table(lake, PUBLICATIONS.name)
    if table is None:
        return []
    scan = table.scan(row_filter=LessThan("dt", before)) if before else table.scan()
    rows = sorted(scan.to_arrow().to_pylist(), key=lambda row: row["dt"])
    return [
        Publication(
            day=row["dt"],
            run_id=row["run_id"],
            verdict=row["verdict"],
            published_at=row["published_at"],
            row_counts=json.loads(row["row_counts"]),
            released_by=row["released_by"],
            release_reason=row["release_reason"],
        )
        for row in rows
    ]


def publication_of(lake: Lake, day: date) -> Publication | None:
    return next((item for item in publications(lake) if item.day == day), None)


def require_no_blocked_day(lake: Lake, day: date) -> None:
    """Later days wait: raises DataError when an earlier day was refused, and not put right or released."""
    for refused in blocked_days(lake, before=day):
        raise DataError(
            f"{day} waits: {refused.day} was refused by its {refused.stage} checks (run {refused.run_id})",
            safe="readers keep the last good day",
            next_step=f"see `usertags checks --day {refused.day}`, then run {refused.day} again "
            "or release it (`usertags release`)",
        )


def blocked_days(lake: Lake, *, before: date | None = None) -> list[RunRecord]:
    """The days whose newest clean or audit record is a refusal and that were not published since: that
    record of each, the earliest day first."""
    records = [record for record in run_records(lake) if before is None or record.day < before]
    return blocked(records, {item.day: item.published_at for item in publications(lake, before=before)})


def blocked(records: Iterable[RunRecord], published: Mapping[date, datetime]) -> list[RunRecord]:
    """Of each day that is blocked the refusal, the earliest day first.

    In: records, oldest first, and when each published day was published. A day is blocked while its newest
    clean or audit record is a refusal and it was not published after that; of two refusals the later counts.
    """
    newest: dict[tuple[date, str], RunRecord] = {}
    for record in records:
        if record.stage in ("clean", "audit"):
            newest[record.day, record.stage] = record
    refused = {
        record.day: record
        for record in sorted(newest.values(), key=_recorded)
        if record.status == "refused" and not _published_since(published.get(record.day), record)
    }
    return [refused[day] for day in sorted(refused)]


def _published_since(published: datetime | None, refused: RunRecord) -> bool:
    return published is not None and published > _recorded(refused)


def _recorded(record: RunRecord) -> datetime:
    assert record.recorded_at is not None
    return record.recorded_at
