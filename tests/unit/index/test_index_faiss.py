"""What is FAISS's own: blocks of queries, and ties that it breaks as it likes."""

from __future__ import annotations

import numpy as np
import pytest

from copylens.index import faiss_index
from copylens.index.faiss_index import FaissIndex


def stack(sizes: list[int]) -> FaissIndex:
    """An index of one-hot rows: `sizes[i]` copies of axis i, under descending keys."""
    rows = np.repeat(np.eye(len(sizes), dtype=np.float32), sizes, axis=0)
    index = FaissIndex(len(sizes))
    index.add(np.arange(len(rows))[::-1].copy(), rows)
    return index


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_the_size_of_a_query_block_does_not_show(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_index, "QUERY_BLOCK", block)
    found = stack([2, 0, 3]).range_search(np.eye(3, dtype=np.float32), 0.5)
    assert found.offsets.tolist() == [0, 2, 2, 5]
    assert found.keys.tolist() == [3, 4, 0, 1, 2]


@pytest.mark.parametrize("values", [1, 64, 1 << 22])
@pytest.mark.parametrize("k", [1, 4, 30, 31, 69, 70])
def test_ties_are_settled_whatever_is_held_at_a_time(
    k: int, values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faiss_index, "TIE_VALUES", values)
    found = stack([30, 40]).search(np.eye(2, dtype=np.float32)[[0, 1, 0]], k)
    first, second = list(range(40, 70)), list(range(40))
    expected = [(first + second)[:k], (second + first)[:k], (first + second)[:k]]
    assert found.keys.tolist() == expected


def test_searching_leaves_the_thread_count_alone() -> None:
    import faiss

    before = faiss.omp_get_max_threads()
    stack([3, 4]).search(np.eye(2, dtype=np.float32), 2)
    assert faiss.omp_get_max_threads() == before
