"""What monitoring is told after a stage: names and numbers, from its report and the summary of its run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from jobs.stages.report import COUNTS, StageReport


@dataclass(frozen=True)
class Metric:
    """A gauge, or a duration in seconds. The name holds letters, digits, `_` and `.` alone."""

    name: str
    value: float
    kind: Literal["gauge", "seconds"] = "gauge"


def stage_metrics(
    project: str, stage: str, reports: Iterable[StageReport], summary: Mapping[str, Any] | None
) -> list[Metric]:
    """The metrics of a stage that has ended; of one that refused the day too. `reports` are those of the
    stage, `summary` is that of the run as it stands after it."""
    start = f"usertags.{project}"
    found = [
        Metric(_joined(start, "stage", stage, report.part, "seconds"), report.seconds, "seconds")
        for report in reports
    ]
    if stage == "extract":
        found += [
            Metric(f"{start}.source.{line.name}.extracted", line.read or 0)
            for report in reports
            for line in report.lines
        ]
    if summary is None:
        return found
    if stage in ("clean", "release"):
        found += [
            Metric(f"{start}.source.{source}.{part}", counts[part])
            for source, counts in summary["rows"]["sources"].items()
            for part in COUNTS
        ]
    if stage in ("clean", "audit", "release"):
        found.append(Metric(f"{start}.checks.run", summary["checks"]["run"]))
        found += [
            Metric(f"{start}.checks.failed.{severity}", count)
            for severity, count in summary["checks"]["failed"].items()
        ]
    if stage == "publish":
        found += [
            Metric(f"{start}.table.{table.partition('.')[2]}.rows", count)
            for table, count in summary["rows"]["tables"].items()
            if table.startswith("tags.")
        ]
        found.append(Metric(f"{start}.run.seconds", summary["seconds"], "seconds"))
    return found


def age(project: str, expected: date, published: date) -> Metric:
    """The days between the newest day that should be there and the newest one that is published."""
    return Metric(f"usertags.{project}.days_since_published", max((expected - published).days, 0))


def _joined(*parts: str) -> str:
    return ".".join(part for part in parts if part)
