"""Scores and masks in, the differential-entropy term out: how far rows are from their nearest negative.

Sablayrolles et al. 2019, with the exclusions of Pizzi et al. 2022.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from copylens.training.gather import Portion
from copylens.training.losses.positives import ExtraNegatives
from copylens.training.losses.scores import ScoreTable, score_table

SMALLEST_SQUARE = 1e-6
"""Squared distances are not taken smaller; below it the gradient is 0."""


class Nearest(NamedTuple):
    """The highest score with a negative, ``(n,)``, 0 where none exists; and ``(n,) bool``, whether one exists."""

    scores: torch.Tensor
    exists: torch.Tensor


def koleo(
    anchors: torch.Tensor,
    everyone: torch.Tensor,
    positives: torch.Tensor,
    itself: torch.Tensor,
    *,
    negatives: ExtraNegatives | None = None,
) -> torch.Tensor:
    """The mean of ``-log d_i``, ``d_i = sqrt(max(2 - 2 max over negatives j of s_ij, 1e-6))``.

    Args:
        anchors: ``(n, D)`` unit descriptors, any floating type; computed in float32 at least.
        everyone: ``(N, D)``.
        positives: ``(n, N) bool``; what it says about a row and itself does not count.
        itself: ``(n, N) bool``: where the anchor is the column.
        negatives: more rows in which the nearest may be. Biased: a row of a memory is stale and is not pushed away.

    Returns:
        0-d float32 or float64, at least -log 2. Rows without a negative are left out; if all are, it is 0.
    """
    return koleo_portion(
        nearest_negatives(score_table(anchors, everyone, positives, itself, negatives))
    ).mean()


def nearest_negatives(table: ScoreTable) -> Nearest:
    """The highest score of each row with a negative; equal ones share the gradient."""
    # -inf, not a low score: -1 is a possible score, and an antipodal pair would count as masked.
    highest = table.scores.masked_fill(~table.negatives, -torch.inf).amax(dim=1)
    exists = table.negatives.any(dim=1)
    return Nearest(torch.where(exists, highest, 0.0), exists)


def koleo_portion(nearest: Nearest) -> Portion:
    """The terms of `koleo` of these rows."""
    squares = (2 - 2 * nearest.scores).clamp(min=SMALLEST_SQUARE)
    terms = torch.where(nearest.exists, -0.5 * squares.log(), 0.0)
    return Portion(terms.sum(), nearest.exists.sum())
