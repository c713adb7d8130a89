"""The metrics sent to monitoring after a stage: computed from its report and the summary of its run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from usertags.stages.report import COUNTS, StageReport


@dataclass(frozen=True)
class Metric:
    """A gauge, or a duration in seconds. The name has only letters, digits, `_` and `.`."""

    name: str
    value: float
    kind: Literal["gauge", "seconds"] = "gauge"


def stage_metrics(
    project_name: str, stage: str, reports: Iterable[StageReport], summary: Mapping[str, Any] | None
) -> list[Metric]:
    """The metrics of a stage that has ended, even if it refused the day. `reports` are those of the
    stage, `summary` is the summary of the run after it."""
    start = f"usertags.{project_name}"
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
    # A release can promote batches, and its audit can run checks again.
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


def age(project_name: str, expected: date, published: date) -> Metric:
    """The number of days between the newest expected day and the newest published day; 0 if none is
    missing."""
    return Metric(f"usertags.{project_name}.days_since_published", max((expected - published).days, 0))


def _joined(*parts: str) -> str:
    return ".".join(part for part in parts if part)
