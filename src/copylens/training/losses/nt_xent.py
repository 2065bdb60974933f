"""Descriptors of two views in, SimCLR's loss out: the baseline (Chen et al. 2020, eq. 1)."""

from __future__ import annotations

import torch
from torch.nn import functional

from copylens.errors import UsageError
from copylens.training.gather import Group, Portion, gather, means_over_processes
from copylens.training.losses.koleo import koleo_portion, nearest_negatives
from copylens.training.losses.parts import LossParts, assemble, statistic_portions
from copylens.training.losses.scores import at_least_float32, gathered_table


def nt_xent_loss(
    descriptors: torch.Tensor,
    sources: torch.Tensor,
    *,
    temperature: float = 0.1,
    group: Group = None,
) -> LossParts:
    """The mean of ``-log(e^(s_ip/t) / sum over k ≠ i of e^(s_ik/t))``, p the other view of i; on all processes.

    Args:
        descriptors: ``(n, D)`` unit rows, any floating type: view 0 of n / 2 pictures, then view 1 of the same.
        sources: ``(n, 2) int64``; for the statistics alone, the partner is found by position.
        temperature: t; SimCLR's best on ImageNet is 0.1.
        group: which processes.

    Returns:
        ``info_nce`` is this loss; ``koleo`` is measured and not minimised.

    Raises:
        UsageError: n is odd, shapes do not fit, or processes have different numbers of rows.
    """
    rows = len(descriptors)
    if rows % 2:
        raise UsageError(f"NT-Xent needs two views of every picture, and {rows} rows is an odd number.")
    descriptors = at_least_float32(descriptors)
    batch = gather(descriptors, sources, group=group)
    table = gathered_table(descriptors, sources, batch)
    nearest = nearest_negatives(table)
    own = torch.arange(rows, device=descriptors.device)
    logits = (table.scores / temperature).scatter(1, (batch.offset + own)[:, None], -torch.inf)
    losses = functional.cross_entropy(logits, batch.offset + (own + rows // 2) % rows, reduction="sum")
    portions = {
        "info_nce": Portion(losses, torch.full((), rows, device=descriptors.device)),
        "koleo": koleo_portion(nearest),
        **statistic_portions(table, nearest),
    }
    means = means_over_processes(portions, group=group)
    return assemble(means, means["info_nce"], batch)
