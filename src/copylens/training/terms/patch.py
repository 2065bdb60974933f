"""Cells of two views of one picture in, InfoNCE out whose target is which cells show the same pixels.

After CopyNCE (Lu et al., ICCV 2025); ``docs/math.md`` has the equations and what is different here.
Shapes: B pictures, N views, C = h x w cells of a view, D dimensions, M views of all processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from copylens.errors import UsageError
from copylens.networks.sscd import SSCDNetwork
from copylens.training.gather import Portion, gather, means_over_processes
from copylens.training.losses.positives import share_a_source
from copylens.training.terms.base import StepContext, Term, TermLoss
from copylens.training.terms.tracing import cell_overlap

_SHORTEST = 1e-3
"""Vectors are not lengthened from below: the gradient of a dead cell, whose features are all 0, would have no bound."""

PatchHead: TypeAlias = Literal["none", "linear", "mlp"]
PatchNegatives: TypeAlias = Literal["view", "batch"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PatchSettings:
    """Supervision of the cells of the feature map, or of the tokens of patches, by traced pixels.

    Attributes:
        weight: of the term in the loss; 0 is off.
        temperature: τ of its InfoNCE.
        head: between a cell's features and its unit vector: one linear layer, a perceptron with one hidden layer of
            the features' width, or nothing. Thrown away after the training.
        dims: of the head's output.
        negatives: ``"view"``: the other cells of the other view. ``"batch"``: all cells of the views of other pictures
            too, on all processes, which takes memory for (cells of a view of all pictures) x (cells of the batch).
        coverage: least part of a cell that the other view must show for the cell to take part.
    """

    weight: float = 0.0
    temperature: float = 0.1
    head: PatchHead = "linear"
    dims: int = 64
    negatives: PatchNegatives = "view"
    coverage: float = 0.25

    def __post_init__(self) -> None:
        """Find what cannot be meant.

        Raises:
            UsageError: names the key and what it must be.
        """
        for name, holds, must in (
            ("weight", 0.0 <= self.weight < float("inf"), "cannot be negative or without end"),
            ("temperature", self.temperature > 0.0, "must be positive"),
            ("dims", self.dims >= 2, "must be at least 2"),
            ("coverage", 0.0 <= self.coverage <= 1.0, "must be from 0 to 1"),
        ):
            if not holds:
                raise UsageError(f"patch.{name} is {getattr(self, name):g}: it {must}.")


class OtherCells(NamedTuple):
    """Cells that can only be negatives.

    Attributes:
        cells: ``(M, C, D)`` unit vectors of the cells of M views.
        allowed: ``(B, M) bool``: of which views the cells are negatives of which picture's.
    """

    cells: Tensor
    allowed: Tensor


class PatchPortions(NamedTuple):
    """This process's shares of what `patch_nce` means: the loss, the scores, the part of cells that take part."""

    loss: Portion
    positive: Portion
    negative: Portion
    cells: Portion


def patch_nce(
    anchors: Tensor,
    others: Tensor,
    overlap: Tensor,
    *,
    temperature: float,
    coverage: float = 0.0,
    negatives: OtherCells | None = None,
) -> PatchPortions:
    """Cross-entropy between where the pixels of a cell truly are in the other view, and where its features say.

    For cell i with ``t_ij = overlap_ij / sum_k overlap_ik`` it is
    ``log(sum_k e^(s_ik/τ)) - sum_j t_ij s_ij/τ``, k over all cells of the other view and all allowed `negatives`.

    Args:
        anchors: ``(B, C, D)`` unit vectors of the cells of one view of every picture; float32 at least.
        others: ``(B, C, D)`` of another view.
        overlap: ``(B, C, C)`` of `cell_overlap`.
        temperature: τ.
        coverage: cells whose overlaps add up to less are left out; those with none always are.
        negatives: more cells for the denominators.
    """
    scores = anchors @ others.transpose(1, 2)
    overlap = overlap.to(scores.dtype)
    covered = overlap.sum(2)
    takes_part = (covered > 0.0) & (covered >= coverage)
    target = overlap / covered.clamp(min=torch.finfo(covered.dtype).tiny)[..., None]
    against = (scores / temperature).logsumexp(2)
    if negatives is not None:
        against = torch.logaddexp(against, _log_sum(anchors, negatives, temperature))
    positive = (target * scores).sum(2)
    losses = (against - positive / temperature).masked_fill(~takes_part, 0.0)
    count = takes_part.sum()
    unlike = (overlap == 0.0) & takes_part[..., None]
    seen = scores.detach()
    return PatchPortions(
        Portion(losses.sum(), count),
        Portion(positive.detach().masked_fill(~takes_part, 0.0).sum(), count),
        Portion(seen.masked_fill(~unlike, 0.0).sum(), unlike.sum()),
        Portion(count.to(scores.dtype), torch.full_like(count, takes_part.numel())),
    )


def _log_sum(anchors: Tensor, negatives: OtherCells, temperature: float) -> Tensor:
    """``log(sum e^(s/τ))`` over the allowed cells, ``(B, C)``; the lowest number where none are allowed."""
    logits = torch.einsum("bid,mjd->bimj", anchors, negatives.cells) / temperature
    # The lowest finite number, not -inf, whose gradient is no number.
    hidden = ~negatives.allowed[:, None, :, None]
    return logits.masked_fill(hidden, torch.finfo(logits.dtype).min).flatten(2).logsumexp(2)


class PatchTerm(Term):
    """InfoNCE between the cells of every two views of a picture, both ways round.

    Views that are blended with another take no part; of those that another picture covers in part, the rest does.

    Args:
        settings: the section ``[patch]``.
        channels: of the network's local features.
        grid: h and w of the network's local features, where they are known beforehand.

    Raises:
        UsageError: a grid of one cell, which has no negatives.
    """

    name = "patch"

    def __init__(
        self, settings: PatchSettings, channels: int, *, grid: tuple[int, int] | None = None
    ) -> None:
        super().__init__(settings.weight)
        self.settings = settings
        if grid == (1, 1) and settings.negatives == "view":
            raise UsageError(
                "The network's feature map is a single cell at this loop.size, which patch.weight cannot compare with "
                'others: take a larger loop.size, or patch.negatives = "batch".'
            )
        self.head: nn.Module = nn.Identity()
        if settings.head == "linear":
            self.head = nn.Linear(channels, settings.dims)
        elif settings.head == "mlp":
            self.head = nn.Sequential(
                nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, settings.dims)
            )

    def forward(self, context: StepContext) -> TermLoss:
        """The mean over cells that take part, of all views and processes; 0 where none does."""
        views = context.views
        if views.traces is None:
            raise ValueError("Patch supervision needs views with traces: make_views(..., trace=True).")
        pictures, grid = len(context.batch), context.parts.local.shape[-2:]
        cells, shares = self.cells(context.parts.local), []
        everyone = self._everyone(cells, views.sources)
        for a, b in permutations([slice(s, s + pictures) for s in range(0, len(cells), pictures)], 2):
            # On all cells of the batch only what shows other pictures is a negative for sure.
            negatives = None
            if everyone is not None:
                shared = share_a_source(views.sources[a], everyone[1])
                negatives = OtherCells(everyone[0], ~shared)
            shares.append(
                patch_nce(
                    cells[a],
                    cells[b],
                    cell_overlap(views.traces.rows(a), views.traces.rows(b), (grid[0], grid[1])),
                    temperature=self.settings.temperature,
                    coverage=self.settings.coverage,
                    negatives=negatives,
                )
            )
        means = means_over_processes(
            {name: _together([getattr(share, name) for share in shares]) for name in PatchPortions._fields}
        )
        value = means.pop("loss")
        return TermLoss(value, {f"patch/{name}": mean for name, mean in means.items()})

    def cells(self, local: Tensor) -> Tensor:
        """Local features ``(N, channels, h, w)`` to unit vectors ``(N, C, D)``, float32 at least."""
        parameter = next(self.head.parameters(), None)
        dtype = torch.promote_types(local.dtype, torch.float32) if parameter is None else parameter.dtype
        rows = local.to(dtype).flatten(2).transpose(1, 2)
        return functional.normalize(self.head(rows), dim=2, eps=_SHORTEST)

    def _everyone(self, cells: Tensor, sources: Tensor) -> tuple[Tensor, Tensor] | None:
        """Cells ``(M, C, D)`` and sources ``(M, 2)`` of all processes, where they are needed."""
        if self.settings.negatives == "view":
            return None
        gathered = gather(cells.flatten(1), sources)
        return gathered.descriptors.view(-1, *cells.shape[1:]), gathered.sources


def make_patch_term(
    settings: PatchSettings, network: SSCDNetwork, *, size: int, device: torch.device
) -> PatchTerm:
    """The term that fits a network whose views have `size` pixels; its head is drawn from the global random state.

    Raises:
        UsageError: see `PatchTerm`.
    """
    learning = network.training
    with torch.no_grad():
        local = network.eval().forward_parts(torch.zeros(1, 3, size, size, device=device)).local
    network.train(learning)
    return PatchTerm(settings, local.shape[1], grid=(local.shape[2], local.shape[3]))


def _together(shares: list[Portion]) -> Portion:
    return Portion(
        torch.stack([share.total for share in shares]).sum(),
        torch.stack([share.terms for share in shares]).sum(),
    )
