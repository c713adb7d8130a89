"""What is checked, and what came of it. Great Expectations runs the declared checks; others bring results."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Literal

import pyarrow as pa

from jobs.config.quality_models import Severity
from jobs.errors import DataError
from jobs.store.filters import rows_where
from jobs.store.lake import Lake
from jobs.store.schemas import CHECKS
from jobs.store.tables import ensure_table, find_table

# Failing rows that a result shows.
SAMPLE = 5
MASK = "***"
RECONCILED = "every row is accounted for"


def check_id(table: str, name: str) -> str:
    """What tells a check apart on every day: small letters, digits, `_` and `.`, fit for a URL.

    Letters of other scripts stand as a short hash, so that two names stay two.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    foreign = re.sub(r"[\x00-\x7f]", "", name)
    if foreign:
        slug = f"{slug}_{sha256(foreign.encode()).hexdigest()[:8]}".strip("_")
    return f"{table}.{slug}"


@dataclass(frozen=True)
class Check:
    """A declared check: a Great Expectations expectation by its class name and arguments.

    An argument `{"$PARAMETER": name}` is known when the check runs. `action` says in one sentence what to do
    when it fails. `slug` names it in `check_id` where its name does not.
    """

    table: str
    name: str
    expectation: str
    arguments: Mapping[str, Any]
    severity: Severity
    owner: str
    action: str
    slug: str | None = None

    @property
    def column(self) -> str | None:
        return self.arguments.get("column")

    @property
    def check_id(self) -> str:
        return check_id(self.table, self.slug or self.name)

    @property
    def meta(self) -> dict[str, str]:
        """What the expectation carries along."""
        return {"check_id": self.check_id, "name": self.name, "owner": self.owner, "action": self.action}


def columns_check(table: str, names: Sequence[str]) -> Check:
    """The table has these columns; it may have others, of an earlier configuration."""
    return Check(
        table,
        "columns as declared",
        "ExpectTableColumnsToMatchSet",
        {"column_set": list(names), "exact_match": False},
        "critical",
        "data engineering",
        "a column that the configuration declares is not there: report it, this is a defect of the pipeline",
    )


@dataclass(frozen=True)
class CheckResult:
    """What came of a check: `rows` it looked at, `failing` rows where it counts them.

    `sample` is a JSON list of some failing rows, personal data masked; `slug` as in `Check`.
    """

    table: str
    name: str
    severity: Severity
    success: bool
    observed: str
    bounds: str
    owner: str
    action: str
    column: str | None = None
    rows: int | None = None
    failing: int | None = None
    sample: str | None = None
    slug: str | None = None

    @property
    def check_id(self) -> str:
        return check_id(self.table, self.slug or self.name)

    @property
    def title(self) -> str:
        """What a release calls the check."""
        return f"{self.table}: {self.name}"

    def __str__(self) -> str:
        return f"{self.title} (observed {self.observed}, wanted {self.bounds})"


class GateRefused(DataError):
    """A critical check failed: nothing of the run reaches a reader."""

    def __init__(self, day: date, stage: str, results: Sequence[CheckResult]) -> None:
        self.stage, self.results = stage, tuple(results)
        self.failed = [result for result in results if refuses(result)]
        lines = "\n".join(f"  {result}\n    do: {result.action}" for result in self.failed)
        super().__init__(
            f"{len(self.failed)} critical check(s) of the {stage} stage failed for {day}:\n{lines}",
            safe="readers keep the last good day; the branch of this run stays for inspection",
            next_step=f"put the data right and run {day} again, or release it (`usertags release`); "
            "later days wait until then",
        )


@dataclass(frozen=True)
class Verdict:
    """What the checks of a stage add up to."""

    status: Literal["passed", "warned", "refused"]
    warnings: tuple[str, ...] = field(default=())


def refuses(result: CheckResult) -> bool:
    return not result.success and result.severity == "critical"


def judge(results: Sequence[CheckResult]) -> Verdict:
    failed = [result for result in results if not result.success]
    warnings = tuple(str(result) for result in failed if result.severity == "warning")
    if any(refuses(result) for result in results):
        return Verdict("refused", warnings)
    return Verdict("warned" if warnings else "passed", warnings)


def check_row(
    result: CheckResult, day: date, run_id: str, stage: str, checked_at: datetime
) -> dict[str, Any]:
    """A result as a row of `ops.checks`."""
    return {
        "dt": day,
        "run_id": run_id,
        "stage": stage,
        "table": result.table,
        "check": result.name,
        "column": result.column,
        "severity": result.severity,
        "success": result.success,
        "observed": result.observed,
        "bounds": result.bounds,
        "rows": result.rows,
        "failing": result.failing,
        "owner": result.owner,
        "action": result.action,
        "checked_at": checked_at,
        "check_id": result.check_id,
        "sample": result.sample,
    }


def save_checks(lake: Lake, day: date, run_id: str, stage: str, results: Sequence[CheckResult]) -> None:
    """Keep the results of a stage in `ops.checks`, in the place of an earlier try of the same run."""
    now = datetime.now(UTC)
    rows = [check_row(result, day, run_id, stage, now) for result in results]
    table = ensure_table(lake, CHECKS.name, CHECKS.schema, CHECKS.partition)
    same = rows_where(dt=day, run_id=run_id, stage=stage)
    table.overwrite(pa.Table.from_pylist(rows, schema=CHECKS.schema), overwrite_filter=same)


def failed_critical(lake: Lake, day: date, run_id: str, stage: str) -> dict[str, str]:
    """The critical checks that failed in a stage of a run, as `table: check`, and the text of each."""
    table = find_table(lake, CHECKS.name)
    if table is None:
        return {}
    where = rows_where(dt=day, run_id=run_id, stage=stage, severity="critical", success=False)
    rows = table.scan(row_filter=where).to_arrow().to_pylist()
    names = [f"{row['table']}: {row['check']}" for row in rows]
    texts = [
        f"{name} (observed {row['observed']}, wanted {row['bounds']})"
        for name, row in zip(names, rows, strict=True)
    ]
    return dict(zip(names, texts, strict=True))


def compact(value: object) -> str:
    """A bound or observed value as short text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
