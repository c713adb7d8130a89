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


class TellNotifier(BaseNotifier):
    """A callback that sends all due messages through the configured channels."""

    def notify(self, context: Any) -> None:
        if deadline_of(Path(CONFIGS)) is None:
            return
        try:
            tell_all()
        except Exception as error:  # noqa: BLE001 - what is not sent now is due the next time
            _logger.warning("no alert was sent (%s): it stays due", type(error).__name__)


def tell_all() -> list[Any]:
    """Send all due messages; returns their outcomes."""
    from usertags.alerts import tell

    return _logged(tell(*_opened()))


def tell_blind() -> list[Any]:
    """Report that the tables do not respond."""
    from usertags.alerts import tell_blind
    from usertags.catalogue.build import load_catalogue

    return _logged(tell_blind(load_catalogue(Path(CONFIGS))))


def _logged(told: list[Any]) -> list[Any]:
    for item in told:
        _logger.log(logging.INFO if item.sent else logging.WARNING, "%s", item)
    return told


def measure(stage: str, planned: Callable[[], Mapping[str, Any]], source: str | None = None) -> None:
    """Send the metrics of an ended stage through Airflow, if enabled. `planned` returns the day and the
    run."""

    def numbers(catalogue: Any, lake: Any) -> list[Any]:
        from usertags.stages.metrics import stage_metrics
        from usertags.stages.report import load_reports
        from usertags.stages.summary import load_summary

        day, run_id = date.fromisoformat(planned()["day"]), planned()["run_id"]
        reports = [
            report
            for report in load_reports(lake, catalogue, day, run_id)
            if report.stage == stage and source in (None, report.part)
        ]
        summary = load_summary(lake, catalogue, day, run_id)
        found = stage_metrics(catalogue.project, stage, reports, summary)
        return found if stage == "extract" else [*found, *_age(catalogue, lake)]

    _emit(numbers)


def measure_age() -> None:
    """Send how far behind readers are, even on a day without a run."""
    _emit(_age)


def _age(catalogue: Any, lake: Any) -> list[Any]:
    from usertags.stages.days import expected_day
    from usertags.stages.metrics import age
    from usertags.stages.runs import publications

    known = publications(lake)
    if not known:
        return []
    return [age(catalogue.project, expected_day(catalogue.timezone), known[-1].day)]


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
    from usertags.catalogue.build import load_catalogue
    from usertags.store.lake import open_lake

    catalogue = load_catalogue(Path(CONFIGS))
    return catalogue, open_lake(catalogue)
