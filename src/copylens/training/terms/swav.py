"""Two large views and some small ones of each picture in; how well each predicts the clusters of the others, out.

SwAV (Caron et al. 2020), beside other losses or alone. Shapes: B pictures on this process, V large and S small views of
each, K prototypes of d dimensions.
"""

from __future__ import annotations

import torch
from torch import distributed

from copylens.networks.parts import NetworkParts
from copylens.networks.sscd import SSCDNetwork
from copylens.training.augment import AugmentSettings
from copylens.training.gather import Portion, gather, means_over_processes, world_size
from copylens.training.nouns import NOBODY, Views
from copylens.training.terms.base import StepContext, Term, TermLoss
from copylens.training.terms.crops import SmallCrops
from copylens.training.terms.projecting import Projection, Prototypes
from copylens.training.terms.prototype_use import PrototypeUse
from copylens.training.terms.sinkhorn import hardened, sinkhorn
from copylens.training.terms.swav_settings import SwavSettings

LARGE = 2
"""Large views of every picture."""


class SwavTerm(Term):
    """The mean cross-entropy of each view's prediction and the code of each other large view of its picture.

    A large view in which a second picture lies or was mixed in is left out: it gives no code, is not shared out among
    the prototypes and predicts nothing, since no code of one picture describes it. Small views show one picture.

    Args:
        settings: of the term.
        augment: of the recipe, for the small views.
        width: of the features that are clustered.
    """

    name = "swav"
    queue: torch.Tensor
    queue_single: torch.Tensor

    def __init__(self, settings: SwavSettings, augment: AugmentSettings, *, width: int) -> None:
        super().__init__(settings.weight)
        self.settings = settings
        self.projection = Projection(settings.head, width, hidden=settings.hidden, dims=settings.dims)
        dims = self.projection.dims
        self.prototypes = Prototypes(settings.prototypes, dims)
        self.use = PrototypeUse(settings.prototypes, from_step=settings.frozen_steps)
        self.register_buffer("queue", torch.zeros(LARGE, settings.queue, dims))
        # Places that were not filled yet do not count either.
        self.register_buffer("queue_single", torch.zeros(LARGE, settings.queue, dtype=torch.bool))
        self._crops = SmallCrops(
            augment,
            count=settings.crops,
            size=settings.crop_size,
            scale=settings.crop_scale,
            first=LARGE,
        )

    def forward(self, context: StepContext) -> TermLoss:
        """Describe the small views, find the codes of the large ones and compare; the queue takes the new rows in."""
        features = self._features(context.parts)
        if self.settings.crops:
            small = self._crops(context.batch, seed=context.seed, epoch=context.epoch)
            features = torch.cat([features, self._features(context.describe(small))])
        rows = self.projection(features)
        scores = self.prototypes(rows).view(-1, len(context.batch), self.settings.prototypes)
        single = torch.ones(scores.shape[:2], dtype=torch.bool, device=scores.device)
        single[:LARGE] = (context.views.sources[:, 1] == NOBODY).view(LARGE, -1)
        codes = self._codes(scores[:LARGE].detach(), single[:LARGE], context.step)
        share = swapped_prediction(scores, codes, single, temperature=self.settings.temperature)
        chances = (scores[:LARGE].detach() / self.settings.temperature).softmax(dim=2)
        figures = self.use.note(chances.flatten(0, 1), single[:LARGE].flatten(), context.step)
        self._remember(rows[: len(context.views.pixels)].detach(), context.views)
        return TermLoss(
            means_over_processes({self.name: share})[self.name],
            {f"{self.name}/{name}": value for name, value in figures.items()},
        )

    @torch.no_grad()
    def before_step(self, step: int) -> None:
        """Keep the prototypes as they are for the first steps."""
        if step < self.settings.frozen_steps:
            self.prototypes.weight.grad = None

    def after_step(self, step: int) -> None:
        """Bring the prototypes back to length 1."""
        if step >= self.settings.frozen_steps:
            self.prototypes.to_unit_length()

    def warning(self) -> str | None:
        """Prototypes that no row chooses, or all rows on a few."""
        return self.use.warning()

    def _features(self, parts: NetworkParts) -> torch.Tensor:
        return (parts.pooled if self.settings.on == "pooled" else parts.descriptors).float()

    def _codes(self, scores: torch.Tensor, single: torch.Tensor, step: int) -> torch.Tensor:
        """``(V, B, K)``, found view by view over the batch of all processes and the queue."""
        codes = []
        for view in range(LARGE):
            rows, counted = scores[view], single[view]
            if self.settings.queue and step >= self.settings.queue_from:
                # All processes hold the whole queue, and each brings its part.
                size = world_size()
                part = slice(distributed.get_rank() if size > 1 else 0, None, size)
                former = self.prototypes(self.queue[view, part]).detach()
                rows = torch.cat([former, rows])
                counted = torch.cat([self.queue_single[view, part], counted])
            found = sinkhorn(
                rows, epsilon=self.settings.epsilon, iterations=self.settings.iterations, counted=counted
            )
            codes.append(found[len(found) - scores.shape[1] :])
        whole = torch.stack(codes)
        return hardened(whole.flatten(0, 1)).view_as(whole) if self.settings.codes == "hard" else whole

    @torch.no_grad()
    def _remember(self, rows: torch.Tensor, views: Views) -> None:
        """Put the large views' rows of all processes at the end of the queue."""
        if not self.settings.queue:
            return
        batch = gather(rows, views.sources)
        # From process by process to view by view.
        size = world_size()
        new = batch.descriptors.view(size, LARGE, -1, rows.shape[1]).transpose(0, 1).flatten(1, 2)
        single = (batch.sources[:, 1] == NOBODY).view(size, LARGE, -1).transpose(0, 1).flatten(1, 2)
        self.queue = torch.cat([self.queue, new], dim=1)[:, -self.settings.queue :].clone()
        self.queue_single = torch.cat([self.queue_single, single], dim=1)[:, -self.settings.queue :].clone()


def swapped_prediction(
    scores: torch.Tensor, codes: torch.Tensor, single: torch.Tensor, *, temperature: float
) -> Portion:
    """This process's part of the mean of ``-sum over k of q_k log p_k`` (Caron et al. 2020, eq. 2 and 6).

    The terms are all ordered pairs of a picture's large view, which gives the code q, and another of its views, large
    or small, which gives the prediction ``p = softmax(scores / temperature)``.

    Args:
        scores: ``(V + S, B, K) float32`` with prototypes, the large views first.
        codes: ``(V, B, K)`` of the large views, without gradient.
        single: ``(V + S, B) bool``, views that take part.
        temperature: τ.
    """
    logs = (scores / temperature).log_softmax(dim=2)
    totals, counts = [], []
    for view, code in enumerate(codes):
        takes_part = single & single[view]
        takes_part[view] = False
        terms = -(code * logs).sum(dim=2)
        totals.append(torch.where(takes_part, terms, 0.0).sum())
        counts.append(takes_part.sum())
    return Portion(torch.stack(totals).sum(), torch.stack(counts).sum())


@torch.no_grad()
def make_swav(settings: SwavSettings, augment: AugmentSettings, network: SSCDNetwork) -> SwavTerm:
    """The term for a network, on the CPU; drawn from PyTorch's global random state.

    Args:
        settings: of the term.
        augment: of the recipe.
        network: what learns; its mode is the same afterwards.
    """
    was_training = network.training
    device = next(network.parameters()).device
    parts = network.eval().forward_parts(torch.zeros(1, 3, 64, 64, device=device))
    network.train(was_training)
    features = parts.pooled if settings.on == "pooled" else parts.descriptors
    return SwavTerm(settings, augment, width=features.shape[1])
