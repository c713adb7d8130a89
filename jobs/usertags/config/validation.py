"""Converts pydantic errors to problems with a location and a suggestion."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from pydantic import TypeAdapter, ValidationError

from usertags.config.forms import FORM_ERROR
from usertags.config.yaml_file import Location, YamlFile
from usertags.errors import ConfigProblem

_TYPES = {
    "integer": "int",
    "long": "bigint",
    "float": "double",
    "str": "string",
    "text": "string",
    "varchar": "string",
    "bool": "boolean",
    "datetime": "timestamp",
    "decimal": "decimal(18,2)",
}
_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_EXPECTED = "Input should be "


def explain(file: YamlFile, location: Location, model: Any, error: ValidationError) -> list[ConfigProblem]:
    """The problems of one entry, each with the line of the affected value.

    A missing key that was misspelled is one problem, and so is a value that matches no member of
    a union.
    """
    problems: list[ConfigProblem] = []
    meant: set[tuple[Location, object]] = set()
    missing: list[tuple[Location, str | int]] = []
    unfitting: dict[Location, list[Any]] = defaultdict(list)
    for item in error.errors():
        place = _existing_part(file, location, item["loc"])
        if item["type"] == "extra_forbidden":
            problem = _unknown_key(file, location, place, model)
            meant.add((place[:-1], problem.suggestion))
            problems.append(problem)
        elif item["type"] == "missing":
            missing.append((place, item["loc"][-1]))
        elif item["msg"].startswith(_EXPECTED):
            unfitting[place].append(item)
        else:
            problems.append(_other(file, location, place, item))
    problems += [_unfitting(file, location, place, items) for place, items in unfitting.items()]
    problems += [
        file.problem((*location, *place), _with_path(location, place, _missing(key)))
        for place, key in missing
        if (place, key) not in meant
    ]
    return problems


def close(word: object, known: Iterable[str]) -> str | None:
    """The most similar known name."""
    matches = get_close_matches(str(word), sorted(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


@cache
def timezones() -> frozenset[str]:
    """All time zones known on this machine; read from disk once."""
    return frozenset(available_timezones())


def _existing_part(file: YamlFile, location: Location, steps: Location) -> Location:
    """The part of pydantic's path that exists in the file, without the names of union members."""
    kept: Location = ()
    for step in steps:
        if (*location, *kept, step) in file.lines:
            kept = (*kept, step)
    return kept


def _with_path(location: Location, place: Location, message: str) -> str:
    path = ".".join(str(step) for step in (*location[-1:], *place))
    return f"{path}: {message}" if path else message


def _unknown_key(file: YamlFile, location: Location, place: Location, model: Any) -> ConfigProblem:
    *parent, key = place
    message = _with_path(location, tuple(parent), f"unknown key {str(key)!r}")
    return file.problem((*location, *place), message, close(key, _keys(model, parent)))


def _missing(key: str | int) -> str:
    return f"item {key + 1} is missing" if isinstance(key, int) else f"`{key}` is missing"


def _unfitting(file: YamlFile, location: Location, place: Location, items: list[Any]) -> ConfigProblem:
    """A value of the wrong type or not in a fixed list; a union gives one error per member.

    The value itself is not shown: in connections it may be a secret.
    """
    wanted = [_WANTED.get(item["type"], item["msg"].removeprefix(_EXPECTED)) for item in items]
    listed = [name for item in items for name in _quoted(item.get("ctx", {}).get("expected", ""))]
    message = _with_path(location, place, f"must be {' or '.join(dict.fromkeys(wanted))}")
    return file.problem((*location, *place), message, close(items[0]["input"], listed))


def _other(file: YamlFile, location: Location, place: Location, item: Any) -> ConfigProblem:
    if item["type"] == "union_tag_not_found":
        return file.problem((*location, *place), _with_path(location, place, "`kind` is missing"))
    if item["type"] == "union_tag_invalid":
        kinds, kind = item["ctx"]["expected_tags"], item["ctx"]["tag"]
        message = _with_path(location, (*place, "kind"), f"must be one of {kinds}")
        return file.problem((*location, *place, "kind"), message, close(kind, _quoted(kinds)))
    if item["type"] == FORM_ERROR:
        suggestion = _TYPES.get(str(item["input"]).lower()) if place[-1:] == ("type",) else None
        return file.problem((*location, *place), _with_path(location, place, item["msg"]), suggestion)
    message = item["msg"].removeprefix("Value error, ")
    line_of = _first_key(file, (*location, *place), message)
    return file.problem(line_of, _with_path(location, place, message))


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']+)'", text)


def _first_key(file: YamlFile, place: Location, message: str) -> Location:
    """The location of the key that a message about an entry has in backticks; otherwise the entry."""
    for key in re.findall(r"`(\w+)", message):
        depths = [place, *(at for at in file.lines if at[:-1] == place)]
        found = [(*depth, key) for depth in depths if (*depth, key) in file.lines]
        if found:
            return found[0]
    return place


def _keys(model: Any, steps: Iterable[str | int]) -> set[str]:
    """The keys that the model knows at a place inside it."""
    schema = TypeAdapter(model).json_schema(by_alias=True)
    parts = list(_plain(schema, schema))
    for step in steps:
        parts = [plain for part in parts for inner in _inside(part, step) for plain in _plain(inner, schema)]
    return {key for part in parts for key in part.get("properties", {})}


def _plain(part: Any, schema: Any) -> Iterator[Any]:
    """The schema itself, or the members of a union, with references followed."""
    if "$ref" in part:
        yield from _plain(schema["$defs"][part["$ref"].rpartition("/")[2]], schema)
    for member in (*part.get("anyOf", ()), *part.get("oneOf", ())):
        yield from _plain(member, schema)
    yield part


def _inside(part: Any, step: str | int) -> Iterator[Any]:
    if isinstance(step, int):
        found = [part.get("items")]
    elif step in part.get("properties", {}):
        found = [part["properties"][step]]
    else:
        found = [*part.get("patternProperties", {}).values(), part.get("additionalProperties")]
    yield from (each for each in found if isinstance(each, dict))
