"""Folders of photographs in, a copy-detection exam out: references, edited queries and the truth about them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copylens.errors import UsageError
from copylens.evaluation.making_folder import check_folder, open_folder
from copylens.evaluation.making_photographs import (
    LeftOut,
    Photographs,
    check_outside,
    find_photographs,
)
from copylens.evaluation.making_pictures import draw_pictures
from copylens.evaluation.making_plan import plan_exam
from copylens.evaluation.making_settings import ExamCounts, ExamSettings
from copylens.records import Skipped
from copylens.workflows.settings import PathLike, Progress, path_list, silent

__all__ = ["ExamSettings", "ExamSummary", "make_exam"]


@dataclass(frozen=True)
class ExamSummary:
    """What was made.

    Attributes:
        output: the exam's folder.
        counts: how many pictures each part has.
        photographs: how many could be used.
        made: pictures that were drawn in this run.
        kept: pictures that were there from an earlier one.
        left_out: near copies of photographs that are used.
        skipped: files that could not be used.
        seconds: wall time.
    """

    output: str
    counts: ExamCounts
    photographs: int
    made: int
    kept: int
    left_out: tuple[LeftOut, ...]
    skipped: tuple[Skipped, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """What ``copylens benchmark make --json`` prints."""
        return {
            "version": 1,
            "output": self.output,
            "counts": self.counts.to_dict(),
            "photographs": {
                "usable": self.photographs,
                "used": self.counts.photographs,
                "near_copies": [
                    {"path": item.path, "kept": item.kept, "score": round(item.score, 6)}
                    for item in self.left_out
                ],
                "skipped": [
                    {"path": item.path, "code": item.code, "reason": item.reason} for item in self.skipped
                ],
            },
            "made": self.made,
            "kept": self.kept,
            "seconds": round(self.seconds, 3),
        }


def make_exam(
    photos: PathLike | Sequence[PathLike],
    output: PathLike,
    settings: ExamSettings | None = None,
    *,
    catalog: PathLike | None = None,
    jobs: int | None = None,
    progress: Progress = silent,
) -> ExamSummary:
    """Make an exam, or finish one that was interrupted.

    The result depends on the photographs' contents, the settings and the versions of CopyLens, Pillow and NumPy:
    not on file names, the order of a folder, or the number of threads.

    Args:
        photos: folders or image files.
        output: a new or empty folder, or one in which the same exam was begun.
        settings: what the exam shall hold.
        catalog: where descriptors are kept that near copies are found with; None takes the user's own.
        jobs: threads; None takes one per processor.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        UsageError: a path does not exist, the folder holds something else, or the photographs are too few.
        OutputError: a file cannot be written.
        CopyLensError: a photograph changed while the exam was made.
    """
    started = time.perf_counter()
    settings = settings or ExamSettings()
    roots, target = path_list(photos), Path(output)
    threads = count_jobs(jobs)
    # Before the work that may take long.
    check_folder(target)
    check_outside(target, roots)
    found = _look_at(roots, settings, catalog, threads, progress)
    plan = plan_exam(len(found.usable), settings)
    folder = open_folder(target, settings, found, plan)
    drawn = draw_pictures(plan, found.usable, settings, target, jobs=threads, progress=progress)
    folder.write_truth(plan)
    folder.write_record(finished=True)
    return ExamSummary(
        output=os.fspath(output),
        counts=plan.counts,
        photographs=len(found.usable),
        made=drawn.made,
        kept=drawn.kept,
        left_out=found.left_out,
        skipped=found.skipped,
        seconds=time.perf_counter() - started,
    )


def _look_at(
    roots: Sequence[str], settings: ExamSettings, catalog: PathLike | None, jobs: int, progress: Progress
) -> Photographs:
    found = find_photographs(
        roots,
        dedupe=settings.dedupe,
        threshold=settings.dedupe_threshold,
        catalog=catalog,
        jobs=jobs,
        progress=progress,
    )
    if not found.usable:
        raise UsageError(f"{', '.join(roots)}: there is no photograph that can be used{_why(found)}.")
    return found


def count_jobs(jobs: int | None) -> int:
    """How many threads; raises UsageError when none could run."""
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {jobs}.")
    return jobs or os.cpu_count() or 1


def _why(found: Photographs) -> str:
    if not found.skipped:
        return ""
    first = found.skipped[0]
    return f" ({len(found.skipped):,} skipped; the first, {first.path}: {first.reason})"
