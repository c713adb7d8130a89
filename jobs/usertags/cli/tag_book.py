"""The tag book: tags and measures as a page for people, generated and therefore never behind."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from usertags.cli.measure_list import COLUMNS, measure_lines
from usertags.errors import UsageError
from usertags.project.lineage import Lineage, described
from usertags.project.model import Project, Tag
from usertags.project.units import unit_behind

_VALIDITY = {
    "static": "keeps its first value unless the profile is corrected",
    "dynamic": "recomputed every day",
}


def write_book(project: Project, path: Path) -> None:
    path.write_text(tag_book(project), encoding="utf-8")


def check_book(project: Project, path: Path) -> None:
    """Raises UsageError if the page differs from the current project."""
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    if written != tag_book(project):
        raise UsageError(f"{path} is out of date", next_step=f"run `usertags tags --book {path}`")


def tag_book(project: Project) -> str:
    """Markdown: the number of tags per group, then each tag with its definition, source columns, owner and
    examples, in the order of the configuration within its group; then the measures that rules read."""
    tags, lineage = list(project.tags.values()), Lineage(project)
    order = {level: place for place, level in enumerate(dict.fromkeys(part for t in tags for part in t.path))}
    # Groups are kept together, in order of first appearance; sorting keeps the order of their tags.
    tags.sort(key=lambda tag: [order[level] for level in tag.path])
    groups = [(level, list(of_level)) for level, of_level in groupby(tags, lambda tag: tag.path[0])]
    lines = [
        f"# Tags of {project.name}",
        "",
        "Written by `usertags tags --book`; edit the configuration, not this page.",
        "",
        *_counts(groups, project),
        "",
    ]
    for level, of_level in groups:
        lines += [f"## {level} {project.levels[level]}", ""]
        for path, of_path in groupby(of_level, lambda tag: tag.path[1:]):
            names = " / ".join(f"{name} {project.levels[name]}" for name in path)
            only = "; every user carries exactly one" if _exclusive(level, path, project) else ""
            lines += [f"### {names}{only}", ""]
            for tag in of_path:
                lines += [*_tag(tag, lineage), ""]
    return "\n".join([*lines, *_measures(project)]).rstrip("\n") + "\n"


def _counts(groups: Iterable[tuple[str, list[Tag]]], project: Project) -> list[str]:
    lines = ["| group | tags | draft | retired |", "|---|--:|--:|--:|"]
    total = [0, 0, 0]
    for level, tags in groups:
        counts = [sum(tag.status == status for tag in tags) for status in ("active", "draft", "retired")]
        total = [sum(both) for both in zip(total, counts, strict=True)]
        lines.append(f"| {level} {project.levels[level]} | {' | '.join(map(str, counts))} |")
    return [*lines, f"| **all** | {' | '.join(map(str, total))} |"]


def _exclusive(level: str, path: Iterable[str], project: Project) -> bool:
    return "/".join([level, *path]) in project.exclusive


def _measures(project: Project) -> list[str]:
    """One row a measure."""
    lines = [line.cells for line in measure_lines(project)]
    if not lines:
        return []
    rows = [[cell.replace("|", "\\|") for cell in cells] for cells in (COLUMNS, *lines)]
    table = [f"| {' | '.join(cells)} |" for cells in rows]
    return ["## Measures", "", table[0], f"|{'---|' * len(COLUMNS)}", *table[1:], ""]


def _tag(tag: Tag, lineage: Lineage) -> list[str]:
    project = lineage.project
    status = "" if tag.status == "active" else f" ({tag.status})"
    days = tag.validity.days
    validity = _VALIDITY[tag.validity.form] if days is None else f"stays {days} days after it was true"
    lines = [
        f"#### {tag.name} `{tag.id}`{status}",
        "",
        f"{tag.title}. {tag.description}",
        "",
        f"- {tag.kind}, {tag.main.shown_type(tag)}; owner {tag.owner}; {tag.validity}: {validity}",
        f"- definition: `{tag.definition}`",
        f"- made of: {described(lineage.raw_columns_of(tag)) or 'no column of a source'}",
    ]
    if tag.sensitivity is not None:
        without = f"; not in {', '.join(sorted(tag.kept_out_of))}" if tag.kept_out_of else ""
        lines.append(f"- sensitivity {tag.sensitivity}{without}")
    if tag.values is not None:
        lines.append(f"- values: {', '.join(map(str, tag.values))}")
    examples = [f"  - {_example(item.given, item.expect, project)}" for item in tag.examples]
    return [*lines, "- examples:", *examples] if examples else lines


def _example(given: dict[str, object], expect: object, project: Project) -> str:
    inputs = [f"{name} {_shown(value)}{unit_behind(project, name, value)}" for name, value in given.items()]
    outcome = "no tag" if expect is None or expect is False else _shown(expect)
    return f"{', '.join(inputs) or 'nothing known'} → **{outcome}**"


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) + ")"
    return str(value)
