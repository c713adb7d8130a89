"""Texts in two languages: the English words left in a Chinese one, and the texts of a table that are used."""

import re
import string
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from types import ModuleType
from typing import Any

import pytest

from usertags.language import Words

# Names of programs and of what they have, which have no Chinese name here.
TERMS = frozenset({"Airflow", "DAG", "Great", "Expectations", "RFM", "Spark", "BI", "usertags"})
# Tables, files and their parts, as people write them without backticks.
_PLACES = re.compile(
    r"(?:(?:clean|rollup|tags|ops)\.[a-z_.]+|project\.yml|docs/runbook\.md|r\d{8}_\d{6}_\d{3})"
)
_CODE = re.compile(r"`[^`]*`")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./]*")
_READ = ("title", "aria-label", "alt", "placeholder")


class _Page(HTMLParser):
    """What a person reads or hears of a page, without code."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("code", "pre", "script", "style")
        self.read += [value or "" for name, value in attrs if name in _READ]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("code", "pre", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.read.append(data)


def texts_of(page: str) -> list[str]:
    """The texts of an HTML page, and those of attributes; code excepted."""
    parser = _Page()
    parser.feed(page)
    return parser.read


def english_in(texts: Iterable[str], names: frozenset[str] = frozenset()) -> list[str]:
    """The Latin words of texts that are no code, no place of the project, no term and none of the names."""
    words = (word.rstrip("./") for text in texts for word in _WORD.findall(_CODE.sub("", text)))
    return sorted({word for word in words if not (word in TERMS | names or _PLACES.fullmatch(word))})


def every_text(module: ModuleType) -> Iterator[tuple[str, Words]]:
    """The texts of a module by their names: its constants, and those of its tables and tuples."""
    for name, value in vars(module).items():
        if isinstance(value, Words):
            yield name, value
        elif isinstance(value, Mapping) and not name.startswith("__"):
            yield from ((f"{name}.{key}", each) for key, each in value.items() if isinstance(each, Words))
        elif isinstance(value, tuple):
            yield from ((f"{name}.{each.en}", each) for each in value if isinstance(each, Words))


def fields_of(text: str) -> set[str]:
    """The names of the fields of a text."""
    return {name for _, name, *_ in string.Formatter().parse(text) if name is not None}


@contextmanager
def recorded() -> Iterator[set[int]]:
    """The ids of the texts that are asked for meanwhile."""
    found: set[int] = set()
    of = Words.of

    def record(self: Words, *given: Any) -> str:
        found.add(id(self))
        return of(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Words, "of", record)
        yield found
