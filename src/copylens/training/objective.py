"""Views of a step in; its loss, with the gradient added to whatever learns, out."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from copylens.networks.parts import NetworkParts
from copylens.networks.sscd import SSCDNetwork
from copylens.training.gather import world_size
from copylens.training.gradient_cache import Backward, cached_backward
from copylens.training.losses import LossParts, nt_xent_loss, sscd_loss
from copylens.training.memory import DescriptorMemory
from copylens.training.mixing import MixingSettings
from copylens.training.nouns import PictureBatch, Views
from copylens.training.settings import TrainSettings
from copylens.training.terms.base import StepContext, Term
from copylens.training.validation import normalised_views

AUTOCAST = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Objective:
    """What a step minimises: the loss of the descriptors, and the terms that the recipe adds.

    Args:
        settings: the recipe.
        network: what learns, on the device.
        terms: that are added; none for SSCD as it is.
        memory: of former descriptors, or None.
        mixing: how views are mixed.
        scaler: of float16.
    """

    def __init__(
        self,
        settings: TrainSettings,
        network: SSCDNetwork,
        terms: list[Term],
        *,
        memory: DescriptorMemory | None,
        mixing: MixingSettings,
        scaler: torch.amp.GradScaler,
    ) -> None:
        self.settings, self.terms = settings, terms
        self._memory, self._mixing, self._scaler = memory, mixing, scaler
        module: nn.Module = _WithParts(network) if terms else network
        if settings.loop.compile:
            module = torch.compile(module)  # type: ignore[assignment]
        if world_size() > 1:
            module = DistributedDataParallel(module)
        self._module = module

    def backward(self, batch: PictureBatch, views: Views, *, epoch: int, step: int) -> Backward:
        """Add the gradient; gives the loss and the descriptors, float32 of length 1 whatever the precision.

        Args:
            batch: the pictures.
            views: of them, with pixels in [0, 1].
            epoch, step: of the training.
        """
        if self.terms:
            made = self._backward_with_terms(batch, views, epoch=epoch, step=step)
        else:
            made = cached_backward(
                self._module,
                self._normalised(views.pixels),
                lambda rows: self._loss(functional.normalize(rows.float()), views.sources),
                chunk=self.settings.loss.chunk,
                autocast=AUTOCAST[self.settings.loop.precision],
                scaler=self._scaler,
            )
        return Backward(made.parts, functional.normalize(made.descriptors.float()))

    def _backward_with_terms(self, batch: PictureBatch, views: Views, *, epoch: int, step: int) -> Backward:
        outputs = self._describe(views.pixels)
        context = StepContext(batch, views, outputs, self._describe, self.settings.loop.seed, epoch, step)
        parts = self._loss(functional.normalize(outputs.descriptors.float()), views.sources)
        total, statistics = parts.total, dict(parts.statistics)
        for term in self.terms:
            made = term(context)
            total = total + term.weight * made.value
            statistics[term.name] = made.value.detach()
            statistics.update(made.statistics)
        self._scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        _average_gradients(self.terms)
        return Backward(replace(parts, total=total, statistics=statistics), outputs.descriptors.detach())

    def _describe(self, pixels: torch.Tensor) -> NetworkParts:
        precision = AUTOCAST[self.settings.loop.precision]
        # As in the gradient cache: no cache of casts, since a term may describe without a graph first.
        with torch.autocast(
            pixels.device.type, dtype=precision, enabled=precision is not None, cache_enabled=False
        ):
            made: NetworkParts = self._module(self._normalised(pixels))
        return made

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        rows = normalised_views(pixels, self.settings.network)
        if self.settings.loop.channels_last:
            rows = rows.contiguous(memory_format=torch.channels_last)
        return rows

    def _loss(self, descriptors: torch.Tensor, sources: torch.Tensor) -> LossParts:
        loss = self.settings.loss
        if loss.kind == "nt-xent":
            return nt_xent_loss(descriptors, sources, temperature=loss.temperature)
        parts = sscd_loss(
            descriptors,
            sources,
            temperature=loss.temperature,
            entropy_weight=loss.entropy_weight,
            average="anchors" if self._mixing.probability else "pairs",
            memory=self._memory,
        )
        # Times zero, not left out: the figures are still worth watching.
        return parts if loss.kind == "sscd" else replace(parts, total=parts.total * 0.0)


class _WithParts(nn.Module):
    """The network with all its parts as the output; DistributedDataParallel wraps nothing but a ``forward``."""

    def __init__(self, network: SSCDNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> NetworkParts:
        return self.network.forward_parts(pixels)


def _average_gradients(terms: list[Term]) -> None:
    """Do for the terms' parameters what DistributedDataParallel does for the network's."""
    size = world_size()
    if size == 1:
        return
    for term in terms:
        for parameter in term.parameters():
            if not parameter.requires_grad:
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
            parameter.grad /= size
