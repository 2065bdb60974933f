"""FAISS's flat inner-product index behind the same interface; every reference is compared here too."""

from __future__ import annotations

import faiss
import numpy as np

from copylens.index.base import Keys, Rows, Scores, VectorIndex
from copylens.records import Descriptors

QUERY_BLOCK = 4096
"""Queries per call of a range search, whose hits FAISS collects before it returns."""

TIE_VALUES = 1 << 22
"""Neighbours in memory at a time while ties are settled: 48 MiB."""


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
        keys, scores = self._ranked(queries, min(k + 1, len(self)))
        if k < len(self):
            self._settle_ties(queries, keys, scores, k)
        return keys[:, :k], scores[:, :k]

    def _ranked(self, queries: Descriptors, k: int) -> tuple[Keys, Scores]:
        scores, rows = self._index.search(queries, k)
        keys = self._keys[rows]
        order = np.lexsort((keys, -scores), axis=1)
        return np.take_along_axis(keys, order, 1), np.take_along_axis(scores, order, 1)

    def _settle_ties(self, queries: Descriptors, keys: Keys, scores: Scores, k: int) -> None:
        # FAISS breaks ties at the k-th place as it likes; asking for more, until one is worse, settles them
        # by key. Each answer is taken whole: FAISS rounds differently for batches of another size.
        undecided, width = np.flatnonzero(scores[:, k] == scores[:, k - 1]), k + 1
        while len(undecided) and width < len(self):
            width = min(2 * width, len(self))
            step = max(1, TIE_VALUES // width)
            still = []
            for part in (undecided[start : start + step] for start in range(0, len(undecided), step)):
                more_keys, more_scores = self._ranked(queries[part], width)
                keys[part], scores[part] = more_keys[:, : k + 1], more_scores[:, : k + 1]
                still.append(part[more_scores[:, -1] == more_scores[:, k - 1]])
            undecided = np.concatenate(still)

    def _range(self, queries: Descriptors, threshold: np.float32) -> tuple[Rows, Keys, Scores]:
        rows, keys, scores = [], [], []
        # FAISS keeps what is strictly above its radius; a match is at or above the threshold.
        radius = float(np.nextafter(threshold, np.float32(-np.inf)))
        for start in range(0, len(queries), QUERY_BLOCK):
            block = queries[start : start + QUERY_BLOCK]
            offsets, found, hits = self._index.range_search(block, radius)
            rows.append(np.repeat(np.arange(start, start + len(block)), np.diff(offsets).astype(np.int64)))
            keys.append(self._keys[hits])
            scores.append(found)
        return np.concatenate(rows).astype(np.int64), np.concatenate(keys), np.concatenate(scores)
