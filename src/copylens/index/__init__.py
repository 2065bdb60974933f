"""Descriptors in, nearest references out, through one interface: exact (NumPy, the oracle) and FAISS."""

from __future__ import annotations

from typing import Literal, TypeAlias

from copylens.errors import UsageError
from copylens.index.base import Neighbours, RangeResult, VectorIndex

IndexKind: TypeAlias = Literal["exact", "faiss"]

__all__ = ["IndexKind", "Neighbours", "RangeResult", "VectorIndex", "create_index"]


def create_index(kind: IndexKind, dims: int) -> VectorIndex:
    """Make an empty index for descriptors of `dims` numbers; both kinds give the same answers.

    Raises:
        UsageError: no such kind, or less than one dimension.
    """
    if kind == "exact":
        from copylens.index.exact import ExactIndex

        return ExactIndex(dims)
    if kind == "faiss":
        from copylens.index.faiss_index import FaissIndex

        return FaissIndex(dims)
    raise UsageError(f"There is no index of the kind {kind!r}; the kinds are exact and faiss.")
