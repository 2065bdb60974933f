"""The exact index works block by block, and the blocks do not show."""

from __future__ import annotations

import numpy as np
import pytest

from copylens.errors import UsageError
from copylens.index import create_index
from copylens.index import exact as exact_module
from copylens.index.exact import ExactIndex
from copylens.index.faiss_index import FaissIndex
from copylens.records import Descriptors


def descriptors(count: int, *, seed: int) -> Descriptors:
    # Whole numbers: products are exact whatever the size of a block.
    return np.random.default_rng(seed).integers(-3, 4, (count, 5)).astype(np.float32)


@pytest.mark.parametrize("values", [1, 30, 31, 100, 1 << 24])
def test_the_size_of_a_block_does_not_change_the_answer(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    index = ExactIndex(5)
    index.add(np.arange(30), descriptors(30, seed=1))
    queries = descriptors(11, seed=2)
    scores = queries @ descriptors(30, seed=1).T
    monkeypatch.setattr(exact_module, "BLOCK_VALUES", values)
    found = index.range_search(queries, 4)
    assert [len(part) for part in np.split(found.keys, found.offsets[1:-1])] == (scores >= 4).sum(
        axis=1
    ).tolist()
    np.testing.assert_array_equal(index.search(queries, 30).scores, -np.sort(-scores, axis=1))


def test_no_product_is_larger_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    index = ExactIndex(5)
    index.add(np.arange(30), descriptors(30, seed=1))
    monkeypatch.setattr(exact_module, "BLOCK_VALUES", 100)
    blocks = list(index._blocks(descriptors(11, seed=2)))
    assert [start for start, _ in blocks] == [0, 3, 6, 9]
    assert max(block.size for _, block in blocks) <= 100


def test_create_index_makes_the_kind_that_was_asked_for() -> None:
    assert isinstance(create_index("exact", 3), ExactIndex)
    assert isinstance(create_index("faiss", 3), FaissIndex)
    assert create_index("faiss", 3).dims == 3


def test_create_index_refuses_another_kind() -> None:
    with pytest.raises(UsageError, match="no index of the kind 'hnsw'; the kinds are exact and faiss"):
        create_index("hnsw", 3)  # type: ignore[arg-type]
