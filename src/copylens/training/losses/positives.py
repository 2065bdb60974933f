"""Which pictures are in which rows, as numbers; which rows are therefore positives or negatives, as masks."""

from __future__ import annotations

from typing import NamedTuple

import torch

from copylens.training.nouns import NOBODY


class ExtraNegatives(NamedTuple):
    """Rows from outside the batch that can only be negatives.

    Attributes:
        descriptors: ``(M, D)``, without a gradient.
        allowed: ``(n, M) bool``: which of them are negatives of which row of this process.
    """

    descriptors: torch.Tensor
    allowed: torch.Tensor


def share_a_source(sources_a: torch.Tensor, sources_b: torch.Tensor) -> torch.Tensor:
    """Whether two rows show a common picture.

    Args:
        sources_a: ``(n, 2) int64``: the pictures in a row; `NOBODY` is no picture and matches nothing.
        sources_b: ``(N, 2) int64``.

    Returns:
        ``(n, N) bool``. A row shares its picture with itself: leave that out by `own_column`.
    """
    shared = torch.zeros(len(sources_a), len(sources_b), dtype=torch.bool, device=sources_a.device)
    for a in sources_a.unbind(1):
        somebody = (a != NOBODY)[:, None]
        for b in sources_b.unbind(1):
            shared |= (a[:, None] == b[None, :]) & somebody
    return shared


def own_column(rows: int, columns: int, offset: int, device: torch.device | None = None) -> torch.Tensor:
    """Where a row meets itself, by position: ``(rows, columns) bool``, row i is column ``offset + i``."""
    row = torch.arange(offset, offset + rows, device=device)
    return row[:, None] == torch.arange(columns, device=device)[None, :]
