"""Clusters are those that are there, the same for the same seed, and none needs to be near anything to be counted."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt
import pytest

from copylens.errors import UsageError
from copylens.postprocess.clusters import cluster_rows


def blobs(centres: int, each: int, dims: int = 16, *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Rows about orthogonal directions; row i is of blob ``i % centres``."""
    noise = np.random.default_rng(seed).normal(scale=0.05, size=(centres * each, dims))
    rows = np.eye(dims)[np.arange(centres * each) % centres] + noise
    unit: npt.NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_rows_of_one_direction_come_to_one_cluster() -> None:
    # Twice as many clusters as blobs: whatever the start, none has rows of two blobs.
    numbers = cluster_rows(blobs(5, 20), 10, seed=0, iterations=20).numbers
    assert numbers.dtype == np.int64
    assert numbers.shape == (100,)
    for cluster in np.unique(numbers):
        assert len({i % 5 for i in np.flatnonzero(numbers == cluster)}) == 1


def test_each_row_is_with_the_centre_that_is_most_alike() -> None:
    """At the fixed point of the naive algorithm: mean directions of the clusters, then the largest inner product."""
    rows = np.random.default_rng(1).normal(size=(80, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = cluster_rows(rows, 4, seed=3, iterations=100)
    numbers = found.numbers
    centres = np.stack([rows[numbers == cluster].astype(np.float64).mean(axis=0) for cluster in range(4)])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    np.testing.assert_allclose(found.centres, centres, atol=1e-5)
    nearest = [max(range(4), key=lambda cluster: float(row @ centres[cluster])) for row in rows]
    assert numbers.tolist() == nearest


def test_the_seed_alone_decides() -> None:
    rows = np.random.default_rng(2).normal(size=(300, 8)).astype(np.float32)
    first = cluster_rows(rows, 12, seed=5, iterations=3).numbers
    faiss.omp_set_num_threads(2)
    try:
        assert np.array_equal(cluster_rows(rows, 12, seed=5, iterations=3).numbers, first)
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(1)
    assert not np.array_equal(cluster_rows(rows, 12, seed=6, iterations=3).numbers, first)


def test_copies_and_as_many_clusters_as_rows_are_no_exception(capfd: pytest.CaptureFixture[str]) -> None:
    same = np.tile(blobs(1, 1), (9, 1))
    assert set(cluster_rows(same, 3, seed=0, iterations=5).numbers) <= {0, 1, 2}
    assert sorted(cluster_rows(blobs(6, 1), 6, seed=0, iterations=5).numbers) == list(range(6))
    assert cluster_rows(blobs(2, 3), 1, seed=0, iterations=1).numbers.tolist() == [0] * 6
    # FAISS warns of few rows by itself.
    assert capfd.readouterr().err == ""


def test_what_cannot_be_clustered_is_refused() -> None:
    rows = blobs(2, 2)
    for count in (0, 5):
        with pytest.raises(UsageError, match=f"into {count} clusters"):
            cluster_rows(rows, count, seed=0, iterations=2)
    with pytest.raises(UsageError, match="0 iterations"):
        cluster_rows(rows, 2, seed=0, iterations=0)
    rows[1, 2] = np.nan
    with pytest.raises(UsageError, match="not finite"):
        cluster_rows(rows, 2, seed=0, iterations=2)
