"""Folders, single files and lists of paths in, a source of picture files out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from copylens.errors import UsageError
from copylens.images import find_images, read_file
from copylens.records import FoundFile, Skipped
from copylens.training.data.sources import PictureSource, signature_digest

_ABSENT = -1


class PictureFiles(PictureSource):
    """Files on the disk.

    Args:
        paths: of the pictures.
        names: what they are called for the digest; without the place where they lie, so that it may change.
        sizes: in bytes.
        skipped: what could not be taken in.
    """

    def __init__(
        self,
        paths: Sequence[str],
        names: Sequence[str],
        sizes: Sequence[int],
        skipped: Sequence[Skipped] = (),
    ) -> None:
        self._paths = list(paths)
        self._digest = signature_digest(zip(names, sizes, strict=True))
        self.skipped = tuple(skipped)

    def __len__(self) -> int:
        return len(self._paths)

    def name(self, number: int) -> str:
        """As `PictureSource.name`."""
        return self._paths[number]

    def read(self, number: int) -> bytes:
        """As `PictureSource.read`."""
        return read_file(self._paths[number])

    @property
    def digest(self) -> str:
        """As `PictureSource.digest`."""
        return self._digest


def walk(roots: Sequence[str]) -> PictureFiles:
    """Find the pictures in folders, each once even where folders overlap; files are taken whatever their suffix."""
    found: list[FoundFile] = []
    skipped: list[Skipped] = []
    for entry in find_images(roots):
        if isinstance(entry, FoundFile):
            found.append(entry)
        elif entry.code != "directory":
            skipped.append(entry)
    paths = [file.path for file in found]
    starts = [os.path.join(root, "") for root in roots]  # noqa: PTH118 - the text that the walk's paths start with
    return PictureFiles(
        paths, [_below(path, starts) for path in paths], [file.size for file in found], skipped
    )


def _below(path: str, starts: Sequence[str]) -> str:
    for start in starts:
        if path.startswith(start):
            return path[len(start) :]
    return Path(path).name


def read_list(path: str) -> PictureFiles:
    """Read a text file with one path a line, relative to the folder of the list; blank lines are left out.

    A file that is missing stays in the list: it is a broken picture, which the loader replaces and reports.

    Raises:
        UsageError: the list cannot be read or is no text, or none of its files is there.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"{path}: the list cannot be read: {error.strerror}.") from error
    if "\0" in text:
        raise UsageError(f"{path}: not a list of paths; write UTF-8 text with one path a line.")
    names = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    folder = Path(path).parent
    paths = [str(folder / name) for name in names]
    sizes = [_size(entry) for entry in paths]
    if names and max(sizes) == _ABSENT:
        raise UsageError(
            f"{path}: none of its {len(names):,} files is there, such as {paths[0]}; write one path a line, "
            "relative to the folder of the list."
        )
    return PictureFiles(paths, names, sizes)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return _ABSENT
