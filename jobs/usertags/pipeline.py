"""The stages of a data day in order: the module that composes them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from usertags.project.model import Project
from usertags.quality.gate import GateRefused
from usertags.stages.report import STAGES, StageReport, save_report
from usertags.stages.summary import refused_report, save_summary
from usertags.store.connections import Progress
from usertags.store.lake import Lake, open_lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class Pipeline:
    """The stages of one configuration; the lake is opened and Spark is started on first use."""

    project: Project
    progress: Progress | None = field(default=None)

    @cached_property
    def lake(self) -> Lake:
        return open_lake(self.project, self.progress)

    @property
    def spark(self) -> "SparkSession":
        """The Spark session; it becomes the active session, as a process may have several."""
        from usertags.store.spark import make_active

        make_active(self._session)
        return self._session

    @cached_property
    def _session(self) -> "SparkSession":
        from usertags.store.spark import spark_session

        lake = self.lake
        if self.progress and not self.project.spark.remote:
            self.progress("starting Spark")
        return spark_session(self.project, lake, "run", self.progress)

    def close(self) -> None:
        """End the session of a server."""
        if self.project.spark.remote and "_session" in self.__dict__:
            self._session.stop()

    def run(
        self,
        data_day: date,
        run_id: str,
        *,
        until: str = STAGES[-1],
        re_extract: bool = False,
        read_until: datetime | None = None,
        accept_files: bool = False,
    ) -> Iterator[StageReport]:
        """Run all stages of a data day up to `until`; yields one report per stage as it ends. `read_until`:
        when the sources are read, for a day that is not over (`reading_until`).

        Raises the first error of a stage; published data is unchanged, and rerunning the day completes it.
        """
        for stage in STAGES[: STAGES.index(until) + 1]:
            yield from self.stage(
                stage,
                data_day,
                run_id,
                re_extract=re_extract,
                read_until=read_until,
                accept_files=accept_files,
            )

    def stage(
        self,
        stage: str,
        data_day: date,
        run_id: str,
        *,
        source: str | None = None,
        re_extract: bool = False,
        read_until: datetime | None = None,
        accept_files: bool = False,
    ) -> Iterator[StageReport]:
        """Run one stage of a data day; extract returns one report per source. A stage that refuses saves its
        report and the summary of the run before raising GateRefused."""
        started = time.monotonic()
        try:
            yield from self._reports(stage, data_day, run_id, source, re_extract, read_until, accept_files)
        except GateRefused as refusal:
            self._keep_refusal(refused_report(refusal, data_day, run_id, time.monotonic() - started))
            raise
        if stage in _SUMMARISED:
            save_summary(self.lake, self.project, data_day, run_id)

    def _reports(
        self,
        stage: str,
        data_day: date,
        run_id: str,
        source: str | None,
        re_extract: bool,
        read_until: datetime | None,
        accept_files: bool,
    ) -> Iterator[StageReport]:
        if stage == "extract":
            names = [source] if source else list(self.project.sources)
            for name in names:
                entry = self.project.sources[name]
                report = _function(stage)(
                    self.project,
                    self.lake,
                    entry,
                    data_day,
                    run_id,
                    re_extract=re_extract,
                    read_until=read_until,
                    accept_files=accept_files,
                )
                yield self.saved(report)
        elif stage == "publish":
            yield self.saved(_function(stage)(self.project, self.lake, data_day, run_id))
        else:
            yield self.saved(_function(stage)(self.spark, self.project, self.lake, data_day, run_id))

    def _keep_refusal(self, report: StageReport) -> None:
        """The refusal is raised even if its report cannot be saved."""
        try:
            self.saved(report)
            save_summary(self.lake, self.project, report.day, report.run_id)
        except Exception as error:  # noqa: BLE001
            if self.progress:
                self.progress(f"the summary of the run was not written ({type(error).__name__})")

    def saved(self, report: StageReport) -> StageReport:
        """Save the report on the object storage and return it."""
        save_report(self.lake, self.project, report)
        return report


# After these stages the summary of the run is written again.
_SUMMARISED = ("clean", "audit", "publish")


def _function(stage: str) -> Callable[..., StageReport]:
    """The function of a stage, imported when it runs: a process that runs one stage, or only reads, does not
    spend a second on the libraries of the others."""
    function: Callable[..., StageReport] = getattr(import_module(f"usertags.stages.{stage}"), stage)
    return function
