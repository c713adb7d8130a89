"""Tables of records keep few snapshots, so that a commit costs the same after a year."""

from datetime import date, timedelta
from unittest.mock import patch

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table.update.snapshot import ExpireSnapshots

from usertags.stages.runs import RunRecord, record_run, run_records
from usertags.store.lake import Lake
from usertags.store.schemas import RUNS

DAYS = [date(2026, 3, 1) + timedelta(days=number) for number in range(45)]


def _record(lake: Lake, day: date) -> None:
    record_run(lake, RunRecord(day, f"r{day}", "audit", "passed"))


def _snapshots(lake: Lake) -> int:
    return len(lake.catalog.load_table(RUNS.name).metadata.snapshots)


def test_many_commits_leave_few_snapshots_and_every_row(lake_in_files: Lake) -> None:
    for day in DAYS:
        _record(lake_in_files, day)
    assert _snapshots(lake_in_files) <= 21
    assert [record.data_day for record in run_records(lake_in_files)] == DAYS


def test_a_commit_of_another_process_leaves_it_to_a_later_one(lake_in_files: Lake) -> None:
    with patch.object(ExpireSnapshots, "commit", side_effect=CommitFailedException("main has moved")):
        for day in DAYS[:25]:
            _record(lake_in_files, day)
        assert _snapshots(lake_in_files) > 21
    _record(lake_in_files, DAYS[25])
    assert _snapshots(lake_in_files) <= 21
    assert [record.data_day for record in run_records(lake_in_files)] == DAYS[:26]
