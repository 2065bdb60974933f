"""Names in, edits out: all edits by name, and the table that people read."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from copylens.errors import UsageError
from copylens.evaluation.edits.captions import CAPTIONS
from copylens.evaluation.edits.captures import CAPTURES
from copylens.evaluation.edits.colours import COLOURS
from copylens.evaluation.edits.containers import CONTAINERS
from copylens.evaluation.edits.detail import DETAIL
from copylens.evaluation.edits.edit import STAGES, STRENGTHS, Edit
from copylens.evaluation.edits.encodings import ENCODINGS
from copylens.evaluation.edits.geometry import GEOMETRY
from copylens.evaluation.edits.overlays import OVERLAYS
from copylens.evaluation.edits.phones import PHONES
from copylens.evaluation.edits.screens import SCREENS

_ALL = (
    *GEOMETRY, *COLOURS, *DETAIL, *OVERLAYS, *CAPTIONS, *CONTAINERS, *SCREENS, *PHONES, *CAPTURES, *ENCODINGS,
)  # fmt: skip

EDITS: dict[str, Edit] = {
    edit.name: edit for edit in sorted(_ALL, key=lambda edit: (STAGES.index(edit.stage), edit.name))
}
"""Every edit by name, in the order of stages and then of names."""


def choose_edits(include: Sequence[str] | None, exclude: Sequence[str]) -> tuple[Edit, ...]:
    """Edits by name; None includes all.

    Raises:
        UsageError: an unknown name, with the nearest known one; or none is left.
    """
    for name in (*(include or ()), *exclude):
        if name not in EDITS:
            close = difflib.get_close_matches(name, EDITS, n=1)
            hint = f"did you mean {close[0]}?" if close else "`copylens benchmark edits` lists them."
            raise UsageError(f"There is no edit {name!r}; {hint}")
    chosen = tuple(
        edit for name, edit in EDITS.items() if (include is None or name in include) and name not in exclude
    )
    if not chosen:
        raise UsageError("No edit is left; include more or exclude fewer.")
    return chosen


def edit_rows() -> list[dict[str, Any]]:
    """One row per edit for JSON: name, stage, title, needs_others and its parameters with their ranges as text."""
    return [
        {
            "name": edit.name,
            "stage": edit.stage,
            "title": edit.title,
            "needs_others": edit.needs_others,
            "suffix": edit.suffix,
            "parameters": [
                {
                    "name": parameter.name,
                    "meaning": parameter.meaning,
                    **{strength: parameter.at(strength).text(parameter.unit) for strength in STRENGTHS},
                }
                for parameter in edit.parameters
            ],
        }
        for edit in EDITS.values()
    ]


def edit_table() -> str:
    """The edits with what each strength means, as aligned lines of text."""
    lines = [("EDIT", "WHAT IT DOES", "PARAMETER", *(strength.upper() for strength in STRENGTHS))]
    stage = ""
    for edit in EDITS.values():
        if edit.stage != stage:
            stage = edit.stage
            lines += [("",) * 6, (stage, "", "", "", "", "")]
        first = (f"  {edit.name}", edit.title)
        if not edit.parameters:
            lines.append((*first, "the same at every strength", "", "", ""))
        for parameter in edit.parameters:
            ranges = (parameter.at(strength).text(parameter.unit) for strength in STRENGTHS)
            lines.append((*first, parameter.meaning, *ranges))
            first = ("", "")
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
