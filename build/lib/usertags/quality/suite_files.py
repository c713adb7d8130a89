"""expectations/: the checks of every table as committed files for people to read, written by a command.

Made of the same checks that the stages run; nothing reads the files but people and the check that they are
current.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from usertags.config.quality_models import Language
from usertags.project.model import Project
from usertags.quality import sentences
from usertags.quality.checks import Check
from usertags.quality.suites import Suite, all_suites

_HEAD = "# Written by `usertags expectations --write`: edit the configuration, not this file.\n"


def suite_files(project: Project) -> dict[str, str]:
    """The text of every file by its path in the folder: one a suite, in a folder for its namespace."""
    owner, language = project.quality.owner, project.quality.language
    return {
        f"{suite.name.replace('.', '/', 1)}.yml": _text(suite, owner, language)
        for suite in all_suites(project)
    }


def write_suites(project: Project, folder: Path) -> list[str]:
    """Write what is new or different, and remove what no suite makes any more; returns those paths."""
    wanted = suite_files(project)
    changed = differences(project, folder)
    for name in changed:
        path = folder / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def differences(project: Project, folder: Path) -> list[str]:
    """The files that are missing, not current, or left over."""
    wanted = suite_files(project)
    changed = [name for name, text in wanted.items() if _read(folder / name) != text]
    names = [path.relative_to(folder).as_posix() for path in folder.glob("*/*.yml")]
    return sorted([*changed, *(name for name in names if name not in wanted)])


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _text(suite: Suite, owner: str, language: Language) -> str:
    stage = "clean" if suite.name.startswith("clean.") else "audit"
    checks = [_check(check, owner, language) for check in suite.checks]
    data = {"suite": suite.name, "stage": stage, "checks": checks}
    return _HEAD + yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=110)


def _check(check: Check, owner: str, language: Language) -> dict[str, Any]:
    return {
        "check": sentences.title(check, language),
        "id": check.check_id,
        "severity": check.severity,
        "expectation": check.expectation,
        "arguments": _plain(check.arguments),
        "owner": check.owner or owner,
        "action": sentences.action(check, language),
    }


def _plain(arguments: Mapping[str, Any]) -> Any:
    """Arguments as lists, mappings, texts and numbers alone."""
    return json.loads(json.dumps(dict(arguments), default=str))
