"""FAISS's flat inner-product index behind the same interface; every reference is compared here too."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

from copylens.index.base import Keys, Scores, VectorIndex
from copylens.records import Descriptors

QUERY_BLOCK = 4096
"""Queries per call of a range search, whose hits FAISS collects before it returns."""


class FaissIndex(VectorIndex):
    """``IndexFlatIP`` over rows in order of arrival, with our own array from row to key."""

    def __init__(self, dims: int) -> None:
        super().__init__(dims)
        self._index = faiss.IndexFlatIP(dims)
        self._keys = np.empty(0, np.int64)

    def _add(self, keys: Keys, descriptors: Descriptors) -> None:
        self._index.add(descriptors)
        self._keys = np.concatenate((self._keys, keys))

    def _search(self, queries: Descriptors, k: int) -> tuple[Keys, Scores]:
        # FAISS breaks ties at the k-th place as it likes; asking for all that equal the k-th settles them by key.
        scores, rows = self._index.search(queries, k)
        keys = self._keys[rows]
        order = np.lexsort((keys, -scores), axis=1)
        keys, scores = np.take_along_axis(keys, order, 1), np.take_along_axis(scores, order, 1)
        if k < len(self):
            self._settle_ties(queries, keys, scores, k)
        return keys, scores

    def _settle_ties(self, queries: Descriptors, keys: Keys, scores: Scores, k: int) -> None:
        more, _ = self._index.search(queries, k + 1)
        for row in np.flatnonzero(more[:, k] == scores[:, k - 1]):
            last = scores[row, k - 1]
            _, hits, found = self._range(queries[row : row + 1], last)
            order = np.lexsort((hits, -found))[:k]
            keys[row], scores[row] = hits[order], found[order]

    def _range(self, queries: Descriptors, threshold: np.float32) -> tuple[npt.NDArray[np.int64], Keys, Scores]:
        rows, keys, scores = [], [], []
        # FAISS keeps what is strictly above its radius; a match is at or above the threshold.
        radius = float(np.nextafter(np.float32(threshold), np.float32(-np.inf)))
        for start in range(0, len(queries), QUERY_BLOCK):
            block = queries[start : start + QUERY_BLOCK]
            offsets, found, hits = self._index.range_search(block, radius)
            rows.append(np.repeat(np.arange(start, start + len(block)), np.diff(offsets.astype(np.int64))))
            keys.append(self._keys[hits])
            scores.append(found)
        return np.concatenate(rows).astype(np.int64), np.concatenate(keys), np.concatenate(scores)
