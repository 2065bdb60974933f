"""Descriptors in, all pairs whose score reaches a threshold out, without ever holding N x N scores.

Shapes: N, n rows; D dimensions; M pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copylens.errors import TooManyMatchesError, UsageError
from copylens.matching.contents import Ints
from copylens.records import Descriptors

BLOCK = 2048
"""Rows of a block; the scores of one block and four take 64 MiB."""
WIDE = 4

MAX_PAIRS = 50_000_000
"""Pairs that are held at most: 20 bytes each, 1 GB, and as much again while the blocks are put together."""

LEAST = np.float32(-1.0 - 2.0**-20)
"""What a threshold of -1 asks for."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows; a join gives them sorted by first, then second.

    Attributes:
        first, second: ``(M,) int64`` row numbers.
        scores: ``(M,) float32``, at most 1.
        origins: ``(M,) int64``, what scored: 0 the two wholes, v + 1 view v of the first and the whole of the second,
            -(v + 1) the other way round; None where only wholes were compared.
    """

    first: Ints
    second: Ints
    scores: Scores
    origins: Ints | None = None

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.first)


def no_progress(done: int, total: int) -> None:
    """Nobody watches."""


def self_join(
    descriptors: Descriptors,
    threshold: float,
    *,
    max_pairs: int = MAX_PAIRS,
    progress: Callable[[int, int], None] = no_progress,
) -> Pairs:
    """Find all pairs within one collection: ``first < second``, each once, no row with itself.

    Matrix products of blocks, above the diagonal only: half the work of asking an index for every row. Each
    pair's score is computed once, with the lower row on the left, so rounding can neither lose a pair nor
    give it twice. Memory: one product of `BLOCK` by `BLOCK` x `WIDE` scores, and the pairs.

    Args:
        descriptors: ``(N, D) float32``, finite.
        threshold: a pair counts when its score is at least this.
        max_pairs: refuse to hold more.
        progress: called as ``progress(rows done, N)``.

    Raises:
        UsageError: another shape or type, values that are not finite, or a threshold that is not a number.
        TooManyMatchesError: more than `max_pairs` pairs.
    """
    join = _Join(_checked(descriptors), _checked(descriptors), threshold, max_pairs)
    for start in range(0, len(descriptors), BLOCK):
        # What lies left of the diagonal was seen from the other side.
        join.add_rows(start, from_column=start, above_diagonal=True)
        progress(min(start + BLOCK, len(descriptors)), len(descriptors))
    return join.pairs()


def cross_join(
    queries: Descriptors,
    references: Descriptors,
    threshold: float,
    *,
    max_pairs: int = MAX_PAIRS,
    progress: Callable[[int, int], None] = no_progress,
) -> Pairs:
    """Find all pairs of a query row (first) and a reference row (second).

    Args:
        queries: ``(n, D) float32``, finite.
        references: ``(N, D) float32``, finite.
        threshold: a pair counts when its score is at least this.
        max_pairs: refuse to hold more.
        progress: called as ``progress(rows done, n)``.

    Raises:
        UsageError: another shape or type, values that are not finite, or a threshold that is not a number.
        TooManyMatchesError: more than `max_pairs` pairs.
    """
    join = _Join(_checked(queries), _checked(references), threshold, max_pairs)
    for start in range(0, len(queries), BLOCK):
        join.add_rows(start)
        progress(min(start + BLOCK, len(queries)), len(queries))
    return join.pairs()


class _Join:
    """Pairs found so far; refuses when there are too many to hold."""

    def __init__(self, rows: Descriptors, columns: Descriptors, threshold: float, max_pairs: int) -> None:
        if rows.shape[1] != columns.shape[1]:
            raise UsageError(
                f"One side has {rows.shape[1]} dimensions, the other {columns.shape[1]}; "
                "describe both with one model."
            )
        self.rows, self.columns = rows, columns
        self.least = least_score(threshold)
        self.max_pairs, self.count = max_pairs, 0
        self.blocks = [Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        # Used again for every product: touching fresh memory takes as long as the product itself.
        size = min(BLOCK, len(rows)) * min(BLOCK * WIDE, len(columns))
        self._scores, self._hits = np.empty(size, np.float32), np.empty(size, bool)

    def add_rows(self, start: int, *, from_column: int = 0, above_diagonal: bool = False) -> None:
        """Compare the block of rows at `start` with all columns from `from_column` on."""
        parts = []
        for other in range(from_column, len(self.columns), BLOCK * WIDE):
            first, second, scores = self._product(start, other)
            if above_diagonal:
                above = first < second
                first, second, scores = first[above], second[above], scores[above]
            self.count += len(first)
            if self.count > self.max_pairs:
                raise TooManyMatchesError(
                    f"More than {self.max_pairs:,} pairs reach the threshold; raise --threshold and run "
                    "again (what was described is kept in the catalog)."
                )
            parts.append((first, second, scores))
        if parts:
            first, second, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
            order = np.lexsort((second, first))
            self.blocks.append(Pairs(first[order], second[order], scores[order]))

    def pairs(self) -> Pairs:
        """All pairs; blocks came in row order, and each is sorted."""
        return Pairs(
            np.concatenate([block.first for block in self.blocks]),
            np.concatenate([block.second for block in self.blocks]),
            np.concatenate([block.scores for block in self.blocks]),
        )

    def _product(self, start: int, other: int) -> tuple[Ints, Ints, Scores]:
        rows, columns = self.rows[start : start + BLOCK], self.columns[other : other + BLOCK * WIDE]
        size = len(rows) * len(columns)
        scores, hits = self._scores[:size], self._hits[:size]
        np.matmul(rows, columns.T, out=scores.reshape(len(rows), len(columns)))
        np.greater_equal(scores, self.least, out=hits)
        # NumPy finds the hits of a flat mask 15 times as fast as those of a matrix.
        found = np.flatnonzero(hits)
        first, second = np.divmod(found, len(columns))
        # Rounding lifts the score of equal rows above 1 by an ulp or two.
        return first + start, second + other, np.minimum(scores[found], np.float32(1))


def _checked(descriptors: Descriptors) -> Descriptors:
    if descriptors.ndim != 2 or descriptors.dtype != np.float32:
        raise UsageError(f"Descriptors must be (N, D) float32, got {descriptors.shape} {descriptors.dtype}.")
    for start in range(0, len(descriptors), BLOCK):
        if not np.isfinite(descriptors[start : start + BLOCK]).all():
            raise UsageError("Descriptors must be finite numbers.")
    return descriptors


def least_score(threshold: float) -> np.float32:
    """Round up to float32, so that every score is ``>= threshold`` as written: the nearest may lie below."""
    if not np.isfinite(threshold):
        raise UsageError(f"The threshold must be a number, got {threshold}.")
    if threshold > 1:
        # No score is above 1, whatever rounding does.
        return np.float32(np.inf)
    if threshold == -1:
        # The least that rows of length 1 can have, which rounding may lower by an ulp or two.
        return LEAST
    # Below -2 all thresholds mean the same, and float32 could not hold them all.
    nearest = np.float32(max(threshold, -2.0))
    return nearest if float(nearest) >= max(threshold, -2.0) else np.nextafter(nearest, np.float32(1))
