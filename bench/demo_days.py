"""The cost of the demonstration's data days without Airflow: CPU seconds by stage, of all processes.

    python -m bench.demo_days [--days 3] [--folder DIR]

Fills the embedded database and the landing bucket with the demonstration shop in a folder of its own, runs
the data days stage by stage and prints a line per stage: CPU seconds (user and system) of this process, of
the Spark session server and of the store, and the seconds on the clock. With `--folder` the
state stays there.
"""

import argparse
import os
import shutil
import tempfile
import time
from datetime import date
from pathlib import Path

import psutil

from demo import DATA_DAYS, DAYS, HISTORY_FROM, SEED, USERS
from demo.load import land_files, load_database
from demo.shop import generate
from usertags import services
from usertags.pipeline import Pipeline
from usertags.project.build import load_project
from usertags.services.spark import Spark
from usertags.services.store import Store
from usertags.stages.report import STAGES
from usertags.stages.runs import new_run_id
from usertags.store.connections import endpoints


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3, choices=range(1, len(DATA_DAYS) + 1))
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="usertags_bench_"))
    pipeline = Pipeline(load_project(_configuration(folder)))
    try:
        _fill(pipeline)
        for day in DATA_DAYS[: options.days]:
            _run_day(pipeline, day)
    finally:
        pipeline.close()
        services.stop(pipeline.project.state)


def _configuration(folder: Path) -> Path:
    """The shipped configuration with its state in the folder."""
    configs = folder / "configs"
    shutil.copytree("configs", configs)
    text = (configs / "project.yml").read_text(encoding="utf-8")
    (configs / "project.yml").write_text(
        text.replace("state: .usertags/demo", f"state: {folder / 'state'}"), encoding="utf-8"
    )
    return configs


def _fill(pipeline: Pipeline) -> None:
    running = endpoints(pipeline.project, print)
    assert running.postgres_url is not None
    shop = generate(SEED, USERS, HISTORY_FROM, DAYS)
    load_database(running.postgres_url, shop)
    land_files(pipeline.lake.s3, shop, bucket="landing")


def _run_day(pipeline: Pipeline, day: date) -> None:
    run = new_run_id()
    first = _cpu(pipeline.project.state)
    for stage in STAGES:
        before, began = _cpu(pipeline.project.state), time.monotonic()
        for _ in pipeline.stage(stage, day, run):
            pass
        _print(day, stage, before, _cpu(pipeline.project.state), time.monotonic() - began)
    _print(day, "day", first, _cpu(pipeline.project.state), 0)


def _print(day: date, what: str, before: list[float], after: list[float], seconds: float) -> None:
    spent = [late - early for early, late in zip(before, after, strict=True)]
    shown = "  ".join(
        f"{name} {value:6.1f}" for name, value in zip(("python", "spark", "store"), spent, strict=True)
    )
    print(f"{day} {what:10s} CPU {sum(spent):6.1f}  {shown}  clock {seconds:6.1f}", flush=True)


def _cpu(state: Path) -> list[float]:
    """CPU seconds so far of this process, of the session server and of the store."""
    own = os.times()
    return [own.user + own.system, *(_of(pid) for pid in (Spark(state).pid(), Store(state).pid()))]


def _of(pid: int | None) -> float:
    return sum(psutil.Process(pid).cpu_times()[:2]) if pid else 0.0


if __name__ == "__main__":
    main()
