"""The checks of a cleaned batch: those configured for the source, and those common to all sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from usertags.config.expression_tree import Tree, as_column
from usertags.config.quality_models import CheckEntry
from usertags.project.masking import masked, masked_of
from usertags.project.model import Measure, Source
from usertags.quality.checks import SAMPLE, Check, CheckResult, Row, columns_check, result_of
from usertags.quality.kinds import CheckKind
from usertags.sources.personal_ids import REASONS
from usertags.transform.presence import Departures

# An id is suspicious from this share of the rows on, and this many times the rows of the average id.
_ENOUGH_ROWS = 1000
_LARGE_SHARE = 0.05
_TIMES_THE_AVERAGE = 20
# Some people always leave a field with a dash: from this share of the rows on, it is the export.
_FEW_UNUSABLE = 0.01


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
    """Whether Great Expectations runs the check; checks that need other data run in the clean stage."""
    return entry.references is None and entry.fresh_within is None


def _some_rows(source: Source, table: str) -> list[Check]:
    """A suite without rows fails, unless the source may have a day without rows."""
    if source.may_be_empty:
        return []
    rows = {"min_value": 1}
    return [Check(table, CheckKind.ROWS_CHECKED, "ExpectTableRowCountToBeBetween", rows, "critical")]


def _own(source: Source, table: str) -> list[Check]:
    # An id of a link row may be empty.
    ids = [] if source.kind == "links" else [source.user]
    needed = dict.fromkeys([*ids, *source.key, *([source.time] if source.time else [])])
    if source.kind == "profile" and source.time:
        needed.pop(source.time, None)
    checks = [
        Check(table, CheckKind.NEVER_EMPTY, "ExpectColumnValuesToNotBeNull", {"column": name}, "critical")
        for name in needed
    ]
    if source.key:
        checks.append(_unique_key(source, table))
    return checks


def _unique_key(source: Source, table: str) -> Check:
    kind, key = CheckKind.UNIQUE_KEY, ", ".join(source.key)
    if len(source.key) == 1:
        return Check(table, kind, "ExpectColumnValuesToBeUnique", {"column": key}, "critical", subject=key)
    columns = {"column_list": list(source.key)}
    return Check(table, kind, "ExpectCompoundColumnsToBeUnique", columns, "critical", subject=key)


def _configured(table: str, entry: CheckEntry) -> Check:
    kind, expectation, arguments = _expectation(entry)
    if entry.rows is None and entry.mostly < 1:
        arguments = {**arguments, "mostly": entry.mostly}
    return Check(table, kind, expectation, arguments, entry.severity, entry.owner, entry.action)


def _expectation(entry: CheckEntry) -> tuple[CheckKind, str, dict[str, object]]:
    column: dict[str, object] = {"column": entry.column}
    bounds: dict[str, object]
    if entry.rows is not None:
        bounds = {"min_value": entry.rows.min, "max_value": entry.rows.max}
        return CheckKind.ROW_COUNT, "ExpectTableRowCountToBeBetween", bounds
    if entry.between is not None:
        low, high = entry.between
        bounds = {**column, "min_value": low, "max_value": high}
        return CheckKind.IN_RANGE, "ExpectColumnValuesToBeBetween", bounds
    if entry.in_set is not None:
        bounds = {**column, "value_set": entry.in_set}
        return CheckKind.IN_VALUES, "ExpectColumnValuesToBeInSet", bounds
    if entry.matches is not None:
        bounds = {**column, "regex": entry.matches}
        return CheckKind.IN_FORM, "ExpectColumnValuesToMatchRegex", bounds
    return CheckKind.GIVEN, "ExpectColumnValuesToNotBeNull", column


def reconciliation(source: Source, counts: Mapping[str, int]) -> CheckResult:
    """Rows read = kept + superseded + repeats + quarantined: no row is lost. In: the counts of a batch by
    these names and `read`. A difference is critical; `unexpected` is its size."""
    parts = ("kept", "superseded", "repeats", "quarantined")
    accounted = sum(counts[part] for part in parts)
    return result_of(
        CheckKind.RECONCILED,
        f"clean.{source.name}",
        "critical",
        success=counts["read"] == accounted,
        value=counts["read"],
        unit="rows",
        rows=counts["read"],
        unexpected=abs(counts["read"] - accounted),
        details={part: counts[part] for part in parts},
    )


@dataclass(frozen=True)
class Tied:
    """The keys of a batch that have different rows of which none is the newer one: how many, and some of them
    (masked)."""

    keys: int
    samples: tuple[Row, ...] = ()


NONE_TIED = Tied(0)


def tied_keys(rows: DataFrame, source: Source, count: int) -> Tied:
    """Grain of the input: key with such rows. In: the columns of the key; their number. Collects at most
    SAMPLE rows, none of a good batch."""
    if not count:
        return NONE_TIED
    shown = rows.select(*source.key).limit(SAMPLE).collect()
    hidden = masked_of(source)
    return Tied(count, tuple(masked(row.asDict(), hidden) for row in shown))


def one_row_per_key(source: Source, tied: Tied) -> list[CheckResult]:
    """A critical result if different rows of one key are in the batch and nothing says which is newer: any
    choice between them would be arbitrary. A source without a key has no such check."""
    if not source.key:
        return []
    return [
        result_of(
            CheckKind.KEY_TIES,
            f"clean.{source.name}",
            "critical",
            success=tied.keys == 0,
            subject=", ".join(source.key),
            value=tied.keys,
            high=0,
            unit="number",
            unexpected=tied.keys,
            samples=tied.samples,
        )
    ]


def usable_ids(source: Source, unusable: Mapping[str, Mapping[str, int]], rows: int) -> list[CheckResult]:
    """A warning for each column with hashed personal ids of which many values were no ids. In: their number
    by column and reason, and that of the rows read."""
    found = []
    for column in source.hashed_columns:
        reasons = {reason: unusable.get(column.name, {}).get(reason, 0) for reason in REASONS}
        count = sum(reasons.values())
        share = count / rows if rows else 0.0
        found.append(
            result_of(
                CheckKind.USABLE_IDS,
                f"clean.{source.name}",
                "warning",
                success=share <= _FEW_UNUSABLE,
                column=column.name,
                value=share,
                high=_FEW_UNUSABLE,
                unit="share",
                rows=rows,
                unexpected=count,
                details=reasons,
            )
        )
    return found


def rows_gone(source: Source, found: Departures | None) -> list[CheckResult]:
    """Of a source that is read whole: a critical result if a delivery lost more rows than it may, and a
    warning if rows are gone that the source does not say what to do with.

    A share is rounded up to whole rows, so that a table of a few rows may lose one. Nothing for a source, or
    a batch, that does not say which rows are gone.
    """
    if found is None:
        return []
    share = source.read.may_lose if source.loses_rows else 0.0
    return [
        result_of(
            CheckKind.ROWS_GONE if source.loses_rows else CheckKind.ROWS_GONE_KEPT,
            f"clean.{source.name}",
            "critical" if source.loses_rows else "warning",
            success=found.gone <= ceil(share * found.before),
            value=found.gone,
            high=ceil(share * found.before),
            unit="rows",
            rows=found.before,
            unexpected=found.gone,
        )
    ]


def one_definition(source: Source, others: Sequence[date]) -> CheckResult:
    """A warning if other batches were built with a previous definition of the source's columns or rules:
    measures over them mix two definitions until these days are cleaned again."""
    return result_of(
        CheckKind.DEFINITION,
        f"clean.{source.name}",
        "warning",
        success=not others,
        value=len(others),
        high=0,
        unit="batches",
        details={"first": str(others[0]), "last": str(others[-1])} if others else {},
    )


def every_file_read(source: Source, data_day: date, left_out: Sequence[str]) -> list[CheckResult]:
    """A warning that names the files of a batch that were left out in doubt. In: them, as a reader is shown
    them. Out: nothing for a source whose rows count once however often they are read, as long as all are."""
    if source.read.files is None or (source.repeats != "keep" and not left_out):
        return []
    return [
        result_of(
            CheckKind.FILES,
            f"clean.{source.name}",
            "warning",
            success=not left_out,
            value=len(left_out),
            high=0,
            unit="number",
            details={"files": ", ".join(left_out), "day": str(data_day)} if left_out else {},
        )
    ]


def frequent_id(source: Source, rows: DataFrame, count: int) -> list[CheckResult]:
    """A warning if one id of a user has suspiciously many rows: it may be a word that stands for nobody.

    Grain of the input: kept row of the batch; `count` of them. Out: nothing for a batch in which a few rows
    are a large share, or that is not of events. Collects one row.
    """
    if source.kind != "events" or count < _ENOUGH_ROWS:
        return []
    ids = rows.groupBy(F.col(source.user).cast("string").alias("id")).agg(F.count("*").alias("n"))
    row = ids.agg(
        F.max("n").alias("most"), F.max_by("id", "n").alias("id"), F.count("*").alias("ids")
    ).collect()[0]
    share = row["most"] / count
    suspicious = share >= _LARGE_SHARE and row["most"] >= _TIMES_THE_AVERAGE * count / row["ids"]
    shown = masked({source.user: row["id"], "rows": row["most"]}, masked_of(source))
    return [
        result_of(
            CheckKind.FREQUENT_ID,
            f"clean.{source.name}",
            "warning",
            success=not suspicious,
            column=source.user,
            value=share,
            high=_LARGE_SHARE,
            unit="share",
            rows=count,
            unexpected=row["most"] if suspicious else None,
            samples=(shown,) if suspicious else (),
        )
    ]


def distinct_within_day(
    source: Source, measures: Sequence[Measure], clean: DataFrame, days: DataFrame
) -> list[CheckResult]:
    """For each `distinct_within: day` measure: no value of the touched days occurs on another day. Only then
    can days be counted separately.

    Grain of the input: row of the clean table; event day. In: all clean rows of the source with the batch,
    and `days` with the touched days in the column event_day. Out: one critical result per counted
    expression; its value is the share of the values that occur on several days. Collects one row for each.
    """
    arguments = {
        partial.argument: partial.where
        for measure in measures
        for partial in measure.partials
        if partial.function == "count_distinct"
    }
    return [_comes_back(source, argument, clean, days) for argument in arguments if argument]


def _comes_back(source: Source, argument: Tree, clean: DataFrame, days: DataFrame) -> CheckResult:
    values = clean.select(as_column(argument).alias("value"), "event_day").where("value is not null")
    touched = values.join(F.broadcast(days), "event_day", "left_semi").select("value").distinct()
    by_value = values.join(touched, "value", "left_semi").groupBy("value")
    several = by_value.agg((F.min("event_day") != F.max("event_day")).alias("several"))
    row = several.agg(F.count("*").alias("values"), F.count_if("several").alias("again")).collect()[0]
    return result_of(
        CheckKind.WITHIN_DAY,
        f"clean.{source.name}",
        "critical",
        success=row["again"] == 0,
        subject=str(argument),
        value=row["again"] / row["values"] if row["values"] else 0.0,
        unit="share",
        rows=row["values"],
        unexpected=row["again"],
    )
