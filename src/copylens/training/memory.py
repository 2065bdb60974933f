"""Descriptors of former batches in, more negatives for the present one out (cross-batch memory, Wang et al. 2020)."""

from __future__ import annotations

from typing import Any

import torch

from copylens.errors import UsageError
from copylens.training.gather import Group, gather
from copylens.training.losses.positives import ExtraNegatives, share_a_source


class DescriptorMemory:
    """First in, first out; the same on every process.

    Args:
        size: rows kept, over all processes.
        dims: D.
        warm_up: calls of `add` before it offers negatives; the first descriptors change too fast to be of use.
    """

    def __init__(self, size: int, dims: int, *, warm_up: int = 0) -> None:
        if size < 1 or dims < 1 or warm_up < 0:
            raise UsageError(
                f"A memory needs size and dims of at least 1 and a warm-up of at least 0, "
                f"not {size}, {dims} and {warm_up}."
            )
        self.size = size
        self.warm_up = warm_up
        self._added = 0
        self._descriptors = torch.empty(0, dims)
        self._sources = torch.empty(0, 2, dtype=torch.int64)

    def __len__(self) -> int:
        """Rows it holds, at most `size`."""
        return len(self._descriptors)

    @property
    def descriptors(self) -> torch.Tensor:
        """``(M, D) float32`` without gradient, oldest first."""
        return self._descriptors

    @property
    def sources(self) -> torch.Tensor:
        """``(M, 2) int64``: the pictures in them."""
        return self._sources

    def add(self, descriptors: torch.Tensor, sources: torch.Tensor, *, group: Group = None) -> None:
        """Take in the rows of all processes and forget the oldest; every process must call it, after the loss.

        Args:
            descriptors: ``(n, D)`` of this process, any floating type; no gradient is kept.
            sources: ``(n, 2) int64``.
            group: which processes.

        Raises:
            UsageError: D differs, shapes do not fit, or processes have different numbers of rows.
        """
        dims = self._descriptors.shape[1]
        if descriptors.ndim != 2 or descriptors.shape[1] != dims:
            raise UsageError(f"The memory holds {dims} dimensions, not rows of {tuple(descriptors.shape)}.")
        batch = gather(descriptors.detach().float(), sources, group=group)
        self._move(descriptors.device)
        # New tensors, not writes in place: a loss that was computed from the old ones may still go backward.
        self._descriptors = torch.cat([self._descriptors, batch.descriptors])[-self.size :].clone()
        self._sources = torch.cat([self._sources, batch.sources])[-self.size :].clone()
        self._added += 1

    def negatives_of(self, sources: torch.Tensor) -> ExtraNegatives | None:
        """The rows that can be negatives of a batch; None while it warms up or is empty.

        A row that shows one of the pictures of a batch's row is not a negative of that row.

        Args:
            sources: ``(n, 2) int64``.
        """
        if self._added < self.warm_up or len(self) == 0:
            return None
        self._move(sources.device)
        return ExtraNegatives(self._descriptors, ~share_a_source(sources, self._sources))

    def state_dict(self) -> dict[str, Any]:
        """All it takes to continue exactly: tensors and the number of calls of `add`."""
        return {
            "descriptors": self._descriptors.clone(),
            "sources": self._sources.clone(),
            "added": self._added,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`.

        Raises:
            UsageError: it was saved by a larger memory or for other dimensions.
        """
        descriptors, sources = state["descriptors"], state["sources"]
        dims = self._descriptors.shape[1]
        if len(descriptors) > self.size or descriptors.shape[1] != dims:
            raise UsageError(
                f"The saved memory holds {len(descriptors)} rows of {descriptors.shape[1]} dimensions, "
                f"this one at most {self.size} of {dims}: continue with the settings of the saved run."
            )
        self._descriptors, self._sources = descriptors.clone(), sources.clone()
        self._added = int(state["added"])

    def _move(self, device: torch.device) -> None:
        self._descriptors = self._descriptors.to(device)
        self._sources = self._sources.to(device)
