"""Descriptors and masks in, one table of scores and what each entry means out; all losses read this table.

Shapes: n rows of this process, N of the whole batch, M extra negatives, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from copylens.training.gather import Gathered
from copylens.training.losses.positives import ExtraNegatives, own_column, share_a_source


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Scores of this process's rows with everybody's.

    Attributes:
        scores: ``(n, N + M)``, float32 or float64: first the batch, then the extra negatives.
        positives: ``(n, N) bool``: the others that share a picture, not the row itself.
        negatives: ``(n, N + M) bool``: neither itself nor sharing a picture.
    """

    scores: torch.Tensor
    positives: torch.Tensor
    negatives: torch.Tensor

    def within_batch(self) -> ScoreTable:
        """The same without the extra negatives."""
        size = self.positives.shape[1]
        return ScoreTable(self.scores[:, :size], self.positives, self.negatives[:, :size])


def at_least_float32(rows: torch.Tensor) -> torch.Tensor:
    """Half precisions become float32; float32 and float64 stay."""
    return rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows


def score_table(
    anchors: torch.Tensor,
    everyone: torch.Tensor,
    positives: torch.Tensor,
    itself: torch.Tensor,
    extra: ExtraNegatives | None = None,
) -> ScoreTable:
    """Compare rows, in float32 at least, also under autocast.

    Args:
        anchors: ``(n, D)``, any floating type.
        everyone: ``(N, D)``.
        positives: ``(n, N) bool``; what it says about a row and itself does not count.
        itself: ``(n, N) bool``.
        extra: more negatives.
    """
    negatives = ~(positives | itself)
    rows = at_least_float32(anchors)
    with torch.autocast(anchors.device.type, enabled=False):
        scores = rows @ at_least_float32(everyone).T
        if extra is not None:
            # Two products: one would also compute the gradient of rows that have none.
            scores = torch.cat([scores, rows @ extra.descriptors.to(rows.dtype).T], dim=1)
            negatives = torch.cat([negatives, extra.allowed], dim=1)
    return ScoreTable(scores, positives & ~itself, negatives)


def gathered_table(
    anchors: torch.Tensor, sources: torch.Tensor, batch: Gathered, extra: ExtraNegatives | None = None
) -> ScoreTable:
    """Compare this process's rows ``(n, D)`` of `sources` ``(n, 2)`` with the whole batch they are part of."""
    positives = share_a_source(sources, batch.sources)
    itself = own_column(len(anchors), len(batch.sources), batch.offset, anchors.device)
    return score_table(anchors, batch.descriptors, positives, itself, extra)
