"""A file of descriptors that any tool wrote in, the rows that belong to a benchmark's pictures out.

Shapes: N rows of the file, D dimensions, P pictures.
"""

# A Path for each of a million pictures costs several times as much as its text.
# ruff: noqa: PTH100
from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.evaluation.archives import plain_arrays
from copylens.evaluation.nouns import Ints, Picture
from copylens.postprocess import l2_normalised
from copylens.records import Descriptors, ModelIdentity
from copylens.reports.wording import readable

MISSING = -1
"""Stands for a picture that no row belongs to."""

END = 2
"""Last parts that must be equal: folder and name; a bare name is equal to that name in any folder."""

IDENTITY = ("model", "fingerprint")

NAMED = 3
"""Pictures that a message names."""


@dataclass(frozen=True)
class SavedDescriptors:
    """What a file of descriptors holds.

    Attributes:
        file: where it lies.
        paths: N, as whoever wrote them saw them.
        rows: ``(N, D) float32``, L2-normalised.
    """

    file: str
    paths: tuple[str, ...] = field(repr=False)
    rows: Descriptors = field(repr=False)


def read_saved(path: str) -> SavedDescriptors:
    """Read a .npz file in the format that ``copylens describe`` writes.

    Raises:
        UsageError: it cannot be read, or is in another format.
    """
    with _open(path) as archive:
        paths, values = archive["paths"], archive["descriptors"]
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind != "f":
        raise UsageError(
            f"{path}: 'descriptors' must be (N, D) numbers with a fraction, got {values.shape} of {values.dtype}."
        )
    if paths.shape != (len(values),) or paths.dtype.kind != "U":
        raise UsageError(f"{path}: 'paths' must be {len(values)} texts, got {paths.shape} of {paths.dtype}.")
    if not np.isfinite(values).all():
        raise UsageError(f"{path}: 'descriptors' holds numbers that are not finite.")
    return SavedDescriptors(path, tuple(paths.tolist()), l2_normalised(values))


def read_identity(path: str) -> ModelIdentity:
    """Read which model made a file of descriptors, without reading them; empty texts where it does not say.

    Raises:
        UsageError: it cannot be read, or is in another format.
    """
    with _open(path) as archive:
        return ModelIdentity(*(str(archive[name]) if name in archive else "" for name in IDENTITY))


@contextmanager
def _open(path: str) -> Iterator[Mapping[str, npt.NDArray[Any]]]:
    try:
        with plain_arrays(path) as arrays:
            names = sorted(arrays)
            if not {"paths", "descriptors"} <= set(names):
                raise UsageError(
                    f"{path} must hold the arrays 'paths' and 'descriptors'; it holds {', '.join(names) or 'none'}."
                )
            yield arrays
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise UsageError(
            f"{path} is no .npz file of plain arrays, or is damaged; write one with `copylens describe`."
        ) from error


class RowFinder:
    """Finds the rows of a file that belong to pictures, by their paths.

    A row belongs to a picture when one of the two paths is the end of the other, or when both end in the same folder
    and name; or when the row's path is the picture's key. The longest common end wins. What could be meant in two ways
    is refused.
    """

    def __init__(self, saved: SavedDescriptors) -> None:
        self._saved = saved
        self._parts = [_parts(path) for path in saved.paths]
        self._by_end: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for row, parts in enumerate(self._parts):
            self._by_end[parts[-END:]].append(row)
        self._owners: dict[int, Picture] = {}

    def rows_of(self, pictures: Sequence[Picture]) -> Ints:
        """Find the row of each picture, ``(P,) int64``, `MISSING` where there is none.

        Raises:
            UsageError: a picture fits several rows, or a row fits several pictures of this or of an earlier call.
        """
        return np.fromiter((self._row_of(picture) for picture in pictures), np.int64, len(pictures))

    def _row_of(self, picture: Picture) -> int:
        best = self._by_path(_parts(os.path.abspath(picture.path))) or self._by_key(_parts(picture.key))
        if not best:
            return MISSING
        if len(best) > 1:
            first, second = (self._saved.paths[row] for row in best[:2])
            raise UsageError(
                f"{self._saved.file}: {picture.path} fits the rows {first!r} and {second!r}; write each picture "
                "once, with enough of its path to tell it from others."
            )
        owner = self._owners.setdefault(best[0], picture)
        if owner.path != picture.path:
            raise UsageError(
                f"{self._saved.file}: the row {self._saved.paths[best[0]]!r} fits both {owner.path} and "
                f"{picture.path}; write more of its path."
            )
        return best[0]

    def _by_path(self, wanted: tuple[str, ...]) -> list[int]:
        """Rows with the longest end in common with `wanted`."""
        rows = [*self._by_end.get(wanted[-END:], ()), *self._by_end.get(wanted[-1:], ())]
        lengths = [_common_end(self._parts[row], wanted) for row in rows]
        longest = max(lengths, default=0)
        return [row for row, length in zip(rows, lengths, strict=True) if length == longest]

    def _by_key(self, key: tuple[str, ...]) -> list[int]:
        return [row for row in self._by_end.get(key[-END:], ()) if self._parts[row] == key]


def require(rows: Ints, pictures: Sequence[Picture], *, file: str, role: str) -> None:
    """Refuse when a picture has no row; raises UsageError that names some."""
    missing = np.flatnonzero(rows == MISSING)
    if len(missing):
        names = ", ".join(pictures[position].path for position in missing[:NAMED].tolist())
        more = ", ..." if len(missing) > NAMED else ""
        raise UsageError(
            f"{file} has no descriptor of {len(missing):,} of the {len(pictures):,} {role}: {names}{more}. "
            "Every one of them must be there."
        )


def _common_end(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    pairs = zip(reversed(first), reversed(second), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _parts(path: str) -> tuple[str, ...]:
    """Folders and name, without what says nothing."""
    return tuple(part for part in readable(path).replace("\\", "/").split("/") if part not in ("", ".")) or (
        "",
    )
