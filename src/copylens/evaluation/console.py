"""An evaluation in, tables for people on a terminal out."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from copylens.evaluation.results import Evaluation
from copylens.evaluation.tables import Cell, Table, provenance, tables
from copylens.reports.wording import plural, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

PREVIEW_ROWS = 20
"""Of a table; Markdown and JSON have all."""

NAME_WIDTH = 16
"""Of the first column, at least."""

HEAD_WIDTHS = (8, 16)
"""Of the heads of other columns, at least and at most: the names of systems are broken into lines."""


def render(evaluation: Evaluation, console: Console) -> None:
    """Print the tables, then where the figures come from."""
    from rich.text import Text

    for table in tables(evaluation):
        console.print(_drawn(table, console.width))
        left_out = len(table.rows) - PREVIEW_ROWS
        if left_out > 0:
            console.print(Text(f"  ... and {plural(left_out, 'more row')} (see --markdown)", "dim"))
        if table.note:
            console.print(Text(f"  {printable(table.note)}", "dim"), soft_wrap=True)
        console.print()
    for line in provenance(evaluation):
        console.print(Text(printable(line), "dim"), soft_wrap=True)


def _drawn(table: Table, console_width: int) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(printable(table.title), "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    # Names may fold; a number that is cut would be another number.
    drawn.add_column(Text(_folded(table.columns[0], NAME_WIDTH)), overflow="fold", min_width=NAME_WIDTH)
    least, most = HEAD_WIDTHS
    room = min(max(least, (console_width - NAME_WIDTH) // len(table.columns) - 2), most)
    for position, column in enumerate(table.columns[1:], 1):
        lines = [line for row in table.rows for line in _lines(row[position])]
        width = max(room, *map(len, lines))
        drawn.add_column(Text(_folded(column, width)), justify="right", no_wrap=True)
    for row in table.rows[:PREVIEW_ROWS]:
        drawn.add_row(*(_text(cell) for cell in row))
    return drawn


def _folded(head: str, width: int) -> str:
    """Break a head into lines of at most `width` characters."""
    return "\n".join(
        part for line in head.split("\n") for part in textwrap.wrap(printable(line), width) or [""]
    )


def _lines(cell: Cell) -> list[str]:
    return [printable(line) for line in (cell.text, *cell.note.split("\n")) if line]


def _text(cell: Cell) -> Text:
    """Never a str, in which rich would look for markup: a system may be called ``[red]``."""
    from rich.text import Text

    first, *others = _lines(cell) or [""]
    text = Text(first, _style(cell.rate))
    for line in others:
        text.append(f"\n{line}", "dim")
    return text


def _style(rate: float | None) -> str:
    if rate is None:
        return ""
    return "red" if rate < 0.5 else "yellow" if rate < 0.8 else "green"
