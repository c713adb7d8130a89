"""A correct configuration folder that a test spoils, and what is then wrong with it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import SMALL
from usertags.errors import ConfigError
from usertags.project.build import load_project
from usertags.project.model import Project

PROJECT_YML, CONNECTIONS = "project.yml", "connections.yml"
ORDERS, USERS = "sources/orders.yml", "sources/users.yml"
MEASURES, TAGS = "measures/measures.yml", "tags/tags.yml"

# The least that a configuration needs beside a source `visits`: a measure and a tag.
VISITORS = {
    "measures/all.yml": 'measures: {visits: {source: visits, value: "count(*)"}}',
    "tags/all.yml": """
levels: {甲: a, 乙: b, 丙: c}
tags:
  visitor:
    {name: 访客, title: Visitor, path: [甲, 乙, 丙], kind: rule, when: visits > 0, description: Has visited.,
     validity: dynamic, owner: tests, status: active, examples: [{given: {visits: 1}, expect: true}]}
""",
}


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts by their path in a folder, which is made."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Folder:
    """A copy of tests/configs/small. Lines are counted here by hand, not by the loader."""

    path: Path

    @classmethod
    def small(cls, place: Path) -> "Folder":
        return cls(Path(shutil.copytree(SMALL, place / "small")))

    def write(self, name: str, text: str) -> None:
        write_files(self.path, {name: text})

    def read(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def replace(self, name: str, old: str, new: str, at: str = "") -> int:
        """Put `new` in place of `old`, which stands once; the line of `at` in it, by default its first."""
        text = self.read(name)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))
        return text[: text.index(old)].count("\n") + new[: new.index(at)].count("\n") + 1

    def line(self, name: str, text: str) -> int:
        """The line that holds a text which stands once."""
        whole = self.read(name)
        assert whole.count(text) == 1, f"{text!r} stands {whole.count(text)} times in {name}"
        return whole[: whole.index(text)].count("\n") + 1

    def project(self) -> Project:
        return load_project(self.path)

    def problems(self) -> list[str]:
        """Every problem, as it is shown, with the file relative to the folder."""
        with pytest.raises(ConfigError) as caught:
            self.project()
        return [str(problem).replace(f"{self.path}/", "") for problem in caught.value.problems]


def entry(name: str, rule: str, *, status: str = "active", validity: str = "dynamic", title: str = "") -> str:
    """The YAML of a tag with a rule."""
    return f"""
  {name}:
    name: {title or name}
    title: {name}
    path: [消费属性, 客户价值, 交易]
    kind: rule
    {rule}
    description: {name}
    validity: {validity}
    owner: operations
    status: {status}
"""


def with_tags(folder: Folder, *entries: str) -> Folder:
    """The folder with these tags added."""
    folder.write(TAGS, folder.read(TAGS) + "".join(entries))
    return folder
