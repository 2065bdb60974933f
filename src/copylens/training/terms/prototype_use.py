"""Which prototypes the rows of each step choose, in; how many are in use, and warnings, out."""

from __future__ import annotations

import math

import torch
from torch import distributed, nn

from copylens.training.gather import Group, world_size

ROWS_PER_PROTOTYPE = 10
"""A prototype is dead when it was chosen by none of so many times K rows in a row."""

MOST_DEAD = 0.5
LEAST_ENTROPY = 0.5
"""Of the mean assignment, where 1 is: all prototypes equally."""

LEAST_DIFFERENCE = 0.02
"""Of the entropy of the mean assignment and the mean entropy of a row's: 0 is the same prediction for all rows."""


class PrototypeUse(nn.Module):
    """Remembers when each prototype was last the nearest of a row.

    What counts is the prototype with the highest score, not the code: codes are shared out evenly even where all rows
    are the same.

    Args:
        count: K.
        from_step: warnings begin after it; before, the prototypes are drawn and not learned.
    """

    last_chosen: torch.Tensor

    def __init__(self, count: int, *, from_step: int) -> None:
        super().__init__()
        self.register_buffer("last_chosen", torch.full((count,), -1))
        self._count, self._from_step = count, from_step
        self._step, self._window = -1, 0
        self._figures: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def note(
        self, chances: torch.Tensor, counted: torch.Tensor, step: int, *, group: Group = None
    ) -> dict[str, torch.Tensor]:
        """Take in the predictions of one step; every process must call it.

        Args:
            chances: ``(n, K)``, each row's predicted assignment, with sum 1.
            counted: ``(n,) bool``, rows that count.
            step: of the training.
            group: which processes.

        Returns:
            0-d figures: ``used``, the share of prototypes that a row chose in the last steps; ``entropy`` of the mean
            assignment and ``row_entropy``, the mean entropy of a row's, both from 0 (one prototype) to 1 (all equally).
            They are near each other where the rows are all given the same.
        """
        rows = counted.double()
        chosen = torch.zeros(self._count, dtype=torch.float64, device=chances.device)
        chosen.index_add_(0, chances.argmax(dim=1), rows)
        own = torch.special.entr(chances.double()).sum(dim=1)
        sums = torch.cat([chosen, rows @ chances.double(), torch.stack([rows @ own, rows.sum()])])
        if (size := world_size(group)) > 1:
            distributed.all_reduce(sums, group=group)
        chosen, mean, (entropies, total) = sums[: self._count], sums[self._count : -2], sums[-2:]
        total = total.clamp(min=1)
        # As if every step had as many rows as this one: the window is the same on all processes.
        self._window = math.ceil(ROWS_PER_PROTOTYPE * self._count / (len(chances) * size))
        self.last_chosen = torch.where(chosen > 0, step, self.last_chosen)
        self._step = step
        most = math.log(self._count)
        figures = {
            "used": (self.last_chosen > max(step - self._window, -1)).double().mean(),
            "entropy": torch.special.entr(mean / total).sum() / most,
            "row_entropy": entropies / total / most,
        }
        self._figures = {name: value.float() for name, value in figures.items()}
        return self._figures

    def warning(self) -> str | None:
        """One sentence, once the window has passed: on rows all alike or on a few prototypes, or on dead ones."""
        if self._step + 1 < self._from_step + self._window or not self._figures:
            return None
        dead, entropy = 1.0 - float(self._figures["used"]), float(self._figures["entropy"])
        of_a_row = float(self._figures["row_entropy"])
        if entropy < LEAST_ENTROPY:
            few = max(1, round(self._count**entropy))
            return (
                f"All rows go to about {few} of {self._count} prototypes: raise swav.epsilon, lower the learning "
                "rate, or keep the prototypes frozen for longer (swav.frozen_steps)."
            )
        if entropy - of_a_row < LEAST_DIFFERENCE:
            return (
                f"All rows are predicted alike, at a loss of about log({self._count}) = {math.log(self._count):.2f}: "
                "lower swav.epsilon or the learning rate, take fewer prototypes (swav.prototypes) or no queue "
                "(swav.queue), or keep the prototypes frozen for longer (swav.frozen_steps)."
            )
        if dead > MOST_DEAD:
            return (
                f"{dead:.0%} of the {self._count} prototypes were the nearest of no row in the last {self._window} "
                "steps: take fewer (swav.prototypes), or keep them frozen for longer (swav.frozen_steps)."
            )
        return None
