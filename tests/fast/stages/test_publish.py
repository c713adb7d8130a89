"""What a publication commits, step by step: tables in files, with a row a run and table."""

from collections.abc import Iterator
from datetime import date

import pytest

from tests.support.runs import built_on_branch
from usertags.published import PUBLISHED
from usertags.stages.publish import publish_steps
from usertags.stages.releases import Verdict
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
NAMES = [spec.name for spec in PUBLISHED]


def publish(lake: Lake, day: date, run_id: str) -> None:
    for _ in steps(lake, day, run_id):
        pass


def steps(lake: Lake, day: date, run_id: str) -> Iterator[str]:
    return publish_steps(lake, built_on_branch(lake, day, run_id), Verdict("passed"))


def on_main(lake: Lake) -> dict[str, list[tuple[date, str]]]:
    """By table: the day and run of each row that readers of main find."""
    tables = {name: lake.catalog.load_table(name).scan().to_arrow().to_pylist() for name in NAMES}
    return {name: sorted((row["dt"], row["run_id"]) for row in rows) for name, rows in tables.items()}


def everywhere(*runs: tuple[date, str]) -> dict[str, list[tuple[date, str]]]:
    return {name: list(runs) for name in NAMES}


def published(lake: Lake) -> list[tuple[date, str, str | None]]:
    rows = lake.catalog.load_table(PUBLICATIONS.name).scan().to_arrow().to_pylist()
    return sorted((row["dt"], row["run_id"], row["replaces"]) for row in rows)


@pytest.fixture
def lake(lake_in_files: Lake) -> Lake:
    """Two days are published."""
    publish(lake_in_files, D1, "r1")
    publish(lake_in_files, D2, "r2")
    return lake_in_files


def test_a_published_run_is_on_main_of_every_table(lake: Lake) -> None:
    assert on_main(lake) == everywhere((D1, "r1"), (D2, "r2"))
    assert published(lake) == [(D1, "r1", None), (D2, "r2", None)]
    assert {*lake.catalog.load_table(NAMES[0]).metadata.refs} == {"main"}


def test_a_run_takes_the_place_of_the_one_before(lake: Lake) -> None:
    """Until it is published both runs are there, afterwards it alone; the other day is left as it is."""
    work = steps(lake, D2, "r3")
    for step in work:
        if step == "the run is published":
            break
    assert on_main(lake) == everywhere((D1, "r1"), (D2, "r2"), (D2, "r3"))
    assert published(lake) == [(D1, "r1", None), (D2, "r3", "r2")]
    list(work)
    assert on_main(lake) == everywhere((D1, "r1"), (D2, "r3"))
    assert published(lake) == [(D1, "r1", None), (D2, "r3", "r2")]
