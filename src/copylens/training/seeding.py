"""A run's seed, a step and a process in; the random states of PyTorch, NumPy and Python set, out.

Dropout and whatever else a network draws then follow from the step, as augmentation does: a resumed run draws what the
uninterrupted one drew, on every process its own, and no state needs to be kept.
"""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_step(seed: int, step: int, rank: int) -> None:
    """Set the global random states, those of the devices too.

    Args:
        seed: of the run.
        step: how many steps are done.
        rank: of the process.
    """
    words = np.random.SeedSequence([seed, step, rank]).generate_state(4, np.uint32).tolist()
    torch.manual_seed(words[0] << 32 | words[1])
    np.random.seed(words[2])
    random.seed(words[3])
