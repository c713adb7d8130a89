"""Rendering of results in a terminal."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.tree import Tree

from usertags.config.quality_models import Language
from usertags.explain import Explanation
from usertags.overlap import Overlap
from usertags.project.model import Project
from usertags.project.units import unit_behind
from usertags.quality.checks import CheckRow, by_gravity
from usertags.quality.sentences import action, observed, title, wanted
from usertags.query import Answer
from usertags.stages.report import COUNTS, StageReport

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_COUNTS = (*COUNTS, "written")


def show_report(report: StageReport) -> None:
    """One line per source or table: rows read, kept, quarantined and written."""
    for line in report.lines:
        counts = [f"{name} {getattr(line, name):,}" for name in _COUNTS if getattr(line, name) is not None]
        note = f"[dim]{line.note}[/dim]" if line.note else ""
        out.print(f"  {report.stage:<10}{line.name:<24}{'  '.join(counts)}  {note}", soft_wrap=True)
    out.print(f"  [green]{report.stage:<10}done in {report.seconds:.1f} s[/green]")


def show_reports(reports: Iterable[StageReport], title: str) -> None:
    """The stages of a run as one table that fits into a terminal of 80 columns."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("stage", no_wrap=True)
    table.add_column("source or table", no_wrap=True)
    for name in ("read", "kept", "super-\nseded", "repeats", "set\naside", "written"):
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    stage = ""
    for report in reports:
        for line in report.lines:
            counts = [getattr(line, name) for name in _COUNTS]
            cells = ["" if count is None else f"{count:,}" for count in counts]
            table.add_row("" if report.stage == stage else report.stage, line.name, *cells)
            stage = report.stage
            if line.note and all(count is None for count in counts):
                table.add_row("", f"  [dim]{line.note}[/dim]")
    out.print(table)


def show_answer(answer: Answer, form: str) -> None:
    if form == "json":
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        print(json.dumps(rows, ensure_ascii=False, default=str, indent=1))
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(answer.columns)
        writer.writerows(answer.rows)
    else:
        table = Table(*answer.columns)
        for row in answer.rows:
            table.add_row(*[_cell(value) for value in row])
        fits = Measurement.get(out, out.options.update_width(10_000), table).maximum <= out.width
        out.print(table if fits or not answer.rows else _records(answer))
        out.print(f"[dim]{len(answer.rows)} rows[/dim]")


def _records(answer: Answer) -> Table:
    """Rows wider than the terminal: one line per value, so that nothing is truncated."""
    table = Table("column", "value", show_header=False, box=None)
    for number, row in enumerate(answer.rows, 1):
        table.add_row(f"[dim]row {number}[/dim]", "")
        for name, value in zip(answer.columns, row, strict=True):
            table.add_row(f"  [bold]{escape(name)}[/bold]", _cell(value))
    return table


def show_overlaps(pairs: Sequence[Overlap], threshold: float) -> None:
    for pair in pairs:
        one, other = (f"{pair.tag} = {pair.value}", f"{pair.other_tag} = {pair.other_value}")
        out.print(
            f"[yellow]similar[/yellow]   {escape(one)} ({pair.users:,} users) and {escape(other)}"
            f" ({pair.other_users:,}): {pair.both:,} in both, Jaccard {pair.jaccard:.3f}",
            soft_wrap=True,
        )
    out.print(f"[dim]{len(pairs)} pairs of published tags with Jaccard {threshold:g} or more[/dim]")


def _cell(value: Any) -> str:
    return "" if value is None else escape(str(value))


def show_checks(rows: Iterable[CheckRow], language: Language) -> None:
    """Check results as text: failed checks with the action to take, one line per passed check."""
    shown = sorted(rows, key=by_gravity)
    for row in shown:
        name = escape(f"{row.table}: {title(row, language)}")
        if row.success:
            out.print(f"[green]passed[/green]  {name}", soft_wrap=True)
            continue
        out.print(f"[red]failed[/red]  {name} [red]({row.severity})[/red]", soft_wrap=True)
        wants, found = escape(wanted(row, language)), escape(observed(row, language))
        out.print(f"        wanted {wants}; observed {found}", soft_wrap=True)
        out.print(f"        {escape(row.owner or '')}: {escape(action(row, language))}", soft_wrap=True)
        out.print(f"        [dim]{row.stage} of run {row.run_id}[/dim]", soft_wrap=True)
    failed = sum(not row.success for row in shown)
    out.print(f"[dim]{len(shown)} checks, {failed} failed[/dim]")


def show_tags(project: Project) -> None:
    """The project as a tree of its four levels."""
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


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        parts = [f"{name} {_shown(part)}" for name, part in value.items() if part is not None]
        return "(" + ", ".join(parts) + ")" if parts else "nothing"
    if isinstance(value, float):
        return f"{value:.10g}"
    return "nothing" if value is None else str(value)
