"""Loads a configuration folder: all files, all entries, and all problems at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from usertags.config.dictionaries import UnreadDictionaries, read_dictionary
from usertags.config.expression_lookup import Dictionary
from usertags.config.forms import NAME
from usertags.config.models import Connection, SparkEntry
from usertags.config.quality_models import OwnCheckEntry
from usertags.config.switches import switch
from usertags.config.validation import close, explain
from usertags.config.yaml_file import Location, YamlFile, read_yaml
from usertags.errors import ConfigError, ConfigProblem
from usertags.project.measure_entry import AnyMeasure, MeasureEntry, PercentileEntry
from usertags.project.project_entry import ProjectEntry
from usertags.project.source_entry import SourceEntry
from usertags.project.tag_entry import AnyTag, TagEntry

T = TypeVar("T")
Kind = Literal["connections", "sources", "measures", "tags", "dictionaries", "checks"]

_FOLDERS = ("sources", "measures", "tags", "dictionaries", "checks")
_PLACES = (
    "project.yml, connections.yml, spark/session.yml, sources/*.yml, measures/*.yml, tags/*.yml, "
    "dictionaries/*.yml and checks/*.yml"
)


@dataclass(frozen=True)
class Located(Generic[T]):
    """An entry with the place that it was written at. `problems` are those of the whole folder; what is
    reported of the entry is added to them, with its place."""

    entry: T
    file: YamlFile
    location: Location
    problems: list[ConfigProblem] = field(repr=False, compare=False)

    def report(self, message: str, *inside: str | int, suggestion: str | None = None) -> None:
        """Add a problem of the entry, or of what stands inside it."""
        self.problems.append(self.file.problem((*self.location, *inside), message, suggestion))


@dataclass(frozen=True)
class Broken:
    """Invalid entries, and kinds of entries with an unreadable file.

    A reference to one of them is not reported as another problem.
    """

    entries: frozenset[tuple[Kind, str]] = frozenset()
    files: frozenset[Kind] = frozenset()

    def has(self, kind: Kind, name: str) -> bool:
        return kind in self.files or (kind, name) in self.entries

    def any_of(self, kind: Kind) -> bool:
        return kind in self.files or any(each == kind for each, _ in self.entries)

    def plus(self, kind: Kind, names: Iterable[str]) -> "Broken":
        return replace(self, entries=self.entries | {(kind, name) for name in names})


@dataclass(frozen=True)
class Settings:
    """What a folder says, entry by entry; `project` is None where project.yml could not be read. `problems`
    are those of what could not be read, and of what is reported later of the entries."""

    folder: Path
    project: Located[ProjectEntry] | None
    connections: Mapping[str, Located[Any]]
    sources: Mapping[str, Located[SourceEntry]]
    measures: Mapping[str, Located[MeasureEntry]]
    percentiles: Mapping[str, Located[PercentileEntry]]
    tags: Mapping[str, Located[TagEntry]]
    levels: Mapping[str, str]
    parameters: Mapping[str, object]
    dictionaries: Mapping[str, Dictionary]
    spark: SparkEntry
    exclusive: Mapping[str, Located[str]]
    own_checks: Mapping[str, Located[OwnCheckEntry]]
    broken: Broken
    problems: list[ConfigProblem]


def load(folder: Path) -> Settings:
    """Read a configuration folder: the entries that could be read and the problems of those that could not.

    Raises ConfigError immediately if the folder does not exist.
    """
    if not folder.is_dir():
        raise ConfigError(
            [ConfigProblem(str(folder), 0, "folder does not exist")],
            next_step="set the configuration folder with --configs or USERTAGS_CONFIGS",
        )
    reader = _Reader(folder)
    project, connections, sources = reader.project(), reader.connections(), reader.sources()
    measures = reader.measures()
    settings = Settings(
        folder=folder,
        project=project,
        connections=connections,
        sources=sources,
        measures={name: item for name, item in measures.items() if isinstance(item.entry, MeasureEntry)},
        percentiles={
            name: item for name, item in measures.items() if isinstance(item.entry, PercentileEntry)
        },
        tags=reader.tags(),
        dictionaries=reader.dictionaries(),
        own_checks=reader.own_checks(),
        spark=reader.spark(),
        levels=reader.levels,
        parameters=reader.parameters,
        exclusive=reader.exclusive,
        broken=Broken(frozenset(reader.broken), frozenset(reader.broken_files)),
        problems=reader.problems,
    )
    reader.stray_files()
    return settings


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[ConfigProblem] = []
        self.broken: set[tuple[Kind, str]] = set()
        self.broken_files: set[Kind] = set()
        self.levels: dict[str, str] = {}
        self.parameters: dict[str, object] = {}
        self.exclusive: dict[str, Located[str]] = {}
        self._dictionaries: dict[str, Located[Any]] = {}

    def project(self) -> Located[ProjectEntry] | None:
        file = self._read(self.folder / "project.yml")
        if file is None:
            self.broken_files.add("dictionaries")
            return None
        if "dictionaries" in self._mapping(file):
            # The content of dictionaries is checked together with those of the other files.
            self._dictionaries |= self._section(file, "dictionaries", Any)
            rest = {key: value for key, value in file.data.items() if key != "dictionaries"}
            file = replace(file, data=rest)
        entry = self._entry(ProjectEntry, file, ())
        if entry is None and not self._dictionaries:
            self.broken_files.add("dictionaries")
        return entry

    def connections(self) -> dict[str, Located[Any]]:
        file = self._read(self.folder / "connections.yml", "connections")
        return self._only_section(file, "connections", Connection) if file else {}

    def spark(self) -> SparkEntry:
        path = self.folder / "spark" / "session.yml"
        file = self._read(path) if path.exists() else None
        entry = self._entry(SparkEntry, file, ()) if file else None
        return entry.entry if entry else SparkEntry()

    def sources(self) -> dict[str, Located[SourceEntry]]:
        found: dict[str, Located[SourceEntry]] = {}
        for file in self._files("sources"):
            entry = self._entry(SourceEntry, file, ())
            if entry is not None:
                self._add(found, entry.entry.source, entry)
                continue
            name = file.data.get("source") if isinstance(file.data, dict) else None
            self._mark("sources", name)
        return found

    def measures(self) -> dict[str, Located[Any]]:
        found: dict[str, Located[Any]] = {}
        for file in self._files("measures"):
            for name, entry in self._only_section(file, "measures", AnyMeasure).items():
                self._add(found, name, entry)
        return found

    def tags(self) -> dict[str, Located[TagEntry]]:
        found: dict[str, Located[TagEntry]] = {}
        for file in self._files("tags"):
            if not self._known_sections(file, {"tags", "levels", "parameters", "exclusive"}):
                self.broken_files.add("tags")
            for name, level_id in self._merge(self.levels, file, "levels"):
                if not NAME.fits(level_id):
                    self.problems.append(file.problem(("levels", name), NAME.refusal(level_id)))
            for name, _ in self._merge(self.parameters, file, "parameters"):
                if not NAME.fits(name):
                    self.problems.append(file.problem(("parameters", name), NAME.refusal(name)))
            self._exclusive_paths(file)
            if "tags" in self._mapping(file):
                for name, entry in self._section(file, "tags", AnyTag).items():
                    self._add(found, name, entry)
        return found

    def dictionaries(self) -> Mapping[str, Dictionary]:
        """The dictionaries of project.yml and dictionaries/*.yml."""
        found = self._dictionaries
        for file in self._files("dictionaries"):
            for name, entry in self._only_section(file, "dictionaries", Any).items():
                self._add(found, name, entry)
        read: dict[str, Dictionary] = {}
        for name, located in found.items():
            read[name], problems = read_dictionary(located.entry)
            for key, message in problems:
                located.report(message, *([] if key is None else [key]))
        return UnreadDictionaries(read) if self._some_unread() else read

    def _some_unread(self) -> bool:
        broken = any(kind == "dictionaries" for kind, _ in self.broken)
        return broken or "dictionaries" in self.broken_files

    def own_checks(self) -> dict[str, Located[OwnCheckEntry]]:
        found: dict[str, Located[OwnCheckEntry]] = {}
        for file in self._files("checks"):
            for name, entry in self._only_section(file, "checks", OwnCheckEntry).items():
                self._add(found, name, entry)
        return found

    def stray_files(self) -> None:
        """Reports files that are not read, because their rules would be ignored."""
        known = {self.folder / "project.yml", self.folder / "connections.yml"}
        known |= {self.folder / "spark" / "session.yml"}
        known |= {path for kind in _FOLDERS for path in (self.folder / kind).glob("*.yml")}
        for pattern in ("*", "*/*", "*/*/*"):
            for path in sorted(self.folder.glob(f"{pattern}.y*ml")):
                inside = path.relative_to(self.folder)
                if path not in known and not any(part.startswith(".") for part in inside.parts):
                    self.problems.append(
                        ConfigProblem(str(path), 0, f"is not read; configuration files are {_PLACES}")
                    )

    def _files(self, kind: Kind) -> list[YamlFile]:
        """The files of a kind; hidden files (of editors) are ignored."""
        paths = sorted((self.folder / kind).glob("[!.]*.yml"))
        return [file for file in (self._read(path, kind) for path in paths) if file is not None]

    def _read(self, path: Path, kind: Kind | None = None) -> YamlFile | None:
        file = read_yaml(path, str(path))
        self.problems += file.problems
        if file.data is not None:
            return file
        if not file.problems:
            self.problems.append(file.problem((), "is empty"))
        if kind is not None:
            self.broken_files.add(kind)
        return None

    def _mark(self, kind: Kind, name: object) -> None:
        """Remember an invalid entry; without a name it may be any entry."""
        if isinstance(name, str):
            self.broken.add((kind, name))
        else:
            self.broken_files.add(kind)

    def _merge(self, target: dict[str, Any], file: YamlFile, section: str) -> list[tuple[str, object]]:
        """Add a section's values to those of other files; returns the section's."""
        values = self._mapping(file).get(section)
        if values is None:
            return []
        if not isinstance(values, dict):
            self.problems.append(
                file.problem((section,), f"`{section}` must be a mapping of names to values")
            )
            self.broken_files.add("tags")
            return []
        for name, value in values.items():
            if not isinstance(name, str):
                self.problems.append(
                    file.problem((section, name), f"{name!r} is not a text: put it in quotes")
                )
                continue
            if target.get(name, value) != value:
                self.problems.append(
                    file.problem((section, name), f"{name!r} has a different value elsewhere")
                )
            target[name] = value
        return [(name, value) for name, value in values.items() if isinstance(name, str)]

    def _exclusive_paths(self, file: YamlFile) -> None:
        stated: dict[str, Any] = {}
        for path, value in self._merge(stated, file, "exclusive"):
            place = ("exclusive", path)
            if switch(value) is True:
                self.exclusive[path] = Located(path, file, place, self.problems)
            elif switch(value) is not False:
                self.problems.append(file.problem(place, "`exclusive` of a path must be true or false"))

    def _mapping(self, file: YamlFile) -> Mapping[Any, Any]:
        return file.data if isinstance(file.data, dict) else {}

    def _known_sections(self, file: YamlFile, known: set[str]) -> bool:
        """Whether the file has only known sections; others are reported."""
        if not isinstance(file.data, dict):
            self.problems.append(file.problem((), f"must be a mapping with {', '.join(sorted(known))}"))
            return False
        unknown = [key for key in file.data if key not in known]
        self.problems += [
            file.problem((key,), f"unknown key {str(key)!r}", close(key, known)) for key in unknown
        ]
        return not unknown

    def _only_section(self, file: YamlFile, section: Kind, model: Any) -> dict[str, Located[Any]]:
        if not self._known_sections(file, {section}):
            self.broken_files.add(section)
            if section not in self._mapping(file):
                return {}
        return self._section(file, section, model)

    def _section(self, file: YamlFile, section: Kind, model: Any) -> dict[str, Located[Any]]:
        entries = self._mapping(file).get(section)
        if not isinstance(entries, dict):
            self.problems.append(
                file.problem((section,), f"`{section}` must be a mapping of names to entries")
            )
            self.broken_files.add(section)
            return {}
        found = {}
        for name in entries:
            entry = self._entry(model, file, (section, name))
            if not NAME.fits(name):
                self.problems.append(file.problem((section, name), NAME.refusal(name)))
            elif entry is not None:
                found[name] = entry
            if name not in found:
                self._mark(section, name)
        return found

    def _entry(self, model: Any, file: YamlFile, location: Location) -> Located[Any] | None:
        data: Any = file.data
        for step in location:
            data = data[step]
        try:
            entry = TypeAdapter(model).validate_python(data)
        except ValidationError as error:
            self.problems += explain(file, location, model, error)
            return None
        # A key without a value would be ignored: a missing condition, or personal data in plain text.
        for place in _without_value(data, location):
            self.problems.append(
                file.problem(place, f"`{place[-1]}` has no value: set one or remove the key")
            )
        return Located(entry, file, location, self.problems)

    def _add(self, found: dict[str, Located[T]], name: str, entry: Located[T]) -> None:
        if name in found:
            other = found[name]
            place = f"{other.file.name}:{other.file.line(other.location)}"
            entry.report(f"{name!r} is already declared at {place}")
            return
        found[name] = entry


def _without_value(data: Any, place: Location) -> Iterator[Location]:
    """The keys without a value, except in examples, where it means null."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if value is None and isinstance(data, dict):
            yield (*place, key)
        elif key != "examples":
            yield from _without_value(value, (*place, key))


__all__ = ["Broken", "Located", "Settings", "load"]
