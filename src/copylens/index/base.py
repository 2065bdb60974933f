"""The interface of every index: keys and descriptors in; neighbours by descending score out.

Shapes: N references, n queries, D dimensions, k neighbours, M hits in all. Public methods validate, the
abstract ones store and search. Equal scores are ordered by ascending key, so an answer is one answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.records import Descriptors

Keys = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

CHECK_BLOCK = 1 << 14
"""Rows whose finiteness is looked at together, so that the check needs no second copy of a collection."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k best references of each query.

    Attributes:
        keys: ``(n, k) int64``, -1 where there are fewer than k references.
        scores: ``(n, k) float32``, -inf there.
        counts: ``(n,) int64``, how many are real.
    """

    keys: Keys
    scores: Scores
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RangeResult:
    """All references whose score reaches a threshold; those of query i are ``[offsets[i]:offsets[i + 1]]``.

    Attributes:
        offsets: ``(n + 1,) int64``.
        keys: ``(M,) int64``.
        scores: ``(M,) float32``.
    """

    offsets: npt.NDArray[np.int64]
    keys: Keys
    scores: Scores


class VectorIndex(ABC):
    """References by key, searchable by inner product.

    Args:
        dims: D.
    """

    def __init__(self, dims: int) -> None:
        if dims < 1:
            raise UsageError(f"An index needs at least one dimension, got {dims}.")
        self.dims = dims
        self._known: set[int] = set()

    def __len__(self) -> int:
        """How many references there are."""
        return len(self._known)

    def add(self, keys: Keys, descriptors: Descriptors) -> None:
        """Add references.

        Args:
            keys: ``(N,) int64``, non-negative, new to this index.
            descriptors: ``(N, D) float32``, finite.

        Raises:
            UsageError: another shape or type, a value that is not finite, or a key that is negative or there
                already; then nothing is added.
        """
        vectors = self._checked(descriptors)
        ids = np.asarray(keys)
        if ids.shape != (len(vectors),) or ids.dtype != np.int64:
            raise UsageError(f"Keys must be ({len(vectors)},) int64, got {ids.shape} {ids.dtype}.")
        fresh = set(ids.tolist())
        if len(fresh) != len(ids) or fresh & self._known:
            raise UsageError("Keys must be distinct and new to the index.")
        if len(ids) and int(ids.min()) < 0:
            raise UsageError("Keys must not be negative: -1 stands for no neighbour.")
        if len(ids):
            self._add(ids, vectors)
            self._known |= fresh

    def search(self, queries: Descriptors, k: int) -> Neighbours:
        """Find the k best references of each query.

        Args:
            queries: ``(n, D) float32``.
            k: at least 1.

        Raises:
            UsageError: another shape or type, or a k below 1.
        """
        vectors = self._checked(queries)
        if k < 1:
            raise UsageError(f"k must be at least 1, got {k}.")
        keys = np.full((len(vectors), k), -1, dtype=np.int64)
        scores = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        real = min(k, len(self))
        if real and len(vectors):
            keys[:, :real], scores[:, :real] = self._search(vectors, real)
        return Neighbours(keys, scores, np.full(len(vectors), real, dtype=np.int64))

    def range_search(self, queries: Descriptors, threshold: float) -> RangeResult:
        """Find all references with ``score >= threshold``, best first.

        Args:
            queries: ``(n, D) float32``.
            threshold: a score.

        Raises:
            UsageError: another shape or type, or a threshold that is not a number.
        """
        vectors = self._checked(queries)
        if not np.isfinite(threshold):
            raise UsageError(f"The threshold must be a number, got {threshold}.")
        if not len(self) or not len(vectors):
            empty = np.zeros(len(vectors) + 1, dtype=np.int64)
            return RangeResult(empty, np.empty(0, np.int64), np.empty(0, np.float32))
        rows, keys, scores = self._range(vectors, _least_score(threshold))
        order = np.lexsort((keys, -scores, rows))
        counts = np.bincount(rows, minlength=len(vectors))
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return RangeResult(offsets, keys[order], scores[order])

    @abstractmethod
    def _add(self, keys: Keys, descriptors: Descriptors) -> None:
        """Store at least one reference."""

    @abstractmethod
    def _search(self, queries: Descriptors, k: int) -> tuple[Keys, Scores]:
        """``(n, k)`` keys and scores, best first, ties by key; k is at most the number of references."""

    @abstractmethod
    def _range(self, queries: Descriptors, threshold: np.float32) -> tuple[Rows, Keys, Scores]:
        """``(M,)`` query rows, keys and scores of all hits, in any order."""

    def _checked(self, descriptors: Descriptors) -> Descriptors:
        if descriptors.ndim != 2 or descriptors.shape[1] != self.dims or descriptors.dtype != np.float32:
            raise UsageError(
                f"Descriptors must be (N, {self.dims}) float32, got {descriptors.shape} {descriptors.dtype}."
            )
        for start in range(0, len(descriptors), CHECK_BLOCK):
            if not np.isfinite(descriptors[start : start + CHECK_BLOCK]).all():
                raise UsageError("Descriptors must be finite numbers.")
        return np.ascontiguousarray(descriptors)


def _least_score(threshold: float) -> np.float32:
    """Round up to float32, so that every hit is ``>= threshold`` as written: the nearest may lie below."""
    # Kept where float32 has room; no product of descriptors comes near.
    wanted = min(max(float(threshold), -1e38), 1e38)
    nearest = np.float32(wanted)
    return nearest if float(nearest) >= wanted else np.nextafter(nearest, np.float32(np.inf))
