"""A project that is run through the pipeline, and its published tables as rows of Python."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyiceberg.expressions import AlwaysTrue, BooleanExpression

from usertags.cli.app import main
from usertags.pipeline import Pipeline
from usertags.project.build import load_project
from usertags.published import PUBLISHED
from usertags.stages.batch_register import on_main, registered
from usertags.stages.report import STAGES, StageReport
from usertags.stages.runs import new_run_id, publication_of
from usertags.stages.source_tables import tables_of
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import PUBLICATIONS, USER_MEASURES
from usertags.verify.compare import Difference
from usertags.verify.verify import verify

Row = dict[str, Any]
EVERY_ROW = AlwaysTrue()
TABLES = tuple(spec.name.removeprefix("tags.") for spec in PUBLISHED)


class Shop:
    """A project of a test and the folder that its files are read from, named by an environment variable."""

    def __init__(self, folder: Path, variable: str, landing: Path) -> None:
        self.folder = folder
        self.variable = variable
        self.landing = landing
        self.pipeline = Pipeline(load_project(folder))

    def reload(self) -> None:
        """Take in the configuration as it is now."""
        self.pipeline.close()
        self.pipeline = Pipeline(load_project(self.folder))

    @property
    def lake(self) -> Lake:
        return self.pipeline.lake

    def edit(self, file: str, change: Callable[[Any], None]) -> None:
        """Change a file of the configuration and take it in."""
        path = self.folder / file
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(data)
        path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
        self.reload()

    def land(self, case: Path, day: str) -> None:
        """Put the files of a day into the folder that is read."""
        for folder in sorted(case.glob(f"*/dt={day}")):
            shutil.copytree(folder, self.landing / folder.relative_to(case), dirs_exist_ok=True)

    def write_orders(self, day: str, rows: Sequence[Mapping[str, object]]) -> None:
        path = self.landing / "orders" / f"dt={day}" / "orders.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(self, day: date, *, until: str = STAGES[-1], re_extract: bool = False) -> str:
        """All stages of a day up to one; returns the run's id."""
        self.run_id = run_id = new_run_id()
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(os.environ, self.variable, str(self.landing))
            self.reports: list[StageReport] = []
            for report in self.pipeline.run(day, run_id, until=until, re_extract=re_extract):
                self.reports.append(report)
        return run_id

    def command(self, *arguments: str) -> int:
        """A command of `usertags` in this process; returns its exit code."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["usertags", "--configs", str(self.folder), *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        return int(ended.value.code or 0)

    def line(self, stage: str, name: str) -> dict[str, int | None]:
        """What the last run's stage counted of a source."""
        report = next(item for item in self.reports if item.stage == stage)
        line = next(item for item in report.lines if item.name == name)
        return {
            part: getattr(line, part) for part in ("read", "kept", "superseded", "repeats", "quarantined")
        }

    def rows(self, table: str, where: BooleanExpression = EVERY_ROW) -> list[Row]:
        """The rows of a table as they stand on main, in the order of their text."""
        scan = self.lake.catalog.load_table(table).scan(row_filter=where)
        return ordered(scan.to_arrow().to_pylist())

    def count(self, table: str, where: BooleanExpression = EVERY_ROW) -> int:
        return self.lake.catalog.load_table(table).scan(row_filter=where).count()

    def published(self, table: str, day: date) -> list[Row]:
        """The published rows of a day, without the columns that name the run."""
        found = publication_of(self.lake, day)
        assert found is not None, f"{day} is not published"
        rows = self.rows(f"tags.{table}", rows_where(dt=day, run_id=found.run_id))
        return [{name: value for name, value in row.items() if name not in ("dt", "run_id")} for row in rows]

    def differences(self, day: date) -> tuple[Difference, ...]:
        """What DuckDB computes otherwise from the clean tables; no measure and no tag is left out."""
        found = verify(self.pipeline.project, self.lake, day)
        assert [line for line in found.not_verified if line.startswith(("measure", "tag "))] == []
        return found.differences

    def publication(self, day: date) -> Row:
        (row,) = self.rows(PUBLICATIONS.name, rows_where(dt=day))
        return row

    def measures(self, day: date, run_id: str) -> list[Row]:
        """`ops.user_measures` of a run, without the columns that name the run."""
        rows = self.rows(USER_MEASURES.name, rows_where(dt=day, run_id=run_id))
        return [{name: value for name, value in row.items() if name not in ("dt", "run_id")} for row in rows]

    def profile(self, day: date) -> dict[str, Row]:
        """`user_profile` of a day by the bare id, without the tags that a user does not carry."""
        return {
            row["user_id"].removeprefix("customer:"): {
                name: value for name, value in row.items() if value is not None and name != "user_id"
            }
            for row in self.published("user_profile", day)
        }

    def tags(self, day: date, tag: str) -> dict[str, Row]:
        """The rows of one tag in `user_tags` by the bare id."""
        rows = self.published("user_tags", day)
        return {row["user_id"].removeprefix("customer:"): row for row in rows if row["tag_id"] == tag}

    def changes(self, day: date) -> set[tuple[str, str, str, str | None, str | None, str]]:
        names = ("user_id", "tag_id", "change", "old_value", "new_value", "reason")
        return {
            tuple(str(row[name]).removeprefix("customer:") if row[name] else None for name in names)  # type: ignore[misc]
            for row in self.published("user_tag_changes", day)
        }

    def snapshot(self, table: str) -> int:
        current = self.lake.catalog.load_table(table).current_snapshot()
        assert current is not None
        return current.snapshot_id

    def branches(self, table: str) -> set[str]:
        return set(self.lake.catalog.load_table(table).metadata.refs)

    def touched(self, data_day: date) -> set[date]:
        """The event days that a batch of orders rewrote when it was taken over last."""
        found = on_main(registered(self.lake, [tables_of(self.lake, "orders")])["orders"], data_day)
        assert found is not None, f"no batch of {data_day}"
        return set(found.event_days)


NewShop = Callable[..., Shop]


def ordered(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))
