"""The columns of a result of a Great Expectations check: from its arguments, and from what the library
found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usertags.project.masking import MASK
from usertags.quality.checks import Check
from usertags.quality.kinds import CheckKind

_OF_TABLE = (CheckKind.ROWS_CHECKED, CheckKind.ROW_COUNT, CheckKind.POPULATION)


@dataclass(frozen=True)
class Observation:
    """A check that was run: its arguments as they were then, and the library's result; `found` is empty of a
    check that passed, of which the library says nothing more. `masked`: it reads a masked column."""

    check: Check
    arguments: Mapping[str, Any]
    success: bool
    found: Mapping[str, Any]
    masked: bool = False

    def columns(self) -> dict[str, Any]:
        """`value`, `low`, `high`, `unit`, `rows`, `unexpected` and `details` of a result, as far as there are
        any."""
        if self.check.kind in _OF_TABLE:
            return self._of_table()
        if self.check.kind is CheckKind.COLUMNS:
            return self._of_columns()
        if self.check.kind is CheckKind.OWN and "unexpected_count" not in self.found:
            return self._of_value()
        return self._of_rows()

    def _of_table(self) -> dict[str, Any]:
        """Counted rows against bounds."""
        exactly = self.arguments.get("value")
        return {
            "value": _number(self.found.get("observed_value")),
            "low": _number(self.arguments.get("min_value", exactly)),
            "high": _number(self.arguments.get("max_value", exactly)),
            "unit": "rows",
        }

    def _of_columns(self) -> dict[str, Any]:
        declared = self.arguments["column_set"]
        there = declared if self.success else self.found.get("observed_value")
        missing = [name for name in declared if name not in there] if there is not None else None
        details = {"columns": declared} | ({"missing": missing} if missing else {})
        value = len(missing) if missing is not None else None
        return {"value": value, "high": 0, "unit": "columns", "details": details}

    def _of_rows(self) -> dict[str, Any]:
        """The share of the rows that fail; some may where the check says `mostly`."""
        mostly, rows, unexpected = (
            self.arguments.get("mostly"),
            self.found.get("element_count"),
            self.found.get("unexpected_count"),
        )
        share = unexpected / rows if rows and unexpected is not None else None
        none_fails = self.success and mostly is None and self.check.kind is not CheckKind.OWN
        return {
            "value": 0.0 if none_fails else share,
            "high": None if mostly is None else round(1 - mostly, 9),
            "unit": "share",
            "rows": rows,
            "unexpected": unexpected,
            "details": self._details(),
        }

    def _of_value(self) -> dict[str, Any]:
        """What an expectation of one's own observed, where it counts no rows: a maximum is a value of some
        row, so it is masked like one."""
        observed = self.found.get("observed_value")
        if self.masked and observed is not None:
            observed = MASK
        value = _number(observed)
        shown = {"observed": str(observed)} if observed is not None and value is None else {}
        return {
            "value": value,
            "low": _number(self.arguments.get("min_value")),
            "high": _number(self.arguments.get("max_value")),
            "unit": "number",
            "details": self._details() | shown,
        }

    def _details(self) -> dict[str, Any]:
        """What a sentence says of the bounds."""
        given = {
            name: value for name, value in self.arguments.items() if name != "column" and value is not None
        }
        mostly = {"mostly": given.pop("mostly")} if "mostly" in given else {}
        match self.check.kind:
            case CheckKind.IN_RANGE:
                return mostly | {"min": given.get("min_value"), "max": given.get("max_value")}
            case CheckKind.IN_VALUES:
                return mostly | {"values": list(given["value_set"])}
            case CheckKind.IN_FORM:
                return mostly | {"form": given["regex"]}
            case CheckKind.OWN:
                return mostly | ({"arguments": given} if given else {})
        return mostly


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
