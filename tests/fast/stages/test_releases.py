"""Which batch a refusal and a release are about: literal records in tables of files."""

from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pytest

from usertags.errors import DataError
from usertags.project.model import Project
from usertags.quality.register import RunRecord
from usertags.stages.batch_register import BatchRecord, register, uuid_of
from usertags.stages.releases import Verdict, require_clean_batch, verdict_of
from usertags.stages.runs import record_run
from usertags.stages.tag import tag
from usertags.store.lake import Lake
from usertags.store.tables import ensure_table

DAY = date(2026, 3, 2)
REFUSED = RunRecord(DAY, "r1", "clean", "refused", inputs={"batches": {"clean.orders": "f1"}})
RELEASE = RunRecord(
    DAY,
    "r1",
    "release_clean",
    "released",
    inputs={"checks": ["clean.orders.rows"], "batches": {"clean.orders": "f1"}},
    released_by="Wang Fang",
    release_reason="a sale",
)
BUILT, AUDITED = RunRecord(DAY, "r1", "tag", "built"), RunRecord(DAY, "r1", "audit", "passed")


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    """The batch of the day was refused."""
    record_run(lake_in_files, REFUSED)
    return lake_in_files


def promoted(lake: Lake, fingerprint: str) -> None:
    """Register that main of the clean table has the batch that was made of an input."""
    uuid = uuid_of(ensure_table(lake, "clean.orders", pa.schema([("id", pa.int64())])))
    register(lake, [BatchRecord("orders", DAY, "clean", 0, "clean", uuid, input_fingerprint=fingerprint)])


# ---- tags on a refused batch ---------------------------------------------------------------------------


def test_no_tags_are_built_on_a_refused_batch(lake: Lake, build: Callable[..., Project]) -> None:
    """It is refused before anything is read: no batch was extracted, and there is no Spark."""
    with pytest.raises(DataError, match="the batch of 2026-03-02 was refused by its clean checks"):
        tag(None, build(), lake, DAY, "r1")  # type: ignore[arg-type]


def test_a_release_counts_when_its_batch_is_promoted(lake: Lake) -> None:
    record_run(lake, RELEASE)
    with pytest.raises(DataError, match="was refused by its clean checks"):
        require_clean_batch(lake, DAY)
    promoted(lake, "f2")
    with pytest.raises(DataError, match="was refused by its clean checks"):
        require_clean_batch(lake, DAY)
    promoted(lake, "f1")
    require_clean_batch(lake, DAY)


def test_a_batch_that_was_promoted_without_a_release_is_still_refused(lake: Lake) -> None:
    promoted(lake, "f1")
    with pytest.raises(DataError, match="was refused by its clean checks"):
        require_clean_batch(lake, DAY)


@pytest.mark.parametrize("status", ["passed", "warned"])
def test_only_the_newest_checks_of_a_batch_count(lake: Lake, status: str) -> None:
    record_run(lake, RunRecord(DAY, "r2", "clean", status))  # type: ignore[arg-type]
    require_clean_batch(lake, DAY)


# ---- how long a release stands -------------------------------------------------------------------------


def test_a_day_is_called_released_while_its_released_batch_stands(lake: Lake) -> None:
    record_run(lake, RELEASE)
    promoted(lake, "f1")
    found = verdict_of(lake, BUILT, AUDITED)
    assert found == Verdict("released", (), "Wang Fang", "a sale")


def test_a_day_whose_batch_was_put_right_is_called_released_no_more(lake: Lake) -> None:
    """The source was extracted again, and the new batch passed its checks."""
    record_run(lake, RELEASE)
    promoted(lake, "f1")
    record_run(lake, RunRecord(DAY, "r2", "clean", "passed", inputs={"batches": {"clean.orders": "f2"}}))
    promoted(lake, "f2")
    assert verdict_of(lake, BUILT, AUDITED) == Verdict("passed")
