"""A network and settings in, an optimiser with its groups of parameters out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from copylens.networks.sscd import SSCDNetwork
from copylens.networks.stages import stages_of
from copylens.networks.torchvision_shim import import_timm
from copylens.training.settings import PICTURES_PER_RATE, OptimiserSettings


def make_optimiser(
    network: SSCDNetwork, settings: OptimiserSettings, *, batch: int, beside: nn.Module | None = None
) -> torch.optim.Optimizer:
    """Make LARS or AdamW with groups for the backbone and the head, each with and without weight decay.

    Where rates decay, every block of the backbone has its own.

    Vectors (biases, scales of normalisations) have no weight decay, and LARS does not adapt their rate, as in
    SimCLR; nor has what the backbone spares by itself (``no_weight_decay``: a transformer's position embeddings, its
    class and register tokens). Every group carries its full rate as ``base_rate``; `set_rates` multiplies it by the
    schedule.

    Args:
        network: what learns; parameters that need no gradient are left out.
        settings: rates, decay, momentum.
        batch: pictures a step over all processes.
        beside: more that learns, at the head's rate: the terms of the loss.
    """
    scale = batch / PICTURES_PER_RATE if settings.scale_with_batch else 1.0
    backbone_rate = settings.learning_rate * scale
    head_rate = backbone_rate
    if settings.head_learning_rate is not None:
        head_rate = settings.head_learning_rate * scale
    groups = [
        *_backbone_groups(network.backbone, backbone_rate, settings),
        *_groups(network.head_parameters(), head_rate, settings.weight_decay),
        *_groups(beside.parameters() if beside is not None else (), head_rate, settings.weight_decay),
    ]
    if settings.name == "lars":
        import_timm()
        from timm.optim import Lars

        made: torch.optim.Optimizer = Lars(
            groups, lr=backbone_rate, momentum=settings.momentum, trust_coeff=settings.trust
        )
        return made
    return torch.optim.AdamW(groups, lr=backbone_rate)


def set_rates(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's rate to its base rate times `factor`."""
    for group in optimiser.param_groups:
        group["lr"] = group["base_rate"] * factor


def _backbone_groups(backbone: nn.Module, rate: float, settings: OptimiserSettings) -> list[dict[str, Any]]:
    spared = _spared(backbone)
    if settings.layer_decay == 1:
        return _groups(backbone.parameters(), rate, settings.weight_decay, spared)
    stages = stages_of(backbone, fine=True)
    last = max(stages.values())
    by_stage: dict[int, list[nn.Parameter]] = {}
    for name, parameter in backbone.named_parameters():
        by_stage.setdefault(stages[name], []).append(parameter)
    return [
        group
        for stage, parameters in sorted(by_stage.items())
        for group in _groups(
            parameters, rate * settings.layer_decay ** (last - stage), settings.weight_decay, spared
        )
    ]


def _spared(backbone: nn.Module) -> frozenset[int]:
    """Identities of the parameters that a backbone itself keeps from weight decay."""
    named = getattr(backbone, "no_weight_decay", None)
    names = set(named()) if named is not None else set()
    return frozenset(id(parameter) for name, parameter in backbone.named_parameters() if name in names)


def _groups(
    parameters: Iterable[nn.Parameter], rate: float, decay: float, spared: frozenset[int] = frozenset()
) -> list[dict[str, Any]]:
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    vectors = [parameter for parameter in learning if parameter.ndim <= 1 or id(parameter) in spared]
    matrices = [parameter for parameter in learning if parameter.ndim > 1 and id(parameter) not in spared]
    return [
        {"params": members, "lr": rate, "base_rate": rate, "weight_decay": part}
        for members, part in ((matrices, decay), (vectors, 0.0))
        if members
    ]
