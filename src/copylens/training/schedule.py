"""A step's number in, the factor of the learning rate out: linear warm-up, then a cosine to zero (SSCD, appendix)."""

from __future__ import annotations

import math


def rate_factor(step: int, *, total: int, warmup: int) -> float:
    """Give the factor of the base rate at `step`, counted from 0.

    Args:
        step: 0 .. total - 1.
        total: steps of the whole schedule.
        warmup: steps of linear rise; the first step already moves.

    Returns:
        In (0, 1]: ``(step + 1) / warmup`` while it rises, then half a cosine over what is left.
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    return 0.5 * (1.0 + math.cos(math.pi * progress))
