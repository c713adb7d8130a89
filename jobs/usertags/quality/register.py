"""The register of runs as the code sees it: one type for a row of `ops.runs`, one for a publication, and
which days are blocked. Pure: rows in, dataclasses out."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from usertags.quality.checks import CheckResult, facts_of, from_facts, json_text

Stage = Literal["clean", "tag", "audit", "release_clean", "release_audit"]
Status = Literal["built", "passed", "warned", "refused", "released"]
# The stages that check, and may refuse a day.
_GATES = ("clean", "audit")


@dataclass(frozen=True)
class RunRecord:
    """A row of `ops.runs`: what one stage of one run ended with. The clean stage records its verdict and the
    batches that it is about, the tag stage what it built and from which snapshots, the audit its verdict. A
    release records who let a refused clean or audit stage pass, and why. `warnings` are the results that
    warn, of a release those that it covers, without samples. `identity_version` says by which rules the tag
    stage joined ids (`usertags.stages.identity`)."""

    data_day: date
    run_id: str
    stage: Stage
    status: Status
    previous_day: date | None = None
    previous_run: str | None = None
    catalogue_version: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    row_counts: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[CheckResult, ...] = ()
    recorded_at: datetime | None = None
    released_by: str | None = None
    release_reason: str | None = None
    identity_version: str | None = None


@dataclass(frozen=True)
class Publication:
    """A row of `tags.publications`. Its warnings are sentences for readers: nothing here reads them."""

    data_day: date
    run_id: str
    verdict: str
    published_at: datetime
    row_counts: Mapping[str, int] = field(default_factory=dict)
    released_by: str | None = None
    release_reason: str | None = None


def record_of(row: Mapping[str, Any]) -> RunRecord:
    """The record of a row of `ops.runs`."""
    return RunRecord(
        data_day=row["dt"],
        run_id=row["run_id"],
        stage=row["stage"],
        status=row["status"],
        previous_day=row["previous_dt"],
        previous_run=row["previous_run_id"],
        catalogue_version=row["catalogue_version"],
        inputs=json.loads(row["inputs"]),
        row_counts=json.loads(row["row_counts"]),
        warnings=tuple(map(from_facts, json.loads(row["warnings"]))),
        recorded_at=row["recorded_at"],
        released_by=row.get("released_by"),
        release_reason=row.get("release_reason"),
        identity_version=row.get("identity_version"),
    )


def record_row(record: RunRecord, at: datetime) -> dict[str, Any]:
    """The row of `ops.runs` of a record that is written at an instant."""
    return {
        "dt": record.data_day,
        "run_id": record.run_id,
        "stage": record.stage,
        "status": record.status,
        "recorded_at": at,
        "previous_dt": record.previous_day,
        "previous_run_id": record.previous_run,
        "catalogue_version": record.catalogue_version,
        "inputs": json.dumps(record.inputs),
        "row_counts": json.dumps(record.row_counts),
        "warnings": json_text([facts_of(warning) for warning in record.warnings]),
        "released_by": record.released_by,
        "release_reason": record.release_reason,
        "identity_version": record.identity_version,
    }


def publication_from(row: Mapping[str, Any]) -> Publication:
    """The publication of a row of `tags.publications`."""
    return Publication(
        data_day=row["dt"],
        run_id=row["run_id"],
        verdict=row["verdict"],
        published_at=row["published_at"],
        row_counts=json.loads(row["row_counts"]),
        released_by=row["released_by"],
        release_reason=row["release_reason"],
    )


def refusal_of(records: Iterable[RunRecord], published_at: datetime | None) -> RunRecord | None:
    """The refusal that blocks a day; None where the day is not blocked. In: the records of the day, and when
    it was published. A day is blocked while its newest clean or audit record is a refusal and it was not
    published after that; of two refusals the later counts."""
    newest: dict[str, RunRecord] = {}
    for record in sorted(records, key=recorded_at):
        if record.stage in _GATES:
            newest[record.stage] = record
    refused = [
        record
        for record in newest.values()
        if record.status == "refused" and not _published_since(published_at, record)
    ]
    return max(refused, key=recorded_at, default=None)


def blocked(records: Iterable[RunRecord], published: Mapping[date, datetime]) -> list[RunRecord]:
    """Of each day that is blocked the refusal, the earliest day first. In: records, and when each published
    day was published."""
    by_day: dict[date, list[RunRecord]] = defaultdict(list)
    for record in records:
        by_day[record.data_day].append(record)
    found = (refusal_of(by_day[data_day], published.get(data_day)) for data_day in sorted(by_day))
    return [refused for refused in found if refused is not None]


def _published_since(published: datetime | None, refused: RunRecord) -> bool:
    return published is not None and published > recorded_at(refused)


def recorded_at(record: RunRecord) -> datetime:
    """When a record was written; only for records that were read from the table."""
    assert record.recorded_at is not None
    return record.recorded_at
