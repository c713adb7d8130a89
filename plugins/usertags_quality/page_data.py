"""The data of the pages: the configuration, the history of checks, the tags, and single lookups."""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, BooleanExpression

from plugins.usertags_quality import airflow_runs
from plugins.usertags_quality.loading import Refreshed
from usertags.errors import UsertagsError
from usertags.language import Language
from usertags.project.build import ROOT, load_project
from usertags.project.masking import MASK, masked, masked_of, masked_raw
from usertags.project.model import Project, Source
from usertags.published import TAG_CATALOGUE, TAG_COVERAGE, TAG_STATISTICS, USER_TAGS
from usertags.published import USER_TAG_CHANGES as CHANGES
from usertags.quality.checks import CheckRow
from usertags.quality.register import publication_from, record_of
from usertags.quality.tag_trends import TagTrend, tag_trends
from usertags.quality.timeline import History, history
from usertags.stages.days import expected_day
from usertags.store.cached import CachedTable, reading_catalog
from usertags.store.filters import rows_since, rows_where
from usertags.store.lake import Lake, open_lake
from usertags.store.schemas import CHECKS, PUBLICATIONS, QUARANTINE, RUNS

KEPT_DAYS = 400
# Read before the rest, so that the first page of a new server is fast.
FIRST_DAYS = 35
# The tables shown on the tag pages.
TAG_DAYS = 62
# Pages do not count more rows than this.
_ROWS_AT_MOST = 3_000_000
_SAMPLES = 3


@dataclass(frozen=True)
class QuarantinedRows:
    """Quarantined rows of a source's batch with one reason; `samples` are keys with masked rows."""

    source: str
    reason: str
    rows: int
    samples: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True)
class View:
    """The history read at one time; only the newest days if it is not `complete`."""

    project: Project
    history: History
    read_at: datetime
    complete: bool = True


class PageData:
    """Reads the lake of a configuration. Methods without `async` are blocking and are called in threads."""

    def __init__(self, configs: Path) -> None:
        self.configs = configs
        self.view = Refreshed(self._view, unfinished=lambda view: not view.complete)
        self.tags = Refreshed(self._tags)
        self._checks = CachedTable(CHECKS.name, make=CheckRow.of)
        self._runs = CachedTable(RUNS.name, make=record_of)
        self._publications = CachedTable(PUBLICATIONS.name, make=publication_from)
        self._coverage, self._statistics = CachedTable(TAG_COVERAGE.name), CachedTable(TAG_STATISTICS.name)
        self._tag_catalogue_rows = CachedTable(TAG_CATALOGUE.name)
        self._built: tuple[object, View] | None = None
        self._trends: tuple[object, list[TagTrend]] | None = None
        self._opened: tuple[Lake, Catalog] | None = None
        self.last_language: Language = "en"

    def language(self) -> Language:
        """The language of the project; the last known one while its configuration cannot be loaded."""
        with suppress(UsertagsError):
            self.last_language = self.project().quality.language
        return self.last_language

    def project(self) -> Project:
        return _load(self.configs, _stamp(self.configs))

    def lake(self) -> Lake:
        """The lake; pages do not start an embedded lake that is not running."""
        return open_lake(self.project(), start=False)

    def _catalog(self) -> Catalog:
        lake = self.lake()
        if self._opened is None or self._opened[0].properties != lake.properties:
            self._opened = (lake, reading_catalog(lake))
        return self._opened[1]

    def _view(self) -> View:
        """The newest days first, then all; all at once if there are no newest days."""
        if self._built is None:
            view = self._read_view(complete=False)
            if view.history.days:
                return view
        return self._read_view(complete=True)

    def _read_view(self, *, complete: bool) -> View:
        project, catalog = self.project(), self._catalog()
        expected = expected_day(project.timezone)
        first = _first_day(expected) if complete else expected - timedelta(days=FIRST_DAYS)
        tables = (self._checks, self._runs, self._publications)
        with ThreadPoolExecutor(max_workers=len(tables)) as pool:
            list(pool.map(lambda table: table.refresh(catalog, _since(table, first)), tables))
        stamp = (expected, first, id(project), *(table.snapshot for table in tables))
        if self._built is None or self._built[0] != stamp:
            published = [item for item in self._publications.rows if item.data_day >= first]
            found = history(self._checks.rows, self._runs.rows, published, expected)
            self._built = (stamp, View(project, found, datetime.now(UTC), complete))
        return self._built[1]

    def _tags(self) -> list[TagTrend]:
        catalog = self._catalog()
        self._publications.refresh(catalog)
        published = {item.data_day: item.run_id for item in self._publications.rows}
        published = dict(sorted(published.items())[-TAG_DAYS:])
        first = min(published, default=date.min)
        for counted in (self._coverage, self._statistics):
            counted.refresh(catalog, rows_since("dt", first))
        newest = max(published, default=date.min)
        self._tag_catalogue_rows.refresh(catalog, rows_where(dt=newest))
        read = (self._coverage, self._statistics, self._tag_catalogue_rows)
        tables = (self._publications, *read)
        stamp = (first, *(table.snapshot for table in tables))
        if self._trends is None or self._trends[0] != stamp:
            self._trends = (stamp, tag_trends(*(table.rows for table in read), published))
        return self._trends[1]

    def quarantined(self, day: date) -> list[QuarantinedRows]:
        """The quarantined rows of the batch of a day, by source and reason, largest first."""
        try:
            table = self._catalog().load_table(QUARANTINE.name)
        except NoSuchTableError:
            return []
        where = rows_where(batch=day)
        counted = table.scan(row_filter=where, selected_fields=("source", "reason")).to_arrow()
        groups = counted.group_by(["source", "reason"]).aggregate([([], "count_all")]).to_pylist()
        project = self.project()
        found = []
        for group in sorted(groups, key=lambda group: -group["count_all"]):
            same = rows_where(batch=day, source=group["source"], reason=group["reason"])
            rows = (
                table.scan(row_filter=same, selected_fields=("key", "raw"), limit=_SAMPLES)
                .to_arrow()
                .to_pylist()
            )
            source = project.sources.get(group["source"])
            samples = tuple((masked_key(row["key"], source), masked_row(row["raw"], source)) for row in rows)
            found.append(QuarantinedRows(group["source"], group["reason"], group["count_all"], samples))
        return found

    def changes(self, day: date, run_id: str, tag: str) -> list[tuple[str, str, int]] | None:
        """The changes of a tag on a day, by kind and reason; None if there are too many to count."""
        where = rows_where(dt=day, run_id=run_id, tag_id=tag)
        groups = self._counted(CHANGES.name, where, ("change", "reason"))
        if groups is None:
            return None
        counted = [(group["change"], group["reason"] or "", group["count_all"]) for group in groups]
        return sorted(counted, key=lambda item: -item[2])

    def _counted(
        self, name: str, where: BooleanExpression, by: tuple[str, ...]
    ) -> list[dict[str, Any]] | None:
        """Row counts of a table by some columns; None if there are too many rows for a page."""
        try:
            scan = self._catalog().load_table(name).scan(row_filter=where, selected_fields=by)
        except NoSuchTableError:
            return []
        if sum(task.file.record_count for task in scan.plan_files()) > _ROWS_AT_MOST:
            return None
        groups: list[dict[str, Any]] = (
            scan.to_arrow().group_by(list(by)).aggregate([([], "count_all")]).to_pylist()
        )
        return groups

    def speakers(self, day: date, run_id: str, tag: str, level1: str) -> dict[str, int] | None:
        """The origin of a tag for its users: row counts by `source`, rule or explicit. `level1` is the level
        as the tag catalogue of the run has it: the partition to read. None if no source sets the tag
        manually, or if there are too many rows to count."""
        known = self.project().tags.get(tag)
        if known is None or known.set_in is None:
            return None
        where = rows_where(dt=day, run_id=run_id, tag_id=tag, level1=level1)
        counted = self._counted(USER_TAGS.name, where, ("source",))
        return None if counted is None else {row["source"]: row["count_all"] for row in counted}

    def asked_release(self, day: date) -> str | None:
        """The run of the release DAG that is waiting for approval of a day."""
        return airflow_runs.asked_release(day)

    def report_file(self, path: str) -> bytes | None:
        """A file of the reports of this project; None if it does not exist. The caller has checked that the
        path belongs to the requested report."""
        lake = self.lake()
        key = f"{self.project().name}/{path}"
        try:
            return bytes(lake.boto.get_object(Bucket=lake.reports_bucket, Key=key)["Body"].read())
        except lake.boto.exceptions.NoSuchKey:
            return None


def configs_folder() -> Path:
    """The configuration of the DAGs."""
    return Path(os.environ.get("USERTAGS_CONFIGS", str(ROOT / "configs")))


def masked_row(raw: str | None, source: Source | None) -> dict[str, Any]:
    """A quarantined row without personal data; empty if its content cannot be parsed."""
    try:
        row = json.loads(raw or "")
    except ValueError:
        return {}
    if not isinstance(row, dict) or source is None:
        return {}
    given = {name: value for name, value in row.items() if value is not None}
    return masked(given, masked_raw(source))


def masked_key(key: str | None, source: Source | None) -> str:
    """The key of a quarantined row; hidden if part of it is personal data."""
    return MASK if source is None or masked_of(source) & set(source.key) else (key or "")


def _since(table: CachedTable, first: date) -> BooleanExpression:
    # publications has no partitions: its few rows are read completely.
    return AlwaysTrue() if table.name == PUBLICATIONS.name else rows_since("dt", first)


def _first_day(expected: date) -> date:
    """The first of the month that is about `KEPT_DAYS` back: it moves once a month."""
    return (expected - timedelta(days=KEPT_DAYS)).replace(day=1)


def _stamp(configs: Path) -> tuple[tuple[str, int], ...]:
    """Changes when a file of the configuration does."""
    return tuple((str(path), path.stat().st_mtime_ns) for path in sorted(configs.rglob("*.yml")))


@lru_cache(maxsize=2)
def _load(configs: Path, stamp: object) -> Project:
    return load_project(configs)
