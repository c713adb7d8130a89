"""The checks of a cleaned batch: those of the source's configuration, and those that every source has."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.catalogue.model import Measure, Source
from jobs.config.quality_models import CheckEntry
from jobs.quality.checks import RECONCILED, Check, CheckResult, columns_check, compact

_OWNER = "data engineering"


def declared_checks(source: Source) -> list[Check]:
    """The checks that Great Expectations runs on the rows of the batch that are kept."""
    table = f"clean.{source.name}"
    written = [_configured(table, entry) for entry in source.checks if _runs_there(entry)]
    return [_columns(source, table), *_some_rows(source, table), *_own(source, table), *written]


def _columns(source: Source, table: str) -> Check:
    day = ["event_day"] if source.kind == "events" else []
    names = [*(column.name for column in source.kept_columns), *day]
    return columns_check(table, names)


def _runs_there(entry: CheckEntry) -> bool:
    """Whether Great Expectations runs it; what looks beyond the rows of the batch is ours."""
    return entry.references is None and entry.fresh_within is None


def _some_rows(source: Source, table: str) -> list[Check]:
    """A suite that checked no row fails, but for a source that may have a day without any."""
    if source.may_be_empty:
        return []
    return [
        Check(
            table,
            "rows were checked",
            "ExpectTableRowCountToBeBetween",
            {"min_value": 1},
            "critical",
            _OWNER,
            "the batch keeps no row: see whether the source delivered, and what was set aside; a source that "
            "may have a day without rows says `may_be_empty: true`",
        )
    ]


def _own(source: Source, table: str) -> list[Check]:
    # An id of a link may be empty: it is not given then.
    ids = [] if source.kind == "links" else [source.user]
    needed = dict.fromkeys([*ids, *source.key, *([source.time] if source.time else [])])
    if source.kind == "profile" and source.time:
        needed.pop(source.time, None)
    checks = [
        Check(
            table,
            f"{name} is never empty",
            "ExpectColumnValuesToNotBeNull",
            {"column": name},
            "critical",
            _OWNER,
            "a row without it should have been set aside: report it, this is a defect of the pipeline",
        )
        for name in needed
    ]
    if source.key:
        checks.append(_unique_key(source, table))
    return checks


def _unique_key(source: Source, table: str) -> Check:
    action = "a key stands twice after deduplication: report it, this is a defect of the pipeline"
    name = f"{', '.join(source.key)} stands once"
    if len(source.key) == 1:
        return Check(
            table, name, "ExpectColumnValuesToBeUnique", {"column": source.key[0]}, "critical", _OWNER, action
        )
    return Check(
        table,
        name,
        "ExpectCompoundColumnsToBeUnique",
        {"column_list": list(source.key)},
        "critical",
        _OWNER,
        action,
    )


def _configured(table: str, entry: CheckEntry) -> Check:
    name, expectation, arguments = _expectation(entry)
    if entry.rows is None and entry.mostly < 1:
        arguments = {**arguments, "mostly": entry.mostly}
    return Check(table, name, expectation, arguments, entry.severity, entry.owner, entry.action)


def _expectation(entry: CheckEntry) -> tuple[str, str, dict[str, object]]:
    column: dict[str, object] = {"column": entry.column}
    bounds: dict[str, object]
    if entry.rows is not None:
        bounds = {"min_value": entry.rows.min, "max_value": entry.rows.max}
        return "number of rows", "ExpectTableRowCountToBeBetween", bounds
    if entry.between is not None:
        low, high = entry.between
        bounds = {**column, "min_value": low, "max_value": high}
        return f"{entry.column} in its range", "ExpectColumnValuesToBeBetween", bounds
    if entry.in_set is not None:
        bounds = {**column, "value_set": entry.in_set}
        return f"{entry.column} in its values", "ExpectColumnValuesToBeInSet", bounds
    if entry.matches is not None:
        bounds = {**column, "regex": entry.matches}
        return f"{entry.column} in its form", "ExpectColumnValuesToMatchRegex", bounds
    return f"{entry.column} is given", "ExpectColumnValuesToNotBeNull", column


def reconciliation(source: Source, counts: Mapping[str, int]) -> CheckResult:
    """Rows read = kept + superseded + repeats + quarantined: no row is lost on the way."""
    parts = ("kept", "superseded", "repeats", "quarantined")
    accounted = sum(counts[part] for part in parts)
    return CheckResult(
        table=f"clean.{source.name}",
        name=RECONCILED,
        severity="critical",
        success=counts["read"] == accounted,
        observed=compact({part: counts[part] for part in parts}),
        bounds=f"read {counts['read']}",
        owner=_OWNER,
        action="rows were lost or doubled while cleaning: report it, this is a defect of the pipeline",
        rows=counts["read"],
        failing=abs(counts["read"] - accounted),
    )


def one_definition(source: Source, others: Sequence[date]) -> CheckResult:
    """A warning when other batches stand as the source's columns or rules were defined before: measures over
    them mix two meanings until those days are cleaned anew."""
    observed, action = "", "the source's columns or rules have changed since: clean those days anew"
    if others:
        observed = f", {others[0]} to {others[-1]}"
        action += f" (`usertags run --from {others[0]} --to {others[-1]}`)"
    return CheckResult(
        table=f"clean.{source.name}",
        name="all batches follow the same definition",
        severity="warning",
        success=not others,
        observed=f"{len(others)} batches by another definition{observed}",
        bounds="0",
        owner=_OWNER,
        action=action,
        rows=None,
        failing=len(others),
    )


def distinct_within_day(
    source: Source, measures: Sequence[Measure], clean: DataFrame, days: DataFrame
) -> list[CheckResult]:
    """For each `distinct_within: day` measure: no value of the touched days stands on another day.

    `days` has one column, event_day, with the touched days. Counting days apart is only right then.
    """
    arguments = {
        partial.argument: partial.where
        for measure in measures
        for partial in measure.partials
        if partial.function == "count_distinct"
    }
    return [_comes_back(source, argument, clean, days) for argument in arguments if argument]


def _comes_back(source: Source, argument: str, clean: DataFrame, days: DataFrame) -> CheckResult:
    values = clean.select(F.expr(argument).alias("value"), "event_day").where("value is not null")
    touched = values.join(F.broadcast(days), "event_day", "left_semi").select("value").distinct()
    by_value = values.join(touched, "value", "left_semi").groupBy("value")
    several = by_value.agg((F.min("event_day") != F.max("event_day")).alias("several"))
    row = several.agg(F.count("*").alias("values"), F.count_if("several").alias("failing")).collect()[0]
    return CheckResult(
        table=f"clean.{source.name}",
        name=f"{argument} stays within one day",
        severity="critical",
        success=row["failing"] == 0,
        observed=f"{row['failing']} values on several days",
        bounds="none",
        owner=_OWNER,
        action="distinct counts over days would count these twice: correct the source's time, "
        "or take a measure that does not need `distinct_within: day`",
        rows=row["values"],
        failing=row["failing"],
    )
