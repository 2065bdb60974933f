"""Settings in, a network ready to learn out: its backbone, its start, what stays frozen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from copylens.errors import UsageError
from copylens.networks.initialising import load_backbone, open_residual_branches, zero_residual_branches
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.stages import stages_of
from copylens.networks.torchvision_shim import import_timm
from copylens.postprocess import PCAWhitening
from copylens.training.settings import NetworkSettings


def build_network(settings: NetworkSettings) -> SSCDNetwork:
    """Build the network that learns; a fresh one is drawn from PyTorch's global random state.

    Raises:
        UsageError: timm does not know the backbone, or it yields no feature map.
        ModelError: the file of weights does not fit.
        MissingExtraError: PyTorch or timm is not installed.
    """
    timm = import_timm()
    if not timm.is_model(settings.backbone):
        near = timm.list_models(f"*{settings.backbone.split('_')[0]}*")[:3]
        hint = f"; near are {', '.join(near)}" if near else ""
        raise UsageError(f"network.backbone: timm has no {settings.backbone!r}{hint}.")
    network = SSCDNetwork(
        settings.backbone,
        settings.dims,
        settings.gem_power,
        pooling=settings.pooling,
        head=settings.head,
        pretrained=settings.pretrained and settings.weights is None,
    )
    _check_feature_map(network, settings.backbone)
    if settings.weights is not None:
        load_backbone(network.backbone, Path(settings.weights))
    elif not settings.pretrained:
        start = zero_residual_branches if settings.zero_residuals else open_residual_branches
        start(network.backbone)
    freeze_stages(network, settings.frozen_stages)
    return network


@torch.no_grad()
def _check_feature_map(network: SSCDNetwork, name: str) -> None:
    was_training = network.training
    features = network.eval().backbone.forward_features(torch.zeros(1, 3, 64, 64))  # type: ignore[operator]
    network.train(was_training)
    if features.ndim != 4 or features.shape[1] != network.backbone.num_features:
        raise UsageError(
            f"network.backbone: {name!r} yields {tuple(features.shape)}, not a feature map (N, C, H, W); take a "
            "convolutional network."
        )


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
        network: what learns.
        everywhere: of all normalisations, whose scales and shifts still learn; else only of those whose scale
            is frozen.
    """
    for module in network.modules():
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
def whiten_projection(network: SSCDNetwork, rows: npt.NDArray[np.float32]) -> None:
    """Start the linear head as the PCA whitening of pooled features.

    Args:
        network: its projection is replaced in place.
        rows: ``(N, C)``.

    Raises:
        UsageError: fewer rows than the descriptor has dimensions, or a head that is not linear.
    """
    projection = network.projection
    if not isinstance(projection, nn.Linear):
        raise UsageError("network.whiten_projection needs network.head linear.")
    weight, bias = PCAWhitening(projection.out_features).fit(rows).affine()
    # Rows of whitened features have length sqrt(D); L2 does not mind, but the head's learning rate does.
    scale = 1.0 / np.sqrt(projection.out_features)
    projection.weight.copy_(torch.from_numpy(weight * scale))
    projection.bias.copy_(torch.from_numpy(bias * scale))
