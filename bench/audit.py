"""The cost of the audits of a data day: CPU seconds of Python and Spark's JVM, compared with the whole day.

    python -m bench.audit [--orders 1000000] [--events 5000000] [--users 200000] [--days 2]

Writes a shop of Parquet files and its configuration into a folder, runs two data days through the pipeline
(the second is compared with the first) and prints one line per day. Sources are cleaned one after another, so
that the cost of a check is not mixed with the work of another source.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from usertags import services
from usertags.pipeline import Pipeline
from usertags.project.build import load_project
from usertags.stages import clean, clean_writing
from usertags.stages.runs import new_run_id

DAYS = (date(2026, 11, 1), date(2026, 11, 2))
OWNER = {"owner": "bench", "action": "look"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=2, choices=(1, 2))
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="usertags_bench_"))
    configs = write_configuration(folder)
    days = DAYS[: options.days]
    for number, day in enumerate(days):
        write_day(folder / "landing", day, number, options)
    clean.SOURCES_AT_ONCE = 1
    pipeline = Pipeline(load_project(configs))
    meter = Meter()
    try:
        for day in days:
            run_day(pipeline, day, meter)
    finally:
        services.stop(pipeline.project.state)


def run_day(pipeline: Pipeline, day: date, meter: "Meter") -> None:
    meter.audits = 0.0
    began, cpu = time.monotonic(), meter.cpu()
    stages: dict[str, float] = {}
    for report in pipeline.run(day, new_run_id()):
        stages[report.stage] = stages.get(report.stage, 0.0) + meter.cpu() - cpu - sum(stages.values())
    whole = sum(stages.values())
    audits = meter.audits + stages["audit"]
    shown = ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in stages.items())
    print(
        f"{day}: audits {audits:.1f} of {whole:.1f} CPU seconds ({audits / whole:.0%}), "
        f"{time.monotonic() - began:.0f} s on the clock; by stage: {shown}",
        flush=True,
    )


class Meter:
    """CPU seconds of this process and of the JVM that it starts; those of the checks of the clean stage."""

    def __init__(self) -> None:
        self.audits = 0.0
        clean.check_batches = self._counted(clean.check_batches, written=4)
        clean.pass_gate = self._counted(clean.pass_gate)
        clean_writing.statistics = self._counted(clean_writing.statistics)

    def cpu(self) -> float:
        own = resource.getrusage(resource.RUSAGE_SELF)
        return own.ru_utime + own.ru_stime + sum(map(_cpu_of, psutil.Process().children(recursive=True)))

    def _counted(self, work: Callable[..., Any], written: int | None = None) -> Callable[..., Any]:
        """The work, its CPU seconds added up; `written` is an argument that is computed while it is read."""

        def counted(*arguments: Any) -> Any:
            given = list(arguments)
            if written is not None:
                given[written] = list(given[written])
            began = self.cpu()
            result = work(*given)
            self.audits += self.cpu() - began
            return result

        return counted


def _cpu_of(process: psutil.Process) -> float:
    """CPU seconds of a JVM; nothing of another program, or of one that has ended."""
    try:
        times = process.cpu_times()
        return float(times.user + times.system) if process.name() == "java" else 0.0
    except psutil.Error:
        return 0.0


def write_day(landing: Path, day: date, number: int, options: argparse.Namespace) -> None:
    """The first day brings four weeks; the second a twenty-eighth of that."""
    chance = np.random.default_rng(number)
    share = 1 if number == 0 else 28
    for name, rows in (("orders", options.orders // share), ("events", options.events // share)):
        back = 27 if number == 0 else 0
        start = datetime.combine(day - timedelta(days=back), datetime.min.time())
        seconds = chance.integers(0, (back + 1) * 86_400, rows)
        at = pa.array(np.datetime64(start, "us") + seconds.astype("timedelta64[s]"))
        columns = {
            "id": pa.array([f"{day:%y%m%d}{position:09}" for position in range(rows)]),
            "customer": pa.array(chance.integers(10_000_000, 10_000_000 + options.users, rows)).cast(
                pa.string()
            ),
            "kind": pa.array(np.array(["app", "web", "store", "phone"])[chance.integers(0, 4, rows)]),
            "amount": pa.array(np.round(chance.uniform(1, 1000, rows), 2)),
            "at": at,
        }
        _write(landing / name / f"dt={day}" / "part.parquet", columns)
    users = options.users if number == 0 else 200
    first = 10_000_000 if number == 0 else 10_000_000 + options.users
    columns = {
        "customer": pa.array([str(first + position) for position in range(users)]),
        "kind": pa.array(np.array(["female", "male"])[chance.integers(0, 2, users)]),
        "at": pa.array([datetime.combine(day, datetime.min.time())] * users),
    }
    _write(landing / "users" / f"dt={day}" / "part.parquet", columns)


def _write(path: Path, columns: dict[str, pa.Array]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def write_configuration(folder: Path) -> Path:
    configs = folder / "configs"
    _yaml(
        configs / "project.yml",
        {
            "project": "bench",
            "timezone": "Asia/Shanghai",
            "currency": "CNY",
            "state": str(folder / "state"),
            "lake": "lake",
        },
    )
    landing = {"kind": "files", "root": str(folder / "landing")}
    lake = {"kind": "lake", "embedded": "store"}
    _yaml(configs / "connections.yml", {"connections": {"landing": landing, "lake": lake}})
    conf = {"spark.driver.memory": "4g", "spark.driver.extraJavaOptions": "-XX:+UseParallelGC"}
    _yaml(configs / "spark" / "session.yml", {"master": "local[2]", "conf": conf})
    for name in ("orders", "events"):
        _yaml(configs / "sources" / f"{name}.yml", _events(name))
    _yaml(configs / "sources" / "users.yml", _users())
    _yaml(configs / "measures" / "all.yml", {"measures": _measures()})
    _yaml(configs / "tags" / "all.yml", _tags())
    return configs


def _yaml(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _source(name: str, columns: dict[str, str]) -> dict[str, Any]:
    read = {"connection": "landing", "files": f"{name}/dt={{day}}/*.parquet", "format": "parquet"}
    typed = {column: {"from": column, "type": type_} for column, type_ in columns.items()}
    return {"source": name, "read": read, "columns": typed, "user": {"customer": "customer"}, "time": "at"}


def _events(name: str) -> dict[str, Any]:
    columns = {"id": "string", "customer": "string", "kind": "string", "amount": "double", "at": "timestamp"}
    checks = [
        {"column": "id", "matches": "^[0-9]{15}$", "severity": "critical"},
        {"column": "kind", "in_set": ["app", "web", "store", "phone"], "severity": "critical"},
        {"column": "amount", "between": [0, 20000], "mostly": 0.999, "severity": "warning"},
        {"column": "amount", "not_null": True, "severity": "critical"},
        {"column": "customer", "references": "users.customer", "mostly": 0.98, "severity": "critical"},
        {"fresh_within": "2h", "severity": "warning"},
        {"rows": {"min": 30}, "severity": "critical"},
    ]
    # The second day has another number of rows than a day of the first.
    return (
        _source(name, columns)
        | {"kind": "events", "key": ["id"]}
        | {"checks": [check | OWNER for check in checks]}
    )


def _users() -> dict[str, Any]:
    columns = {"customer": "string", "kind": "string", "at": "timestamp"}
    check = {"column": "kind", "in_set": ["female", "male"], "severity": "critical"}
    return _source("users", columns) | {"kind": "profile", "key": ["customer"], "checks": [check | OWNER]}


def _measures() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for days in (1, 7, 14, 30):
        found[f"orders_{days}d"] = {"source": "orders", "value": "count(*)", "window": f"{days}d"}
        found[f"paid_{days}d"] = {"source": "orders", "value": "sum(amount)", "window": f"{days}d"}
        found[f"events_{days}d"] = {"source": "events", "value": "count(*)", "window": f"{days}d"}
    return found


def _tags() -> dict[str, Any]:
    def tag(name: str, **rule: object) -> dict[str, object]:
        return {
            "name": name,
            "title": name,
            "path": ["甲", "乙", "丙"],
            "kind": "rule",
            "description": name,
            "validity": "dynamic",
            "owner": "bench",
            "status": "active",
        } | rule

    tags = {
        name: tag(name, when=f"{name.removeprefix('has_')} > 0") for name in map("has_{}".format, _measures())
    }
    tags["gender"] = tag("gender", kind="fact", value="users.kind", values=["female", "male"])
    tags["spend"] = tag("spend", kind="fact", value="paid_30d", type="decimal(18,2)")
    return {"levels": {"甲": "a", "乙": "b", "丙": "c"}, "tags": tags}


if __name__ == "__main__":
    main()
