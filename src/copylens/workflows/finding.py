"""Roots in, the files of a scan out: each file once, on one side, however its path is spelled."""

# As in the walk itself: a million files, and paths stay the user's own text.
# ruff: noqa: PTH100, PTH114, PTH116
from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from copylens.images import IMAGE_EXTENSIONS, find_images
from copylens.records import FoundFile, Skipped
from copylens.workflows.settings import FileSettings, Progress

EVERY = 500
"""Files between two calls of the progress."""


@dataclass
class Found:
    """What a walk saw.

    Attributes:
        roots: where it began.
        files: candidates, in the order of the walk.
        skipped: what the walk could not take, in its order.
    """

    roots: tuple[str, ...] = ()
    files: list[FoundFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def find(roots: Sequence[str], files: FileSettings, *, progress: Progress) -> Found:
    """Walk `roots`; raises UsageError when one of them does not exist."""
    return find_sides(roots, (), files, progress=progress)[0]


def find_sides(
    new: Sequence[str], known: Sequence[str], files: FileSettings, *, progress: Progress
) -> tuple[Found, Found]:
    """Walk the roots of both sides of a comparison.

    A file that lies on both sides is new only, also when it is known by another spelling of its path or through
    a link: otherwise it would be called a copy of itself.

    Raises:
        UsageError: a root does not exist.
    """
    sides = Found(tuple(new)), Found(tuple(known))
    count = 0
    for side in sides:
        for item in _walk(side.roots, files):
            if isinstance(item, Skipped):
                side.skipped.append(item)
                continue
            side.files.append(item)
            count += 1
            if count % EVERY == 0:
                progress("find", count, None)
    progress("find", count, count)
    if known:
        _leave_out(sides[1], sides[0])
    return sides


def _walk(roots: Sequence[str], files: FileSettings) -> Iterator[FoundFile | Skipped]:
    extensions = IMAGE_EXTENSIONS if files.extensions is None else frozenset(files.extensions)
    return find_images(roots, extensions=extensions, exclude=files.exclude, hidden=files.hidden)


Identity: TypeAlias = tuple[tuple[int, int] | str, str]
"""A file's folder, as the system numbers it, and its name there."""


def _leave_out(known: Found, new: Found) -> None:
    """Take from `known` what `new` holds, too."""
    identities = _Identities()
    taken = {identities.of(file.path) for file in new.files}
    taken.update(identities.of(item.path) for item in new.skipped)
    known.files = [file for file in known.files if identities.of(file.path) not in taken]
    known.skipped = [item for item in known.skipped if identities.of(item.path) not in taken]


class _Identities:
    """Paths in, what they name out; each folder is looked up once."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[int, int] | str] = {}

    def of(self, path: str) -> Identity:
        real = os.path.realpath(path) if os.path.islink(path) else path
        folder, name = os.path.split(real)
        if folder not in self._folders:
            self._folders[folder] = _folder_identity(folder)
        return self._folders[folder], name


def _folder_identity(folder: str) -> tuple[int, int] | str:
    try:
        status = os.stat(folder or os.curdir)
    except OSError:
        # Gone, or barred: then its text has to do.
        return os.path.abspath(folder)
    return status.st_dev, status.st_ino
