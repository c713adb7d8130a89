"""Reading dictionaries: mappings of texts to texts, or of texts to numbers."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from usertags.config.expression_lookup import Dictionary

# The maximum precision of a decimal in Spark.
_MOST_DIGITS = 38


class UnreadDictionaries(dict[str, Dictionary]):
    """The dictionaries of a folder with an unreadable dictionary file: a missing name may
    be in that file and is not reported."""

    def __missing__(self, name: str) -> Dictionary:
        return Dictionary({})


def read_dictionary(data: Any) -> tuple[Dictionary, list[tuple[Any, str]]]:
    """The dictionary and its problems: the affected key (None: the whole dictionary) and a message.

    Empty values are left to the caller, who has a message for them. A dictionary with a problem holds what
    could be read of it, so that an expression that uses it is not wrong as well.
    """
    if not isinstance(data, dict):
        return Dictionary({}), [(None, "a dictionary must be a mapping of texts to values")]
    if not data:
        return Dictionary({}), [(None, "the dictionary is empty")]
    texts: dict[Any, Any] = {key: value for key, value in data.items() if isinstance(value, str)}
    numbers = {key: _number(value) for key, value in data.items() if not isinstance(value, str)}
    known = texts or {key: value for key, value in numbers.items() if value is not None}
    read = {key: value for key, value in known.items() if isinstance(key, str)}
    return Dictionary(read), list(_problems(data))


def _problems(data: dict[Any, Any]) -> Iterator[tuple[Any, str]]:
    fitting = (value for value in data.values() if isinstance(value, str) or _number(value) is not None)
    first = next(fitting, None)
    mixed = False
    for key, value in data.items():
        if not isinstance(key, str):
            yield key, f"{key!r} is not a text: put it in quotes"
        if value is None:
            continue
        if not isinstance(value, str) and _number(value) is None:
            yield key, "a value must be a text or a number of at most 38 digits"
        elif isinstance(value, str) != isinstance(first, str) and not mixed:
            mixed = True
            kinds = ("a text", "numbers") if isinstance(value, str) else ("a number", "texts")
            yield key, f"{value!r} is {kinds[0]}, but the values before are {kinds[1]}: use one of the two"


def _number(value: object) -> Decimal | None:
    """The number as written; None if it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    number = Decimal(repr(value))
    digits = len(format(number, "f").lstrip("-").replace(".", ""))
    return number if digits <= _MOST_DIGITS else None
