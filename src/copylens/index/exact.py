"""The oracle: NumPy matrix products, block by block, with every reference compared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from copylens.index.base import Keys, Rows, Scores, VectorIndex
from copylens.records import Descriptors

BLOCK_VALUES = 1 << 24
"""Scores in one product: 64 MiB; a single query's, where there are more references than this."""


class ExactIndex(VectorIndex):
    """References in one array; a search holds one product of `BLOCK_VALUES`, its order and its hits."""

    def __init__(self, dims: int) -> None:
        super().__init__(dims)
        self._keys = np.empty(0, np.int64)
        self._rows = np.empty((0, dims), np.float32)

    def _add(self, keys: Keys, descriptors: Descriptors) -> None:
        keys, rows = np.concatenate((self._keys, keys)), np.concatenate((self._rows, descriptors))
        # By key, so that a stable sort by score leaves ties in key order.
        order = np.argsort(keys, kind="stable")
        self._keys, self._rows = keys[order], rows[order]

    def _search(self, queries: Descriptors, k: int) -> tuple[Keys, Scores]:
        keys = np.empty((len(queries), k), np.int64)
        scores = np.empty((len(queries), k), np.float32)
        for start, block in self._blocks(queries):
            best = np.argsort(-block, axis=1, kind="stable")[:, :k]
            keys[start : start + len(block)] = self._keys[best]
            scores[start : start + len(block)] = np.take_along_axis(block, best, axis=1)
        return keys, scores

    def _range(self, queries: Descriptors, threshold: np.float32) -> tuple[Rows, Keys, Scores]:
        rows, keys, scores = [], [], []
        for start, block in self._blocks(queries):
            row, column = np.nonzero(block >= threshold)
            rows.append(row + start)
            keys.append(self._keys[column])
            scores.append(block[row, column])
        return np.concatenate(rows).astype(np.int64), np.concatenate(keys), np.concatenate(scores)

    def _blocks(self, queries: Descriptors) -> Iterator[tuple[int, Scores]]:
        step = max(1, BLOCK_VALUES // len(self._rows))
        for start in range(0, len(queries), step):
            yield start, queries[start : start + step] @ self._rows.T
