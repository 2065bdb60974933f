"""What a person writes after ``copylens train`` in, one source of all those pictures out."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from copylens.errors import UsageError
from copylens.training.data.files import read_list, walk
from copylens.training.data.shards import ShardPictures, is_shard
from copylens.training.data.sources import JoinedPictures, PictureSource
from copylens.training.data.tables import TablePictures, is_table

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_COMPRESSED = (".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")


def open_pictures(specs: Sequence[str | os.PathLike[str]] | str | os.PathLike[str]) -> PictureSource:
    """Open all pictures of one or several places; nothing is decoded yet.

    A place is a folder of pictures; a list of paths (``.txt``), relative to its folder; a tar archive, or a folder
    of them; a Parquet file with an image column, or a folder of them; one picture; or a pattern of any of these,
    such as ``train-*.tar`` or ``train-{000..008}.tar``. A file that two places lead to is taken once.

    Pictures are numbered as they come: picture files first, then lists, shards and tables.

    Raises:
        UsageError: a place is missing or of a kind that cannot be read, or there are no pictures at all.
        MissingExtraError: a Parquet file without pyarrow.
    """
    given = [specs] if isinstance(specs, (str, os.PathLike)) else list(specs)
    if not given:
        raise UsageError(
            "No pictures given; name a folder, a list (.txt), shards (.tar) or tables (.parquet)."
        )
    places = _Places()
    for spec in given:
        for place in _expand(os.fspath(spec)):
            places.add(place)
    parts = places.sources()
    source = parts[0] if len(parts) == 1 else JoinedPictures(parts)
    if not len(source):
        why = f" ({source.skipped[0].path}: {source.skipped[0].reason})" if source.skipped else ""
        raise UsageError(f"{', '.join(os.fspath(spec) for spec in given)}: no pictures found there{why}.")
    return source


@dataclass
class _Places:
    """What was named, by kind."""

    files: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        """Sort one place in; raises UsageError for one that is nothing of the kind."""
        if not os.path.lexists(place):
            raise UsageError(f"{place}: no such file or folder.")
        if Path(place).is_dir():
            self._add_folder(place)
        elif place.lower().endswith(_COMPRESSED):
            raise UsageError(
                f"{place}: pictures cannot be read from the middle of a compressed archive; unpack it to a plain .tar."
            )
        elif is_shard(place):
            self.shards.append(place)
        elif is_table(place):
            self.tables.append(place)
        else:
            (self.lists if place.lower().endswith(".txt") else self.files).append(place)

    def _add_folder(self, folder: str) -> None:
        """Take the shards or tables of a folder, or else its pictures."""
        inside = [path for path in _plain_files(folder) if is_shard(path) or is_table(path)]
        if not inside:
            self.files.append(folder)
            return
        if len(walk([folder])):
            pattern = Path(folder) / f"*{Path(inside[0]).suffix}"
            raise UsageError(
                f"{folder} holds pictures and also {Path(inside[0]).name}; name those that you mean, for example "
                f"'{pattern}' or '{Path(folder) / '**' / '*.jpg'}'."
            )
        self.shards += [path for path in inside if is_shard(path)]
        self.tables += [path for path in inside if is_table(path)]

    def sources(self) -> list[PictureSource]:
        """One source for each kind of place there is."""
        parts: list[PictureSource] = []
        if self.files:
            parts.append(walk(self.files))
        parts += [read_list(path) for path in _once(self.lists)]
        if self.shards:
            parts.append(ShardPictures(_once(self.shards)))
        if self.tables:
            parts.append(TablePictures(_once(self.tables)))
        return parts


def _plain_files(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield str(Path(parent) / name)


def _expand(spec: str) -> list[str]:
    """Expand braces as a shell does, then ``*``, ``?`` and ``[...]``; a name that exists is taken as it is."""
    if os.path.lexists(spec):
        return [spec]
    places: list[str] = []
    for pattern in _expand_braces(spec):
        if os.path.lexists(pattern) or not glob.has_magic(pattern):
            places.append(pattern)
            continue
        # pathlib's patterns cannot be absolute.
        matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        if not matches:
            raise UsageError(f"{pattern}: nothing matches this pattern.")
        places += matches
    return places


def _expand_braces(pattern: str) -> list[str]:
    found = _BRACES.search(pattern)
    if found is None:
        return [pattern]
    span = _RANGE.fullmatch(found[1])
    if span is None:
        choices = found[1].split(",")
    else:
        first, last = int(span[1]), int(span[2])
        numbers = range(first, last + 1) if first <= last else range(first, last - 1, -1)
        choices = [str(number).zfill(len(span[1])) for number in numbers]
    before, after = pattern[: found.start()], pattern[found.end() :]
    return [text for choice in choices for text in _expand_braces(before + choice + after)]


def _once(paths: Sequence[str]) -> list[str]:
    """Leave out files that were named before, by whatever path."""
    return list({os.path.realpath(path): path for path in reversed(paths)}.values())[::-1]
