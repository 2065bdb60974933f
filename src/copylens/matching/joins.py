"""Descriptors in, all pairs whose score reaches a threshold out, without ever holding N x N scores.

Shapes: N, n rows; D dimensions; M pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from copylens.errors import TooManyMatchesError
from copylens.records import Descriptors

BLOCK = 2048
"""Rows of a block; a product of one block and four holds 64 MiB."""
WIDE = 4

MAX_PAIRS = 50_000_000
"""Pairs that are held at most: 20 bytes each, 1 GB."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows, sorted by first, then second.

    Attributes:
        first, second: ``(M,) int64`` row numbers.
        scores: ``(M,) float32``, at most 1.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.first)


class RangeSearcher(Protocol):
    """What a join needs of an index that holds the references under their row numbers."""

    def range_search(self, queries: Descriptors, threshold: float) -> Any:
        """Hits per query: an object with ``offsets``, ``keys`` and ``scores``."""
        ...


class _Collector:
    """Gathers blocks of hits, and refuses when there are too many to hold."""

    def __init__(self, limit: int) -> None:
        self.limit, self.count = limit, 0
        self.parts: list[tuple[npt.NDArray[Any], ...]] = []

    def add(self, first: npt.NDArray[Any], second: npt.NDArray[Any], scores: npt.NDArray[Any]) -> None:
        self.count += len(first)
        if self.count > self.limit:
            raise TooManyMatchesError(
                f"More than {self.limit:,} pairs reach the threshold; raise --threshold and run again "
                "(what was described is kept in the catalog)."
            )
        self.parts.append((first, second, scores))

    def pairs(self) -> Pairs:
        if not self.parts:
            return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
        first, second, scores = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        order = np.lexsort((second, first))
        # Rounding lifts the score of equal rows above 1 by an ulp or two.
        return Pairs(
            first[order].astype(np.int64), second[order].astype(np.int64), np.minimum(scores[order], np.float32(1))
        )


def _no_progress(done: int, total: int) -> None:
    """Nobody watches."""


def self_join(
    descriptors: Descriptors,
    threshold: float,
    *,
    max_pairs: int = MAX_PAIRS,
    progress: Callable[[int, int], None] = _no_progress,
) -> Pairs:
    """All pairs within one collection: ``first < second``, each once, no row with itself.

    Matrix products of blocks, above the diagonal only: half the work of asking an index for every row. Memory: two
    blocks' scores and the pairs.

    Args:
        descriptors: ``(N, D) float32``.
        threshold: a pair counts when its score is at least this.
        max_pairs: refuse to hold more.
        progress: called as ``progress(rows done, N)``.

    Raises:
        TooManyMatchesError: more than `max_pairs` pairs.
    """
    total = len(descriptors)
    found = _Collector(max_pairs)
    for start in range(0, total, BLOCK):
        block = descriptors[start : start + BLOCK]
        for other in range(start, total, BLOCK * WIDE):
            scores = block @ descriptors[other : other + BLOCK * WIDE].T
            row, column = np.nonzero(scores >= threshold)
            above = row + start < column + other
            row, column = row[above], column[above]
            found.add(row + start, column + other, scores[row, column])
        progress(min(start + BLOCK, total), total)
    return found.pairs()


def cross_join(
    queries: Descriptors,
    searcher: RangeSearcher,
    threshold: float,
    *,
    max_pairs: int = MAX_PAIRS,
    progress: Callable[[int, int], None] = _no_progress,
) -> Pairs:
    """All pairs of a query row (first) and a reference key (second).

    Args:
        queries: ``(n, D) float32``.
        searcher: an index whose keys are the references' row numbers.
        threshold: a pair counts when its score is at least this.
        max_pairs: refuse to hold more.
        progress: called as ``progress(rows done, n)``.

    Raises:
        TooManyMatchesError: more than `max_pairs` pairs.
    """
    found = _Collector(max_pairs)
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        hits = searcher.range_search(block, threshold)
        rows = np.repeat(np.arange(start, start + len(block)), np.diff(hits.offsets))
        found.add(rows, hits.keys, hits.scores)
        progress(start + len(block), len(queries))
    return found.pairs()
