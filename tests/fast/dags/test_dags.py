"""The DAG: its settings in Airflow, which day a run computes, and how a stage's end becomes a task's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.folders import TAGS, Folder
from tests.support.tables import PUBLISHED_TABLES
from usertags.errors import (
    ConfigError,
    ConfigProblem,
    DataError,
    InfrastructureError,
    UsageError,
    UsertagsError,
)
from usertags.stages import days as data_days
from usertags.stages.report import Line

ORDER = ["plan", "sources", "extract", "clean", "aggregate", "tag", "audit", "publish"]
SPARK_STAGES = ["clean", "aggregate", "tag", "audit"]
SHANGHAI = "Asia/Shanghai"


# ---- settings in Airflow -------------------------------------------------------------------------


def test_the_folder_holds_the_two_dags_and_no_error(bag: Any) -> None:
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["user_tags_daily", "user_tags_release"]


def test_every_task_has_an_owner_retries_and_an_end(dag: Any) -> None:
    assert set(dag.task_dict) == set(ORDER)
    for task in dag.tasks:
        assert task.owner == "data engineering", task.task_id
        assert task.retries == 2, task.task_id
        assert task.retry_delay >= timedelta(minutes=1), task.task_id
        assert timedelta() < task.execution_timeout <= dag.dagrun_timeout, task.task_id


def test_one_run_at_a_time_and_no_catching_up(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.timetable.expression == "0 2 * * *"


def test_the_dag_explains_itself(dag: Any) -> None:
    assert dag.doc_md.startswith("### User tags of one data day")
    for word in ("The data day", "When a task fails", "usertags checks --day"):
        assert word in dag.doc_md
    for name in ("plan", "sources", "publish"):
        assert dag.task_dict[name].doc_md, name


def test_the_stages_run_one_after_the_other(dag: Any) -> None:
    for before, after in pairwise(ORDER):
        assert after in dag.task_dict[before].downstream_task_ids
    for position, name in enumerate(ORDER):
        assert dag.task_dict[name].get_flat_relative_ids(upstream=True) == set(ORDER[:position])


def test_extract_is_one_task_a_source_and_two_at_a_time(dag: Any) -> None:
    extract = dag.task_dict["extract"]
    assert extract.is_mapped
    assert extract.partial_kwargs["max_active_tis_per_dagrun"] == 2
    assert extract.partial_kwargs["map_index_template"] == "{{ source_name }}"


def test_publish_announces_every_table_of_tags(dag: Any) -> None:
    published = {asset.name.removeprefix("tags.") for asset in dag.task_dict["publish"].outlets}
    assert published == set(PUBLISHED_TABLES)


# ---- parameters ------------------------------------------------------------------------------------


@pytest.fixture
def params(dag: Any) -> Iterator[Any]:
    """The parameters of a run, as its form checks them."""
    values = dag.params.dump()
    yield dag.params
    for name, value in values.items():
        dag.params[name] = value


@pytest.mark.parametrize(
    "day", ["tomorrow", "2026-02-30", "2026-13-01", "20261101", "2026-W44-7", "1.11.2026", "", 20261101, True]
)
def test_a_day_that_is_none_is_refused_by_the_form(params: Any, day: object) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        params["day"] = day


def test_a_day_or_none_is_taken(params: Any) -> None:
    assert params.dump() == {"day": None, "re_extract": False, "partial": False}
    params["day"] = "2028-02-29"
    params["day"] = None
    params["re_extract"] = params["partial"] = True
    assert params.validate() == {"day": None, "re_extract": True, "partial": True}


# ---- the data day ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data_day(airflow: None) -> Callable[..., str]:
    from dags.user_tags_daily import data_day

    return data_day


def at(text: str, zone: str = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_a_scheduled_run_publishes_the_day_that_has_just_ended(
    dag: Any, data_day: Callable[..., str]
) -> None:
    """The schedule as Airflow's scheduler reads it, over the end of a month and of a year."""
    for first, days in [
        ("2026-10-31", ["2026-10-30", "2026-10-31", "2026-11-01"]),
        ("2026-12-31", ["2026-12-30", "2026-12-31", "2027-01-01"]),
    ]:
        runs = list(_scheduled(dag, at(first), at(first) + timedelta(days=2, hours=23)))
        assert [run.logical_date.astimezone(ZoneInfo(SHANGHAI)).hour for run in runs] == [2, 2, 2]
        assert [data_day(run.logical_date, run.run_after, None, SHANGHAI) for run in runs] == days


def _scheduled(dag: Any, earliest: datetime, latest: datetime) -> Iterator[Any]:
    from airflow.serialization.serialized_objects import DagSerialization
    from pendulum import instance

    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    return stored.iter_dagrun_infos_between(instance(earliest), instance(latest))


def test_a_backfill_gives_each_date_the_day_before_whenever_it_runs(
    dag: Any, data_day: Callable[..., str]
) -> None:
    """The runs of a backfill are all queued today; their logical dates are those of the schedule."""
    queued = at("2027-05-05T12:00")
    runs = _scheduled(dag, at("2026-03-01"), at("2026-03-04"))
    days = [data_day(run.logical_date, queued, None, SHANGHAI) for run in runs]
    assert days == ["2026-02-28", "2026-03-01", "2026-03-02"]


def test_a_manual_run_with_a_logical_date_is_the_run_of_that_date(data_day: Callable[..., str]) -> None:
    queued = at("2027-05-05T12:00")
    assert data_day(at("2026-11-02T00:00"), queued, None, SHANGHAI) == "2026-11-01"
    assert data_day(at("2026-11-02T23:59"), queued, None, SHANGHAI) == "2026-11-01"


def test_a_manual_run_without_a_logical_date_takes_the_day_before_it_was_queued(
    data_day: Callable[..., str],
) -> None:
    assert data_day(None, at("2026-11-02T10:00"), None, SHANGHAI) == "2026-11-01"


def test_the_day_that_is_asked_for_wins(data_day: Callable[..., str]) -> None:
    logical = at("2026-11-02T02:00")
    for date in (logical, None):
        assert data_day(date, logical, "2026-01-31", SHANGHAI) == "2026-01-31"


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        ("2026-11-01T15:59:59", "Asia/Shanghai", "2026-10-31"),
        ("2026-11-01T16:00:00", "Asia/Shanghai", "2026-11-01"),
        ("2026-11-01T16:00:00", "Europe/London", "2026-10-31"),
        ("2026-11-01T23:59:59", "Europe/London", "2026-10-31"),
        ("2026-11-02T00:00:00", "Europe/London", "2026-11-01"),
        # Summer time: midnight in London is 23:00 of the day before in UTC.
        ("2026-07-01T22:59:59", "Europe/London", "2026-06-30"),
        ("2026-07-01T23:00:00", "Europe/London", "2026-07-01"),
        # The clocks go back on this day, and it has 25 hours.
        ("2026-11-01T03:59:59", "America/New_York", "2026-10-30"),
        ("2026-11-01T04:00:00", "America/New_York", "2026-10-31"),
        ("2026-11-02T04:59:59", "America/New_York", "2026-10-31"),
        ("2026-11-02T05:00:00", "America/New_York", "2026-11-01"),
        ("2026-11-01T10:00:00", "Pacific/Kiritimati", "2026-11-01"),
        ("2026-03-01T00:00:00", "UTC", "2026-02-28"),
        ("2028-03-01T00:00:00", "UTC", "2028-02-29"),
        ("2027-01-01T00:00:00", "UTC", "2026-12-31"),
    ],
)
def test_a_day_ends_at_midnight_of_the_projects_time_zone(
    data_day: Callable[..., str], moment: str, zone: str, day: str
) -> None:
    """The instant is what counts, whatever zone it is written in."""
    instant = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    for written in (instant, instant.astimezone(ZoneInfo("Asia/Tokyo"))):
        assert data_day(written, at("2030-01-01"), None, zone) == day
        assert data_day(None, written, None, zone) == day


@dataclass(frozen=True)
class FakeRun:
    """A fake of a DAG run: the two dates that `plan` reads."""

    logical_date: datetime | None
    run_after: datetime


def test_plan_refuses_a_day_that_is_not_over(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon of the 2nd in Shanghai."""
    from airflow.sdk.exceptions import AirflowFailException

    monkeypatch.setattr(data_days, "clock", lambda: at("2026-11-02T12:00"))
    run = FakeRun(None, at("2026-11-02T12:00"))
    assert _planned(dag, run)["read_until"] is None
    with pytest.raises(AirflowFailException, match="2026-11-02 is not over: it is 12:00 in Asia/Shanghai"):
        _planned(dag, run, day="2026-11-02")
    partial = _planned(dag, run, day="2026-11-02", partial=True)
    assert (partial["day"], partial["read_until"]) == ("2026-11-02", "2026-11-02T12:00:00+08:00")
    with pytest.raises(AirflowFailException, match="2062-11-02 is in the future: today is 2026-11-02"):
        _planned(dag, run, day="2062-11-02", partial=True)


@pytest.mark.parametrize("read_until", [None, "2026-11-02T12:00:00+08:00"])
def test_extract_is_told_until_when_a_day_is_read(
    dag: Any, monkeypatch: pytest.MonkeyPatch, read_until: str | None
) -> None:
    from airflow.sdk.execution_time.context import set_current_context

    asked: dict[str, Any] = {}

    def run_stage(stage: str, planned: dict[str, Any], **options: Any) -> dict[str, Any]:
        asked.update(options)
        return {"orders": Line("orders", read=7)}

    function = dag.task_dict["extract"].python_callable
    monkeypatch.setitem(function.__globals__, "run_stage", run_stage)
    planned = {"day": "2026-11-02", "run_id": "r1", "sources": ["orders"], "read_until": read_until}
    with set_current_context({"params": {"re_extract": False, "partial": False}}):
        assert function("orders", planned) == 7
    assert asked["read_until"] == (datetime.fromisoformat(read_until) if read_until else None)


def test_plan_names_the_day_a_new_run_and_the_sources(dag: Any) -> None:
    first, second = (_planned(dag, FakeRun(at("2026-11-02T02:00"), at("2026-11-02T02:00"))) for _ in "ab")
    assert first["day"] == "2026-11-01"
    assert first["sources"] == ["orders", "users"]
    assert first["run_id"] != second["run_id"]
    assert _planned(dag, FakeRun(None, at("2026-11-02T00:10")))["day"] == "2026-11-01"
    assert _planned(dag, FakeRun(None, at("2026-11-02T00:10")), day="2026-05-01")["day"] == "2026-05-01"


def _planned(dag: Any, run: FakeRun, **params: Any) -> dict[str, Any]:
    from airflow.sdk.execution_time.context import set_current_context

    set_by_form = {"day": None, "re_extract": False, "partial": False} | params
    with set_current_context({"dag_run": run, "params": set_by_form}):
        return dag.task_dict["plan"].python_callable()


def test_plan_fails_for_good_when_the_configuration_is_wrong(
    dag: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    folder = Folder.small(tmp_path)
    folder.replace(TAGS, "status: draft", "status: drafted")
    monkeypatch.setitem(dag.task_dict["plan"].python_callable.__globals__, "CONFIGS", str(folder.path))
    with pytest.raises(AirflowFailException, match="1 problem in the configuration"):
        _planned(dag, FakeRun(None, at("2026-11-02T10:00")))


# ---- how a stage's end becomes a task's ------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (ConfigError([ConfigProblem("a.yml", 1, "is wrong")]), False),
        (UsageError("no such run"), False),
        (DataError("a critical check failed"), False),
        (InfrastructureError("the store is down"), True),
        (ConnectionError("the network"), True),
    ],
)
def test_an_error_of_a_stage_in_the_task_is_retried_only_where_that_may_help(
    airflow: None, error: Exception, retried: bool
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from dags.stage_tasks import guarded

    def stage() -> None:
        raise error

    with pytest.raises(type(error) if retried else AirflowFailException) as caught:
        guarded(stage)
    if isinstance(error, UsertagsError):
        assert str(error) in str(caught.value)
    assert guarded(lambda: 7) == 7


@pytest.mark.parametrize("stage", SPARK_STAGES)
def test_with_a_session_server_the_task_runs_the_stage_itself(
    submit: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    from dags import stage_tasks

    Folder(tmp_path / "small").write("spark/session.yml", "remote: sc://spark.example:15002\n")
    ran: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(stage_tasks, "run_stage", lambda stage, planned: ran.append((stage, planned)))
    (tmp_path / "call.txt").write_text("")
    assert submit(stage, 0) == []
    assert [(name, planned["day"]) for name, planned in ran] == [(stage, "2026-11-01")]


def test_a_wrong_configuration_fails_the_task_before_spark_starts(
    submit: Callable[..., list[str]], tmp_path: Path
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    Folder(tmp_path / "small").replace(TAGS, "status: draft", "status: drafted")
    with pytest.raises(AirflowFailException, match="1 problem in the configuration"):
        submit("clean", 0)
    assert not (tmp_path / "call.txt").exists()
