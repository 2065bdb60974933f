"""Scores of rows with prototypes in, codes that use all prototypes equally out (Caron et al. 2020, eq. 3 to 5).

Shapes: n rows on this process, N over all, K prototypes.
"""

from __future__ import annotations

import torch
from torch import distributed

from copylens.training.gather import Group, world_size

LARGEST = 1e30
"""Of a score over ε: sums of some such logarithms are still finite in float32."""


@torch.no_grad()
def sinkhorn(
    scores: torch.Tensor,
    *,
    epsilon: float,
    iterations: int,
    counted: torch.Tensor | None = None,
    group: Group = None,
) -> torch.Tensor:
    """Scale ``exp(scores / epsilon)`` until prototypes have equal shares of the rows, and each row a sum of 1.

    Sinkhorn and Knopp's iterations on logarithms, so that nothing overflows or vanishes. Each divides first by the
    sums of the prototypes over the rows of all processes, then by those of the rows: rows are exact, shares of the
    prototypes the more equal the more iterations. Every process must call it with the same K; the numbers of rows
    may differ.

    Args:
        scores: ``(n, K)``, any floating type, finite; computed in float32 at least.
        epsilon: positive; the smaller, the nearer a row's code is to a single prototype.
        iterations: at least 1.
        counted: ``(n,) bool``, rows that are shared out; the others get codes but do not count. None counts all.
        group: which processes.

    Returns:
        ``(n, K)`` without gradient, at least 0, each row with sum 1.
    """
    logs = scores.to(torch.promote_types(scores.dtype, torch.float32)) / epsilon
    logs = logs.clamp(-LARGEST, LARGEST)
    for _ in range(iterations):
        shared = logs if counted is None else logs.masked_fill(~counted[:, None], -torch.inf)
        sums = _over_processes(shared.logsumexp(dim=0), group)
        # Where no row counts there is nothing to share out.
        logs = logs - torch.where(sums == -torch.inf, 0.0, sums)
        logs = logs.log_softmax(dim=1)
    return logs.exp()


def hardened(codes: torch.Tensor) -> torch.Tensor:
    """Put all of each row's code ``(n, K)`` on its largest entry; of equal ones the first is taken."""
    return torch.zeros_like(codes).scatter_(1, codes.argmax(dim=1, keepdim=True), 1.0)


def _over_processes(logs: torch.Tensor, group: Group) -> torch.Tensor:
    """Sum ``exp(logs)``, ``(K,)`` on every process, over the processes; in logarithms."""
    size = world_size(group)
    if size == 1:
        return logs
    pieces = [torch.empty_like(logs) for _ in range(size)]
    distributed.all_gather(pieces, logs.contiguous(), group=group)
    return torch.stack(pieces).logsumexp(dim=0)
