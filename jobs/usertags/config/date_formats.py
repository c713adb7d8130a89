"""Date formats: the patterns of letters by which Spark reads a text as a date or time, and writes one.

`check_format` refuses what Spark would refuse at night, and the usual slips, which Spark reads in silence as
another time. `DateFormat` is a checked format for reading, taken apart.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from usertags.config.expression_types import ExpressionError, Text

# The pattern letters that Spark supports for reading and writing, with their maximum repetition.
_LETTERS = dict.fromkeys("dhHkKms", 2) | {
    "y": 6,
    "M": 4,
    "L": 4,
    "D": 3,
    "S": 9,
    "V": 2,
    "X": 3,
    "x": 3,
    "G": 4,
    "a": 1,
    "z": 4,
    "Z": 3,
    "O": 4,
}
_WRITTEN_ONLY_LETTERS = {"E": 4, "F": 1, "q": 4, "Q": 4}
_HINTS = {"Y": "y", "T": "'T'"}
_ZONE_LETTERS = frozenset("VzZXxO")

_HOURS = ("H", "h", "k", "K")
_RUN = re.compile(r"([A-Za-z])\1*")
_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[\[\]]|[^A-Za-z'\[\]]+")
_TEXT_LETTERS = frozenset("aG")


def check_format(text: Text, *, reads: bool) -> None:
    """Refuse a format that Spark does not support for reading or writing, and common slips."""
    plain = re.sub(r"'[^']*'", "", text.value)
    if re.search(r"['{}#]", plain):
        raise ExpressionError(
            f"the format {text.raw} has an unpaired or reserved character: one of ' {{ }} #"
        )
    runs = [run.group() for run in _RUN.finditer(plain)]
    letters = _LETTERS if reads else _LETTERS | _WRITTEN_ONLY_LETTERS
    for run in runs:
        if run[0] not in letters:
            purpose = "reading" if reads else "writing"
            raise ExpressionError(
                f"the format {text.raw} has a letter that {purpose} does not support: {run[0]}",
                _HINTS.get(run[0]),
            )
        if len(run) > letters[run[0]] or run in ("V", "OO", "OOO"):
            raise ExpressionError(f"the format {text.raw} has a wrong number of letters in {run}")
    _refuse_slips(text, {run[0] for run in runs})
    if reads:
        _refuse_unreadable(text, plain, runs)


def _refuse_slips(text: Text, letters: set[str]) -> None:
    if "D" in letters and "M" in letters:
        raise ExpressionError(f"the format {text.raw} has D (day of the year) together with a month", "dd")
    if "m" in letters and "d" in letters and not letters & {"M", "L"}:
        raise ExpressionError(f"the format {text.raw} has m (minutes) in place of M (month)", "MM")
    if letters & {"h", "K"} and "a" not in letters:
        raise ExpressionError(
            f"the format {text.raw} has 12-hour hours without the letter a (AM or PM)", "HH"
        )


def _refuse_unreadable(text: Text, plain: str, runs: Sequence[str]) -> None:
    _refuse_brackets(text, plain)
    for before, run in pairwise(["", *runs]):
        if run[0] == "m" and not before.startswith(_HOURS):
            raise ExpressionError(f"the format {text.raw} has m (minutes) in place of M (month)", "MM")
        if run[0] == "M" and before.startswith(_HOURS):
            raise ExpressionError(f"the format {text.raw} has M (month) in place of m (minutes)", "mm")
        if run[0] == "y" and run not in ("yy", "yyyy"):
            raise ExpressionError(
                f"the format {text.raw} has years of another length than yyyy: {run}", "yyyy"
            )
    letters = [run[0] for run in runs]
    if "S" in letters and "s" not in letters:
        raise ExpressionError(f"the format {text.raw} has S (fraction of a second) in place of s", "ss")
    for part in (re.sub(r"\[[^\]]*\]", "", plain), *re.findall(r"\[([^\]]*)\]", plain)):
        _refuse_repetition(text, [run.group(1) for run in _RUN.finditer(part)])


def _refuse_brackets(text: Text, plain: str) -> None:
    """Optional parts must be closed, and must not be nested."""
    is_open = False
    for mark in re.findall(r"[\[\]]", plain):
        if (mark == "[") == is_open:
            raise ExpressionError(f"the format {text.raw} has an unpaired or nested bracket [ ]")
        is_open = mark == "["
    if is_open:
        raise ExpressionError(f"the format {text.raw} has an unpaired or nested bracket [ ]")


def _refuse_repetition(text: Text, letters: Sequence[str]) -> None:
    """A letter that comes twice reads only the rows in which both are equal."""
    twice = next((letter for at, letter in enumerate(letters) if letter in letters[:at]), None)
    if twice is not None:
        raise ExpressionError(f"the format {text.raw} has {twice} twice")


def refuse_two_digit_years(text: Text) -> None:
    """Two-digit years need the first of the hundred years that they stand for, which an expression cannot
    say: Spark takes them for 2000 to 2099."""
    if "yy" in DateFormat.of(text.value).runs:
        raise ExpressionError(
            f"the format {text.raw} has two-digit years, which would be read as 2000 to 2099; "
            "declare the column with `format` and `two_digit_years_from`",
            "yyyy",
        )


def check_column_format(pattern: str, two_digit_years_from: int | None) -> None:
    """Refuse a `format` of a column as `check_format` does, and one that Spark would complete: by the year
    1970, by January, or by a century."""
    text = Text(repr(pattern), pattern, pattern)
    check_format(text, reads=True)
    runs = DateFormat.of(pattern).runs
    letters = {run[0] for run in runs}
    if "y" not in letters:
        raise ExpressionError(f"the format {text.raw} has no year", "yyyy")
    if "d" in letters and not letters & {"M", "L"}:
        raise ExpressionError(f"the format {text.raw} has a day without a month")
    if "yy" not in runs and two_digit_years_from is not None:
        raise ExpressionError(f"`two_digit_years_from` is for formats with yy, not for {text.raw}")
    if "yy" not in runs:
        return
    if two_digit_years_from is None:
        raise ExpressionError(
            f"the format {text.raw} has two-digit years: `two_digit_years_from` must say the first of the "
            "hundred years that they stand for (1930: 1930 to 2029)"
        )
    if "[" in DateFormat.of(pattern).tokens:
        raise ExpressionError(
            f"the format {text.raw} has two-digit years together with optional parts in [ ]"
        )


@dataclass(frozen=True)
class DateFormat:
    """A format for reading: runs of one letter, texts between them, and the brackets of optional parts."""

    tokens: tuple[str, ...]

    @classmethod
    def of(cls, pattern: str) -> "DateFormat":
        """The format of a pattern."""
        return cls(tuple(token.group() for token in _TOKEN.finditer(pattern)))

    @property
    def pattern(self) -> str:
        """The format as Spark reads it."""
        return "".join(self.tokens)

    @property
    def runs(self) -> list[str]:
        """The runs of letters, in order."""
        return [token for token in self.tokens if token[0].isalpha() and token.isascii()]

    @property
    def has_zone(self) -> bool:
        """Whether it reads a time zone or an offset."""
        return any(run[0] in _ZONE_LETTERS for run in self.runs)

    @property
    def has_zone_name(self) -> bool:
        """Whether it reads abbreviations of time zones."""
        return any(run[0] == "z" and len(run) < 4 for run in self.runs)

    def alternatives(self) -> "list[DateFormat]":
        """Formats that read the same texts, in each of which a time zone is either required or absent: one
        without the optional parts that have a zone, and one with each of them."""
        parts = self._parts()
        zoned = [at for at, part in enumerate(parts) if part.tokens[0] == "[" and part.has_zone]
        if not zoned:
            return [self]
        found = []
        for chosen in (None, *zoned):
            kept = [
                part.tokens if at not in zoned else part.tokens[1:-1] if at == chosen else ()
                for at, part in enumerate(parts)
            ]
            found.append(DateFormat(tuple(token for tokens in kept for token in tokens)))
        return found

    def _parts(self) -> "list[DateFormat]":
        """The optional parts with their brackets, and the single tokens between them."""
        parts: list[list[str]] = []
        is_open = False
        for token in self.tokens:
            if is_open:
                parts[-1].append(token)
            else:
                parts.append([token])
            is_open = token == "[" or (is_open and token != "]")
        return [DateFormat(tuple(part)) for part in parts]

    def with_four_digit_years(self) -> "DateFormat":
        """The format with yyyy in place of yy."""
        return DateFormat(tuple("yyyy" if token == "yy" else token for token in self.tokens))

    def around_year(self) -> str:
        """A regular expression with three groups: what is before the two-digit year, it, and the rest."""
        at = self.tokens.index("yy")
        before, after = (_expression(tokens) for tokens in (self.tokens[:at], self.tokens[at + 1 :]))
        return f"(?i)^({before})(\\d\\d)({after})$"

    def around_zone(self) -> str:
        """A regular expression whose first group is the name of the time zone."""
        at = next(place for place, token in enumerate(self.tokens) if token in ("z", "zz", "zzz"))
        before, after = (_expression(tokens) for tokens in (self.tokens[:at], self.tokens[at + 1 :]))
        return f"(?i)^{before}(.+?){after}$"


def _expression(tokens: Sequence[str]) -> str:
    return "".join(_expression_of(token) for token in tokens)


def _expression_of(token: str) -> str:  # noqa: PLR0911 - one line a family of letters
    """A regular expression for what a token reads; not stricter than Spark, which reads the text after."""
    if token in "[]":
        return "(?:" if token == "[" else ")?"
    if token[0] == "'":
        return re.escape(token[1:-1].replace("''", "'") or "'")
    if not (token[0].isalpha() and token.isascii()):
        return re.escape(token)
    if token[0] in _ZONE_LETTERS:
        return ".+?"
    if token[0] in _TEXT_LETTERS or (token[0] in "ML" and len(token) > 2):
        return "[\\p{L}.]+"
    if token == "yyyy":
        return "\\d{4}"
    return "\\d{1,9}" if token[0] in "SD" or len(token) == 1 else "\\d{2}"
