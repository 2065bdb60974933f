"""A folder in, the pictures below it out: one pass of `os.scandir`, no `stat`, sorted by name.

What counts as a picture, in every benchmark: a file whose suffix, in either case, is one of
`images.IMAGE_EXTENSIONS`. Other files are not looked at, nor names that begin with a dot, nor ``__MACOSX`` folders
(what unpacking on a Mac leaves behind). Whether a picture can be read shows when it is described.
"""

# A benchmark may have a million pictures, and a Path for each costs several times as much as its text.
# ruff: noqa: PTH112, PTH113, PTH118, PTH120
from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from copylens.errors import UsageError
from copylens.evaluation.nouns import Picture
from copylens.images import IMAGE_EXTENSIONS

Folder: TypeAlias = str | os.PathLike[str]
"""A path as a caller gives it."""


def list_pictures(folder: Folder, *, prefix: str = "", noun: str = "the pictures") -> tuple[Picture, ...]:
    """All pictures below a folder, sorted by key.

    Args:
        folder: searched with all folders in it; links are followed, but not back to a folder above.
        prefix: put before each key.
        noun: what the folder holds, for the message.

    Returns:
        Pictures whose keys are `prefix` and the path below `folder` with ``/`` between its parts.

    Raises:
        UsageError: the folder is missing or cannot be read, or there is no picture below it.
    """
    root = existing_folder(folder, noun)
    base = os.path.join(root, "")
    names = sorted(picture_names(root))
    if not names:
        raise UsageError(f"{root}: there is no picture in this folder, but it should hold {noun}.")
    return tuple(Picture(prefix + name, base + name) for name in names)


def picture_names(folder: str, *, deep: bool = True) -> Iterator[str]:
    """Paths below `folder` of its pictures, with ``/`` between their parts, in the order of the disk.

    Args:
        folder: where to look.
        deep: in the folders in it, too.

    Raises:
        UsageError: a folder cannot be read.
    """
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            with os.scandir(os.path.join(folder, below)) as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith("."):
                        continue
                    if entry.is_dir():
                        if deep and name != "__MACOSX" and not (entry.is_symlink() and _leads_up(entry.path)):
                            pending.append(f"{below}{name}/")
                        continue
                    _, dot, suffix = name.rpartition(".")
                    if dot and suffix.lower() in IMAGE_EXTENSIONS:
                        yield below + name
        except OSError as error:
            where = error.filename or os.path.join(folder, below)
            raise UsageError(f"{where}: cannot be read: {error.strerror or error}.") from error


def _leads_up(link: str) -> bool:
    """Whether a link to a folder leads to one above it, so that the walk would never end."""
    target = os.path.realpath(link)
    here = os.path.realpath(os.path.dirname(link))
    return here == target or here.startswith(os.path.join(target, ""))


def existing_folder(path: Folder, noun: str) -> str:
    """The path of a folder as text.

    Raises:
        UsageError: it is no folder.
    """
    text = os.fspath(path)
    if os.path.isdir(text):
        return text
    what = "not a folder" if os.path.lexists(text) else "no such folder"
    raise UsageError(f"{text}: {what}; it should hold {noun}.")


def subfolders(folder: str) -> list[str]:
    """Names of the folders in a folder, sorted, those left out that `picture_names` would not enter.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read: {error.strerror or error}.") from error


def first_existing_file(folder: str, names: Sequence[str]) -> str | None:
    """The first of `names` that is a file below `folder`, as a path; None when there is none."""
    paths = (os.path.join(folder, name) for name in names)
    return next((path for path in paths if os.path.isfile(path)), None)


def lacking(found: int, wanted: int, noun: str, first: str = "") -> str:
    """Words for what is missing, e.g. ``"3 of 25,000 queries (the first is Q00017)"``."""
    which = f" (the first is {first})" if first else ""
    return f"{wanted - found:,} of {wanted:,} {noun}{which}"


def incomplete(folder: str, what: str, lacks: Sequence[str], address: str) -> UsageError:
    """The error for a folder in which something is missing.

    Args:
        folder: as it was given.
        what: the benchmark and split, e.g. ``"DISC2021, split dev-I"``.
        lacks: words for what is missing, as of `lacking`; at least one.
        address: where to get it.
    """
    return UsageError(
        f"{folder}: not the whole of {what}: it lacks {' and '.join(lacks)}; get them from {address}, "
        "or allow a partial benchmark."
    )
