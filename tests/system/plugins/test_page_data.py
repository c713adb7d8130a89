"""Reading the lake for the pages: what is new is seen, what was read is not read again, and a lake that is
down or slow holds nobody up."""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pytest

from plugins.usertags_quality.loading import Refreshed, Unavailable, in_thread
from plugins.usertags_quality.page_data import PageData
from tests.support.every_page import by_people
from tests.support.places import TINY_SHOP
from tests.support.quality_rows import check, ended, publication
from usertags import services
from usertags.errors import InfrastructureError
from usertags.project.build import load_project
from usertags.published import USER_TAG_CHANGES as CHANGES
from usertags.published import USER_TAGS
from usertags.quality.kinds import CheckKind
from usertags.store import cached
from usertags.store.lake import Lake, open_lake
from usertags.store.schemas import CHECKS, PUBLICATIONS, QUARANTINE, RUNS, TableSpec
from usertags.store.tables import ensure_table
from usertags.transform.tags import level_ids

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture(scope="module")
def configs(new_project_folder: Callable[[Path], Any]) -> Path:
    return Path(new_project_folder(TINY_SHOP).path)


@pytest.fixture(scope="module")
def lake(configs: Path) -> Lake:
    return open_lake(load_project(configs))


def write(lake: Lake, spec: TableSpec, *rows: dict[str, Any]) -> None:
    table = ensure_table(lake, spec.name, spec.schema, spec.partition)
    table.append(pa.Table.from_pylist(list(rows), schema=spec.schema))


def test_a_new_day_is_seen_and_files_that_were_read_are_not_read_again(
    lake: Lake, configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERTAGS_LAST_DAY", str(D2))
    read: list[str] = []
    rows_of = cached._rows_of
    monkeypatch.setattr(
        cached, "_rows_of", lambda *args: (read.append(args[2].file.file_path), rows_of(*args))[1]
    )
    page_data = PageData(configs)
    assert page_data._view().history.days == {}
    write(lake, CHECKS, check(D1, CheckKind.IN_RANGE, "amount"))
    write(lake, RUNS, ended(D1, "clean", "passed"), ended(D1, "audit", "passed"))
    write(lake, PUBLICATIONS, publication(D1))
    first = page_data._view()
    assert [day.state for day in first.history.days.values()] == ["passed", "missing"]
    assert page_data._view() is first
    write(lake, CHECKS, check(D2, CheckKind.IN_RANGE, "amount", success=False))
    write(lake, RUNS, ended(D2, "clean", "refused"))
    assert [day.state for day in page_data._view().history.days.values()] == ["passed", "blocked"]
    assert len(read) == len(set(read)) == 5


def test_rows_set_aside_are_counted_by_reason_with_some_of_them(lake: Lake, configs: Path) -> None:
    page_data = PageData(configs)
    assert page_data.quarantined(D1) == []
    rows = [
        {"batch": D1, "run_id": "r1", "source": "orders", "reason": reason, "key": f"A{number}", "raw": raw}
        for number, (reason, raw) in enumerate(
            [("missing_user", '{"order_id": "A0"}')] * 5 + [("it's odd", '{"order_id": "A5"}')]
        )
    ]
    write(lake, QUARANTINE, *rows)
    found = page_data.quarantined(D1)
    assert [(each.source, each.reason, each.rows, len(each.samples)) for each in found] == [
        ("orders", "missing_user", 5, 3),
        ("orders", "it's odd", 1, 1),
    ]
    assert found[1].samples == (("A5", {"order_id": "A5"}),)
    assert page_data.quarantined(D2) == []


def test_changes_and_who_says_so_are_counted_for_a_tag_of_a_run(
    lake: Lake, configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_data = PageData(configs)
    tag = next(iter(page_data.project().tags.values()))
    with_people = replace(page_data.project(), tags={tag.id: by_people(tag, "notes")})
    # As the tag stage writes it: the English id of the level, not its name.
    level = level_ids(tag, page_data.project().levels)[0]
    assert level != tag.path[0]
    assert page_data.changes(D1, "r1", tag.id) == [] and page_data.speakers(D1, "r1", tag.id, level) is None
    monkeypatch.setattr(page_data, "project", lambda: with_people)
    of_run = {"dt": D1, "run_id": "r1", "tag_id": tag.id, "level1": level}
    carried = [
        of_run | {"user_id": f"u{n}", "source": source}
        for n, source in enumerate(["rule"] * 3 + ["explicit"])
    ]
    write(
        lake,
        USER_TAGS,
        *carried,
        of_run | {"run_id": "r2", "source": "rule"},
        of_run | {"tag_id": "x", "source": "rule"},
    )
    changed = [of_run | {"change": "added", "reason": "data"}] * 2 + [
        of_run | {"change": "removed", "reason": "retired"}
    ]
    write(lake, CHANGES, *({k: v for k, v in row.items() if k != "level1"} for row in changed))
    assert page_data.speakers(D1, "r1", tag.id, level) == {"rule": 3, "explicit": 1}
    assert page_data.changes(D1, "r1", tag.id) == [("added", "data", 2), ("removed", "retired", 1)]
    monkeypatch.setattr("plugins.usertags_quality.page_data._ROWS_AT_MOST", 1)
    assert page_data.changes(D1, "r1", tag.id) is None
    assert page_data.speakers(D1, "r1", tag.id, level) is None


def test_many_commits_leave_few_manifests_to_open(lake: Lake) -> None:
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(40)]
    table = ensure_table(lake, "ops.many_commits", RUNS.schema, RUNS.partition)
    for day in days:
        table.append(pa.Table.from_pylist([ended(day, "clean", "passed")], schema=RUNS.schema))
    table = lake.catalog.load_table("ops.many_commits")
    snapshot = table.current_snapshot()
    assert snapshot is not None and len(snapshot.manifests(table.io)) < 30
    assert sorted(table.scan().to_arrow().column("dt").to_pylist()) == days


def test_a_page_starts_no_store(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TINY_SHOP, tmp_path / "tiny_shop"))
    project_yml = (folder / "project.yml").read_text()
    (folder / "project.yml").write_text(project_yml.replace(".usertags/tiny_shop", str(tmp_path / "state")))
    with pytest.raises(InfrastructureError, match="the embedded store is not running") as caught:
        PageData(folder).lake()
    assert "usertags services start" in caught.value.next_step
    assert services.endpoints(tmp_path / "state") is None


def test_a_lake_that_hangs_holds_nobody_up_and_is_asked_once() -> None:
    calls: list[float] = []
    go_on = Event()

    def hangs() -> int:
        calls.append(time.monotonic())
        go_on.wait(20)
        return 7

    async def several() -> None:
        value = Refreshed(hangs, patience=0.2)
        answers = await asyncio.gather(*(value.get() for _ in range(5)), return_exceptions=True)
        assert all(isinstance(answer, Unavailable) for answer in answers)
        go_on.set()
        await asyncio.sleep(0.2)
        assert await value.get() == 7

    started = time.monotonic()
    asyncio.run(several())
    assert time.monotonic() - started < 3
    assert len(calls) == 1


def test_after_a_failure_the_lake_is_left_alone_for_a_while() -> None:
    calls: list[int] = []

    def fails() -> int:
        calls.append(1)
        raise OSError("http://user:secret@store")

    async def twice() -> None:
        value = Refreshed(fails, retry_after=60)
        for _ in range(3):
            with pytest.raises(Unavailable) as caught:
                await value.get()
            assert "OSError" in str(caught.value) and "secret" not in str(caught.value)

    asyncio.run(twice())
    assert len(calls) == 1


def test_a_single_look_up_that_is_slow_is_given_up() -> None:
    answers = Event()
    try:
        with pytest.raises(Unavailable, match="has not answered yet"):
            asyncio.run(in_thread(answers.wait, 0.1))
    finally:
        answers.set()
