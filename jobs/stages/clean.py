"""clean: a batch of raw rows becomes typed, deduplicated rows by event day, and rows set aside.

Written on a branch of `clean.<source>` and audited there; a bad batch never reaches the roll-ups.
"""

import time
from dataclasses import dataclass
from datetime import date

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.catalogue.model import Catalogue, Source
from jobs.catalogue.versions import version_of
from jobs.errors import DataError
from jobs.stages.checks import CheckResult, judge, save_checks
from jobs.stages.clean_checks import batch_checks
from jobs.stages.extract import known_batches, raw_name
from jobs.stages.report import Line, StageReport
from jobs.stages.runs import RunRecord, record_run, require_no_blocked_day
from jobs.store.lake import Lake
from jobs.store.schemas import QUARANTINE
from jobs.store.spark import spark_table
from jobs.store.tables import drop_branch, ensure_table, fast_forward, find_table, history, summary_value
from jobs.transform.typed import typed
from jobs.transform.versions import KEPT, REPEAT, SUPERSEDED, Resolved, resolve


@dataclass(frozen=True)
class Cleaned:
    """One source's batch on its branch: the counts, the event days that it touches, what was checked."""

    source: Source
    line: Line
    days: tuple[date, ...]
    checks: tuple[CheckResult, ...]


def clean(spark: SparkSession, catalogue: Catalogue, lake: Lake, day: date, run_id: str) -> StageReport:
    """Clean the batch of a data day of every source.

    Raises DataError when a batch was never extracted, and GateRefused when a critical check fails: then
    no source of the batch is taken over, and the branches stay for inspection.
    """
    started = time.monotonic()
    require_no_blocked_day(lake, day)
    _require_batches(catalogue, lake, day)
    cleaned = [_clean_source(spark, catalogue, lake, source, day, run_id) for source in catalogue.sources.values()]
    checks = [check for item in cleaned for check in item.checks]
    save_checks(lake, day, run_id, "clean", checks)
    status = judge(checks)
    record_run(lake, RunRecord(day, run_id, "clean", status, warnings=_warnings(checks)))
    if status == "refused":
        raise gate_refused(day, checks)
    for item in cleaned:
        table = lake.catalog.load_table(clean_name(item.source))
        if batch_branch(day) in table.metadata.refs:
            fast_forward(table, batch_branch(day))
            drop_branch(table, batch_branch(day))
    return StageReport("clean", day, run_id, time.monotonic() - started, tuple(item.line for item in cleaned))
