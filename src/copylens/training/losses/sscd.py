"""Descriptors of this process in, SSCD's loss over all processes out: InfoNCE + λ KoLeo (Pizzi et al. 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from copylens.training.gather import Group, gather, means_over_processes
from copylens.training.losses.infonce import Average, info_nce_portion
from copylens.training.losses.koleo import koleo_portion, nearest_negatives
from copylens.training.losses.parts import LossParts, assemble, statistic_portions
from copylens.training.losses.scores import at_least_float32, gathered_table

if TYPE_CHECKING:
    from copylens.training.memory import DescriptorMemory


def sscd_loss(
    descriptors: torch.Tensor,
    sources: torch.Tensor,
    *,
    temperature: float = 0.05,
    entropy_weight: float = 30.0,
    average: Average = "pairs",
    memory: DescriptorMemory | None = None,
    koleo_over_memory: bool = False,
    group: Group = None,
) -> LossParts:
    """InfoNCE plus `entropy_weight` times KoLeo, over the batch of all processes; every process must call it.

    Go backward outside autocast, as PyTorch asks: inside, the products of the backward pass are in half precision.

    Args:
        descriptors: ``(n, D)`` unit rows, any floating type; computed in float32 at least, also under autocast.
        sources: ``(n, 2) int64``: the pictures in each row, see `Views`. Rows that share one are positives, on
            whatever process they are.
        temperature: τ of InfoNCE.
        entropy_weight: λ of KoLeo.
        average: ``"pairs"`` without mixing, ``"anchors"`` with it.
        memory: former descriptors, more negatives for InfoNCE. It is read, not changed: call ``memory.add`` after.
        koleo_over_memory: look for KoLeo's nearest negative in the memory too. Biased: stale rows, which are not
            pushed away.
        group: which processes.

    Raises:
        UsageError: shapes do not fit, or processes have different numbers of rows.
    """
    descriptors = at_least_float32(descriptors)
    batch = gather(descriptors, sources, group=group)
    extra = None if memory is None else memory.negatives_of(sources)
    table = gathered_table(descriptors, sources, batch, extra)
    nearest = nearest_negatives(table if koleo_over_memory else table.within_batch())
    portions = {
        "info_nce": info_nce_portion(table, temperature=temperature, average=average),
        "koleo": koleo_portion(nearest),
        **statistic_portions(table, nearest),
    }
    means = means_over_processes(portions, group=group)
    return assemble(means, means["info_nce"] + entropy_weight * means["koleo"], batch)
