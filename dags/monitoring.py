"""Alerts and metrics sent by a task after its stage has ended. Neither can fail the task."""

import logging
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseNotifier
from airflow.sdk.observability import stats

from dags.settings import CONFIGS
from usertags.config.alert_models import deadline_of

_logger = logging.getLogger(__name__)
_METRICS = ("statsd_on", "otel_on", "statsd_datadog_enabled")


class DueAlertsNotifier(BaseNotifier):
    """A callback that sends all due messages through the configured channels."""

    def notify(self, context: Any) -> None:
        if deadline_of(Path(CONFIGS)) is None:
            return
        try:
            send_all()
        except Exception as error:  # noqa: BLE001 - what is not sent now is due the next time
            _logger.warning("no alert was sent (%s): it stays due", type(error).__name__)


def send_all() -> list[Any]:
    """Send all due messages; returns their outcomes."""
    from usertags.alerts import send_due

    return _logged(send_due(*_opened()))


def send_unknown() -> list[Any]:
    """Report that the tables do not respond."""
    from usertags.alerts import send_unknown
    from usertags.project.build import load_project

    return _logged(send_unknown(load_project(Path(CONFIGS))))


def _logged(deliveries: list[Any]) -> list[Any]:
    for item in deliveries:
        _logger.log(logging.INFO if item.sent else logging.WARNING, "%s", item)
    return deliveries


def measure(stage: str, planned: Callable[[], Mapping[str, Any]], source: str | None = None) -> None:
    """Send the metrics of an ended stage through Airflow, if enabled. `planned` returns the day and the
    run."""

    def numbers(project: Any, lake: Any) -> list[Any]:
        from usertags.stages.metrics import stage_metrics
        from usertags.stages.report import load_reports
        from usertags.stages.summary import load_summary

        day, run_id = date.fromisoformat(planned()["day"]), planned()["run_id"]
        reports = [
            report
            for report in load_reports(lake, project, day, run_id)
            if report.stage == stage and source in (None, report.part)
        ]
        summary = load_summary(lake, project, day, run_id)
        found = stage_metrics(project.name, stage, reports, summary)
        return found if stage == "extract" else [*found, *_age(project, lake)]

    _emit(numbers)


def measure_age() -> None:
    """Send how far behind readers are, even on a day without a run."""
    _emit(_age)


def _age(project: Any, lake: Any) -> list[Any]:
    from usertags.stages.days import expected_day
    from usertags.stages.metrics import age
    from usertags.stages.runs import publications

    known = publications(lake)
    if not known:
        return []
    return [age(project.name, expected_day(project.timezone), known[-1].data_day)]


def _emit(numbers: Callable[[Any, Any], list[Any]]) -> None:
    if not any(conf.getboolean("metrics", name, fallback=False) for name in _METRICS):
        return
    try:
        for metric in numbers(*_opened()):
            if metric.kind == "seconds":
                stats.timing(metric.name, timedelta(seconds=metric.value))
            else:
                stats.gauge(metric.name, metric.value)
    except Exception as error:  # noqa: BLE001 - numbers are no reason to stop a day
        _logger.warning("metrics were not sent (%s)", type(error).__name__)


def _opened() -> tuple[Any, Any]:
    from usertags.project.build import load_project
    from usertags.store.lake import open_lake

    project = load_project(Path(CONFIGS))
    return project, open_lake(project)
