"""Numbers that a task sends to a StatsD server."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.receivers import StatsServer
from usertags.stages.metrics import Metric


@pytest.fixture
def metrics_on(airflow: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """Airflow's StatsD settings as an operator sets them, and what a StatsD server got."""
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

    with StatsServer() as server:
        for name, value in {
            "ON": "True",
            "HOST": "127.0.0.1",
            "PORT": str(server.port),
            "PREFIX": "airflow",
        }.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__STATSD_{name}", value)
        stats.initialize(factory=get_stats_factory(), export_legacy_names=False)
        yield server.lines
    from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger

    stats.initialize(factory=NoStatsLogger, export_legacy_names=False)


def test_numbers_reach_a_statsd_server(
    metrics_on: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dags import monitoring

    monkeypatch.setattr(monitoring, "_opened", lambda: (None, None))
    monitoring._emit(
        lambda project, lake: [
            Metric("usertags.demo.source.orders.read", 1200),
            Metric("usertags.demo.stage.clean.seconds", 12.5, "seconds"),
        ]
    )
    assert metrics_on() == [
        "airflow.usertags.demo.source.orders.read:1200|g",
        "airflow.usertags.demo.stage.clean.seconds:12500.000000|ms",
    ]


def test_numbers_that_cannot_be_had_fail_no_task(
    metrics_on: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dags import monitoring

    def planned() -> dict[str, Any]:
        raise RuntimeError("the store is down")

    monkeypatch.setattr(monitoring, "_opened", lambda: (None, None))
    with caplog.at_level(logging.WARNING):
        monitoring.measure("clean", planned)
    assert "metrics were not sent (RuntimeError)" in caplog.text
    assert metrics_on() == []
