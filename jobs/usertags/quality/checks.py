"""What is checked, and what came of it, as columns. Sentences about it are made in
`usertags.quality.sentences`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Self

import pyarrow as pa
from pyiceberg.expressions import BooleanExpression

from usertags.config.expectation_names import named_columns
from usertags.config.quality_models import SEVERITIES, Severity
from usertags.quality.check_ids import check_id
from usertags.quality.kinds import CheckKind, Unit
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import CHECKS
from usertags.store.tables import ensure_table, find_table, replace_rows

# The maximum number of failing rows in a result.
SAMPLE = 5
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """A declared check: a Great Expectations expectation by its class name and arguments.

    An argument `{"$PARAMETER": name}` is known when the check runs. `owner` and `action` are those of the
    person who wrote it; None where nobody did. `subject` and `number` are as in `check_id`.
    """

    table: str
    kind: CheckKind
    expectation: str
    arguments: Mapping[str, Any]
    severity: Severity
    owner: str | None = None
    action: str | None = None
    subject: str | None = None
    number: int = 1

    @property
    def column(self) -> str | None:
        """The column that is checked; None for a check of several columns or of the table."""
        return self.arguments.get("column")

    @property
    def check_id(self) -> str:
        """The key of the check, the same on every day."""
        return check_id(self.table, self.kind, self.column, self.subject, self.number)


def columns_check(table: str, names: Sequence[str]) -> Check:
    """The table has these columns; it may have others, of an earlier configuration."""
    return Check(
        table,
        CheckKind.COLUMNS,
        "ExpectTableColumnsToMatchSet",
        {"column_set": list(names), "exact_match": False},
        "critical",
    )


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of a check: the columns that everything else is made of.

    `value` is what was observed, beside what is `usual` and the bounds `low` and `high`, all in `unit`; null
    where the check has no such number. `rows` were looked at, `unexpected` of them failed, `samples` are some
    of those, personal data masked. `details` are facts that only sentences show. `error` is the type of
    what was raised, without the message, which may quote rows (`usertags.quality.error_texts`). `owner` and
    `action` are those of the person who wrote the check; None where nobody did.
    """

    check_id: str
    kind: CheckKind
    table: str
    severity: Severity
    success: bool
    column: str | None = None
    subject: str | None = None
    value: float | None = None
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    unit: Unit | None = None
    rows: int | None = None
    unexpected: int | None = None
    samples: tuple[Row, ...] = ()
    details: Row = field(default_factory=dict)
    error: str | None = None
    owner: str | None = None
    action: str | None = None

    @property
    def columns(self) -> frozenset[str]:
        """The columns that were checked: of a check of one's own there can be several."""
        named = {str(name) for _, name in named_columns(self.details.get("arguments", {}))}
        return frozenset(named | ({self.column} if self.column else set()))

    @property
    def unexpected_share(self) -> float | None:
        """Failing rows of all rows, where both are counted."""
        return self.unexpected / self.rows if self.rows and self.unexpected is not None else None


def result_of(
    kind: CheckKind,
    table: str,
    severity: Severity,
    *,
    success: bool,
    column: str | None = None,
    subject: str | None = None,
    **columns: Any,
) -> CheckResult:
    """The result of a check that Great Expectations does not run, with its id. `columns` are other columns of
    `CheckResult`."""
    name = check_id(table, kind, column, subject)
    return CheckResult(name, kind, table, severity, success, column, subject, **columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow(CheckResult):
    """A row of `ops.checks`: a result with the stage of the run that it came of."""

    data_day: date
    run_id: str
    stage: str
    checked_at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        """From a row of the table."""
        return cls(
            **_columns(row),
            samples=tuple(json.loads(row["samples"] or "[]")),
            details=_parsed(row["details"] or "{}"),
            data_day=row["dt"],
            run_id=row["run_id"],
            stage=row["stage"],
            checked_at=row["checked_at"],
        )


@lru_cache(maxsize=20_000)
def _parsed(text: str) -> Row:
    """Details are alike on most days: the same text is parsed, and kept, once."""
    found: Row = json.loads(text)
    return found


# The names of the columns in tables, where a word of SQL cannot be one; the others are called what they are
# here.
_NAMED = {
    "table": "table_name",
    "column": "column_name",
    "rows": "rows_checked",
    "unexpected": "unexpected_rows",
}
_PLAIN = (
    "check_id",
    "kind",
    "table",
    "severity",
    "success",
    "column",
    "subject",
    "value",
    "usual",
    "low",
    "high",
    "unit",
    "rows",
    "unexpected",
    "error",
    "owner",
    "action",
)


def _columns(row: Row) -> dict[str, Any]:
    found = {name: row[_NAMED.get(name, name)] for name in _PLAIN}
    return found | {"kind": CheckKind(found["kind"])}


def facts_of(result: CheckResult) -> dict[str, Any]:
    """A result without its samples, fit for JSON: what a register of runs keeps of a warning."""
    plain = {_NAMED.get(name, name): getattr(result, name) for name in _PLAIN}
    return plain | {"kind": result.kind.value, "details": dict(result.details)}


def from_facts(facts: Row) -> CheckResult:
    """The result that `facts_of` was made of, without its samples."""
    return CheckResult(**_columns(facts), details=facts["details"])


def check_row(
    result: CheckResult, data_day: date, run_id: str, stage: str, checked_at: datetime
) -> dict[str, Any]:
    """A result as a row of `ops.checks`."""
    return facts_of(result) | {
        "dt": data_day,
        "run_id": run_id,
        "stage": stage,
        "checked_at": checked_at,
        "samples": json_text(result.samples) if result.samples else None,
        "details": json_text(result.details) if result.details else None,
    }


def json_text(value: object) -> str:
    """JSON as the tables store it: letters of all scripts as they are, dates and other objects as texts."""
    return json.dumps(value, ensure_ascii=False, default=str)


def owned(results: Iterable[CheckResult], owner: str) -> list[CheckResult]:
    """The results, with an owner for the checks that nobody wrote."""
    return [result if result.owner else replace(result, owner=owner) for result in results]


def save_checks(lake: Lake, data_day: date, run_id: str, stage: str, results: Sequence[CheckResult]) -> None:
    """Save the results of a stage in `ops.checks` in one commit, replacing those of an earlier attempt in the
    same run."""
    now = datetime.now(UTC)
    rows = [check_row(result, data_day, run_id, stage, now) for result in results]
    table = ensure_table(lake, CHECKS.name, CHECKS.schema, CHECKS.partition)
    same = rows_where(dt=data_day, run_id=run_id, stage=stage)
    replace_rows(table, pa.Table.from_pylist(rows, schema=CHECKS.schema), same)


def checks_of(lake: Lake, data_day: date, run_id: str | None = None) -> list[CheckRow]:
    """The results of a day, or of one run of it, in any order; none before the first run."""
    where = rows_where(dt=data_day) if run_id is None else rows_where(dt=data_day, run_id=run_id)
    return _rows(lake, where)


def failed_critical(lake: Lake, data_day: date, run_id: str, stage: str) -> list[CheckRow]:
    """The critical checks that failed in a stage of a run, by id."""
    where = rows_where(dt=data_day, run_id=run_id, stage=stage, severity="critical", success=False)
    return sorted(_rows(lake, where), key=lambda row: row.check_id)


def _rows(lake: Lake, where: BooleanExpression) -> list[CheckRow]:
    table = find_table(lake, CHECKS.name)
    rows = table.scan(row_filter=where).to_arrow().to_pylist() if table else []
    return [CheckRow.of(row) for row in rows]


def by_gravity(result: CheckResult) -> tuple[bool, int, str]:
    """The order in which results are shown: what failed first, the gravest of it first."""
    return result.success, SEVERITIES.index(result.severity), result.check_id
