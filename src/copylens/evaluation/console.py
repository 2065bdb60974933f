"""An evaluation in, tables for people on a terminal out."""

from __future__ import annotations

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


def render(evaluation: Evaluation, console: Console) -> None:
    """Print the tables, then where the figures come from."""
    from rich.text import Text

    for table in tables(evaluation):
        console.print(_drawn(table))
        left_out = len(table.rows) - PREVIEW_ROWS
        if left_out > 0:
            console.print(Text(f"  ... and {plural(left_out, 'more row')} (see --markdown)", "dim"))
        if table.note:
            console.print(Text(f"  {printable(table.note)}", "dim"), soft_wrap=True)
        console.print()
    for line in provenance(evaluation):
        console.print(Text(printable(line), "dim"), soft_wrap=True)


def _drawn(table: Table) -> RichTable:
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
    for position, column in enumerate(table.columns):
        head = Text("\n".join(printable(line) for line in column.split("\n")))
        # Names may fold; a number that is cut would be another number.
        drawn.add_column(head, justify="right" if position else "left", overflow="fold", no_wrap=position > 0)
    for row in table.rows[:PREVIEW_ROWS]:
        drawn.add_row(*(_text(cell) for cell in row))
    return drawn


def _text(cell: Cell) -> Text:
    """Never a str, in which rich would look for markup: a system may be called ``[red]``."""
    from rich.text import Text

    text = Text(printable(cell.text), _style(cell.rate))
    if cell.note:
        text.append(f"\n{printable(cell.note)}", "dim")
    return text


def _style(rate: float | None) -> str:
    if rate is None:
        return ""
    return "red" if rate < 0.5 else "yellow" if rate < 0.8 else "green"
