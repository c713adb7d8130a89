"""What is stored, logged and shown of an error that a check ran into.

A check reads rows, and the message of a library's error may quote them: Spark writes the value that it could
not cast. So of such an error only its type and Spark's error condition are kept, and of its traceback the
calls. Messages of our own errors are written to be shown and are kept.
"""

import re
import traceback
from collections.abc import Mapping
from typing import Any

from usertags.errors import UsertagsError

UNKNOWN = "an error of unknown type"
# An error condition of Spark, with which the message of its errors begins, such as `[CAST_INVALID_INPUT]`; a
# session server writes the Java class before it.
_CONDITION = re.compile(r"(?:\([\w.$]+\) )?(\[[A-Z][A-Z0-9]*(?:[_.][A-Z0-9]+)+\])")
_TYPE = re.compile(r"\w*(?:Error|Exception|Warning|Interrupt)\b")
# The calls of a traceback, and the type that follows them. The messages are between such blocks.
_BLOCK = re.compile(r"^Traceback \(most recent call last\):\n((?:[ ].*\n)+)([\w.]+)", re.MULTILINE)
_CALL = re.compile(r'  File "[^"]+", line \d+, in \S+')


def text_of(error: BaseException) -> str:
    """Type and condition of an error; of an error of ours its message."""
    if isinstance(error, UsertagsError):
        return error.message
    return _with_condition(type(error).__name__, str(error))


def text_in(info: Mapping[str, Any]) -> str | None:
    """The same of the first error in what Great Expectations says about a check, which has the error itself
    or one for each metric; None if there was none."""
    found = _raised(info)
    if found is None:
        return None
    block = _BLOCK.search(str(found.get("exception_traceback")))
    kind = block[2].rpartition(".")[2] if block else UNKNOWN
    return _with_condition(kind, str(found.get("exception_message")))


def text_of_message(message: str) -> str:
    """The same of a message that begins with the type of its error, as earlier versions stored it."""
    kind = _TYPE.match(message)
    rest = message[kind.end() :].removeprefix(": ") if kind else message
    return _with_condition(kind[0] if kind else UNKNOWN, rest)


def calls_of(error: BaseException) -> str:
    """The calls that led to an error and to its causes, for the log: files, lines and types."""
    return _calls("".join(traceback.format_exception(error)))


def calls_in(info: Mapping[str, Any]) -> str:
    """The same of the first error in what Great Expectations says about a check."""
    return _calls(str((_raised(info) or {}).get("exception_traceback")))


def without_messages(info: Mapping[str, Any]) -> dict[str, Any]:
    """What Great Expectations says about a check with such texts in place of the messages, which its pages
    show, and without tracebacks."""
    texts = {"exception_message": text_in(info), "exception_traceback": None}
    if "raised_exception" in info:
        return {**info, **(texts if info["raised_exception"] else {})}
    return {key: without_messages(each) if isinstance(each, Mapping) else each for key, each in info.items()}


def _raised(info: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for item in (info, *info.values()):
        if isinstance(item, Mapping) and item.get("raised_exception"):
            return item
    return None


def _with_condition(kind: str, message: str) -> str:
    condition = _CONDITION.match(message)
    return f"{kind} {condition[1]}" if condition else kind


def _calls(text: str) -> str:
    lines: list[str] = []
    for calls, kind in _BLOCK.findall(text):
        lines += [*(line for line in calls.splitlines() if _CALL.fullmatch(line)), kind]
    return "\n".join(lines)
