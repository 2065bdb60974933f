"""What a batch's descriptors look like in; a warning out when they are about to become one point or one line."""

from __future__ import annotations

import torch

NEAREST_NEGATIVE = 0.95
"""A mean nearest-negative score above this: every picture has a stranger for a twin."""

RANK_SHARE = 0.05
"""An effective rank below this part of what the batch could show."""


@torch.no_grad()
def effective_rank(descriptors: torch.Tensor) -> float:
    """Give the number of directions that the descriptors use, as the exponential of an entropy.

    With the eigenvalues of their covariance as probabilities: D for a cloud that is equally wide everywhere, 1 for
    a line, 0 for a single point (Roy & Vetterli 2007, "The effective rank", eq. 4, on the covariance).

    Args:
        descriptors: ``(N, D)``.
    """
    rows = descriptors.float()
    centred = rows - rows.mean(dim=0)
    spectrum = torch.linalg.svdvals(centred).square()
    total = spectrum.sum()
    if float(total) <= 1e-12:
        return 0.0
    shares = spectrum / total
    shares = shares[shares > 0]
    return float(torch.exp(-(shares * shares.log()).sum()))


def collapse_warning(nearest_negative: float, rank: float, *, rows: int, dims: int) -> str | None:
    """Say what is wrong, or None.

    Args:
        nearest_negative: mean score of each row and its nearest negative.
        rank: `effective_rank` of the batch.
        rows, dims: of the batch: its rank is at most ``min(rows - 1, dims)``.
    """
    reachable = max(1, min(rows - 1, dims))
    if nearest_negative > NEAREST_NEGATIVE:
        return (
            f"the descriptors collapse: the nearest negative scores {nearest_negative:.3f} on average; lower "
            "loss.entropy_weight or the learning rate, or start with network.zero_residuals"
        )
    if rank < max(1.5, RANK_SHARE * reachable):
        return (
            f"the descriptors lie in {rank:.1f} of {reachable} directions; raise loss.entropy_weight or the batch, "
            "or lower the learning rate"
        )
    return None
