"""A few photographs in, a contact sheet of every edit at each strength out: one .html or .png for people to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from copylens.errors import ImageError, UsageError
from copylens.evaluation.edits import Edit, Picture, Strength, decoded, draw_composition, perform
from copylens.evaluation.edits.canvas import bounded
from copylens.evaluation.making_pictures import GROWTH
from copylens.evaluation.making_plan import stream
from copylens.evaluation.making_settings import ExamSettings
from copylens.evaluation.making_sheet import SIDE, Cell, Row, as_html, as_png
from copylens.images import decode, read_file
from copylens.reports.atomic import check_writable, whole_file
from copylens.workflows.finding import find
from copylens.workflows.settings import FileSettings, Progress

SUFFIXES = (".html", ".png")
SHOWN = 3
"""Photographs in each row."""
INNER = 9
"""Photographs for the insides of others."""
COMPOSITIONS = 8
"""Rows of compositions."""


def check_preview(path: Path) -> None:
    """Refuse, before the work, a file that could not be written; raises UsageError."""
    check_writable(path, SUFFIXES)


def write_preview(
    roots: Sequence[str], path: Path, settings: ExamSettings, *, jobs: int, progress: Progress
) -> int:
    """Draw every chosen edit at every chosen strength on a few photographs, and some compositions.

    Args:
        roots: folders or image files.
        path: a .html or .png file.
        settings: which edits and strengths, what size, and the seed.
        jobs: threads.
        progress: called as ``progress(stage, done, total)``.

    Returns:
        How many edits are on the sheet.

    Raises:
        UsageError: no photograph can be read, or another suffix.
        OutputError: the file cannot be written.
    """
    check_preview(path)
    pictures = _some_pictures(roots, settings, progress)
    easel = _Easel(pictures[:SHOWN], pictures[SHOWN:] or pictures, settings)
    rows = list(_drawn(list(easel.tasks()), jobs, progress))
    with whole_file(path) as unfinished:
        if path.suffix.lower() == ".html":
            unfinished.write_text(as_html(rows, settings.strengths), encoding="utf-8")
        else:
            as_png(rows, settings.strengths).save(unfinished)
    return len(settings.chosen_edits())


def _some_pictures(roots: Sequence[str], settings: ExamSettings, progress: Progress) -> list[Picture]:
    """Photographs from all over the folders; what cannot be read is passed over."""
    paths = sorted(file.path for file in find(roots, FileSettings(), progress=progress).files)
    pictures: list[Picture] = []
    for position in stream(settings.seed, "preview").permutation(len(paths)).tolist():
        try:
            pixels = decode(read_file(paths[position]), box=(settings.size, settings.size)).pixels
        except ImageError:
            continue
        pictures.append(bounded(Image.fromarray(pixels), settings.size))
        if len(pictures) == SHOWN + INNER:
            break
    if not pictures:
        raise UsageError(f"{', '.join(roots)}: there is no photograph that can be used.")
    return pictures


def _drawn(tasks: Sequence[Callable[[], Row]], jobs: int, progress: Progress) -> Iterator[Row]:
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="copylens-make")
    try:
        for done, row in enumerate(pool.map(lambda task: task(), tasks), 1):
            progress("make", done, len(tasks))
            yield row
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Easel:
    """Draws the rows, each from random streams of its own."""

    shown: Sequence[Picture]
    inner: Sequence[Picture]
    settings: ExamSettings

    def tasks(self) -> Iterator[Callable[[], Row]]:
        for edit in self.settings.chosen_edits():
            yield partial(self._edit_row, edit)
        if "multi" in self.settings.kinds:
            for number in range(COMPOSITIONS):
                yield partial(self._composition_row, number)

    def _edit_row(self, edit: Edit) -> Row:
        def cell(strength: Strength, index: int) -> Cell:
            rng = stream(self.settings.seed, f"{edit.name} {strength} {index}")
            return Cell(_small(edit.apply(self.shown[index], strength, rng, self._other)))

        return self._row(edit.name, edit.title, cell)

    def _composition_row(self, number: int) -> Row:
        def cell(strength: Strength, index: int) -> Cell:
            rng = stream(self.settings.seed, f"composition {number} {strength} {index}")
            steps = draw_composition(self.settings.chosen_edits(), strength, rng)
            limit = round(GROWTH * self.settings.size)
            result = decoded(perform(self.shown[index], steps, rng, self._other, limit))
            return Cell(_small(result), " + ".join(step.edit.name for step in steps))

        return self._row("composition", "several edits", cell)

    def _row(self, name: str, about: str, cell: Callable[[Strength, int], Cell]) -> Row:
        cells = {
            strength: tuple(cell(strength, index) for index in range(len(self.shown)))
            for strength in self.settings.strengths
        }
        return Row(name, about, cells)

    def _other(self, rng: np.random.Generator) -> Picture:
        return self.inner[int(rng.integers(len(self.inner)))]


def _small(picture: Picture) -> Picture:
    return bounded(picture, SIDE)
