"""Scores and masks in, InfoNCE out, with an anchor's other positives left out of the denominator.

As Pizzi et al. 2022 adapt it to mixed images; ``docs/math.md`` compares. Memory is O(n (N + M)).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch.nn import functional

from copylens.training.gather import Portion
from copylens.training.losses.positives import ExtraNegatives
from copylens.training.losses.scores import ScoreTable, score_table

Average: TypeAlias = Literal["pairs", "anchors"]
"""``"pairs"``: the mean over positive pairs, used without mixing. ``"anchors"``: the mean over anchors of the mean
over an anchor's positives, used with mixing. They are equal where all anchors have equally many positives."""


def info_nce(
    anchors: torch.Tensor,
    everyone: torch.Tensor,
    positives: torch.Tensor,
    itself: torch.Tensor,
    *,
    temperature: float = 0.05,
    average: Average = "pairs",
    negatives: ExtraNegatives | None = None,
) -> torch.Tensor:
    """The mean of ``-log(e^(s_ij/t) / (e^(s_ij/t) + sum over negatives k of e^(s_ik/t)))`` over positives j of i.

    Args:
        anchors: ``(n, D)`` descriptors, any floating type; computed in float32 at least.
        everyone: ``(N, D)``.
        positives: ``(n, N) bool``; what it says about a row and itself does not count.
        itself: ``(n, N) bool``: where the anchor is the column.
        temperature: t, positive.
        average: what is averaged.
        negatives: more rows for the denominators.

    Returns:
        0-d float32 or float64. A pair whose anchor has no negatives is 0 and is counted; an anchor without positives
        is not counted; without any positives the loss is 0. All with gradient 0.
    """
    table = score_table(anchors, everyone, positives, itself, negatives)
    return info_nce_portion(table, temperature=temperature, average=average).mean()


def info_nce_portion(table: ScoreTable, *, temperature: float, average: Average) -> Portion:
    """The terms of `info_nce` whose anchors are in this table."""
    logits = table.scores / temperature
    # The lowest finite number, not -inf: a row without negatives then has loss 0 and gradient 0, never NaN.
    against = logits.masked_fill(~table.negatives, torch.finfo(logits.dtype).min).logsumexp(dim=1)
    # -log(e^a / (e^a + e^b)) = -log sigmoid(a - b): no exponential of a score is formed.
    losses = -functional.logsigmoid(logits[:, : table.positives.shape[1]] - against[:, None])
    per_anchor = losses.masked_fill(~table.positives, 0.0).sum(dim=1)
    counts = table.positives.sum(dim=1)
    if average == "pairs":
        return Portion(per_anchor.sum(), counts.sum())
    return Portion((per_anchor / counts.clamp(min=1)).sum(), (counts > 0).sum())
