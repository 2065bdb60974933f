"""A step's number in, what follows from it out: the factor of the learning rate, the size of the views.

The rate rises in a line, then falls as a cosine to zero (SSCD, appendix).
"""

from __future__ import annotations

import math
from collections.abc import Sequence


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


def size_at(sizes: Sequence[int], step: int, total: int) -> int:
    """Give the size of the views at `step`, counted from 0: every size has an equal share of the steps, in order.

    Small pictures first make the first part of a training cheaper; a network that takes any size then learns on the
    large ones it will describe (progressive resizing, as in Tan & Le 2021, EfficientNetV2, section 4).

    Args:
        sizes: at least one; pixels.
        step: 0 .. total - 1.
        total: steps of the whole schedule; shares differ by at most one step.
    """
    return sizes[min(step * len(sizes) // total, len(sizes) - 1)]
