"""Random rows that look like descriptors: correlated dimensions, a mean that is not zero, lengths that differ."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from copylens.records import Descriptors


def correlated(count: int, dims: int, *, seed: int = 0) -> Descriptors:
    """``(count, dims) float32``; rows of every seed come from one distribution."""
    turn, _ = np.linalg.qr(np.random.default_rng(99).standard_normal((dims, dims)))
    # Deviations from 1 down to 0.1: FAISS whitens in float32, and weaker axes would be its rounding.
    mixing = np.geomspace(1, 0.1, dims)[:, None] * turn
    rows: npt.NDArray[np.float64] = np.random.default_rng(seed).standard_normal((count, dims)) @ mixing + 0.5
    return rows.astype(np.float32)


def unit_rows(count: int, dims: int, *, seed: int = 0) -> Descriptors:
    """``(count, dims) float32`` of length one, in directions that are equally likely."""
    rows = np.random.default_rng(seed).standard_normal((count, dims))
    lengths: npt.NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / lengths).astype(np.float32)


def quarters(count: int, dims: int, *, seed: int = 0) -> Descriptors:
    """``(count, dims) float32`` of whole quarters: products are exact in float32, and many are equal."""
    rows: Descriptors = np.random.default_rng(seed).integers(-3, 4, (count, dims)).astype(np.float32)
    return np.asarray(rows / np.float32(4))
