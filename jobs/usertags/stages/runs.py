"""The register of runs: the outcome of each stage of a run, the published days and the blocked days."""

from datetime import UTC, date, datetime

import pyarrow as pa

from usertags.errors import DataError, UsageError
from usertags.published import TAG_COVERAGE
from usertags.quality.register import Publication, RunRecord, blocked, publication_from, record_of, record_row
from usertags.store.filters import rows_before, rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS, RUNS
from usertags.store.tables import ensure_table, find_table, replace_rows


def new_run_id() -> str:
    """An id for a new run of a day: `r`, and the time in UTC to the millisecond; ids sort by time."""
    return datetime.now(UTC).strftime("r%Y%m%d_%H%M%S_%f")[:-3]


def run_branch(run_id: str) -> str:
    """The branch of the tag tables that a run is written on."""
    return f"run_{run_id}"


def record_run(lake: Lake, record: RunRecord) -> None:
    """Record the outcome of a stage, replacing an earlier outcome of the stage in the same run."""
    row = record_row(record, datetime.now(UTC))
    table = ensure_table(lake, RUNS.name, RUNS.schema, RUNS.partition)
    same = rows_where(dt=record.data_day, run_id=record.run_id, stage=record.stage)
    replace_rows(table, pa.Table.from_pylist([row], schema=RUNS.schema), same)


def run_records(lake: Lake, data_day: date | None = None) -> list[RunRecord]:
    """The records of a day, or of all days, oldest first."""
    table = find_table(lake, RUNS.name)
    if table is None:
        return []
    scan = table.scan(row_filter=rows_where(dt=data_day)) if data_day else table.scan()
    rows = scan.to_arrow().to_pylist()
    return [record_of(row) for row in sorted(rows, key=lambda row: row["recorded_at"])]


def stage_record(lake: Lake, data_day: date, run_id: str, stage: str) -> RunRecord | None:
    """What a stage of a run ended with; None if it has not ended."""
    return next((r for r in run_records(lake, data_day) if (r.run_id, r.stage) == (run_id, stage)), None)


def latest_run(lake: Lake, data_day: date) -> str:
    """The newest run of a day with tags. Raises UsageError if there is none."""
    built = [record.run_id for record in run_records(lake, data_day) if record.stage == "tag"]
    if not built:
        raise UsageError(
            f"no run of {data_day} has tags", next_step=f"run `usertags tag --day {data_day}` first"
        )
    return built[-1]


def publications(lake: Lake, *, before: date | None = None) -> list[Publication]:
    """The published days, oldest first."""
    table = find_table(lake, PUBLICATIONS.name)
    if table is None:
        return []
    scan = table.scan(row_filter=rows_before("dt", before)) if before else table.scan()
    rows = sorted(scan.to_arrow().to_pylist(), key=lambda row: row["dt"])
    return [publication_from(row) for row in rows]


def uncounted(lake: Lake) -> list[Publication]:
    """The days that an earlier version published without the sizes of their tags: all, while the table does
    not exist; the migration makes it with all of them in one commit."""
    return publications(lake) if find_table(lake, TAG_COVERAGE.name) is None else []


def require_counted(lake: Lake) -> None:
    """Raises UsageError while a new day could not be compared with the days before."""
    if uncounted(lake):
        raise UsageError(
            f"{TAG_COVERAGE.name} does not exist: an earlier version published the days before",
            safe="nothing was written",
            next_step="run `usertags migrate` to see the steps and `usertags migrate --apply` to run them",
        )


def publication_of(lake: Lake, data_day: date) -> Publication | None:
    """The publication of a day; None if it is not published."""
    return next((item for item in publications(lake) if item.data_day == data_day), None)


def require_no_blocked_day(lake: Lake, data_day: date) -> None:
    """Later days wait: raises DataError if an earlier day was refused and is neither fixed nor released."""
    for refused in blocked_days(lake, before=data_day):
        raise DataError(
            f"{data_day} waits: {refused.data_day} was refused by its {refused.stage} checks "
            f"(run {refused.run_id})",
            safe="readers keep the last good day",
            next_step=f"see `usertags checks --day {refused.data_day}`, then run {refused.data_day} again "
            "or release it (`usertags release`)",
        )


def blocked_days(lake: Lake, *, before: date | None = None) -> list[RunRecord]:
    """The days whose newest clean or audit record is a refusal and that were not published since then: that
    record of each, the earliest day first."""
    records = [record for record in run_records(lake) if before is None or record.data_day < before]
    return blocked(records, {item.data_day: item.published_at for item in publications(lake, before=before)})
