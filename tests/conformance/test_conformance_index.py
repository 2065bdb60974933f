"""Every index passes the same suite, and all of them give one answer."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.index_conformance import ROUNDING, VectorIndexConformance, random_descriptors
from copylens.index import VectorIndex
from copylens.index.exact import ExactIndex
from copylens.index.faiss_index import FaissIndex


class TestExact(VectorIndexConformance):
    def make(self, dims: int) -> VectorIndex:
        return ExactIndex(dims)


class TestFaiss(VectorIndexConformance):
    def make(self, dims: int) -> VectorIndex:
        return FaissIndex(dims)


@pytest.mark.parametrize(("count", "dims"), [(1, 1), (37, 16), (700, 64), (2500, 128)])
def test_both_give_one_answer(count: int, dims: int) -> None:
    references, queries = random_descriptors(count, dims, seed=1), random_descriptors(90, dims, seed=2)
    exact, fast = ExactIndex(dims), FaissIndex(dims)
    keys = np.random.default_rng(3).permutation(count).astype(np.int64)
    exact.add(keys, references)
    fast.add(keys, references)
    slow, quick = exact.search(queries, 10), fast.search(queries, 10)
    np.testing.assert_array_equal(slow.counts, quick.counts)
    np.testing.assert_allclose(slow.scores, quick.scores, atol=ROUNDING)
    # Halfway between two scores that are not near each other, so that rounding has no say.
    scores = np.sort((queries @ references.T).ravel())
    gap = scores[1:] - scores[:-1]
    threshold = float(scores[np.argmax(gap)] + gap.max() / 2)
    few, many = exact.range_search(queries, threshold), fast.range_search(queries, threshold)
    np.testing.assert_array_equal(few.offsets, many.offsets)
    np.testing.assert_allclose(few.scores, many.scores, atol=ROUNDING)
    assert set(few.keys.tolist()) == set(many.keys.tolist())
