"""Rows and a number of clusters in, their centres and the number of each row's cluster out: spherical k-means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import faiss
import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError

Rows: TypeAlias = npt.NDArray[np.float32]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Clusters:
    """Rows that were parted by their directions.

    Attributes:
        centres: ``(count, D) float32`` of length 1.
        numbers: ``(K,) int64`` in [0, count): the centre with which the row has the largest inner product.
    """

    centres: Rows
    numbers: Integers


def cluster_rows(rows: Rows, count: int, *, seed: int, iterations: int) -> Clusters:
    """Part rows into clusters of alike directions (spherical k-means, Dhillon and Modha 2001, by FAISS).

    Centres start at rows drawn from the seed and are set to unit length after every iteration. A cluster that has
    lost all its rows takes a part of a large one, so that few stay empty. The same rows, count, seed and iterations
    give the same clusters: everything runs on one thread.

    Args:
        rows: ``(K, D) float32`` of length 1.
        count: of clusters, 1 to K.
        seed: of the start.
        iterations: at least 1.

    Raises:
        UsageError: there are fewer rows than clusters, or values that are not finite.
    """
    if rows.ndim != 2 or not 1 <= count <= len(rows):
        shape = tuple(rows.shape)
        raise UsageError(
            f"Rows of shape {shape} cannot be parted into {count} clusters: give 1 to K clusters."
        )
    if iterations < 1:
        raise UsageError(f"Clustering in {iterations} iterations finds nothing: give at least 1.")
    if not np.isfinite(rows).all():
        raise UsageError("Rows with values that are not finite cannot be clustered.")
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        made = faiss.Kmeans(
            rows.shape[1],
            count,
            niter=iterations,
            seed=seed,
            spherical=True,
            min_points_per_centroid=1,
            # FAISS would learn from 256 rows a cluster.
            max_points_per_centroid=len(rows),
        )
        made.train(np.ascontiguousarray(rows, np.float32))
        numbers = made.assign(np.ascontiguousarray(rows, np.float32))[1].astype(np.int64)
    finally:
        faiss.omp_set_num_threads(threads)
    return Clusters(np.array(made.centroids, np.float32), numbers)
