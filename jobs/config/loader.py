"""Loading a configuration folder: every file, every entry, and every problem at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from jobs.config.models import Connection, MeasureEntry, ProjectEntry, SourceEntry, SparkEntry, TagEntry
from jobs.config.yaml_file import Location, YamlFile, read_yaml
from jobs.errors import ConfigError, ConfigProblem

T = TypeVar("T")


@dataclass(frozen=True)
class Located(Generic[T]):
    """An entry with the place that it was written at."""

    entry: T
    file: YamlFile
    location: Location

    def problem(self, message: str, *inside: str | int, suggestion: str | None = None) -> ConfigProblem:
        return self.file.problem((*self.location, *inside), message, suggestion)


@dataclass(frozen=True)
class Settings:
    """What a folder says, entry by entry. `broken` holds the names of entries that could not be read,
    so that a reference to one is not reported a second time."""

    folder: Path
    project: Located[ProjectEntry]
    connections: Mapping[str, Located[Any]]
    sources: Mapping[str, Located[SourceEntry]]
    measures: Mapping[str, Located[MeasureEntry]]
    tags: Mapping[str, Located[TagEntry]]
    levels: Mapping[str, str]
    parameters: Mapping[str, object]
    spark: SparkEntry
    exclusive: frozenset[str]
    broken: frozenset[str]


def load(folder: Path) -> tuple[Settings, list[ConfigProblem]]:
    """Read a configuration folder.

    Returns the entries that could be read and the problems of those that could not.
    Raises ConfigError at once where there is no folder or no readable project.yml.
    """
    if not folder.is_dir():
        raise ConfigError(
            [ConfigProblem(str(folder), 0, "is no folder")],
            next_step="name the configuration folder with --configs or USERTAGS_CONFIGS",
        )
    reader = _Reader(folder)
    project = reader.project()
    if project is None:
        raise ConfigError(reader.problems)
    settings = Settings(
        folder=folder,
        project=project,
        connections=reader.connections(),
        sources=reader.sources(),
        measures=reader.measures(),
        tags=reader.tags(),
        spark=reader.spark(),
        levels=reader.levels,
        parameters=reader.parameters,
        exclusive=frozenset(reader.exclusive),
        broken=frozenset(reader.broken),
    )
    return settings, reader.problems


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[ConfigProblem] = []
        self.broken: set[str] = set()
        self.levels: dict[str, str] = {}
        self.parameters: dict[str, object] = {}
        self.exclusive: set[str] = set()

    def project(self) -> Located[ProjectEntry] | None:
        file = self._read(self.folder / "project.yml")
        return self._entry(ProjectEntry, file, (), "project") if file else None

    def connections(self) -> dict[str, Located[Any]]:
        file = self._read(self.folder / "connections.yml")
        return self._section(file, "connections", Connection) if file else {}

    def spark(self) -> SparkEntry:
        path = self.folder / "spark" / "session.yml"
        file = self._read(path) if path.exists() else None
        entry = self._entry(SparkEntry, file, (), "spark") if file else None
        return entry.entry if entry else SparkEntry()

    def sources(self) -> dict[str, Located[SourceEntry]]:
        found: dict[str, Located[SourceEntry]] = {}
        for file in self._files("sources"):
            name = file.data.get("source") if isinstance(file.data, dict) else None
            entry = self._entry(SourceEntry, file, (), str(name))
            if entry is None:
                continue
            self._add(found, entry.entry.source, entry)
        return found

    def measures(self) -> dict[str, Located[MeasureEntry]]:
        found: dict[str, Located[MeasureEntry]] = {}
        for file in self._files("measures"):
            for name, entry in self._section(file, "measures", MeasureEntry).items():
                self._add(found, name, entry)
        return found

    def tags(self) -> dict[str, Located[TagEntry]]:
        found: dict[str, Located[TagEntry]] = {}
        for file in self._files("tags"):
            self._unknown_sections(file, {"tags", "levels", "parameters", "exclusive"})
            data = file.data if isinstance(file.data, dict) else {}
            self._merge(self.levels, file, "levels", data.get("levels"))
            self._merge(self.parameters, file, "parameters", data.get("parameters"))
            self.exclusive |= {path for path, value in (data.get("exclusive") or {}).items() if value is True}
            if "tags" in data:
                for name, entry in self._section(file, "tags", TagEntry, only=False).items():
                    self._add(found, name, entry)
        return found

    def _files(self, kind: str) -> list[YamlFile]:
        paths = sorted((self.folder / kind).glob("*.yml"))
        return [file for file in (self._read(path) for path in paths) if file is not None]

    def _read(self, path: Path) -> YamlFile | None:
        file = read_yaml(path, str(path))
        self.problems += file.problems
        return None if file.data is None else file

    def _merge(self, target: dict[str, Any], file: YamlFile, section: str, values: object) -> None:
        if values is None:
            return
        if not isinstance(values, dict):
            self.problems.append(file.problem((section,), f"`{section}` is a mapping of names to values"))
            return
        for name, value in values.items():
            if target.get(name, value) != value:
                self.problems.append(file.problem((section, name), f"{name!r} has another value elsewhere"))
            target[name] = value

    def _unknown_sections(self, file: YamlFile, known: set[str]) -> None:
        if not isinstance(file.data, dict):
            self.problems.append(file.problem((), f"is a mapping with {', '.join(sorted(known))}"))
            return
        for key in file.data:
            if key not in known:
                self.problems.append(file.problem((key,), f"unknown key {key!r}", _close(key, known)))

    def _section(
        self, file: YamlFile, section: str, model: Any, *, only: bool = True
    ) -> dict[str, Located[Any]]:
        if only:
            self._unknown_sections(file, {section})
        entries = file.data.get(section) if isinstance(file.data, dict) else None
        if not isinstance(entries, dict):
            self.problems.append(file.problem((section,), f"`{section}` is a mapping of names to entries"))
            return {}
        found = {}
        for name in entries:
            entry = self._entry(model, file, (section, name), str(name))
            if not _is_name(name):
                message = f"{name!r} is no name: small letters, digits and _ only, a letter first"
                self.problems.append(file.problem((section, name), message))
            elif entry is not None:
                found[name] = entry
        return found

    def _entry(self, model: Any, file: YamlFile, location: Location, name: str) -> Located[Any] | None:
        data: Any = file.data
        for step in location:
            data = data[step]
        try:
            return Located(TypeAdapter(model).validate_python(data), file, location)
        except ValidationError as error:
            self.broken.add(name)
            self.problems += [_explain(file, location, item, model) for item in error.errors()]
            return None

    def _add(self, found: dict[str, Located[T]], name: str, entry: Located[T]) -> None:
        if name in found:
            other = found[name]
            place = f"{other.file.name}:{other.file.line(other.location)}"
            self.problems.append(entry.problem(f"{name!r} is declared already at {place}"))
            return
        found[name] = entry


def _is_name(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[a-z][a-z0-9_]*", text) is not None


def _explain(file: YamlFile, location: Location, item: Any, model: Any) -> ConfigProblem:
    inside = tuple(step for step in item["loc"] if (*location, step) in file.lines or isinstance(step, str))
    place = location + _known(file, location, inside)
    path = ".".join(str(step) for step in (*location[-1:], *inside))
    if item["type"] == "extra_forbidden":
        key = str(inside[-1])
        return file.problem(place, f"unknown key {key!r} in {path}", _close(key, _fields(model)))
    message = item["msg"].removeprefix("Value error, ")
    return file.problem(place, f"{path}: {message}" if path else message)


def _known(file: YamlFile, location: Location, inside: Location) -> Location:
    """The part of pydantic's path that stands in the file (it adds names of union members)."""
    kept: Location = ()
    for step in inside:
        if (*location, *kept, step) in file.lines:
            kept = (*kept, step)
    return kept


def _fields(model: Any) -> set[str]:
    """Every key that the model, or a model inside it, knows: enough for a suggestion."""
    names: set[str] = set()
    pending = [TypeAdapter(model).json_schema(by_alias=True)]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            names |= set(part.get("properties", {}))
            pending += list(part.values())
        elif isinstance(part, list):
            pending += part
    return names


def _close(word: object, known: set[str]) -> str | None:
    matches = get_close_matches(str(word), sorted(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


__all__ = ["Located", "Settings", "load"]
