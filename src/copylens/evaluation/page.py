"""An evaluation in, one self-contained HTML file to look at out; nothing else is read but the pictures it names.

The file holds the figures as tables, the results and the thumbnails as JSON, and one script that draws the charts.
Names and paths are untrusted text: they travel escaped, the script writes them as text only, and the content security
policy allows this style and this script by their digests, and nothing from outside.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from copylens.errors import ImageError
from copylens.evaluation import page_tables
from copylens.evaluation.page_data import Gallery, results_data
from copylens.evaluation.results import FIGURES, Evaluation
from copylens.images import thumbnail
from copylens.reports.atomic import whole_file
from copylens.reports.html import embed_json
from copylens.reports.wording import plural, readable
from copylens.workflows.settings import Progress, silent

PAGE = "result.html"
"""The page's name in a run folder."""

THUMBNAIL_SIDE = 200

SCRIPTS = ("nodes.js", "drawing.js", "curves.js", "bars.js", "pictures.js")

DATA_MARK = "<!--data-->"


def write_page(
    path: str | os.PathLike[str],
    evaluation: Evaluation,
    *,
    progress: Progress = silent,
    now: Callable[[], datetime] = datetime.now,
) -> None:
    """Write the page.

    Args:
        path: the file; an older one is replaced when the new one is whole.
        evaluation: what is shown.
        progress: called as ``progress("thumbnails", done, total)``.
        now: the time that the page says it was written at.

    Raises:
        OutputError: the file cannot be written; nothing half-written stays.
    """
    gallery = Gallery()
    results = results_data(evaluation, gallery)
    before, after = _around(evaluation, now()).split(DATA_MARK)
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(before)
        embed_json(file, "figures", [FIGURES])
        embed_json(file, "results", [results])
        embed_json(file, "places", gallery.places())
        embed_json(file, "thumbnails", _thumbnails(gallery.paths, progress))
        file.write(after)


def _around(evaluation: Evaluation, written: datetime) -> str:
    """Render the page around the data, with style and script inside."""
    folder = resources.files("copylens.evaluation") / "page"
    environment = Environment(
        autoescape=True,
        finalize=lambda value: readable(value) if type(value) is str else value,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    style = (folder / "page.css").read_text(encoding="utf-8")
    parts = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{parts}}})();\n'
    return template.render(
        data_mark=DATA_MARK,
        plural=plural,
        script=script,
        script_digest=_digest(script),
        style=style,
        style_digest=_digest(style),
        tables=page_tables,
        evaluation=evaluation,
        origin=evaluation.systems[0].origin,
        several=len(evaluation.systems) > 1,
        written=written.astimezone().strftime("%Y-%m-%d %H:%M"),
    )


def _digest(text: str) -> str:
    """Give the digest by which a content security policy allows an inline block."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _thumbnails(paths: Sequence[str], progress: Progress) -> Iterator[str]:
    """Make the pictures in base64, in the order of the paths; empty where one cannot be read any more."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for done, picture in enumerate(pool.map(_thumbnail, paths), 1):
            yield base64.b64encode(picture).decode("ascii") if picture else ""
            progress("thumbnails", done, len(paths))


def _thumbnail(path: str) -> bytes | None:
    try:
        return thumbnail(path, side=THUMBNAIL_SIDE)
    except ImageError:
        return None


def copy_page(page: Path, path: str | os.PathLike[str]) -> None:
    """Write a page that lies in a run folder to another place, too; raises OutputError."""
    if Path(path).absolute() == page.absolute():
        return
    with whole_file(path) as partial:
        partial.write_bytes(page.read_bytes())
