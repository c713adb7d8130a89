"""publish: makes the run the published run of its day.

Table by table `main` moves to the run's branch, which still contains the replaced run; then one
commit to `publications` makes the run the published one: that commit is the publication. Then the replaced
run is deleted by partition. After a crash at any point readers see one complete run of the day, and the same
command completes the work.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from usertags.config.quality_models import Language
from usertags.errors import DataError, UsageError
from usertags.project.model import Project
from usertags.published import PUBLISHED
from usertags.quality.register import Publication, RunRecord
from usertags.quality.sentences import sentence
from usertags.stages.releases import Verdict, verdict_of
from usertags.stages.report import Line, StageReport
from usertags.stages.retention import remove_old_reports
from usertags.stages.runs import publication_of, run_branch, stage_record
from usertags.store.filters import rows_but, rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS
from usertags.store.tables import drop_branch, ensure_table, fast_forward


def publish(project: Project, lake: Lake, day: date, run_id: str) -> StageReport:
    """Publish an audited run, or complete an interrupted publication.

    Raises UsageError when the run was not built or audited, DataError when its audit refused it, and
    InfrastructureError if the tables were written by another process after the branch was created.
    """
    started = time.monotonic()
    built, verdict = _require_passed(lake, day, run_id)
    for _ in publish_steps(lake, built, verdict, project.quality.language):
        pass
    lines = tuple(
        Line(spec.name, written=built.row_counts.get(spec.name, 0), note=verdict.status) for spec in PUBLISHED
    )
    removed = remove_old_reports(lake, project)
    lines += (Line("reports", note=removed),) if removed else ()
    return StageReport("publish", day, run_id, time.monotonic() - started, lines)


def _require_passed(lake: Lake, day: date, run_id: str) -> tuple[RunRecord, Verdict]:
    built, audited = stage_record(lake, day, run_id, "tag"), stage_record(lake, day, run_id, "audit")
    if built is None or audited is None:
        raise UsageError(
            f"run {run_id} of {day} has not been audited", next_step="run the tag and audit stages first"
        )
    verdict = verdict_of(lake, built, audited)
    if verdict is None:
        raise DataError(
            f"run {run_id} of {day} was refused by its audit",
            safe="readers keep the last good day",
            next_step="fix the data and run the day again, or release it (`usertags release`)",
        )
    return built, verdict


def publish_steps(lake: Lake, built: RunRecord, verdict: Verdict, language: Language = "en") -> Iterator[str]:
    """The commits of a publication, one a step: after each of them readers see one whole run. `language` is
    that of its warnings."""
    branch = run_branch(built.run_id)
    published = publication_of(lake, built.day)
    if published is None or published.run_id != built.run_id:
        for spec in PUBLISHED:
            fast_forward(lake.catalog.load_table(spec.name), branch)
            yield f"main of {spec.name} has the run"
        _publish(lake, publication_row(built, verdict, published, datetime.now(UTC), language))
        yield "the run is published"
    yield from _clean_up(lake, built, branch)


def _publish(lake: Lake, row: dict[str, Any]) -> None:
    """The publication: one row, one commit."""
    table = ensure_table(lake, PUBLICATIONS.name, PUBLICATIONS.schema, PUBLICATIONS.partition)
    table.overwrite(
        pa.Table.from_pylist([row], schema=PUBLICATIONS.schema),
        overwrite_filter=rows_where(dt=row["dt"]),
    )


def publication_row(
    built: RunRecord,
    verdict: Verdict,
    replaced: Publication | None,
    at: datetime,
    language: Language = "en",
) -> dict[str, Any]:
    """The row of `tags.publications` of a run. In: what its tag stage recorded, its verdict, the publication
    of the day that stood before, the instant of the publication, the language of its warnings. Warnings (a
    list of sentences for readers), inputs and row counts are JSON."""
    return {
        "dt": built.day,
        "run_id": built.run_id,
        "published_at": at,
        "catalogue_version": built.catalogue_version,
        "verdict": verdict.status,
        "warnings": json.dumps([sentence(each, language) for each in verdict.warnings], ensure_ascii=False),
        "inputs": json.dumps(dict(built.inputs)),
        "replaces": replaced.run_id if replaced else None,
        "released_by": verdict.released_by,
        "release_reason": verdict.release_reason,
        "row_counts": json.dumps(dict(built.row_counts)),
    }


def _clean_up(lake: Lake, built: RunRecord, branch: str) -> Iterator[str]:
    """Delete every other run of the day from the tag tables, and the branch."""
    others = rows_where(dt=built.day) & rows_but("run_id", built.run_id)
    for spec in PUBLISHED:
        table = lake.catalog.load_table(spec.name)
        drop_branch(table, branch)
        if any(True for _ in table.scan(row_filter=others).plan_files()):
            table.delete(others)
        yield f"{spec.name} holds the published run of the day alone"
