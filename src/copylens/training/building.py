"""Settings in, a network ready to learn out: its backbone, its start, what stays frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from copylens.errors import UsageError
from copylens.networks.initialising import open_residual_branches, zero_residual_branches
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.stages import stages_of
from copylens.networks.weight_files import load_backbone
from copylens.postprocess import PCAWhitening
from copylens.training.settings import NetworkSettings


def build_network(settings: NetworkSettings) -> SSCDNetwork:
    """Build the network that learns; a fresh one is drawn from PyTorch's global random state.

    Raises:
        UsageError: nobody knows the backbone, it yields neither a feature map nor tokens, or what the settings ask of
            it it cannot do.
        ModelError: the file of weights does not fit.
        MissingExtraError: PyTorch or timm is not installed.
    """
    network = SSCDNetwork(
        settings.backbone,
        settings.dims,
        settings.gem_power,
        pooling=settings.pooling,
        head=settings.head,
        batchnorm=settings.batchnorm,
        checkpointing=settings.checkpointing,
        levels=settings.levels,
        pretrained=settings.pretrained and settings.weights is None,
    )
    if settings.weights is not None:
        load_backbone(network.backbone, Path(settings.weights))
        if settings.average_with is not None:
            _average_with(network.backbone, Path(settings.average_with))
    elif not settings.pretrained:
        start = zero_residual_branches if settings.zero_residuals else open_residual_branches
        start(network.backbone)
    freeze_stages(network, settings.frozen_stages)
    return network


def _average_with(backbone: nn.Module, path: Path) -> None:
    """Move the backbone halfway to the weights and statistics of a file."""
    own = {name: value.clone() for name, value in backbone.state_dict().items()}
    load_backbone(backbone, path)
    backbone.load_state_dict(mean_state(own, backbone.state_dict()))


def mean_state(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Give the mean of the weights and statistics of two networks of one kind; counters, being whole, are the first's.

    Of two that lie close, as one network before and after a further training, the mean keeps what the later learned
    and the earlier knew (model soups, Wortsman et al. 2022, arXiv:2203.05482).
    """
    return {
        name: value.lerp(other[name], 0.5) if value.is_floating_point() else value
        for name, value in one.items()
    }


def freeze_stages(network: SSCDNetwork, count: int) -> None:
    """Let the first `count` stages of the backbone keep their weights.

    Raises:
        UsageError: the backbone has no more stages than that, or does not say which it has.
    """
    if not count:
        return
    stages = stages_of(network.backbone)
    total = max(stages.values()) + 1
    if count >= total:
        raise UsageError(f"network.frozen_stages is {count}: the backbone has {total}, and one must learn.")
    for name, parameter in network.backbone.named_parameters():
        if stages[name] < count:
            parameter.requires_grad_(False)


def freeze_batchnorm(network: nn.Module, *, everywhere: bool) -> None:
    """Keep the statistics of the normalisations as they came; called after every ``network.train()``.

    Args:
        network: what learns. The normalisation of its head came with no statistics, and makes its own.
        everywhere: of all normalisations, whose scales and shifts still learn; else only of those whose scale
            is frozen.
    """
    for module in getattr(network, "backbone", network).modules():
        if isinstance(module, _BatchNorm) and (everywhere or not module.weight.requires_grad):
            module.eval()


@torch.no_grad()
def pooled_features(network: SSCDNetwork, batches: Iterable[torch.Tensor]) -> npt.NDArray[np.float32]:
    """Pool the features of some batches, with the normalisations on their stored statistics.

    Args:
        network: comes back in the mode it had.
        batches: ``(N, 3, H, W)`` normalised pixels.

    Returns:
        ``(N of all batches, C) float32``.
    """
    was_training = network.training
    network.eval()
    rows = np.concatenate([network.features(pixels).float().cpu().numpy() for pixels in batches])
    network.train(was_training)
    return rows


@torch.no_grad()
def whiten_projection(network: SSCDNetwork, rows: npt.NDArray[np.float32], *, power: float = 1.0) -> None:
    """Start the linear head as the PCA whitening of pooled features.

    Args:
        network: its projection is replaced in place.
        rows: ``(N, C)``.
        power: of the deviation that each axis is divided by, from 0, plain PCA, to 1.

    Raises:
        UsageError: fewer rows than the descriptor has dimensions, or a head that is not linear.
    """
    projection = network.projection
    if not isinstance(projection, nn.Linear):
        raise UsageError("network.whiten_projection needs network.head linear.")
    weight, bias = PCAWhitening(projection.out_features, power).fit(rows).affine()
    # Rows of whitened features have length sqrt(D); L2 does not mind, but the head's learning rate does.
    scale = 1.0 / np.sqrt(np.square(rows @ weight.T + bias).sum(axis=1).mean())
    projection.weight.copy_(torch.from_numpy(weight * scale))
    projection.bias.copy_(torch.from_numpy(bias * scale))
