"""Parses an expression to a syntax tree with sqlglot's Spark grammar."""

import re
from typing import Any

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError
from sqlglot.parsers.spark import SparkParser

from usertags.config.expression_text import mask_texts
from usertags.config.expression_types import ExpressionError, Text

_QUERY = re.compile(
    r"[\s(]*(select|with|insert|update|delete|merge|create|drop|alter|values)\b(?!\s*[=<>!.,)])", re.I
)
# For some invalid input sqlglot raises an internal error instead of a parse error.
_STUMBLES = (SqlglotError, AttributeError, KeyError, IndexError, TypeError, ValueError)


class _Parser(SparkParser):  # type: ignore[misc]  # sqlglot carries no types here
    """Spark's grammar without sqlglot's function definitions: a call is kept as written.

    Otherwise to_date(x, 'yyyy-MM-dd') would lose its format and date_format(x, 'y') would be changed."""

    FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012
    FUNCTION_PARSERS = {name: SparkParser.FUNCTION_PARSERS[name] for name in ("CAST", "TRY_CAST")}  # noqa: RUF012
    NO_PAREN_FUNCTION_PARSERS = {"CASE": SparkParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}  # noqa: RUF012


def parse(expression: str) -> tuple[Any, dict[str, Text]]:
    """The root of the tree, in which text literals are placeholders, and the literals by placeholder."""
    masked, texts = mask_texts(expression)
    if not masked.strip():
        raise ExpressionError("the expression is empty")
    if _QUERY.match(masked):
        raise ExpressionError("a query is not allowed: an expression reads the columns of one row")
    dialect = Spark()
    try:
        tokens = dialect.tokenize(masked)
        roots = _Parser(error_level=ErrorLevel.RAISE, dialect=dialect).parse_into(
            exp.Condition, tokens, masked
        )
    except _STUMBLES as error:
        raise _unreadable(error, texts) from None
    if len(roots) != 1 or roots[0] is None:
        raise ExpressionError("the expression cannot be parsed: it is empty")
    return roots[0], texts


def _unreadable(error: Exception, texts: dict[str, Text]) -> ExpressionError:
    details = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    description = str(details.get("description") or "")
    near = f"{str(details.get('start_context') or '')[-30:]}{details.get('highlight') or ''}"
    for placeholder, text in texts.items():
        near = near.replace(f"'{placeholder}'", text.raw)
    if description.startswith("Required keyword"):
        problem = "something is missing"
    elif description.startswith("Expecting )"):
        problem = "a closing bracket is missing, or an operator or comma before it"
    elif description.startswith("Expected END"):
        problem = "CASE without END"
    elif "type" in description.lower():
        problem = "no such type"
    else:
        problem = "unexpected text"
    place = (
        f" after `{near.strip()}`"
        if near.strip() and problem == "something is missing"
        else f" near `{near.strip()}`"
    )
    return ExpressionError(f"the expression cannot be parsed: {problem}{place if near.strip() else ''}")
