"""The consoles of the command line, and rows of any query on them."""

import csv
import json
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from usertags.query import Answer

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


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


def _cell(value: Any) -> str:
    return "" if value is None else escape(str(value))
