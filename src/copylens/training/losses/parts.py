"""What every loss of the training hands to the loop: the number to minimise, its parts, and what to watch."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from copylens.training.gather import Gathered, Portion
from copylens.training.losses.koleo import Nearest
from copylens.training.losses.scores import ScoreTable


@dataclass(frozen=True, slots=True)
class LossParts:
    """A loss over the whole batch; values are the same on every process.

    Attributes:
        total: 0-d, differentiable; call ``backward`` on every process and average gradients over processes.
        info_nce: 0-d, detached: the contrastive part.
        koleo: 0-d, detached: the entropy term before its weight.
        statistics: 0-d, detached, 0 where there is nothing to average: ``positive`` and ``negative``, mean scores of
            such pairs in the batch; ``nearest_negative``, the mean over rows of the highest score with a negative
            (1 is collapse); ``mean_norm``, the length of the mean descriptor (0: spread evenly, 1: collapse).
    """

    total: torch.Tensor
    info_nce: torch.Tensor
    koleo: torch.Tensor
    statistics: dict[str, torch.Tensor]


@torch.no_grad()
def statistic_portions(table: ScoreTable, nearest: Nearest) -> dict[str, Portion]:
    """This process's share of the mean scores of `LossParts`."""
    batch = table.within_batch()
    return {
        "positive": _masked(batch.scores, batch.positives),
        "negative": _masked(batch.scores, batch.negatives),
        "nearest_negative": Portion(nearest.scores.sum(), nearest.exists.sum()),
    }


@torch.no_grad()
def assemble(means: dict[str, torch.Tensor], total: torch.Tensor, batch: Gathered) -> LossParts:
    """Put the means over all processes into their places; `total` keeps its gradient."""
    statistics = {name: means[name].detach() for name in ("positive", "negative", "nearest_negative")}
    statistics["mean_norm"] = batch.descriptors.detach().mean(dim=0).norm()
    return LossParts(total, means["info_nce"].detach(), means["koleo"].detach(), statistics)


def _masked(scores: torch.Tensor, mask: torch.Tensor) -> Portion:
    return Portion(scores.masked_fill(~mask, 0.0).sum(), mask.sum())
