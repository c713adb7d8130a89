"""Moves the rows of a run that the audit refused onto the current `main`, so that they can be published.

Other runs may have been published since: then main of the tag tables does not lead to the run's branch. The
run's rows stay what they were, with one exception. The tables that carry compare with the day before: they
are computed again, from the measures and scores that the run has kept, when that day is by now published as
another run.
"""

import time
from collections.abc import Callable

from pyspark.sql import functions as F

from usertags.errors import UsageError
from usertags.language import Language
from usertags.published import PUBLISHED
from usertags.quality import texts
from usertags.quality.register import RunRecord
from usertags.stages.report import Line, StageReport
from usertags.stages.runs import run_branch
from usertags.stages.tag import Run, day_before, recompute_carry
from usertags.store.lake import Lake
from usertags.store.schemas import TableSpec
from usertags.store.spark import spark_table
from usertags.store.tables import branch_snapshot, can_fast_forward, drop_branch, find_table


def rebase_run(
    new_run: Callable[[], Run], lake: Lake, built: RunRecord, version: str, language: Language = "en"
) -> StageReport:
    """Move the rows of a held run onto the current main; the report says how for each table.

    `new_run` starts Spark: it is not needed if main can be fast-forwarded to the run's branch. `version`
    is that of the current project, `language` that of the report. Raises UsageError if the held rows no
    longer exist, or if they would have to be recomputed with other rules.
    """
    started = time.monotonic()
    _require_branches(lake, built)
    changed = _day_before_changed(lake, built)
    again = [table for table in PUBLISHED if table.carries and changed]
    if again and built.catalogue_version != version:
        raise _other_rules(built)
    copied = [spec for spec in PUBLISHED if spec not in again and not _leads_to(lake, spec, built)]
    if again or copied:
        run = new_run()
        for spec in copied:
            _copy(run, spec)
        if again:
            recompute_carry(run, built)
    for spec in PUBLISHED:
        drop_branch(lake.catalog.load_table(spec.name), _copies(built.run_id))
    notes = dict.fromkeys(PUBLISHED, texts.HELD_UNCHANGED)
    notes |= dict.fromkeys(copied, texts.HELD_COPIED)
    notes |= dict.fromkeys(again, texts.HELD_RECOMPUTED)
    lines = tuple(Line(spec.name, note=words.of(language)) for spec, words in notes.items())
    return StageReport("release", built.data_day, built.run_id, time.monotonic() - started, lines)


def _require_branches(lake: Lake, built: RunRecord) -> None:
    branch = run_branch(built.run_id)
    tables = {spec.name: find_table(lake, spec.name) for spec in PUBLISHED}
    # A table that an earlier version did not know has no rows of a run that it held.
    gone = [name for name, table in tables.items() if table is None or not branch_snapshot(table, branch)]
    if gone:
        raise UsageError(
            f"the held rows of {built.data_day} no longer exist: no branch {branch} in {', '.join(gone)}",
            safe="readers keep the last good day",
            next_step=f"run {built.data_day} again (`usertags run --day {built.data_day}`)",
        )


def _other_rules(built: RunRecord) -> UsageError:
    return UsageError(
        f"the day before {built.data_day} was rerun after run {built.run_id} was held, and the rules have "
        "changed: the tables that compare with it cannot be recomputed",
        safe="readers keep the last good day",
        next_step=f"run {built.data_day} again (`usertags run --day {built.data_day}`)",
    )


def _day_before_changed(lake: Lake, built: RunRecord) -> bool:
    before = day_before(lake, built.data_day)
    now = (before.data_day, before.run_id) if before else (None, None)
    return now != (built.previous_day, built.previous_run)


def _leads_to(lake: Lake, spec: TableSpec, built: RunRecord) -> bool:
    return can_fast_forward(lake.catalog.load_table(spec.name), run_branch(built.run_id))


def _copies(run_id: str) -> str:
    return f"release_{run_id}"


def _copy(run: Run, spec: TableSpec) -> None:
    """Copies through a second branch: the run's branch keeps the held rows until the copy is complete."""
    table, copies = spark_table(spec.name), _copies(run.run_id)
    run.spark.sql(f"ALTER TABLE {table} CREATE OR REPLACE BRANCH {copies}")
    same = (F.col("dt") == F.lit(run.data_day)) & (F.col("run_id") == F.lit(run.run_id))
    run.read(spec).writeTo(spark_table(spec.name, copies)).overwrite(same)
    snapshot = branch_snapshot(run.lake.catalog.load_table(spec.name), copies)
    assert snapshot is not None
    run.spark.sql(f"ALTER TABLE {table} REPLACE BRANCH {run.branch} AS OF VERSION {snapshot.snapshot_id}")
