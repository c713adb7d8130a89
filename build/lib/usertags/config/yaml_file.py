"""Reading a YAML file so that every value remembers the line that it stands on.

YAML 1.2: `yes`, `no`, `on`, `off` and 10:30 are texts. Beside its core schema, dates are values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from usertags.config.yaml_loader import YamlLoader
from usertags.errors import ConfigProblem

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """The data of one file, the line of each value by its path, and the problems."""

    name: str
    data: Any
    lines: Mapping[Location, int]
    problems: list[ConfigProblem] = field(default_factory=list)

    def line(self, location: Location) -> int:
        """The line of a location, or of the nearest enclosing value with a line."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def problem(self, location: Location, message: str, suggestion: str | None = None) -> ConfigProblem:
        return ConfigProblem(self.name, self.line(location), message, suggestion)


def read_yaml(path: Path, name: str) -> YamlFile:
    """Read one file; invalid YAML and duplicate keys become problems, never exceptions."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return YamlFile(name, None, {}, [ConfigProblem(name, 1, f"cannot be read: {error}")])
    try:
        node = yaml.compose(text, Loader=YamlLoader)
        if node is None:
            return YamlFile(name, None, {}, [ConfigProblem(name, 1, "is empty")])
        builder = _Builder(name)
        return YamlFile(name, builder.build(node, ()), builder.lines, builder.problems)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark or error.context_mark or _START).line + 1
        return YamlFile(name, None, {}, [ConfigProblem(name, line, f"invalid YAML: {error.problem}")])
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        message = f"invalid YAML: the character U+{error.character:04X} is not allowed"
        return YamlFile(name, None, {}, [ConfigProblem(name, line, message)])
    except RecursionError:
        return YamlFile(name, None, {}, [ConfigProblem(name, 1, "is nested too deeply")])


_START = yaml.Mark("", 0, 0, 0, "", 0)


class _Builder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Location, int] = {}
        self.problems: list[ConfigProblem] = []
        self._loader = YamlLoader("")
        self._open: list[yaml.Node] = []

    def build(self, node: yaml.Node, location: Location) -> Any:
        self.lines[location] = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if any(node is outer for outer in self._open):
            self._report(node, "an alias refers to a value that contains it")
            return None
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            return [self.build(item, (*location, index)) for index, item in enumerate(node.value)]
        finally:
            self._open.pop()

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        """The value; if YAML cannot build it, such as an invalid date, the text as written."""
        try:
            return self._loader.construct_object(node, deep=True)
        except yaml.constructor.ConstructorError:
            self._report(node, f"unknown YAML tag {node.tag}")
        except ValueError as error:
            self._report(node, f"invalid value {node.value}: {error}")
        except (LookupError, AttributeError):
            self._report(node, f"{node.value} is no value of the YAML tag {node.tag}")
        return node.value

    def _report(self, node: yaml.Node, message: str) -> None:
        self.problems.append(ConfigProblem(self.name, node.start_mark.line + 1, message))

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._report(
                    key_node, "a key must be a single word: put text with brackets or braces in quotes"
                )
                continue
            key = self._scalar(key_node)
            line = key_node.start_mark.line + 1
            if key in result:
                self.problems.append(ConfigProblem(self.name, line, f"duplicate key {key!r}"))
                continue
            result[key] = self.build(value_node, (*location, key))
            self.lines[(*location, key)] = line
        return result
