"""Which files hold a content, and how two contents equal each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from copylens.records import CopyKind, MatchedView, View, ViewSide

Ints: TypeAlias = npt.NDArray[np.int64]
PixelPairs: TypeAlias = set[frozenset[int]]


def pixel_pairs(pairs: Collection[tuple[int, int]]) -> PixelPairs:
    """Pairs of contents with equal pixels, whichever way round they were given."""
    return {frozenset(pair) for pair in pairs}


def files_of(contents: Ints, count: int) -> list[list[int]]:
    """For each of `count` contents the positions of the files that hold it, ascending."""
    files: list[list[int]] = [[] for _ in range(count)]
    for file, content in enumerate(contents.tolist()):
        files[content].append(file)
    return files


def copy_kind(first: int, second: int, same_pixels: PixelPairs) -> CopyKind:
    """How two contents that match equal each other."""
    if first == second:
        return "bytes"
    return "pixels" if frozenset((first, second)) in same_pixels else "near"


def matched_view(
    origin: int, views: Sequence[View], *, first: ViewSide, second: ViewSide
) -> MatchedView | None:
    """Say which view scored, from an entry of `Pairs.origins`; None for the two wholes."""
    if origin == 0:
        return None
    return MatchedView(first if origin > 0 else second, views[abs(origin) - 1])
