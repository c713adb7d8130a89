"""Reports, checks, tags and explanations in a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from usertags.cli.console import out
from usertags.explain import Explanation
from usertags.language import Language, name_of
from usertags.overlap import Overlap
from usertags.project.model import Project
from usertags.project.units import unit_behind
from usertags.quality import texts
from usertags.quality.checks import CheckRow, by_gravity
from usertags.quality.sentences import action, observed, title, wanted
from usertags.stages.report import COUNTS, Line, StageReport

_COUNTS = (*COUNTS, "written")


def show_report(report: StageReport, language: Language) -> None:
    """One line per source or table: rows read, kept, quarantined and written."""
    stage = _padded(name_of(report.stage, texts.STAGES, language), 10)
    for line in report.lines:
        known = {name: getattr(line, name) for name in _COUNTS if getattr(line, name) is not None}
        counts = [f"{texts.COUNTS[name].of(language)} {count:,}" for name, count in known.items()]
        note = f"[dim]{line.note}[/dim]" if line.note else ""
        name = _padded(_line_name(report, line, language), 24)
        out.print(f"  {stage}{name}{'  '.join(counts)}  {note}", soft_wrap=True)
    out.print(f"  [green]{stage}{texts.STAGE_DONE.filled(language, seconds=report.seconds)}[/green]")


def _padded(text: str, width: int) -> str:
    """A Chinese character is as wide as two letters."""
    return text + " " * (width - cell_len(text))


def _line_name(report: StageReport, line: Line, language: Language) -> str:
    """What a line is called: sources and tables by their names."""
    of_no_rows = line.kept is None and line.written is None
    known = report.stage in ("clean", "tag", "audit", "publish") and of_no_rows
    return name_of(line.name, texts.LINES if known else {}, language)


def show_reports(reports: Iterable[StageReport], title: str, language: Language) -> None:
    """The stages of a run as one table that fits into a terminal of 80 columns."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), header_style="bold")
    for words in (texts.REPORT_STAGE, texts.REPORT_LINE):
        table.add_column(words.of(language), no_wrap=True)
    for name in _COUNTS:
        words = texts.NARROW.get(name, texts.COUNTS[name])
        table.add_column(words.of(language), justify="right", no_wrap=True, vertical="bottom")
    stage = ""
    left_out: list[str] = []
    for report in reports:
        for line in report.lines:
            if line.users is not None:
                left_out.append(f"  [dim]{_line_name(report, line, language)}: {line.note}[/dim]")
                continue
            counts = [getattr(line, name) for name in _COUNTS]
            cells = ["" if count is None else f"{count:,}" for count in counts]
            first = "" if report.stage == stage else name_of(report.stage, texts.STAGES, language)
            table.add_row(first, _line_name(report, line, language), *cells)
            stage = report.stage
            if line.note and all(count is None for count in counts):
                table.add_row("", f"  [dim]{line.note}[/dim]")
    out.print(table)
    for note in left_out:
        out.print(note, soft_wrap=True)


def show_overlaps(pairs: Sequence[Overlap], threshold: float) -> None:
    for pair in pairs:
        one, other = (f"{pair.tag} = {pair.value}", f"{pair.other_tag} = {pair.other_value}")
        out.print(
            f"[yellow]similar[/yellow]   {escape(one)} ({pair.users:,} users) and {escape(other)}"
            f" ({pair.other_users:,}): {pair.both:,} in both, Jaccard {pair.jaccard:.3f}",
            soft_wrap=True,
        )
    out.print(f"[dim]{len(pairs)} pairs of published tags with Jaccard {threshold:g} or more[/dim]")


def show_checks(rows: Iterable[CheckRow], language: Language) -> None:
    """Check results as text: failed checks with the action to take, one line per passed check."""
    shown = sorted(rows, key=by_gravity)
    for row in shown:
        name = escape(texts.CHECK_NAME.filled(language, table=row.table, title=title(row, language)))
        if row.success:
            out.print(f"[green]{texts.CHECK_PASSED.of(language)}[/green]  {name}", soft_wrap=True)
            continue
        failed, severity = texts.CHECK_FAILED.of(language), name_of(row.severity, texts.SEVERITIES, language)
        out.print(f"[red]{failed}[/red]  {name} [red]({severity})[/red]", soft_wrap=True)
        for text in _details(row, language):
            out.print(f"        {text}", soft_wrap=True)
    count = sum(not row.success for row in shown)
    counted = texts.CHECKS_COUNTED.filled(language, checks=len(shown), failed=count)
    out.print(f"[dim]{counted}[/dim]")


def _details(row: CheckRow, language: Language) -> list[str]:
    """What was found, what to do and in which run, as lines."""
    found = {"wanted": wanted(row, language), "observed": observed(row, language)}
    to_do = {"owner": row.owner or "", "action": action(row, language)}
    run = {"stage": name_of(row.stage, texts.STAGES, language), "run_id": row.run_id}
    return [
        escape(texts.CHECK_FOUND.filled(language, **found)),
        escape(texts.CHECK_TO_DO.filled(language, **to_do)),
        f"[dim]{escape(texts.CHECK_RUN.filled(language, **run))}[/dim]",
    ]


def show_tags(project: Project) -> None:
    """The tags as a tree of their four levels."""
    root = Tree(f"[bold]{project.name}[/bold]: {len(project.tags)} tags")
    branches: dict[tuple[str, ...], Tree] = {(): root}
    for tag in sorted(project.tags.values(), key=lambda tag: tag.path):
        for depth in range(1, 4):
            path = tag.path[:depth]
            if path not in branches:
                label = f"{path[-1]} [dim]{project.levels[path[-1]]}[/dim]"
                branches[path] = branches[path[:-1]].add(label)
        status = "" if tag.status == "active" else f" [yellow]{tag.status}[/yellow]"
        status += f" [magenta]{tag.sensitivity}[/magenta]" if tag.sensitivity else ""
        branches[tag.path].add(
            f"[bold]{tag.name}[/bold] {tag.id}{status}\n[dim]{escape(tag.definition)}[/dim]"
        )
    out.print(root)


def show_explanations(explanations: Iterable[Explanation], project: Project) -> None:
    for item in explanations:
        value = "[yellow]not carried[/yellow]" if item.value is None else f"[green]{item.value}[/green]"
        since = f" [dim]since {item.valid_from}[/dim]" if item.valid_from else ""
        out.print(f"[bold]{item.name}[/bold] {item.tag_id} = {value}{since}")
        if item.set_by is not None:
            out.print(f"    set by {item.set_by}", markup=False)
        out.print(f"    rule: {item.definition}", markup=False)
        if item.inputs is None:
            out.print("    the rule has changed since that day: its inputs cannot be shown")
        else:
            pairs = ", ".join(
                f"{name} = {_shown(value)}{unit_behind(project, name, value)}"
                for name, value in item.inputs.items()
            )
            out.print(f"    with: {pairs or 'no inputs'}", markup=False)
            for name, meaning in item.measures.items():
                out.print(f"    {name}: {meaning}", markup=False)
            if item.made_of:
                out.print(f"    made of: {item.made_of}", markup=False)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        parts = [f"{name} {_shown(part)}" for name, part in value.items() if part is not None]
        return "(" + ", ".join(parts) + ")" if parts else "nothing"
    if isinstance(value, float):
        return f"{value:.10g}"
    return "nothing" if value is None else str(value)
