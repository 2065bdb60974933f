"""One process of a distributed test of SwAV: some steps on its share of the pictures, and what came out, saved.

``python swav_worker.py RANK WORLD FOLDER``. The test runs the same steps in one process on all pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from copylens.training.terms.sinkhorn import sinkhorn
from swav_samples import Steps, TinyNetwork, make_term
from worker_group import meeting

CASES: dict[str, dict[str, Any]] = {
    "plain": {"crops": 1},
    "mlp": {"head": "mlp", "hidden": 6, "dims": 4, "crops": 1},
    "queue": {"queue": 16, "crops": 0},
    "mixed": {"queue": 16, "crops": 1, "mixed": (0, 5, 6)},
}
"""Changes of the term; pictures 0 and 1 are on process 0, 2 and 3 on process 1."""


def steps(rank: int, world: int, *, mixed: tuple[int, ...] = (), **changes: Any) -> dict[str, torch.Tensor]:
    """Three steps of gradient descent, averaged over processes as the training does."""
    term, here = make_term(**changes), Steps(rank=rank, world=world, mixed=mixed)
    if world > 1:
        # The second pass of a step, over small views, is made before the first has gone backward.
        here.network = _Wrapped(here.network)  # type: ignore[assignment]
    parameters = [*here.network.parameters(), *term.parameters()]
    found: dict[str, torch.Tensor] = {}
    for step in range(3):
        made = term(here.context(step, first=4 * step))
        for parameter in parameters:
            parameter.grad = None
        made.value.backward()
        for parameter in term.parameters() if world > 1 else ():
            assert parameter.grad is not None
            distributed.all_reduce(parameter.grad)
            parameter.grad.div_(world)
        term.before_step(step)
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.data -= 0.2 * parameter.grad
        term.after_step(step)
        found[f"value {step}"] = made.value.detach()
        found |= {f"{name} {step}": value for name, value in made.statistics.items()}
    found |= {name.removeprefix("ddp.module."): p.detach() for name, p in here.network.named_parameters()}
    found |= {f"term {name}": value for name, value in term.state_dict().items() if "queue" not in name}
    for name in ("queue", "queue_single"):
        # The order within a step is that of the processes.
        found[f"sum of {name}"] = getattr(term, name).double().sum(dim=1)
    return found


class _Wrapped(nn.Module):
    """The network in DistributedDataParallel, whose projection has no part in some losses."""

    def __init__(self, network: TinyNetwork) -> None:
        super().__init__()
        network.projection.requires_grad_(False)
        self.ddp = DistributedDataParallel(network)

    def forward(self, pixels: torch.Tensor) -> Any:
        return self.ddp(pixels)


def codes(rank: int, world: int) -> torch.Tensor:
    """Codes of 5 rows, of which process 0 has 2 and process 1 has 3; one does not count."""
    scores = torch.sin(torch.arange(20.0)).view(5, 4)
    counted = torch.tensor([True, True, True, False, True])
    own = slice(None) if world == 1 else [slice(0, 2), slice(2, 5)][rank]
    return sinkhorn(scores[own], epsilon=0.1, iterations=3, counted=counted[own])


def main(rank: int, world: int, folder: Path) -> None:
    with meeting(rank, world, folder):
        found: dict[str, Any] = {name: steps(rank, world, **changes) for name, changes in CASES.items()}
        found["codes"] = codes(rank, world)
        torch.save(found, folder / f"{rank}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
