"""Planned pictures and photographs in, files out: drawn in threads, each one whole or not at all.

A picture depends on its own random stream only, so the number of threads and their order change nothing.
Memory: for each thread one photograph and a few copies of it; and `CACHED` photographs for the insides of others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

from copylens.errors import CopyLensError, ImageError
from copylens.evaluation.edits import Encoded, Picture, encoded, perform
from copylens.evaluation.edits.canvas import bounded
from copylens.evaluation.making_folder import BACKGROUND, QUERIES, REFERENCES
from copylens.evaluation.making_photographs import Photograph
from copylens.evaluation.making_plan import ExamPlan, PlannedPicture, PlannedQuery, stream
from copylens.evaluation.making_settings import ExamSettings
from copylens.images import content_hash, decode, read_file
from copylens.reports.atomic import whole_file
from copylens.workflows.settings import Progress

GROWTH = 1.6
"""An edited picture may be this many times as long as the original: room for frames and screens."""

CACHED = 24


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many pictures were drawn in this run, and how many were there."""

    made: int
    kept: int


def load_photograph(photograph: Photograph, size: int) -> Picture:
    """The photograph, upright, its longest side at most `size`.

    Raises:
        CopyLensError: the file is not what was looked at any more.
    """
    try:
        data = read_file(photograph.path)
        if content_hash(data) != photograph.content_hash:
            raise ImageError("changed", "it is another picture now")
        return bounded(Image.fromarray(decode(data, box=(size, size)).pixels), size)
    except ImageError as error:
        raise CopyLensError(
            f"{photograph.path} changed while the exam was made: {error.reason}. Run the same command again."
        ) from error


class _Studio:
    """Draws one picture at a time; used by several threads at once."""

    def __init__(self, plan: ExamPlan, photographs: Sequence[Photograph], settings: ExamSettings) -> None:
        self._photographs = photographs
        self._settings = settings
        self._inner = plan.others
        # Shared: the pictures are only read.
        self._cached = lru_cache(CACHED)(self._load)

    def _load(self, number: int) -> Picture:
        return load_photograph(self._photographs[number], self._settings.size)

    def _other(self, rng: np.random.Generator) -> Picture:
        return self._cached(self._inner[int(rng.integers(len(self._inner)))])

    def plain(self, planned: PlannedPicture) -> Encoded:
        """A reference or a background picture."""
        return encoded(self._load(planned.photograph), "jpg", quality=self._settings.quality)

    def query(self, planned: PlannedQuery) -> Encoded:
        """An edited picture."""
        rng = stream(self._settings.seed, f"{Path(planned.name).stem} pixels")
        limit = round(GROWTH * self._settings.size)
        result = perform(
            self._load(planned.photograph), planned.steps, rng, self._other if self._inner else None, limit
        )
        if isinstance(result, Encoded):
            return result
        suffix = planned.steps[-1].edit.suffix
        options = {"quality": self._settings.quality} if suffix == "jpg" else {}
        return encoded(result, suffix, **options)


def draw_pictures(
    plan: ExamPlan,
    photographs: Sequence[Photograph],
    settings: ExamSettings,
    folder: Path,
    *,
    jobs: int,
    progress: Progress,
) -> Drawn:
    """Write every picture of a plan that is not there yet.

    Raises:
        CopyLensError: a photograph is not what it was.
        OutputError: a file cannot be written.
    """
    tasks = list(_tasks(_Studio(plan, photographs, settings), plan, folder))
    waiting = [(path, draw) for path, draw in tasks if not _is_there(path)]
    kept = len(tasks) - len(waiting)
    progress("make", kept, len(tasks))
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="copylens-make")
    try:
        for done in _run(pool, waiting, ahead=4 * jobs):
            progress("make", kept + done, len(tasks))
    finally:
        # Also on Ctrl-C: what has not begun never begins.
        pool.shutdown(wait=True, cancel_futures=True)
    return Drawn(made=len(waiting), kept=kept)


def _tasks(studio: _Studio, plan: ExamPlan, folder: Path) -> Iterator[tuple[Path, Callable[[], Encoded]]]:
    for name, pictures in ((REFERENCES, plan.references), (BACKGROUND, plan.background)):
        for picture in pictures:
            yield folder / name / picture.name, partial(studio.plain, picture)
    for query in plan.queries:
        yield folder / QUERIES / query.name, partial(studio.query, query)


def _is_there(path: Path) -> bool:
    """Files appear whole, so one that is not empty is finished; an empty one is what a power failure leaves."""
    return path.is_file() and path.stat().st_size > 0


def _run(
    pool: ThreadPoolExecutor, tasks: Sequence[tuple[Path, Callable[[], Encoded]]], *, ahead: int
) -> Iterator[int]:
    """Run tasks with a bounded queue; yields how many are done."""
    pending: set[Future[None]] = set()
    source, done = iter(tasks), 0
    while True:
        for path, draw in source:
            pending.add(pool.submit(_save, path, draw))
            if len(pending) >= ahead:
                break
        if not pending:
            return
        finished, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in finished:
            future.result()
            done += 1
        yield done


def _save(path: Path, draw: Callable[[], Encoded]) -> None:
    result = draw()
    with whole_file(path) as unfinished:
        unfinished.write_bytes(result.data)
