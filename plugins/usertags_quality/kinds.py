"""The kinds of checks there are: what each one looks at, and the number in what it observed.

A check says what it observed in a sentence. Here the number in it is read, so that a page can draw it over
the last days, beside what was usual or wanted.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from jobs.quality.timeline import Result
from plugins.usertags_quality.words import number, percent

_N = r"(-?[\d.]+(?:e[+-]?\d+)?)"


@dataclass(frozen=True)
class Measured:
    """The number that a check observed, with the one that was usual and the bounds where it has them.

    `shown` writes such a number; `how_bad` says how far off it is, empty where the bounds say enough.
    """

    value: float
    shown: Callable[[float | None], str]
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    how_bad: str = ""

    @property
    def beside(self) -> str:
        """What the number is held against, in words."""
        if self.usual is not None:
            return f"usual {self.shown(self.usual)}"
        low, high = self.shown(self.low), self.shown(self.high)
        if self.low is not None and self.high is not None:
            return f"{low} to {high}"
        return (
            f"at least {low}" if self.low is not None else f"at most {high}" if self.high is not None else ""
        )


@dataclass(frozen=True)
class Kind:
    """What checks of a kind have in common. `name` is a pattern of their names, `looks_at` a sentence for the
    person on duty, `title` what the number of its chart is."""

    name: str
    looks_at: str
    title: str = ""
    measure: Callable[[Result], Measured | None] = lambda result: None

    def fits(self, name: str) -> bool:
        return re.fullmatch(self.name, name, re.DOTALL) is not None


def kind_of(result: Result) -> Kind:
    """The kind of a check by its name; `OWN` for one that a person wrote in `checks/`."""
    return next((kind for kind in KINDS if kind.fits(result.name)), OWN)


def measured(result: Result) -> Measured | None:
    """The number of a result; None where it has none, or where its sentence is of another version."""
    try:
        return kind_of(result).measure(result)
    except (ValueError, ZeroDivisionError, TypeError, AttributeError):
        return None


def _numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(text)
    return [float(each) for each in found.groups()]


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:,.6g}"


def _characters(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} characters"


def _index(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _minutes(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f} min" if value < 120 else f"{value / 60:.1f} h"


def _failing(result: Result) -> Measured | None:
    """The share of the rows that fail: nought of a check that passed."""
    if result.success:
        return Measured(0.0, percent)
    share = result.failing_share
    return None if share is None else Measured(share, percent)


def _rows_as_before(result: Result) -> Measured:
    value, usual = _numbers(rf"^{_N} rows of .*, usual {_N}", result.observed)
    away = (value - usual) / usual
    return Measured(value, number, usual, how_bad=f"{percent(away, signed=True)} against the usual")


def _empty_as_before(result: Result) -> Measured:
    value, usual = _numbers(rf"^{_N} of the rows .*usual {_N}", result.observed)
    return Measured(value, percent, usual, how_bad=f"{percent(usual)} → {percent(value)} without a value")


def _scale(result: Result) -> Measured:
    value, usual = _numbers(rf"^{_N} in the middle, usual {_N}", result.observed)
    times = value / usual
    said = f"{times:,.3g} times the usual" if times >= 1 else f"the usual divided by {1 / times:,.3g}"
    return Measured(value, _times, usual, how_bad=said)


def _length(result: Result) -> Measured:
    value, usual = _numbers(rf"^{_N} characters on average, usual {_N}", result.observed)
    return Measured(value, _characters, usual, how_bad=f"{value - usual:+.2f} characters against the usual")


def _known(result: Result) -> Measured:
    (value,) = _numbers(rf"^{_N} of the rows", result.observed)
    (low,) = _numbers(rf"^at least {_N}", result.bounds)
    return Measured(value, percent, low=low)


def _fresh(result: Result) -> Measured:
    (high,), unit = _numbers(r"^at most (\d+)[mhd]", result.bounds), result.bounds.split()[2][-1]
    found = re.search(r"\((?:(\d+) days?, )?(\d+):(\d\d):(\d\d)", result.observed)
    if found is None:
        raise ValueError(result.observed)
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    age = days * 1440 + hours * 60 + minutes + seconds / 60
    return Measured(age, _minutes, high=high * {"m": 1, "h": 60, "d": 1440}[unit])


def _coverage(result: Result) -> Measured:
    (value,) = _numbers(rf"^{_N} of the users", result.observed)
    low, high = _numbers(rf"^{_N} to {_N}", result.bounds)
    return Measured(value, percent, low=low or None, high=high if high < 1 else None)


def _drift(result: Result) -> Measured:
    """The index, with the least of its bounds; how the users changed where it says so."""
    (value,) = _numbers(rf"^{_N}", result.observed)
    bounds = [float(each) for each in re.findall(rf"(?:warning|critical) {_N}", result.bounds)]
    users = re.search(r"\((.*?%) → (.*?%) of the users", result.observed)
    said = f"{users[1]} → {users[2]} of the users" if users else ""
    return Measured(value, _index, high=min(bounds, default=None), how_bad=said)


def _rows(result: Result) -> Measured | None:
    return None if result.rows is None else Measured(float(result.rows), number)


def _row_count(result: Result) -> Measured | None:
    """What was counted: Great Expectations says so of a check that failed alone."""
    bounds = json.loads(result.bounds)
    value = float(result.observed)
    return Measured(value, number, low=bounds.get("min_value"), high=bounds.get("max_value"))


# The first that fits is taken: what is special comes before what would fit as well.
KINDS = (
    Kind(
        "every declared check ran",
        "Whether Great Expectations ran all the checks of the table: one that was left out has failed.",
    ),
    Kind("the report of the .+ stage is there", "Whether the report of Great Expectations was written."),
    Kind("rows were checked", "Whether the table has any row at all: a check of no row says nothing."),
    Kind("columns as declared", "Whether the table has every column that the configuration declares."),
    Kind(
        "every row is accounted for",
        "Rows read = kept + superseded + repeats + set aside: no row is lost or doubled on the way.",
        "Rows read",
        _rows,
    ),
    Kind(
        "all batches follow the same definition",
        "Whether other days still stand as the source's columns or rules were before.",
    ),
    Kind(
        "the rows are not those of an earlier batch",
        "Whether the same rows were delivered before, as when yesterday's file comes again.",
    ),
    Kind(
        "rows as on the days before",
        "The rows of the day against those of the same weekday in the weeks before.",
        "Rows of the day",
        _rows_as_before,
    ),
    Kind(
        ".+ empty as often as before",
        "The share of rows without a value, against the days before.",
        "Rows without a value",
        _empty_as_before,
    ),
    Kind(
        ".+ in its usual scale",
        "The median of the numbers, against the days before: another unit moves it by its factor.",
        "Median",
        _scale,
    ),
    Kind(
        ".+ in its usual length",
        "The average length of the ids, against the days before: cut ids no longer join.",
        "Length",
        _length,
    ),
    Kind(
        ".+ is known in .+",
        "The share of rows whose value stands in the other source.",
        "Rows that are known",
        _known,
    ),
    Kind(
        "newest row within .+ of the end of the day",
        "How long before the end of the data day the newest row is.",
        "Age of the newest row",
        _fresh,
    ),
    Kind(
        ".+ stays within one day",
        "Whether a value comes back on another day: distinct counts over days would count it twice.",
        "Values on several days",
        _failing,
    ),
    Kind(
        ".+ in its coverage",
        "The share of all users that carries the tag, against the bounds of its entry.",
        "Users who carry it",
        _coverage,
    ),
    Kind(
        ".+ coverage as before",
        "The users with and without the tag against the last published days, as population stability index.",
        "Population stability index",
        _drift,
    ),
    Kind(
        ".+ values as before",
        "How users spread over the tag's values against the last published days, as population stability "
        "index.",
        "Population stability index",
        _drift,
    ),
    Kind(
        "exactly one tag of .+",
        "Whether each user carries one tag of the path, no more and no less.",
        "Users with none or several",
        _failing,
    ),
    Kind(
        "edges of .+ differ",
        "Whether the edges between scores are told apart: equal ones give some score to nobody.",
    ),
    Kind(
        "no link takes a person beyond the limits",
        "Whether links between ids were refused because one person would have had too many.",
    ),
    Kind("one row a user.*", "Whether anybody stands in the table twice.", "Rows that stand twice", _failing),
    Kind("every user of the population", "Whether the table has everybody, and nobody else."),
    Kind(".+ stands once", "Whether a key stands twice.", "Rows that stand twice", _failing),
    Kind(
        ".+ is never empty", "Whether a value is missing that no row may lack.", "Rows without it", _failing
    ),
    Kind(".+ is given", "How many rows lack the value.", "Rows without it", _failing),
    Kind(".+ in its range", "Whether numbers or dates are within their bounds.", "Rows outside", _failing),
    Kind(".+ in its values", "Whether any value is none of those that are listed.", "Rows outside", _failing),
    Kind(".+ in its form", "Whether the texts look as they should.", "Rows of another form", _failing),
    Kind("number of rows", "The rows of the batch against fixed bounds.", "Rows", _row_count),
)
OWN = Kind(".+", "A check of this project's own, written in `checks/`.", "Rows that fail", _failing)
