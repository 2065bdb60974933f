"""Folders in, the photographs that an exam may use out: readable, large enough, and no two of them near copies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from copylens.errors import ImageError, UsageError
from copylens.images import content_hash, decode, read_file
from copylens.records import Skipped
from copylens.workflows.finding import find
from copylens.workflows.scan import scan_with
from copylens.workflows.settings import FileSettings, ModelSettings, PathLike, Progress

SMALLEST = 64
"""Short side, in pixels, below which a picture is no photograph to edit."""

_KEEP = "resolution,bytes,format"


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file that an exam may use, with the hash of the bytes that were looked at."""

    path: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A photograph that is a near copy of one that is used."""

    path: str
    kept: str
    score: float


@dataclass(frozen=True)
class Photographs:
    """What lies in the folders.

    Attributes:
        usable: sorted by content, so that the order is the same wherever they lie and whatever they are called.
        left_out: near copies, by path.
        skipped: files that cannot be read or are too small, by path.
    """

    usable: tuple[Photograph, ...] = field(repr=False)
    left_out: tuple[LeftOut, ...]
    skipped: tuple[Skipped, ...]

    @property
    def digest(self) -> str:
        """32 hex digits of the contents of all usable photographs."""
        text = "".join(photograph.content_hash for photograph in self.usable)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def find_photographs(
    roots: Sequence[str],
    *,
    dedupe: bool,
    threshold: float | None,
    catalog: PathLike | None,
    jobs: int,
    progress: Progress,
) -> Photographs:
    """Look at every picture below `roots`.

    Args:
        roots: folders or files.
        dedupe: find near copies with the bundled descriptor and keep one of each group.
        threshold: score from which two are near copies; None takes the model's.
        catalog: where descriptors are kept; None takes the user's own.
        jobs: decoding threads.
        progress: called as ``progress(stage, done, total)``.

    Raises:
        UsageError: a root does not exist.
        ModelError, CatalogError: near copies cannot be looked for.
    """
    if dedupe:
        return _without_near_copies(roots, threshold, catalog, jobs, progress)
    return _all_readable(roots, jobs, progress)


def _without_near_copies(
    roots: Sequence[str], threshold: float | None, catalog: PathLike | None, jobs: int, progress: Progress
) -> Photographs:
    result = scan_with(
        roots,
        against=(),
        model=ModelSettings(),
        threshold=threshold,
        keep=_KEEP,
        catalog=catalog,
        files=FileSettings(workers=jobs),
        progress=progress,
    )
    left_out = {
        member.path: LeftOut(member.path, group.keeper, member.score)
        for group in result.groups
        for member in group.members
    }
    large: list[Photograph] = []
    skipped = list(result.skipped)
    for path, facts in result.images.items():
        if path in left_out:
            continue
        if min(facts.width, facts.height) < SMALLEST:
            skipped.append(_too_small(path, facts.width, facts.height))
        else:
            large.append(Photograph(path, facts.content_hash))
    return _sorted(large, list(left_out.values()), skipped)


def _all_readable(roots: Sequence[str], jobs: int, progress: Progress) -> Photographs:
    found = find(roots, FileSettings(), progress=progress)
    skipped = list(found.skipped)
    usable: dict[str, Photograph] = {}
    left_out: list[LeftOut] = []
    paths = [file.path for file in found.files]
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="copylens-read")
    try:
        for done, (path, seen) in enumerate(zip(paths, pool.map(_look, paths), strict=True), 1):
            if isinstance(seen, Skipped):
                skipped.append(seen)
            elif seen.content_hash in usable:
                # The same bytes twice are one photograph, whatever was asked for.
                left_out.append(LeftOut(path, usable[seen.content_hash].path, 1.0))
            else:
                usable[seen.content_hash] = seen
            progress("verify", done, len(paths))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return _sorted(list(usable.values()), left_out, skipped)


def _look(path: str) -> Photograph | Skipped:
    try:
        data = read_file(path)
        facts = decode(data, box=(SMALLEST, SMALLEST)).facts
    except ImageError as error:
        return Skipped(path, error.code, error.reason)
    if min(facts.width, facts.height) < SMALLEST:
        return _too_small(path, facts.width, facts.height)
    return Photograph(path, content_hash(data))


def _too_small(path: str, width: int, height: int) -> Skipped:
    return Skipped(
        path, "too-small", f"{width} x {height} pixels; an exam needs {SMALLEST} on the short side"
    )


def _sorted(usable: list[Photograph], left_out: list[LeftOut], skipped: list[Skipped]) -> Photographs:
    return Photographs(
        usable=tuple(sorted(usable, key=lambda photograph: photograph.content_hash)),
        left_out=tuple(sorted(left_out, key=lambda item: item.path)),
        skipped=tuple(sorted(skipped, key=lambda item: item.path)),
    )


def check_outside(output: Path, roots: Sequence[str]) -> None:
    """Refuse an exam inside its own photographs, where the next run would take it for photographs.

    Raises:
        UsageError: it lies there.
    """
    target = os.path.realpath(output)
    for root in roots:
        real = os.path.realpath(root)
        if Path(real).is_dir() and os.path.commonpath((real, target)) == real:
            raise UsageError(f"{output} lies inside {root}; choose a place outside the photographs.")
