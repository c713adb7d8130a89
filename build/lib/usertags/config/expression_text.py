"""The tokens of an expression: text literals, names and numbers, read and written like in Spark.

SQL parsers disagree about backslashes in text literals, so literals bypass the parser: each is read here,
replaced by a placeholder in the parsed text, and written here again.
"""

import re
from datetime import date, datetime
from decimal import Decimal

from usertags.config.expression_types import ExpressionError, Text, words

MAX_LENGTH = 20_000

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RAW_PREFIX = re.compile(r"(?<![\w`])[rR]\Z")
_NUMBER = re.compile(r"\d+(\.\d+)?([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")

# How Spark reads a backslash and a letter; other letters only lose the backslash.
_ESCAPES = {
    "0": "\0",
    "'": "'",
    '"': '"',
    "b": "\b",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "Z": "\x1a",
    "\\": "\\",
    "%": "\\%",
    "_": "\\_",
}
# Control characters to SQL; to a regular expression an octal number, a word boundary and the end of input.
_OTHERWISE_IN_PATTERNS = frozenset("0bZ")
_NUMERIC_ESCAPE = re.compile(r"[01][0-7]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}")

_WRITTEN = {chr(code): f"\\u{code:04x}" for code in range(32)} | {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}

_REFUSED_MARKS = {
    ";": "only one expression is allowed: remove `;`",
    "--": "`--` starts a comment, which would truncate the rule; write comments with # in YAML,"
    " and the subtraction of a negative number as a - (-1)",
    "/*": "comments are not allowed in an expression; write them with # in YAML",
    "{": "templates are not read in an expression; named values belong under `parameters`",
    "}": "templates are not read in an expression; named values belong under `parameters`",
}
_FULL_WIDTH = {
    "（": "(",
    "）": ")",
    "，": ",",
    "；": ";",
    "＝": "=",
    "＞": ">",
    "＜": "<",
    "！": "!",
    "＋": "+",
    "－": "-",
    "＊": "*",
    "／": "/",
    "％": "%",
    "．": ".",
    "。": ".",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "≥": ">=",
    "≤": "<=",
    "≠": "<>",
}

# Words that are quoted as column names, so that they are not read as SQL keywords.
_RESERVED = words(
    "all and any array as between both by case cast cross current_date current_time current_timestamp"
    " current_user date distinct else end except exists extract false filter for from full group having in"
    " inner intersect interval into is join lateral leading left like limit map not null on or order outer"
    " overlaps right rlike select session_user set some struct table then timestamp to trailing true try_cast"
    " union unique unknown user using values when where window with"
)


def mask_texts(expression: str) -> tuple[str, dict[str, Text]]:
    """The expression with every text literal replaced by a placeholder, and the literals by placeholder.

    Refuses comments, templates, several statements, full-width characters, and two adjacent texts, which
    SQL concatenates although a comma may be missing."""
    if len(expression) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression is {len(expression)} characters long, the maximum is {MAX_LENGTH}"
        )
    masked: list[str] = []
    texts: dict[str, Text] = {}
    at = 0
    last_end = -1
    while at < len(expression):
        sign = expression[at]
        if sign in "'\"":
            raw = bool(_RAW_PREFIX.search(expression, max(0, at - 2), at))
            text, end = _read_text(expression, at, raw=raw)
            if last_end >= 0 and not expression[last_end : at - raw].strip():
                raise ExpressionError(f"a comma or an operator is missing before {text.raw}")
            if raw:
                masked.pop()
            placeholder = f"T{len(texts)}"
            texts[placeholder] = text
            masked.append(f" '{placeholder}'")
            at = last_end = end
        elif sign == "`":
            end = _end_of_quoted_name(expression, at)
            masked.append(expression[at:end])
            at = end
        else:
            _refuse_mark(expression, at)
            masked.append(" " if sign.isspace() else sign)
            at += 1
    return "".join(masked), texts


def _refuse_mark(expression: str, at: int) -> None:
    for mark, message in _REFUSED_MARKS.items():
        if expression.startswith(mark, at):
            raise ExpressionError(f"{message}, near {_around(expression, at)}")
    if expression[at] in _FULL_WIDTH:
        plain = _FULL_WIDTH[expression[at]]
        raise ExpressionError(
            f"{expression[at]} is a full-width character, near {_around(expression, at)}", plain
        )


def _around(expression: str, at: int) -> str:
    return f"`{expression[max(0, at - 15) : at + 15].strip()}`"


def _end_of_quoted_name(expression: str, start: int) -> int:
    at = start + 1
    while at < len(expression):
        if expression[at] != "`":
            at += 1
        elif expression.startswith("``", at):
            at += 2
        else:
            return at + 1
    raise ExpressionError(f"the name that starts at {_around(expression, start)} has no closing backtick")


def _read_text(expression: str, start: int, *, raw: bool) -> tuple[Text, int]:
    """One literal from its opening quote, and the place after its closing quote."""
    quote = expression[start]
    value: list[str] = []
    pattern: list[str] = []
    swallowed: str | None = None
    at = start + 1
    while at < len(expression):
        sign = expression[at]
        if sign == "\\" and not raw and at + 1 < len(expression):
            spark, in_pattern, width = _read_escape(expression, at)
            if in_pattern != spark:
                swallowed = swallowed or in_pattern
            value.append(spark)
            pattern.append(in_pattern)
            at += width
            continue
        if sign == quote:
            if raw or not expression.startswith(quote, at + 1):
                shown = ("r" if raw else "") + expression[start : at + 1]
                return Text(shown, "".join(value), "".join(pattern), swallowed), at + 1
            at += 1
        value.append(sign)
        pattern.append(sign)
        at += 1
    raise ExpressionError(f"the text that starts at {_around(expression, start)} has no closing {quote}")


def _read_escape(expression: str, at: int) -> tuple[str, str, int]:
    """The meaning of an escape in Spark and in a regular expression, and its width."""
    numeric = _NUMERIC_ESCAPE.match(expression, at + 1)
    if numeric:
        digits = numeric.group()
        code = int(digits[1:], 16) if digits[0] in "uU" else int(digits, 8)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise ExpressionError(f"\\{digits} is not a character, near {_around(expression, at)}")
        return chr(code), chr(code), 1 + len(digits)
    letter = expression[at + 1]
    if letter not in _ESCAPES:
        return letter, f"\\{letter}", 2
    spark = _ESCAPES[letter]
    return spark, f"\\{letter}" if letter in _OTHERWISE_IN_PATTERNS else spark, 2


def write_text(value: str) -> str:
    """The value as a Spark text literal."""
    written = "".join(_WRITTEN.get(sign, sign) for sign in value)
    # Spark replaces ${name} with settings and environment variables before parsing the SQL, even in texts.
    return "'" + written.replace("${", "\\u0024{") + "'"


def write_name(name: str) -> str:
    """The column name in Spark SQL, in backticks only if needed."""
    if "${" in name:
        raise ExpressionError(
            f"the name {name} holds ${{, which Spark would replace with one of its settings"
        )
    if _PLAIN_NAME.fullmatch(name) and name.lower() not in _RESERVED:
        return name
    return "`" + name.replace("`", "``") + "`"


def read_number(written: str) -> tuple[str, Decimal, bool]:
    """A number literal: its canonical spelling, its value, and whether it is an integer."""
    if not _NUMBER.fullmatch(written):
        raise ExpressionError(f"{written} is not a valid number; write it like 5, 5.0 or 1e3")
    if written.isdigit():
        return str(int(written)), Decimal(written), True
    return written.lower(), Decimal(written), False


def read_date(text: str) -> date | None:
    """The day, if the text is a complete and valid ISO date."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_timestamp(text: str) -> datetime | None:
    """The instant, if the text is an ISO date with or without a time."""
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def write_date(day: date) -> str:
    """The day as a Spark literal."""
    return f"DATE '{day.isoformat()}'"


def write_timestamp(instant: datetime) -> str:
    """The instant as a Spark literal; without an offset it is in the session's time zone."""
    return f"TIMESTAMP '{instant.isoformat(sep=' ')}'"
