"""Rows of `ops.checks` and `ops.runs` that an earlier version wrote, as this version writes them.

There a result was sentences: its kind and numbers are read out of them here, once. Ids of checks are the same
in both versions. What an old row does not say stays null. Pure: a row in, a row out.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from usertags.quality.check_ids import check_id
from usertags.quality.checks import CheckResult, facts_of, json_text
from usertags.quality.error_texts import text_of_message
from usertags.quality.kinds import CheckKind

Row = Mapping[str, Any]
Columns = dict[str, Any]

# The names that checks had; the first that fits is taken, so that what is special comes before what would fit
# too.
_NAMES: tuple[tuple[CheckKind, str], ...] = (
    (CheckKind.SUITE_RAN, "every declared check ran"),
    (CheckKind.REPORT, "the report of the (?P<subject>.+) stage is there"),
    (CheckKind.ROWS_CHECKED, "rows were checked"),
    (CheckKind.COLUMNS, "columns as declared"),
    (CheckKind.RECONCILED, "every row is accounted for"),
    (CheckKind.DEFINITION, "all batches follow the same definition"),
    (CheckKind.CONTENT, "the rows are not those of an earlier batch"),
    (CheckKind.ROWS_AS_BEFORE, "rows as on the days before"),
    (CheckKind.EMPTY_AS_BEFORE, "(?P<column>.+) empty as often as before"),
    (CheckKind.SCALE_AS_BEFORE, "(?P<column>.+) in its usual scale"),
    (CheckKind.LENGTH_AS_BEFORE, "(?P<column>.+) in its usual length"),
    (CheckKind.KNOWN, "(?P<column>.+) is known in (?P<subject>.+)"),
    (CheckKind.FRESH, "newest row within (?P<subject>.+) of the end of the day"),
    (CheckKind.WITHIN_DAY, "(?P<subject>.+) stays within one day"),
    (CheckKind.COVERAGE, "(?P<column>.+) in its coverage"),
    (CheckKind.COVERAGE_DRIFT, "(?P<column>.+) coverage as before"),
    (CheckKind.VALUE_DRIFT, "(?P<column>.+) values as before"),
    (CheckKind.EXCLUSIVE, "exactly one tag of (?P<path>.+)"),
    (CheckKind.EDGES, "edges of (?P<subject>.+) differ"),
    (CheckKind.LINKS, "no link takes a person beyond the limits"),
    (CheckKind.ONE_ROW_PER_RANK, "one row a user, tag and rank"),
    (CheckKind.ONE_ROW_PER_USER, "one row a user"),
    (CheckKind.POPULATION, "every user of the population"),
    (CheckKind.UNIQUE_KEY, "(?P<subject>.+) stands once"),
    (CheckKind.NEVER_EMPTY, "(?P<column>.+) is never empty"),
    (CheckKind.GIVEN, "(?P<column>.+) is given"),
    (CheckKind.IN_RANGE, "(?P<column>.+) in its range"),
    (CheckKind.IN_VALUES, "(?P<column>.+) in its values"),
    (CheckKind.IN_FORM, "(?P<column>.+) in its form"),
    (CheckKind.ROW_COUNT, "number of rows"),
)
_N = r"(-?[\d.]+(?:e[+-]?\d+)?)"
# What an error begins with, in what was observed.
_RAISED = re.compile(
    r"(?:the check itself failed|\d+ checks ran|not written): (?P<error>.+)"
    r"|failed; what was observed is not known \((?P<unknown>.+)\)",
    re.DOTALL,
)
_WARNING = re.compile(
    r"(?P<table>\S+): (?P<check>.+?) \(observed (?P<observed>.*), wanted (?P<bounds>.*)\)", re.DOTALL
)


def migrated_check(old: Row) -> Columns:
    """A row of `ops.checks` by the columns of today."""
    result = _result(old)
    return facts_of(result) | {
        "dt": old["dt"],
        "run_id": old["run_id"],
        "stage": old["stage"],
        "checked_at": old["checked_at"],
        "samples": _samples(old.get("sample")),
        "details": json_text(result.details) if result.details else None,
    }


def is_old_run(row: Row) -> bool:
    """Whether the warnings of a row of `ops.runs` are sentences, or its released checks are names."""
    released = json.loads(row["inputs"]).get("checks", ())
    return any(isinstance(each, str) for each in json.loads(row["warnings"])) or any(
        ": " in name for name in released
    )


def migrated_run(old: Row, checks: Iterable[Row]) -> Columns:
    """A row of `ops.runs` whose warnings are results, and whose released checks are ids. `checks` are the old
    rows of `ops.checks` of the same day, which say the id of each check."""
    ids = {f"{row['table']}: {row['check']}": _id_of(row) for row in checks}
    inputs = json.loads(old["inputs"])
    if "checks" in inputs:
        inputs["checks"] = sorted(ids.get(name) or _id_of(_named(name)) for name in inputs["checks"])
    severity = "critical" if str(old["stage"]).startswith("release_") else "warning"
    found = [_of_warning(text, severity, ids) for text in json.loads(old["warnings"])]
    return dict(old) | {
        "inputs": json.dumps(inputs),
        "warnings": json_text([facts_of(each) for each in found]),
    }


def _named(name: str) -> Columns:
    table, _, check = name.partition(": ")
    return {"table": table, "check": check}


def _of_warning(text: str, severity: str, ids: Mapping[str, str]) -> CheckResult:
    read = _WARNING.fullmatch(text)
    parts = read.groupdict() if read else _named(text) | {"observed": "", "bounds": ""}
    row = parts | {"severity": severity, "success": False}
    return _result(row | {"check_id": ids.get(f"{row['table']}: {row['check']}")})


def _id_of(old: Row) -> str:
    if old.get("check_id"):
        return str(old["check_id"])
    kind, named = _kind_of(old)
    # The id of an exclusive path is made of its levels, which its name does not say.
    if kind in (CheckKind.OWN, CheckKind.EXCLUSIVE):
        return check_id(old["table"], CheckKind.OWN, subject=old["check"])
    return check_id(old["table"], kind, named.get("column"), named.get("subject"))


def _kind_of(old: Row) -> tuple[CheckKind, Mapping[str, str]]:
    """The kind that the name of a check tells, with what it names; `own` where it tells none."""
    for kind, pattern in _NAMES:
        found = re.fullmatch(pattern, old["check"], re.DOTALL)
        if found is not None:
            return kind, found.groupdict()
    return CheckKind.OWN, {"subject": old["check"]}


def _result(old: Row) -> CheckResult:
    kind, named = _kind_of(old)
    name = _id_of(old)
    subject = named.get("subject")
    if kind is CheckKind.EXCLUSIVE:
        subject = name.partition(".exclusive_")[2] or None
    elif kind is CheckKind.SUITE_RAN:
        subject = name.partition("every_declared_check_ran_")[2] or None
    elif kind is CheckKind.OWN and old.get("check_id"):
        subject = name.rpartition(".")[2]
    observed, bounds = old.get("observed") or "", old.get("bounds") or ""
    raised = _RAISED.fullmatch(observed)
    columns = _numbers(kind, old, observed, bounds)
    details = columns.pop("details", {}) | ({"path": named["path"]} if "path" in named else {})
    known = columns.get("value") is not None or old.get("failing") is not None
    if observed and not known and raised is None and not old["success"]:
        details["observed"] = observed
    return CheckResult(
        check_id=name,
        kind=kind,
        table=old["table"],
        severity=old["severity"],
        success=old["success"],
        column=named.get("column") or old.get("column"),
        subject=subject,
        rows=old.get("rows"),
        unexpected=old.get("failing"),
        error=text_of_message(raised["error"] or raised["unknown"]) if raised else None,
        owner=old.get("owner"),
        action=old.get("action"),
        details=details,
        **columns,
    )


def _numbers(kind: CheckKind, old: Row, observed: str, bounds: str) -> Columns:
    """`value`, `usual`, `low`, `high`, `unit` and `details`, as far as the old sentences tell them."""
    read = _READ.get(kind, _of_rows)
    try:
        return read(old, observed, bounds)
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _found(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError("the sentence is of another version")
    return [float(each) for each in found.groups()]


def _graded(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(rf"(warning|critical) {_N}", text)}


def _of_rows(old: Row, observed: str, bounds: str) -> Columns:
    """The share of the rows that fail, and the arguments of the expectation."""
    given = json.loads(bounds) if bounds.startswith("{") else {}
    names = {
        "min_value": "min",
        "max_value": "max",
        "value_set": "values",
        "regex": "form",
        "mostly": "mostly",
    }
    details = {names[name]: value for name, value in given.items() if name in names}
    rows, failing = old.get("rows"), old.get("failing")
    share = failing / rows if rows and failing is not None else None
    none_fails = old["success"] and "mostly" not in given
    value = 0.0 if none_fails else share
    high = round(1 - given["mostly"], 9) if "mostly" in given else None
    return {"value": value, "high": high, "unit": "share", "details": details}


def _own(old: Row, observed: str, bounds: str) -> Columns:
    given = json.loads(bounds) if bounds.startswith("{") else {}
    rows, failing = old.get("rows"), old.get("failing")
    details = {"arguments": given} if given else {}
    if rows and failing is not None:
        return {"value": failing / rows, "unit": "share", "details": details}
    return {"details": details}


def _row_count(old: Row, observed: str, bounds: str) -> Columns:
    given = json.loads(bounds)
    low, high = given.get("min_value", given.get("value")), given.get("max_value", given.get("value"))
    value = float(observed) if re.fullmatch(_N, observed) else None
    return {"value": value, "low": low, "high": high, "unit": "rows"}


def _reconciled(old: Row, observed: str, bounds: str) -> Columns:
    return {"value": old.get("rows"), "unit": "rows", "details": json.loads(observed)}


def _suite_ran(old: Row, observed: str, bounds: str) -> Columns:
    (value,), (low,) = _found(r"^(\d+) checks ran", observed), _found(r"^(\d+) checks", bounds)
    return {"value": value, "low": low, "unit": "checks"}


def _rows_as_before(old: Row, observed: str, bounds: str) -> Columns:
    value, usual = _found(rf"^{_N} rows of .*, usual {_N}", observed)
    day = re.search(r"rows of ([\d-]+),", observed)
    fall, _, rise = bounds.partition(" of the usual missing")
    details = {"fall": _graded(fall), "rise": _graded(rise)} | _basis(observed)
    return {
        "value": value,
        "usual": usual,
        "unit": "rows",
        "details": details | ({"day": day[1]} if day else {}),
    }


def _basis(observed: str) -> Columns:
    weeks = re.search(r"the same weekday of (\d+) weeks", observed)
    days = re.search(r"(\d+) days before", observed)
    if weeks:
        return {"days": int(weeks[1]), "compared": "weekday"}
    return {"days": int(days[1]), "compared": "before"} if days else {}


def _compared(pattern: str, unit: str) -> Callable[[Row, str, str], Columns]:
    def read(old: Row, observed: str, bounds: str) -> Columns:
        value, usual = _found(pattern, observed)
        details = {"bounds": _graded(bounds)} | _basis(observed)
        return {"value": value, "usual": usual, "unit": unit, "details": details}

    return read


def _known(old: Row, observed: str, bounds: str) -> Columns:
    (value,), (low,) = _found(rf"^{_N} of the rows", observed), _found(rf"^at least {_N}", bounds)
    return {"value": value, "low": low, "unit": "share"}


def _fresh(old: Row, observed: str, bounds: str) -> Columns:
    minutes = {"m": 1, "h": 60, "d": 1440}
    limit = re.search(r"^at most (\d+)([mhd])", bounds)
    age = re.search(r"\((?:(\d+) days?, )?(\d+):(\d\d):(\d\d)", observed)
    high = float(limit[1]) * minutes[limit[2]] if limit else None
    if age is None:
        return {"high": high, "unit": "minutes"}
    days, hours, mins, seconds = (int(each or 0) for each in age.groups())
    value = days * 1440 + hours * 60 + mins + seconds / 60
    details = {"newest": observed.partition(" (")[0]}
    return {"value": value, "high": high, "unit": "minutes", "details": details}


def _coverage(old: Row, observed: str, bounds: str) -> Columns:
    (value,) = _found(rf"^{_N} of the users", observed)
    low, high = _found(rf"^{_N} to {_N}", bounds)
    users = re.search(r"\((\d+) of \d+\)", observed)
    details = {"users": int(users[1])} if users else {}
    top = high if high < 1 else None
    return {"value": value, "low": low or None, "high": top, "unit": "share", "details": details}


def _drift(old: Row, observed: str, bounds: str) -> Columns:
    (value,) = _found(rf"^{_N}", observed)
    graded = _graded(bounds)
    details: Columns = {"bounds": graded}
    shares = re.search(rf"\({_N}% → {_N}% of the users", observed)
    if shares:
        details |= {"before": round(float(shares[1]) / 100, 9), "now": round(float(shares[2]) / 100, 9)}
    groups, days = re.search(r"\((\d+) groups", observed), re.search(r"(\d+) published day", observed)
    details |= {"groups": int(groups[1])} if groups else {}
    details |= {"days": int(days[1])} if days else {}
    return {"value": value, "high": min(graded.values(), default=None), "unit": "index", "details": details}


def _definition(old: Row, observed: str, bounds: str) -> Columns:
    days = re.search(r", ([\d-]+) to ([\d-]+)", observed)
    details = {"first": days[1], "last": days[2]} if days else {}
    return {"value": old.get("failing"), "high": 0, "unit": "batches", "details": details}


def _content(old: Row, observed: str, bounds: str) -> Columns:
    same = re.search(r"the same rows as ([\d-]+)", observed)
    if same is None:
        return {"value": 0, "high": 0, "unit": "batches"}
    # Of how many earlier batches they are is not known.
    return {"high": 0, "unit": "batches", "details": {"batch": same[1]}}


def _links(old: Row, observed: str, bounds: str) -> Columns:
    (value,) = _found(r"^(\d+) links refused", observed)
    reasons = {name: int(count) for name, count in re.findall(r"(\w+) (\d+)(?=[,)])", observed)}
    return {"value": value, "unit": "links", "details": {"reasons": reasons}}


def _edges(old: Row, observed: str, bounds: str) -> Columns:
    edges = json.loads(observed)
    return {"value": len(edges) - len(set(edges)), "high": 0, "unit": "edges", "details": {"edges": edges}}


def _nothing(old: Row, observed: str, bounds: str) -> Columns:
    return {}


_READ: Mapping[CheckKind, Callable[[Row, str, str], Columns]] = {
    CheckKind.SUITE_RAN: _suite_ran,
    CheckKind.REPORT: _nothing,
    CheckKind.COLUMNS: _nothing,
    CheckKind.ROWS_CHECKED: _row_count,
    CheckKind.ROW_COUNT: _row_count,
    CheckKind.POPULATION: _row_count,
    CheckKind.RECONCILED: _reconciled,
    CheckKind.DEFINITION: _definition,
    CheckKind.CONTENT: _content,
    CheckKind.ROWS_AS_BEFORE: _rows_as_before,
    CheckKind.EMPTY_AS_BEFORE: _compared(rf"^{_N} of the rows .*usual {_N}", "share"),
    CheckKind.SCALE_AS_BEFORE: _compared(rf"^{_N} in the middle, usual {_N}", "number"),
    CheckKind.LENGTH_AS_BEFORE: _compared(rf"^{_N} characters on average, usual {_N}", "characters"),
    CheckKind.KNOWN: _known,
    CheckKind.FRESH: _fresh,
    CheckKind.COVERAGE: _coverage,
    CheckKind.COVERAGE_DRIFT: _drift,
    CheckKind.VALUE_DRIFT: _drift,
    CheckKind.LINKS: _links,
    CheckKind.EDGES: _edges,
    CheckKind.OWN: _own,
}


def _samples(text: str | None) -> str | None:
    """The failing rows; nothing where the text is no list of them."""
    try:
        rows = json.loads(text) if text else []
    except ValueError:
        return None
    kept = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return json_text(kept) if kept else None
