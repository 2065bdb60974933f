"""Pictures in, edited pictures out: the named edits that exams are made with, and sequences of them."""

from copylens.evaluation.edits.compositions import Step, can_compose, draw_composition, perform
from copylens.evaluation.edits.edit import (
    STRENGTHS,
    Edit,
    Encoded,
    Others,
    Parameter,
    Picture,
    Strength,
    decoded,
)
from copylens.evaluation.edits.encodings import encoded
from copylens.evaluation.edits.table import EDITS, choose_edits, edit_rows, edit_table

__all__ = [
    "EDITS",
    "STRENGTHS",
    "Edit",
    "Encoded",
    "Others",
    "Parameter",
    "Picture",
    "Step",
    "Strength",
    "can_compose",
    "choose_edits",
    "decoded",
    "draw_composition",
    "edit_rows",
    "edit_table",
    "encoded",
    "perform",
]
