"""The building blocks of expressions: kinds of values, text literals, and the error class.

A *kind* is finer than the type family that callers see: `int` and `bigint` (whole numbers), `number`
(with a fraction), `text`, `boolean`, `date`, `timestamp`, `null` (the literal), `unknown` (a raw column,
whose type only the source knows) and `array:<kind>`, which is only allowed inside an expression.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

INT, BIGINT, NUMBER = "int", "bigint", "number"
TEXT, BOOLEAN, DATE, TIMESTAMP, NULL, UNKNOWN = "text", "boolean", "date", "timestamp", "null", "unknown"

# The day of an event in the project's time zone: a column of every clean table of events.
EVENT_DAY = "event_day"

NUMBERS = (INT, BIGINT, NUMBER)
MOMENTS = (DATE, TIMESTAMP)

_KIND_OF_TYPE = {
    "string": TEXT,
    "varchar": TEXT,
    "char": TEXT,
    "text": TEXT,
    "tinyint": INT,
    "smallint": INT,
    "int": INT,
    "integer": INT,
    "bigint": BIGINT,
    "long": BIGINT,
    "float": NUMBER,
    "double": NUMBER,
    "decimal": NUMBER,
    "numeric": NUMBER,
    "boolean": BOOLEAN,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "timestamp_ltz": TIMESTAMP,
    "timestamp_ntz": TIMESTAMP,
}

Value = Decimal | str | bool | date


class ExpressionError(ValueError):
    """An invalid expression: the problem, its location, and a suggestion; `unknown_name` if one is the
    problem."""

    def __init__(
        self, message: str, suggestion: str | None = None, *, unknown_name: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion
        self.unknown_name = unknown_name


@dataclass(frozen=True)
class Text:
    """A text literal. `pattern` is its value as a regular expression: there a backslash that SQL would
    swallow stays; `swallowed` names the first such escape, which is refused outside patterns."""

    raw: str
    value: str
    pattern: str
    swallowed: str | None = None


def family(kind: str) -> str:
    """The type family for callers: number, text, boolean, date, timestamp or unknown; in messages also
    list."""
    if kind in NUMBERS:
        return "number"
    if kind.startswith("array:"):
        return "list"
    return UNKNOWN if kind == NULL else kind


def kind_of_type(spark_type: str) -> str:
    """The kind of a column from the name of its Spark type."""
    name = spark_type.strip().lower()
    if name.startswith("array<") and name.endswith(">"):
        return f"array:{kind_of_type(name[6:-1])}"
    return _KIND_OF_TYPE.get(name.partition("(")[0].strip(), UNKNOWN)


def is_number(spark_type: str) -> bool:
    """Whether values of a Spark type, as columns, measures and tags have them, are numbers."""
    return spark_type in ("int", "bigint", "double") or spark_type.startswith("decimal")


def is_type(name: str) -> bool:
    """Whether Spark has the type: of a decimal, 1 to 38 digits, of which no more than all are decimals."""
    digits = [int(number) for number in re.findall(r"\d+", name)]
    return not digits or (1 <= digits[0] <= 38 and digits[1] <= digits[0])


def type_of_family(family: str) -> str:
    """The Spark type of an expression of which no more than its family is known."""
    return {"number": "double", "text": "string", "unknown": "string"}.get(family, family)


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice with the most similar spelling, if one is close enough."""
    spelled = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), spelled, n=1, cutoff=0.65)
    return spelled[found[0]] if found else None


def word_set(listed: str) -> frozenset[str]:
    """Splits a whitespace-separated list of words."""
    return frozenset(listed.split())
