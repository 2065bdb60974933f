"""Rows of small pictures in, a contact sheet out: a page that needs nothing else, or one large picture."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from copylens.evaluation.edits import EDITS, Picture, Strength
from copylens.evaluation.edits.lettering import font

SIDE = 200
"""Longest side of a picture on the sheet."""

_GAP, _LINE, _WIDE, _TALL = 8, 17, 160, 120
_INK, _FAINT, _PAPER = (30, 32, 36), (120, 124, 132), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Cell:
    """A small picture, and what to write below it."""

    picture: Picture
    caption: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the sheet.

    Attributes:
        name: the edit's, or what the line shows.
        about: what it does.
        cells: by strength.
    """

    name: str
    about: str
    cells: Mapping[Strength, tuple[Cell, ...]] = field(repr=False)


def as_html(rows: Sequence[Row], strengths: Sequence[Strength]) -> str:
    """The sheet as one page."""
    heads = "".join(f"<th>{strength}</th>" for strength in strengths)
    body = "\n".join(_html_row(row, strengths) for row in rows)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The edits of an exam</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }}
body {{ margin: 1.5rem; }}
table {{ border-collapse: collapse; }}
th {{ text-align: left; vertical-align: top; font-weight: 600; padding: .5rem .8rem .5rem 0; }}
thead th {{ position: sticky; top: 0; z-index: 1; background: Canvas; }}
td {{ vertical-align: top; padding: .5rem 1.2rem .5rem 0; white-space: nowrap; }}
tr + tr > * {{ border-top: 1px solid color-mix(in srgb, CanvasText 18%, Canvas); }}
figure {{ display: inline-block; margin: 0 .25rem 0 0; vertical-align: top; white-space: normal; max-width: 160px; }}
img {{ display: block; max-width: 160px; max-height: 160px; outline: 1px solid #8884; }}
small, figcaption {{ display: block; font-weight: 400; font-size: .8rem; opacity: .75; }}
</style>
<h1>The edits of an exam</h1>
<table>
<thead><tr><th>edit</th>{heads}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</html>
"""


def _html_row(row: Row, strengths: Sequence[Strength]) -> str:
    cells = []
    for strength in strengths:
        figures = "".join(_figure(cell, f"{row.name}, {strength}") for cell in row.cells[strength])
        cells.append(f"<td>{figures}<small>{html.escape(_ranges(row.name, strength))}</small></td>")
    about = html.escape(row.about)
    return f"<tr><th>{html.escape(row.name)}<small>{about}</small></th>{''.join(cells)}</tr>"


def _figure(cell: Cell, alternative: str) -> str:
    out = io.BytesIO()
    cell.picture.save(out, "WEBP", quality=80, method=2)
    data = base64.b64encode(out.getvalue()).decode("ascii")
    caption = f"<figcaption>{html.escape(cell.caption)}</figcaption>" if cell.caption else ""
    return f'<figure><img alt="{html.escape(alternative)}" src="data:image/webp;base64,{data}">{caption}</figure>'


def _ranges(name: str, strength: Strength) -> str:
    """What the parameters of an edit are drawn from."""
    edit = EDITS.get(name)
    if edit is None:
        return ""
    return "; ".join(f"{part.meaning}: {part.at(strength).text(part.unit)}" for part in edit.parameters)


def as_png(rows: Sequence[Row], strengths: Sequence[Strength]) -> Image.Image:
    """The sheet as one picture."""
    across = max((len(row.cells[strengths[0]]) for row in rows), default=1)
    block = across * (_WIDE + _GAP) + 2 * _GAP
    tall = _TALL + 2 * _LINE + _GAP
    sheet = Image.new("RGB", (block * len(strengths) + _GAP, tall * len(rows) + 2 * _LINE), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, strength in enumerate(strengths):
        pen.text((column * block + _GAP, 6), strength, _INK, font(16))
    for number, row in enumerate(rows):
        top = 2 * _LINE + number * tall
        for column, strength in enumerate(strengths):
            left = column * block + _GAP
            title = f"{row.name}: {row.about}" if column == 0 else _ranges(row.name, strength)
            # Pillow's own font has no dash for ranges.
            pen.text((left, top), title.replace("–", "-"), _INK if column == 0 else _FAINT, font(12))
            for index, cell in enumerate(row.cells[strength]):
                place = left + index * (_WIDE + _GAP)
                small = cell.picture.copy()
                small.thumbnail((_WIDE, _TALL))
                sheet.paste(small, (place, top + _LINE))
                pen.text((place, top + _LINE + _TALL), cell.caption[:42], _FAINT, font(9))
    return sheet
