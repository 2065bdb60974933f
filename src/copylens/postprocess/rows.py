"""Arrays that somebody gives in, rows that arithmetic can rely on out, and their walk in blocks.

Shapes: N rows, C input dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from copylens.errors import UsageError
from copylens.records import Descriptors

Rows = npt.NDArray[np.float32] | npt.NDArray[np.float64]

BLOCK = 1 << 14
"""Rows that are worked on together: 64 MiB of float64 at 512 dimensions, however many rows there are."""

LARGEST = 1e15
"""Squares of such numbers, and sums of thousands of them, still fit into float32."""


def checked_rows(rows: npt.NDArray[Any], *, what: str = "Descriptors", dims: int | None = None) -> Rows:
    """Refuse what is no matrix of finite numbers.

    Args:
        rows: ``(N, C) float32`` or ``float64``; N may be 0.
        what: how messages call them.
        dims: the C that is expected; None takes any.

    Raises:
        UsageError: another shape or type, or a value that is not finite or beyond `LARGEST`.
    """
    values = np.asarray(rows)
    if values.ndim != 2 or values.shape[1] < 1 or values.dtype not in (np.float32, np.float64):
        raise UsageError(f"{what} must be (N, C) float32 or float64, got {values.shape} {values.dtype}.")
    if dims not in (None, values.shape[1]):
        raise UsageError(
            f"{what} have {values.shape[1]} dimensions, but the post-processing was fitted on {dims}; "
            "describe everything with one model."
        )
    for block in blocks(values):
        if not (np.abs(block) <= LARGEST).all():
            raise UsageError(f"{what} must be finite numbers between -{LARGEST:g} and {LARGEST:g}.")
    return values


def blocks(rows: Rows) -> Iterator[Rows]:
    """Walk through the rows, `BLOCK` at a time; no rows are one empty block."""
    for start in range(0, max(len(rows), 1), BLOCK):
        yield rows[start : start + BLOCK]


def mean_row(rows: Rows) -> npt.NDArray[np.float64]:
    """Average ``(N, C)`` rows in float64: ``(C,)``; N is at least 1."""
    total = np.zeros(rows.shape[1])
    for block in blocks(rows):
        total += block.astype(np.float64).sum(axis=0)
    return total / len(rows)


def mapped(change: Callable[[Rows], Descriptors], rows: Rows) -> Descriptors:
    """Change rows block by block; beside the result, the memory of one block is needed."""
    out: Descriptors | None = None
    start = 0
    for block in blocks(rows):
        changed = change(block)
        if out is None:
            out = np.empty((len(rows), changed.shape[1]), np.float32)
        out[start : start + len(block)] = changed
        start += len(block)
    assert out is not None  # there is at least one block
    return out
