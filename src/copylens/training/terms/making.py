"""A recipe in, the terms that it adds to the loss out."""

from __future__ import annotations

import torch
from torch import nn

from copylens.networks.sscd import SSCDNetwork
from copylens.training.settings import TrainSettings
from copylens.training.terms.base import Term
from copylens.training.terms.distill import make_distillation
from copylens.training.terms.patch import make_patch_term
from copylens.training.terms.swav import make_swav


def make_terms(
    settings: TrainSettings,
    network: SSCDNetwork,
    device: torch.device,
) -> list[Term]:
    """Make the terms of a recipe, on the device; fresh ones are drawn from PyTorch's global random state.

    Args:
        settings: the recipe.
        network: what learns.
        device: of the run.

    Raises:
        UsageError: a term does not fit the network.
    """
    terms: list[Term] = []
    if settings.swav.weight:
        terms.append(make_swav(settings.swav, settings.augment, network))
    if settings.patch.weight:
        terms.append(
            make_patch_term(settings.patch, network, size=min(settings.loop.size_plan), device=device)
        )
    if settings.distill.weight:
        dims, threads = settings.network.dims, settings.loop.threads
        terms.append(make_distillation(settings.distill, dims, device, threads=threads))
    return [term.to(device) for term in terms]


def terms_module(terms: list[Term]) -> nn.ModuleDict:
    """All terms under their names, for the optimiser and the checkpoint."""
    return nn.ModuleDict({term.name: term for term in terms})
